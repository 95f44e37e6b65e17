/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A link and the scripted agent at its far end.
 */
#ifndef TESTS_RPC_FIX_H
#define TESTS_RPC_FIX_H

#include "scripted_agent.h"

struct fix {
	struct inbox *inbox;
	struct agent agent;
	struct rpc *r;
};

/* The agent plays; then also until the session is open. */
void fix_start(struct fix *f, script *play, const void *arg);
void fix_open(struct fix *f, script *play, const void *arg);
/* The link is freed once, and the agent's play was as it expected. */
void fix_finish(struct fix *f);

/* Frees it. */
void fix_error(struct he_error *e, int code, const char *part);
void fix_no_error(struct he_error *e);

/* A request, and how the agent answers it. */
struct rpc_call *fix_ask(struct rpc *r);
void fix_say_threads(struct agent *a, uint64_t id);

/* Bytes of a reply. */
size_t fix_total(const struct rpc_piece *p);

#endif
