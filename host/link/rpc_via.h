/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between connecting (connect.c), which knows how a server is reached, and the
 * link (rpc.c), which does not.
 */
#ifndef HOST_RPC_VIA_H
#define HOST_RPC_VIA_H

#include <stdio.h>

#include "common/chan.h"
#include "host/link/rpc.h"

enum { RPC_OPEN_MS = 15000 }; /* from connected to the session, and no longer */

struct rpc_via {
	int fd; /* of the channel, a socket; the link's from rpc_new on */
	const struct chan_filter *filter;
	void *filter_arg; /* NULL filter: plain bytes */
	/* Begin another connection to the same box: its socket, on its way, and a filter in
	 * place of the one before; -1 = not now.  NULL: there is no way back. */
	int (*again)(void *arg, void **filter_arg);
	/* Answer the server's challenge: fill in all of *ret but session and the two
	 * numbers, which are there already, as is, instead of its MAC, the session's secret; its
	 * texts live until the next call or end.  NULL hook: there must be no challenge; else there
	 * must. */
	struct he_error *(*prove)(
	    void *arg, const struct wire_challenge *c, struct wire_proof *ret);
	/* The channel closed before the session was open (os_errno as chan's closed()):
	 * the sentence why.  hello: the server's had come. */
	struct he_error *(*closed)(void *arg, int os_errno, bool hello);
	/* The server refused the session: the sentence, or NULL for the table's. */
	struct he_error *(*refused)(void *arg, const struct wire_error *w);
	/* It closed later: why, in words that go after "link to box lost: " */
	const char *(*lost)(void *arg, int os_errno);
	/* Before the last flush: leave last words in the filter.  May be NULL. */
	void (*bye)(void *arg);
	/* The channel is gone; once, the last call of all.  Frees arg. */
	void (*end)(void *arg);
	void *arg;

	char *name, *box;  /* malloced, the link's from rpc_new on */
	char *key;         /* the same; NULL = it has none.  May be set until hello: rpc_set_key */
	uint32_t child;    /* the process behind fd, where we have started it; 0 = none */
	bool keyed;        /* we are who we are there by a key and a map file */
	uint32_t grace_ms; /* to be asked for with the session; 0 = as the server has it */
	uint32_t hello_ms; /* how long to wait for hello; 0 = a person may be typing */
	FILE *dump;
};

/* A link over that channel, nothing sent yet.  via is copied.  NULL without memory
 * or threads: fd is closed, the texts freed and end called all the same. */
struct rpc *rpc_new(struct inbox *inbox, const struct rpc_via *via);

/* Wait for the server's hello (and challenge).  NULL, or the sentence.  Until the
 * next wait the answer is held back, so that requests queued meanwhile travel with
 * it. */
struct he_error *rpc_greeted(struct rpc *r);

/* The fingerprint the server showed; takes over text. */
void rpc_set_key(struct rpc *r, char *text);

#endif
