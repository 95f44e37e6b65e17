/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The prompt: line editing, history, the Tab key (libedit), with events shown while nobody
 * types.
 */
#ifndef HOST_CONSOLE_H
#define HOST_CONSOLE_H

#include "host/hdb/front.h"

struct console;

/* History is kept in dir (made when missing; NULL = nowhere).  NULL: the terminal cannot be
 * used. */
struct console *console_new(struct hdb *h, const char *dir);
void console_free(struct console *c); /* saves the history */

/* The next line, without its newline; valid until the next call.  NULL: the person is done
 * (Ctrl-D, or h->quit). */
const char *console_line(struct console *c);

#endif
