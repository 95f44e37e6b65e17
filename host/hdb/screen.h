/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where hdb writes.  A descriptor that nobody empties must not keep it from ending when a
 * signal says so; one that nobody reads any more ends it; and on a terminal what a command
 * prints is shown page by page.
 */
#ifndef HOST_SCREEN_H
#define HOST_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

struct hdb;

enum { SCREEN_UNSET = -1 };

struct screen {
	bool terminal;     /* standard output is one */
	bool err_terminal; /* standard error is one */
	int columns, rows; /* as set; 0 = without end, SCREEN_UNSET = as the terminal says */
	bool endless;      /* set pagination off */
	bool paging;       /* a command of a person at the prompt is printing */
	bool endless_now;  /* the person wants to see the rest of it at once ... */
	bool dropping;     /* ... or not at all */
	bool failed;       /* not everything could be written */
	unsigned row, column;
	bool escape; /* within a sequence for the terminal */
};

/* h->out and h->err, over standard output and standard error; false: no memory. */
bool screen_open(struct hdb *h);
/* The same for who draws by itself: without pages.  The caller closes it; NULL: no memory. */
FILE *screen_plain(struct hdb *h);
/* Flush both and close them; false: not everything could be written. */
bool screen_close(struct hdb *h);

/* Nobody reads standard output any more: hdb ends, as SIGPIPE would have it. */
void screen_died(struct hdb *h);

/* Columns and rows as tables and pages are to be; 0 = without end. */
unsigned screen_columns(const struct hdb *h);
unsigned screen_rows(const struct hdb *h);

/* A command begins to print, and has printed. */
void screen_begin(struct hdb *h);
void screen_end(struct hdb *h);

/* Sleep until fd can be read or written (events of poll(2)); false: a signal says that hdb
 * is to end, or, with interruptible, Ctrl-C came. */
bool screen_wait(struct hdb *h, int fd, short events, bool interruptible);

/* A line from a terminal or a pipe, without its newline, cut to what fits (size > 0).  False:
 * Ctrl-C, a signal that ends hdb, or the end of the input came before its newline; text has what
 * came until then. */
bool screen_line(struct hdb *h, int fd, char *text, size_t size);

#endif
