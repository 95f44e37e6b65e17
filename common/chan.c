/* SPDX-License-Identifier: BSD-2-Clause */
#include "chan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	READ_LEAST = 4 * 1024, /* bytes taken from the descriptor in one go */
	READ_MOST = 64 * 1024,
	WRITE_PARTS = 64,
	CHAIN_HEAD = 64, /* libevent's own, in a chain whose size is a power of two */
	DEFAULT_HIGH = 1024 * 1024,
};

struct chan {
	int rfd, wfd;
	struct event *rev, *wev, *bad;     /* readable, writable, closed() is due */
	struct evbuffer *in, *out;         /* plain */
	struct evbuffer *raw_in, *raw_out; /* the same two without a filter */
	const struct chan_filter *filter;
	void *f;
	const struct chan_cb *cb;
	void *arg;
	size_t low, high;
	size_t room; /* for the next read: grows while reads fill it */
	uint64_t bytes_in, bytes_out;
	int why; /* for closed() */
	bool paused, eof, dead;
	bool nosignal;
	bool rest;   /* what has arrived is to be taken before closed() */
	bool *freed; /* set while callbacks run: tells their caller that c is gone */
};

static void fail(struct chan *c, int why)
{
	if (c->dead)
		return;
	c->dead = true;
	c->why = why;
	event_del(c->rev);
	event_del(c->wev);
	event_active(c->bad, EV_TIMEOUT, 1);
}

/* Nothing can be written any more: whoever has gone may have said something before. */
static void fail_write(struct chan *c, int why)
{
	c->rest = !c->dead && !c->eof;
	fail(c, why);
}

void chan_break(struct chan *c)
{
	fail_write(c, EPIPE);
}

/* Whether reading should go on, put to the event loop. */
static void arm_read(struct chan *c)
{
	if (c->dead || c->eof)
		return;
	if (c->paused || evbuffer_get_length(c->in) > c->high)
		event_del(c->rev);
	else
		event_add(c->rev, NULL);
}

static bool pump(struct chan *c)
{
	if (!c->filter || c->dead)
		return true;
	return c->filter->pump(c->f, c->raw_in, c->raw_out, c->in, c->out, c->eof) == 0;
}

/* As evbuffer_write(), which would raise SIGPIPE. */
static ssize_t write_nosignal(struct chan *c)
{
	struct evbuffer_iovec v[WRITE_PARTS];
	int n = evbuffer_peek(c->raw_out, -1, NULL, v, WRITE_PARTS);
	struct msghdr m = {.msg_iov = v};
	ssize_t put;

	m.msg_iovlen = (size_t)(n < WRITE_PARTS ? n : WRITE_PARTS);
	put = sendmsg(c->wfd, &m, MSG_NOSIGNAL);
	if (put > 0)
		evbuffer_drain(c->raw_out, (size_t)put);
	return put;
}

