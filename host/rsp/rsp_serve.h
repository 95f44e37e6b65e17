/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bridge as a program: hdb -rsp.
 */
#ifndef HOST_RSP_SERVE_H
#define HOST_RSP_SERVE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/hosteng.h"

struct rsp_options {
	const char *listen;                /* "unix:path=P", "tcp:port=N"; NULL: stdin and stdout */
	bool once;                         /* ends with its first debugger */
	unsigned without;                  /* enum rsp_without */
	bool multi;                        /* goes on when nothing is left to debug */
	uint32_t attach;                   /* PID, 0 = none */
	const char *const *program;        /* to start, NULL-terminated; NULL = none */
	char *const *wrapper;              /* through these words ... */
	size_t n_wrapper;                  /* ... so many; 0 = none */
	/* Words that start a bridge to the same box on its standard input and output,
	 * NULL-terminated; NULL: there can be no other. */
	const char *const *again;
	int wake_fd;                       /* readable when a signal came */
	const volatile sig_atomic_t *quit; /* not 0: end */
};

/* What --disable-packet=WORD,WORD... leaves out, enum rsp_without; 0 = no such word. */
unsigned rsp_without(const char *words);
/* Serves until it shall end; exit status.  The engine is raw. */
int rsp_serve(struct he_engine *e, struct he_server *s, const struct rsp_options *o);

#endif
