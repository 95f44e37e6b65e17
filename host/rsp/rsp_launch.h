/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Programs that the debugger starts, processes it attaches to, and how both end.
 */
#ifndef HOST_RSP_LAUNCH_H
#define HOST_RSP_LAUNCH_H

#include "host/rsp/rsp.h"

/* How the next program is to be started; it stays from one to the next. */
struct rsp_launch {
	char **args;    /* NULL-terminated, the first is the program; NULL = none yet */
	char **env;     /* changes: NAME=VALUE, or NAME to take it out */
	char *cwd;      /* NULL = ours here, on a box the user's home */
	bool randomize; /* addresses */
	char *const *wrapper; /* words before all of these ... */
	size_t n_wrapper;     /* ... and how many, the caller's */
};

struct rsp_launch *rsp_launch_new(void);
void rsp_launch_free(struct rsp_launch *l);
/* Words to be started next; false without memory. */
bool rsp_launch_set_args(struct rsp_launch *l, const char *const *args);
/* NAME=VALUE, or NAME; in the place of an earlier change. */
bool rsp_launch_set_env(struct rsp_launch *l, const char *text);
void rsp_launch_clear_env(struct rsp_launch *l);

/* It stands before its first instruction. */
struct he_error *rsp_launch_start(struct rsp *r, struct rsp_process **ret);
struct he_error *rsp_launch_attach(struct rsp *r, uint32_t pid, struct rsp_process **ret);
/* The reply to either: where it stands, or why it does not.  Frees e. */
void rsp_launch_reply(struct rsp *r, struct he_error *e, struct rsp_process *p);
/* Kills it, waits for its end and forgets it. */
void rsp_launch_kill(struct rsp *r, struct rsp_process *p);

#endif