/* Write until the descriptor is full; false when it is broken. */
static bool write_some(struct chan *c)
{
	while (evbuffer_get_length(c->raw_out)) {
		ssize_t n = c->nosignal ? write_nosignal(c) : evbuffer_write(c->raw_out, c->wfd);

		if (n > 0) {
			c->bytes_out += (uint64_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			event_add(c->wev, NULL);
			return true;
		}
		c->why = errno ? errno : EPIPE;
		return false;
	}
	return true;
}

void chan_flush(struct chan *c)
{
	bool ok;

	if (c->dead)
		return;
	ok = pump(c);
	if (!write_some(c))
		fail_write(c, c->why);
	else if (!ok)
		fail(c, -1);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;

	(void)fd;
	(void)what;
	chan_flush(c);
	/* Not only when this call made it fall: a chan_flush in between may have, and then
	 * nobody else would tell the sender to go on. */
	if (!c->dead && c->cb->writable && chan_pending(c) <= c->low)
		c->cb->writable(c, c->arg);
}

/* Not evbuffer_read(): that asks the kernel for the size first and then takes no
 * more than 4 KiB. */
static ssize_t read_some(struct chan *c)
{
	struct evbuffer_iovec v[2];
	int n = evbuffer_reserve_space(c->raw_in, (ev_ssize_t)(c->room - CHAIN_HEAD), v, 2);
	ssize_t got;
	size_t left;

	if (n <= 0) {
		errno = ENOMEM;
		return -1;
	}
	got = readv(c->rfd, v, n);
	left = got > 0 ? (size_t)got : 0;
	for (int i = 0; i < n; i++) {
		v[i].iov_len = v[i].iov_len < left ? v[i].iov_len : left;
		left -= v[i].iov_len;
	}
	evbuffer_commit_space(c->raw_in, v, n);
	if (got >= (ssize_t)(c->room - CHAIN_HEAD) && c->room < READ_MOST)
		c->room *= 2;
	else if (got < (ssize_t)(c->room / 4) && c->room > READ_LEAST)
		c->room /= 2;
	return got;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;
	size_t before = evbuffer_get_length(c->in);
	ssize_t n = read_some(c);
	int why = n < 0 ? errno : 0;
	bool freed = false, broken = false;

	(void)fd;
	(void)what;
	if (n < 0 && (why == EAGAIN || why == EINTR))
		return;
	if (n > 0)
		c->bytes_in += (uint64_t)n;
	else
		c->eof = true;
	if (c->filter) {
		/* The filter's answers (handshake, alerts) go out before it is judged. */
		bool ok = pump(c);

		broken = !write_some(c);
		if (!ok && !why)
			why = -1;
	}
	c->freed = &freed;
	if (evbuffer_get_length(c->in) > before)
		c->cb->readable(c, c->arg);
	if (freed)
		return;
	c->freed = NULL;
	if (c->eof || why)
		fail(c, why);
	else if (broken)
		fail_write(c, c->why);
	else
		arm_read(c);
}

/* No more than may wait here at any time. */
static bool take_rest(struct chan *c)
{
	size_t before = evbuffer_get_length(c->in), got = 0;
	bool freed = false;
	ssize_t n;

	while (got < c->high && (n = read_some(c)) != 0 && (n > 0 || errno == EINTR))
		got += n > 0 ? (size_t)n : 0;
	c->bytes_in += got;
	if (c->filter)
		c->filter->pump(c->f, c->raw_in, c->raw_out, c->in, c->out, false);
	/* cppcheck-suppress autoVariables ; taken back below, unless c is gone */
	c->freed = &freed;
	if (evbuffer_get_length(c->in) > before)
		c->cb->readable(c, c->arg);
	if (freed)
		return false;
	c->freed = NULL;
	return true;
}

static void on_bad(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;

	(void)fd;
	(void)what;
	if (!c->rest || take_rest(c))
		c->cb->closed(c, c->why, c->arg);
}

struct chan *chan_new(
    struct event_base *base, int rfd, int wfd, const struct chan_cb *cb, void *arg)
{
	struct chan *c = calloc(1, sizeof(*c));

	if (!c) {
		close(rfd);
		if (wfd != rfd)
			close(wfd);
		return NULL;
	}
	*c = (struct chan){
	    .rfd = rfd, .wfd = wfd, .cb = cb, .arg = arg, .high = DEFAULT_HIGH, .room = READ_LEAST};
	evutil_make_socket_nonblocking(rfd);
	evutil_make_socket_nonblocking(wfd);
	c->in = c->raw_in = evbuffer_new();
	c->out = c->raw_out = evbuffer_new();
	c->rev = event_new(base, rfd, EV_READ | EV_PERSIST, on_readable, c);
	c->wev = event_new(base, wfd, EV_WRITE, on_writable, c);
	c->bad = event_new(base, -1, 0, on_bad, c);
	if (!c->in || !c->out || !c->rev || !c->wev || !c->bad || event_add(c->rev, NULL) != 0) {
		chan_free(c);
		return NULL;
	}
	return c;
}

void chan_free(struct chan *c)
{
	if (!c)
		return;
	if (c->freed)
		*c->freed = true;
	if (c->rev)
		event_free(c->rev);
	if (c->wev)
		event_free(c->wev);
	if (c->bad)
		event_free(c->bad);
	if (c->raw_in != c->in)
		evbuffer_free(c->raw_in);
	if (c->raw_out != c->out)
		evbuffer_free(c->raw_out);
	if (c->in)
		evbuffer_free(c->in);
	if (c->out)
		evbuffer_free(c->out);
	close(c->rfd);
	if (c->wfd != c->rfd)
		close(c->wfd);
	free(c);
}

void chan_set_filter(struct chan *c, const struct chan_filter *filter, void *f)
{
	struct evbuffer *raw_in = evbuffer_new(), *raw_out = evbuffer_new();

	if (!raw_in || !raw_out) {
		if (raw_in)
			evbuffer_free(raw_in);
		if (raw_out)
			evbuffer_free(raw_out);
		fail(c, ENOMEM);
		return;
	}
	c->raw_in = raw_in;
	c->raw_out = raw_out;
	c->filter = filter;
	c->f = f;
}

struct evbuffer *chan_in(struct chan *c)
{
	return c->in;
}

struct evbuffer *chan_out(struct chan *c)
{
	return c->out;
}

size_t chan_pending(const struct chan *c)
{
	size_t n = evbuffer_get_length(c->out);

	return c->filter ? n + evbuffer_get_length(c->raw_out) : n;
}

void chan_set_nosignal(struct chan *c)
{
	c->nosignal = true;
}

void chan_set_low(struct chan *c, size_t bytes)
{
	c->low = bytes;
}

void chan_set_high(struct chan *c, size_t bytes)
{
	c->high = bytes;
}

void chan_more(struct chan *c)
{
	arm_read(c);
}

void chan_pause(struct chan *c, bool pause)
{
	c->paused = pause;
	arm_read(c);
}

uint64_t chan_bytes_in(const struct chan *c)
{
	return c->bytes_in;
}

uint64_t chan_bytes_out(const struct chan *c)
{
	return c->bytes_out;
}
