/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What goes out: a reply or an event, in pieces.  Pieces are bodies of messages,
 * each whole and valid, that wait until the channel and the host's credit take
 * them.  Whoever makes a reply either appends all its pieces at once, or a few and
 * a refill that makes the next ones when they are wanted.
 */
#ifndef PROCSRV_REPLY_H
#define PROCSRV_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/wire.h"
#include "fault.h"

struct piece {
	struct piece *next;
	uint32_t n;
	uint8_t body[];
};

struct reply {
	struct reply *next;
	uint64_t id; /* of the request, or number of the event */
	uint32_t target;
	uint16_t type;
	uint32_t sent; /* pieces that have left */
	struct piece *first, *last;
	struct piece *kept_first, *kept_last; /* sent, and not acknowledged */
	size_t kept_bytes;
	bool forgotten;  /* they would have been too many */
	bool counted;    /* its last piece was out once already */
	uint64_t at_ms;  /* of an event: when it happened */
	unsigned pieces; /* waiting */
	size_t bytes;    /* of them */
	size_t *total;   /* the session's sum of the same */
	bool done;       /* no more will be appended */
	bool effect;     /* of a request that changes something: goes before what follows from it */
	/* Append at least one piece, call reply_done or reply_fail, or set later.  NULL:
	 * whoever keeps the reply will do so. */
	void (*refill)(struct reply *r);
	/* Refill has worked for as long as heartbeats and others can wait: it is called
	 * again when they have had the loop. */
	bool later;
	/* The host does not want it any more: end it soon (reply_fail CANCELLED).
	 * NULL: end it at once, unless it waits for something that must happen. */
	void (*cancel)(struct reply *r);
	/* Free state; called once, whatever the end. */
	void (*drop)(struct reply *r);
	void *state;
};

/* NULL without memory.  type: of the messages. */
struct reply *reply_new(uint16_t type, uint64_t id, uint32_t target, size_t *total);
void reply_free(struct reply *r);

/* Append a body (copied).  Without memory, or of a bad one (span_whole), the reply fails with
 * NOMEM. */
void reply_piece(struct reply *r, struct span body);
void reply_done(struct reply *r);
/* Throw away what waits and end with an error message. */
void reply_fail(struct reply *r, const struct fault *f);
void reply_fail_code(struct reply *r, int code);

/* Only for the sender: take the first piece off; the caller frees it. */
struct piece *reply_take(struct reply *r);
/* What was taken just now is the first again. */
void reply_put_back(struct reply *r, struct piece *p);

/* The same piece kept, for another link: bytes more that are. */
size_t reply_keep(struct reply *r, struct piece *p);
/* Forget the pieces kept, or put them back in front of those that wait, the first being
 * the next to be sent: bytes fewer that are kept. */
size_t reply_drop_kept(struct reply *r);
size_t reply_rewind(struct reply *r);

/* ---- packing lists into pieces ------------------------------------------------ */

/* A message with lists, filled record by record; a piece is closed whenever the
 * next record would not fit. */
enum { PACK_LISTS = 6 };
struct pack {
	struct reply *r;
	size_t fixed; /* bytes of a piece beside what its lists hold */
	struct buf list[PACK_LISTS];
	/* Make a body of the lists so far. */
	void (*encode)(struct pack *p, struct buf *out);
	void *arg; /* encode's own */
	struct buf body;
};

void pack_init(struct pack *p, struct reply *r, size_t fixed,
    void (*encode)(struct pack *, struct buf *), void *arg);
void pack_free(struct pack *p);

/* The list to put a record of at most size bytes into. */
struct buf *pack_room(struct pack *p, unsigned list, size_t size);
/* Close the piece under way (even an empty one). */
void pack_flush(struct pack *p);
static inline struct span pack_list(const struct pack *p, unsigned list)
{
	return span_buf(&p->list[list]);
}

#endif
