/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A byte channel on an event loop: one descriptor for both ways or one for each
 * (stdio, a pipe to a child), two evbuffers, and perhaps a filter (TLS) between
 * them and the descriptors.  Not a bufferevent, because those want one
 * descriptor, and because filtering ones lose bytes when freed.
 */
#ifndef COMMON_CHAN_H
#define COMMON_CHAN_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

struct chan;

/* Callbacks.  Each may call chan_free on its own channel as its last act. */
struct chan_cb {
	/* chan_in() has bytes that were not there before. */
	void (*readable)(struct chan *c, void *arg);
	/* What waited for the descriptor fell below chan_set_low's mark. May be NULL. */
	void (*writable)(struct chan *c, void *arg);
	/* The other side is gone: os_errno 0 = end of file, -1 = the filter failed
	 * (ask it why).  Called once; bytes still in chan_in() may be read, and what had
	 * arrived when a write failed has been given to readable() before. */
	void (*closed)(struct chan *c, int os_errno, void *arg);
};

/* A filter turns raw bytes into plain ones and back.  pump moves what it can in
 * both directions and returns 0, or -1 when the channel has to close (it may
 * have left last words, an alert, in raw_out: they are sent first).  eof: the
 * raw side has ended; what is in raw_in is the last. */
struct chan_filter {
	int (*pump)(void *f, struct evbuffer *raw_in, struct evbuffer *raw_out, struct evbuffer *in,
	    struct evbuffer *out, bool eof);
};

/* rfd and wfd may be the same; both are made non-blocking and belong to the
 * channel from now on (closed by chan_free).  NULL without memory (the
 * descriptors are closed then). */
struct chan *chan_new(
    struct event_base *base, int rfd, int wfd, const struct chan_cb *cb, void *arg);
void chan_free(struct chan *c);

/* Put before the first byte moves.  f is the caller's and must outlive c. */
void chan_set_filter(struct chan *c, const struct chan_filter *filter, void *f);

/* Never raise SIGPIPE: for a library, whose program that signal belongs to.  wfd must
 * be a socket. */
void chan_set_nosignal(struct chan *c);

/* Received bytes, for the user to drain; and what is to be sent: add to it, then
 * chan_flush.  Both plain, both owned by the channel. */
struct evbuffer *chan_in(struct chan *c);
struct evbuffer *chan_out(struct chan *c);

/* Send what is in chan_out(), now as far as the descriptor takes it, the rest
 * when it can.  An error is reported by closed() from the event loop, never from
 * inside this call. */
void chan_flush(struct chan *c);

/* As if a write had failed: what has arrived is still taken, then closed() is called. */
void chan_break(struct chan *c);

/* Bytes that wait to be sent, plain and raw. */
size_t chan_pending(const struct chan *c);

/* writable() is called when chan_pending falls to this or below (default 0). */
void chan_set_low(struct chan *c, size_t bytes);

/* Stop reading while more than this many bytes lie unread in chan_in()
 * (default 1 MiB); reading goes on when the user has drained and calls
 * chan_more(). */
void chan_set_high(struct chan *c, size_t bytes);
void chan_more(struct chan *c);

/* Pause (or go on) reading whatever the marks say. */
void chan_pause(struct chan *c, bool pause);

/* Bytes the channel has taken in and given out, raw. */
uint64_t chan_bytes_in(const struct chan *c);
uint64_t chan_bytes_out(const struct chan *c);

#endif
