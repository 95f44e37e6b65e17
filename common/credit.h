/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Flow control by credit, both ends of it.  A sender may send what it has credit
 * for; a receiver never stops reading and grants more as it consumes.  A
 * single frame may overdraw (credit is checked before it, not against its
 * size), so that a window smaller than a frame cannot lock up.
 */
#ifndef COMMON_CREDIT_H
#define COMMON_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CREDIT_REQUESTS = 64,		    /* in flight, per session */
	CREDIT_REQUEST_BYTES = 1024 * 1024, /* of requests not yet taken up */
	CREDIT_REPLY_BYTES = 4 * 1024 * 1024,
};

/* The sender's side: what the peer granted and we have not used. */
struct credit_out {
	int64_t bytes;
};

static inline bool credit_may_send(const struct credit_out *c)
{
	return c->bytes > 0;
}

static inline void credit_sent(struct credit_out *c, uint64_t bytes)
{
	c->bytes -= (int64_t)bytes;
}

/* False: the grant overflows, a protocol error. */
static inline bool credit_granted(struct credit_out *c, uint64_t bytes)
{
	return bytes <= INT64_MAX / 2 && !__builtin_add_overflow(c->bytes, (int64_t)bytes, &c->bytes);
}

/* The receiver's side. */
struct credit_in {
	int64_t left;	  /* the peer may still send so much */
	uint64_t owed;	  /* consumed, to be granted anew */
	uint64_t window;  /* granted at the start */
};

static inline void credit_open(struct credit_in *c, uint64_t window)
{
	*c = (struct credit_in){.left = (int64_t)window, .window = window};
}

/* A frame of that many bytes arrived: false when the peer had no credit. */
static inline bool credit_arrived(struct credit_in *c, uint64_t bytes)
{
	if (c->left <= 0)
		return false;
	c->left -= (int64_t)bytes;
	return true;
}

static inline void credit_consumed(struct credit_in *c, uint64_t bytes)
{
	c->owed += bytes;
}

/* Half the window is used up: a grant should go out without waiting for company. */
static inline bool credit_due(const struct credit_in *c)
{
	return c->owed >= c->window / 2;
}

/* What to grant now. */
static inline uint64_t credit_take(struct credit_in *c)
{
	uint64_t n = c->owed;

	c->owed = 0;
	c->left += (int64_t)n;
	return n;
}

/* The grant could not be sent. */
static inline void credit_not_taken(struct credit_in *c, uint64_t n)
{
	c->owed += n;
	c->left -= (int64_t)n;
}

#endif
