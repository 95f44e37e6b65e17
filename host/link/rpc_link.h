/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of a link, shared by rpc*.c only.
 *
 * Who holds the pump runs the event loop and owns all that hangs on it: one thread
 * at a time, a caller that waits or the private thread.  The lock is held for
 * moments only, never over a system call that may wait.
 */
#ifndef HOST_RPC_LINK_H
#define HOST_RPC_LINK_H

#include <event2/event.h>
#include <pthread.h>

#include "common/credit.h"
#include "common/err.h"
#include "common/heart.h"
#include "host/errtext.h"
#include "host/link/inbox.h"
#include "host/link/rpc_via.h"

enum {
	RPC_REPLY_MAX = 32 * 1024 * 1024,  /* bytes of a reply whose request states no bound */
	RPC_SLACK = 1024 * 1024,           /* beside the bytes asked for: heads, records */
	RPC_EVENTS_MAX = 64 * 1024 * 1024, /* bytes of events under way */
	RPC_SEND_MAX = 1024 * 1024,        /* unsent bytes above which we do not answer */
	RPC_READ_LEAST = 4096,             /* max_read of a server in its senses */
	RPC_READ_MOST = 16 * 1024 * 1024,
};

enum rpc_phase {
	RPC_GREETING, /* waiting for the server's hello */
	RPC_GREETED,  /* our answer is due */
	RPC_OPENING,  /* it is sent */
	RPC_OPEN,
	RPC_LOST, /* there is a session, and no channel: the next is to be tried */
	RPC_ENDED,
};

struct rpc_call {
	struct rpc_call *next; /* in queue or sent */
	struct rpc *rpc;
	uint64_t id; /* 0 = not sent */
	uint32_t target;
	uint16_t type;
	uint64_t brings;
	uint64_t brought;    /* of the credit it brought: not used by its reply yet */
	uint64_t limit, got; /* cost of the reply's pieces: at most, so far */
	uint32_t seen;       /* pieces */
	uint32_t again;      /* pieces that come once more and are passed over */
	bool taken;          /* somebody has begun to read the answer */
	/* Under the lock: */
	struct rpc_piece *first, **last; /* arrived and not taken */
	struct he_error *failed;
	bool done;    /* nothing more will come */
	bool dropped; /* nobody waits for it: free it when it is done */
	bool cancel;  /* and the server should know */
	uint32_t n;
	uint8_t body[];
};

struct rpc_queue {
	struct rpc_call *first, **last;
};

/* An event whose pieces are not all here. */
struct rpc_partial {
	uint64_t id; /* 0 = none */
	uint16_t type;
	uint32_t target, seen;
	size_t cost;
	struct rpc_piece *first, **last;
};

struct rpc {
	struct inbox *inbox;
	struct rpc_via via;
	struct rpc_peer peer;
	char *texts[5]; /* of peer, to be freed */
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* for callers: a call is done, the pump is free */
	pthread_cond_t parked;  /* for the thread */
	bool pumping;           /* somebody holds the pump ... */
	bool by_thread;         /* ... the private thread does, in a blocking wait */
	bool kicked;            /* somebody was told to flush */
	bool corked;            /* hold requests back until somebody waits */
	bool idle;              /* no call is expected: the thread may take the pump */
	bool deep;              /* the thread sleeps until signalled */
	bool greeted;           /* connecting is done: the thread may run the link */
	bool opened;            /* there is a session (and perhaps no longer a link) */
	bool ending;
	bool broken; /* phase is ENDED: nothing more can be sent or will arrive */
	unsigned waiters;
	uint64_t turns;                                        /* times a caller has pumped */
	_Atomic uint64_t requests, waits, bytes_out, bytes_in; /* for people */
	struct rpc_queue queue;
	unsigned in_flight, cancels;
	struct he_error *why; /* it ended */

	/* Of who holds the pump: */
	enum rpc_phase phase;
	struct event_base *base;
	struct chan *chan;
	int fd; /* of chan */
	struct event *kick, *cancel, *limit;
	int kick_fd;
	struct heart heart;
	bool hello, challenged;
	uint64_t features; /* as the server's hello has them */
	bool cut;       /* the channel is broken */
	bool no_memory; /* a message could not be put */
	bool doomed;    /* close the channel when out of its callbacks */
	struct wire_challenge challenge;
	struct rpc_queue sent; /* in order of ids */
	struct rpc_call *open;
	uint64_t last_id;
	unsigned max_requests;
	struct credit_out out;
	struct credit_in in;
	uint64_t surplus; /* credit the server has beyond the window: brought, not used */
	unsigned unacked; /* replies since our last ack */
	uint64_t last_event;
	struct rpc_partial partial;

