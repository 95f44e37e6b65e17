/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory that is not there yet.  Reading a page that the kernel first has to get from
 * somewhere (a file on a server that is dead, userfaultfd(2)) takes as long as that: nothing
 * but SIGKILL ends it.  So pages that are not in memory are had read by a process of its own
 * first, which may be given up.  What it comes through with is there, or can never be.
 * The same process is asked what only the server of a file can tell.
 *
 * Sources: proc_pid_pagemap(5), the kernel's mm/filemap.c and fs/fuse/dev.c.
 */
#ifndef PROCSRV_TOUCH_H
#define PROCSRV_TOUCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target;
struct tracer;

/* How many of len bytes at addr can be read, or written over in this process alone, without
 * waiting for anybody: less than len, and the page behind them does not come.  May take a
 * moment, but no more than 1.5 s of any 4 s, unless there is no processor for whoever is to
 * look. */
size_t touch(struct target *tg, uint64_t addr, size_t len);

/* Has the file of the program it runs capabilities(7)?  The same patience; whoever does not
 * tell has none. */
bool touch_capable(struct target *tg);

/* Its memory is another from now on. */
void touch_forget(struct target *tg);

void touch_free(struct tracer *t);

/* ---- between the two processes -------------------------------------------------------- */

enum { TOUCH_FD = 3 };

#define TOUCH_OPTION "-touch"

enum touch_what {
	TOUCH_MEMORY,  /* of the process whose memory the descriptor is; answered with 0 */
	TOUCH_CAPABLE, /* the program of the process whose directory it is; 1 = it is */
};

/* To it, with a descriptor.  It answers one byte when it has been through. */
struct touch_ask {
	uint64_t what; /* enum touch_what */
	uint64_t addr, len;
};

/* That process: until the other end is closed. */
void touch_serve(void);

#endif
