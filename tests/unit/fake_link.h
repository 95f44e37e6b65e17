/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between the two halves of the made-up agent: what answers (fake_agent.c), and the link in
 * front of it (fake_link.c).
 */
#ifndef TESTS_FAKE_LINK_H
#define TESTS_FAKE_LINK_H

#include "common/wire.h"
#include "host/link/rpc.h"

struct rpc_call {
	struct rpc_piece *first, **end;
	struct he_error *failed;
	uint32_t pieces;
	uint16_t reply;
	uint32_t target;
};

/* Answer a request: into the call's pieces, or its error. */
void fake_answer(struct rpc_call *c, enum wire_type type, struct span body);
/* A stop that is held back until somebody waits. */
void fake_tell_held(void);

/* One more piece of the call's reply. */
void fake_reply(struct rpc_call *c, const struct buf *body, bool more);

#endif