	/* rpc_resume.c */
	struct event *retry;
	bool resuming; /* from the loss until the session is open again */
	uint64_t lost_ms;
	uint32_t pause_ms;
	char lost[300]; /* why */
	uint8_t secret[32];
	uint64_t known_id; /* the newest request that is older than this connection */
};

/* ---- rpc.c -------------------------------------------------------------- */

/* The link is over.  Takes e over; lost: the same for the event, NULL = as e says, if there
 * was a session.  To be called by who holds the pump. */
void rpc_end(struct rpc *r, struct he_error *e, const char *lost);
/* For the inbox: it has ended (goodbye), is away for now (hello), or is back (opened). */
void rpc_tell(struct rpc *r, enum wire_type type, const char *text);
/* The same because the server does what it must not: says goodbye, too. */
void rpc_protocol(struct rpc *r, const char *what);
/* No call is expected soon: have the private thread go on at once. */
void rpc_unpark(struct rpc *r);

/* Run the link until ready holds (looked at under the lock) or it has ended.  False
 * when it was cancelled. */
bool rpc_run(struct rpc *r, bool (*ready)(const struct rpc *r, const void *arg), const void *arg);
/* Something was queued: flush it here and now; false when somebody else holds the
 * pump (then rpc_nudge). */
bool rpc_flush_now(struct rpc *r);
void rpc_nudge(struct rpc *r);

/* A channel over that socket, with via's filter. */
bool rpc_start_channel(struct rpc *r, int fd);

/* ---- rpc_resume.c ---------------------------------------------------------- */

/* The channel is of no use any more: try another one, as long as the box waits for it.
 * False: there is no such thing, the link is over. */
bool rpc_lose(struct rpc *r, const char *lost);
void rpc_give_up(struct rpc *r);
/* The channel closed before the session was open again. */
void rpc_attempt_failed(struct rpc *r, int os_errno);
/* The box does not let us take the session up again, for that reason. */
void rpc_not_again(struct rpc *r, int code);
void rpc_on_retry(evutil_socket_t fd, short what, void *arg);
/* What the proof says of the session; the secret stands where its MAC will. */
void rpc_prove_session(const struct rpc *r, struct wire_proof *p);
bool rpc_open_again(struct rpc *r, const struct buf *body);
/* The session is open again. */
void rpc_resumed(struct rpc *r, const struct wire_opened *o);
/* A last piece: is the same to be asked again?  Then it is. */
bool rpc_ask_again(struct rpc *r, struct rpc_call *c, const struct wire_msg *m);
uint64_t rpc_last_reply(const struct rpc *r);

/* ---- rpc_call.c ----------------------------------------------------------- */

void rpc_queue_init(struct rpc_queue *q);
void rpc_queue_push(struct rpc_queue *q, struct rpc_call *c);
struct rpc_call *rpc_queue_pop(struct rpc_queue *q);
void rpc_queue_remove(struct rpc_queue *q, struct rpc_call *c);

struct rpc_call *rpc_call_new(
    struct rpc *r, enum wire_type type, uint32_t target, const struct buf *body, uint64_t brings);
/* A call is over: hand it to its waiter, or free it when there is none.  Takes e
 * (may be NULL) over.  Under the lock. */
void rpc_call_done(struct rpc_call *c, struct he_error *e);
/* The sentence for an error of the box about this call. */
struct he_error *rpc_call_error(const struct rpc_call *c, const struct wire_error *w);

/* ---- rpc_out.c ------------------------------------------------------------ */

/* Send what can be sent. */
void rpc_flush(struct rpc *r);
void rpc_put(struct rpc *r, enum wire_type type, const struct buf *body);
void rpc_goodbye(struct rpc *r, int code, const char *text);
void rpc_put_ack(struct rpc *r);
void rpc_put_call(struct rpc *r, struct rpc_call *c);

/* ---- rpc_in.c ------------------------------------------------------------- */

/* Take up what has arrived. */
void rpc_take(struct rpc *r);

/* ---- rpc_open.c ----------------------------------------------------------- */

void rpc_on_hello(struct rpc *r, const struct wire_msg *m);
void rpc_on_challenge(struct rpc *r, const struct wire_msg *m);
/* What came first is no message of the protocol. */
void rpc_stranger(struct rpc *r);
/* Hello and proof into the channel, the request open to the head of the queue. */
void rpc_greet(struct rpc *r);
/* The reply to open has come (c->failed: it was an error). */
void rpc_on_opened(struct rpc *r, const struct wire_msg *m);
/* The sentence why there is no session. */
struct he_error *rpc_refusal(struct rpc *r, const struct wire_error *w);

#endif
