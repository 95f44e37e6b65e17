/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Doing commands: one line, those of a file, those of a breakpoint.
 */
#ifndef HOST_LINES_H
#define HOST_LINES_H

#include "host/hdb/front.h"

/* A line, and what the stops that it leads to have as commands of their own.  0, or 1: one
 * of them failed (said why). */
int lines_run(struct hdb *h, const char *line);
/* Those that come from standard input, to its end; failing ones do not end it. */
int lines_from_input(struct hdb *h);
/* Those of a file on this machine, up to the first that fails; what goes wrong is told with
 * file and line. */
int lines_from_file(struct hdb *h, const char *path);

#endif
