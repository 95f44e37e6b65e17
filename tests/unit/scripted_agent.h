/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The far end of a link for tests: a thread that follows a script over a socket, good,
 * slow or lying.  It says what it expected by failing the test at its end.
 */
#ifndef TESTS_SCRIPTED_AGENT_H
#define TESTS_SCRIPTED_AGENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/wire.h"
#include "host/link/rpc_via.h"

struct agent;
typedef void script(struct agent *a);

struct agent {
	int fd;
	pthread_t thread;
	script *play;
	const void *arg;   /* the script's own */
	char wrong[256];   /* the first expectation that was not met */
	struct wire_msg m; /* what agent_get got last */
	uint8_t body[WIRE_PIECE];
	uint64_t last_request;
	struct wire_hello hello; /* what it will say */
	uint64_t granted;        /* by acks, so far */
	unsigned acks;
	bool corked; /* collect what is said, for floods: agent_uncork sends the rest */
	size_t n_out;
	uint8_t out[4 * WIRE_PIECE];
};

/* Start the script on one end of a pair; the other end. */
int agent_start(struct agent *a, script *play, const void *arg);
/* Wait for its end, close, and fail the test if something was wrong. */
void agent_join(struct agent *a);

/* ---- for scripts --------------------------------------------------------------- */

void agent_wrong(struct agent *a, const char *what);
/* The next message into a->m; false at the end of file. Acks are counted and skipped. */
bool agent_get(struct agent *a);
/* It must be of that type; its id is a->m.h.id. */
bool agent_expect(struct agent *a, enum wire_type type);
void agent_put(struct agent *a, const struct wire_head *h, const void *body, size_t n);
/* A reply to the last request, an event, or a link message: by type. */
void agent_say(struct agent *a, enum wire_type type, uint64_t id, const struct buf *body);
void agent_piece(struct agent *a, enum wire_type type, uint64_t id, uint32_t piece, bool more,
    const struct buf *body);
void agent_uncork(struct agent *a);
void agent_raw(struct agent *a, const void *p, size_t n);
/* Hello, and then all of the opening. */
void agent_hello(struct agent *a);
void agent_open(struct agent *a);
/* n bytes of a reply of type bytes, in as many pieces as it takes. */
void agent_bytes(struct agent *a, uint64_t id, size_t n);

/* ---- the link to it --------------------------------------------------------------- */

extern unsigned agent_links_ended; /* how often a link's end() was called */

/* How the link reaches it; hooks answer with plain sentences. */
struct rpc_via agent_via(int fd);

#endif
