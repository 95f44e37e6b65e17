/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What launched programs write and read.  Output is read only as far as the host wants it
 * (request output_more) and events are taken: then a program that writes more waits, as it
 * would for a slow terminal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "handlers.h"
#include "launch.h"
#include "serve.h"
#include "target.h"
#include "tracer.h"

enum {
	READ_ONCE = 32 * 1024,    /* bytes of one event */
	CATCH_UP = 8,             /* events ahead of a stop */
	LAST_WORDS = 1024 * 1024, /* bytes of each stream after the end: what a pipe can hold */
	ROOM_MAX = 1 << 30,
};

/* ---- output ------------------------------------------------------------------- */

static void tell(struct launch_stream *s, const uint8_t *data, size_t n, bool end)
{
	struct target *tg = s->launch->target;
	struct serve *serve = tg->tracer->serve;
	struct wire_output e = {.stream = s->number, .end = end, .data = {data, (uint32_t)n}};
	struct buf *b = serve_scratch(serve);

	wire_encode_output(b, &e);
	if (tg->handle)
		serve_event_body(serve, WIRE_output, tg->handle, b);
}

static void close_stream(struct launch_stream *s)
{
	struct launch *l = s->launch;

	if (s->readable)
		event_free(s->readable);
	s->readable = NULL;
	if (s->fd >= 0 && s->fd != l->in)
		close(s->fd);
	s->fd = -1;
}

/* False: there is nothing (more) at the moment.  A terminal nobody has open gives EIO. */
static bool read_some(struct launch_stream *s, size_t most)
{
	uint8_t *room = s->launch->target->tracer->scratch;
	ssize_t n = read(s->fd, room, most < READ_ONCE ? most : READ_ONCE);

	if (n > 0) {
		tell(s, room, (size_t)n, false);
		s->launch->room -= (size_t)n < s->launch->room ? (size_t)n : s->launch->room;
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	tell(s, NULL, 0, true);
	close_stream(s);
	return false;
}

static bool may_read(const struct launch *l)
{
	return l->room && serve_room(l->target->tracer->serve);
}

void launch_io_start(struct launch *l)
{
	bool open = false;

	for (size_t i = 0; i < LAUNCH_STREAMS; i++) {
		struct launch_stream *s = &l->out[i];

		if (s->fd < 0)
			continue;
		open = true;
		if (may_read(l))
			event_add(s->readable, NULL);
		else
			event_del(s->readable);
	}
	l->paused = open && !may_read(l);
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct launch_stream *s = arg;
	struct launch *l = s->launch;
	struct serve *serve = l->target->tracer->serve;

	(void)fd;
	(void)what;
	if (may_read(l))
		read_some(s, l->room);
	launch_io_start(l);
	serve_pump(serve);
}

void launch_io_catch_up(struct launch *l)
{
	for (size_t i = 0; i < LAUNCH_STREAMS; i++) {
		struct launch_stream *s = &l->out[i];

		for (int n = 0; n < CATCH_UP && s->fd >= 0 && s->readable && may_read(l); n++)
			if (!read_some(s, l->room))
				break;
	}
	launch_io_start(l);
}

void launch_unpause(struct tracer *t)
{
	for (struct target *tg = t->targets; tg; tg = tg->next)
		if (tg->launch && tg->launch->paused)
			launch_io_start(tg->launch);
}

int on_output_more(struct call *c)
{
	struct launch *l = c->target->launch;
	struct wire_output_more m;

	wire_decode_output_more(c->body, &m);
	if (!l)
		return E_NOT_LAUNCHED;
	if (l->room + m.bytes > ROOM_MAX)
		return E_MALFORMED;
	l->room += m.bytes;
	launch_io_start(l);
	serve_ok(c->reply);
	return E_OK;
}

void launch_io_finish(struct launch *l)
{
	for (size_t i = 0; i < LAUNCH_STREAMS; i++) {
		struct launch_stream *s = &l->out[i];
		size_t left = LAST_WORDS;

		while (s->fd >= 0 && left >= READ_ONCE && read_some(s, left))
			left -= READ_ONCE;
		if (s->fd >= 0) /* a child of its own has it, too */
			tell(s, NULL, 0, true);
	}
}

/* ---- input ------------------------------------------------------------------------ */

static void close_input(struct launch *l)
{
	if (l->writable)
		event_free(l->writable);
	l->writable = NULL;
	if (l->in >= 0 && l->in != l->out[0].fd)
		close(l->in);
	l->in = -1;
}

/* What a person types for "no more". */
static void type_end(struct launch *l)
{
	struct termios t;

	if (tcgetattr(l->in, &t) == 0 && t.c_lflag & ICANON)
		(void)!write(l->in, &t.c_cc[VEOF], 1);
}

static void taken(struct launch_input *i, int code, int os_errno)
{
	struct fault f = {.code = code, .os_errno = os_errno};
	struct reply *r = i->reply;

	if (!r)
		return;
	r->cancel = NULL;
	r->drop = NULL;
	if (code == E_OK)
		serve_ok(r);
	else
		reply_fail(r, &f);
}

static void drop_first(struct launch *l)
{
	struct launch_input *i = l->first;

	l->first = i->next;
	if (!l->first)
		l->last = NULL;
	free(i);
}

/* 0; EAGAIN: the program has to read first; else why it cannot be had. */
static int write_one(struct launch *l, struct launch_input *i)
{
	while (i->done < i->n) {
		ssize_t n = write(l->in, i->data + i->done, i->n - i->done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? errno : EAGAIN;
		i->done += (uint32_t)n;
	}
	if (!i->end)
		return 0;
	if (l->terminal)
		type_end(l);
	else
		close_input(l);
	return 0;
}

static void write_on(struct launch *l)
{
	while (l->first) {
		int err = l->in >= 0 ? write_one(l, l->first) : EPIPE;

		if (err == EAGAIN) {
			event_add(l->writable, NULL);
			return;
		}
		taken(l->first, err ? E_OS : E_OK, err);
		drop_first(l);
	}
}

static void on_input_room(evutil_socket_t fd, short what, void *arg)
{
	struct launch *l = arg;
	struct serve *serve = l->target->tracer->serve;

	(void)fd;
	(void)what;
	write_on(l);
	serve_pump(serve);
}

void launch_io_close_input(struct launch *l, int code)
{
	while (l->first) {
		taken(l->first, code, 0);
		drop_first(l);
	}
	close_input(l);
}

/* The host gives up waiting; what was not written yet is forgotten. */
static void on_cancel(struct reply *r)
{
	struct launch_input *i = r->state;

	i->reply = NULL;
	i->n = i->done;
	i->end = false;
	r->drop = NULL;
	reply_fail_code(r, E_CANCELLED);
}

static void on_drop(struct reply *r)
{
	struct launch_input *i = r->state;

	i->reply = NULL;
}

int on_input(struct call *c)
{
	struct launch *l = launch_of(c->target);
	struct launch_input *i;
	struct wire_input m;

	wire_decode_input(c->body, &m);
	if (!l)
		return E_NOT_LAUNCHED;
	if (l->in < 0 || (l->last && l->last->end && !l->terminal))
		return E_STATE;
	i = malloc(sizeof(*i) + m.data.n);
	if (!i)
		return E_NOMEM;
	*i = (struct launch_input){.launch = l, .reply = c->reply, .end = m.end, .n = m.data.n};
	if (m.data.n)
		memcpy(i->data, m.data.p, m.data.n);
	c->reply->state = i;
	c->reply->cancel = on_cancel;
	c->reply->drop = on_drop;
	if (l->last)
		l->last->next = i;
	else
		l->first = i;
	l->last = i;
	if (l->first == i)
		write_on(l);
	return E_OK;
}

int on_window(struct call *c)
{
	struct launch *l = launch_of(c->target);
	struct wire_window m;
	struct winsize size;

	wire_decode_window(c->body, &m);
	if (!l)
		return E_NOT_LAUNCHED;
	size = (struct winsize){.ws_row = m.rows, .ws_col = m.cols};
	/* Its foreground group gets SIGWINCH from the kernel, if it is another size. */
	if (!l->terminal || l->in < 0 || ioctl(l->in, TIOCSWINSZ, &size) != 0)
		return E_STATE;
	serve_ok(c->reply);
	return E_OK;
}

/* ---- coming and going ------------------------------------------------------------ */

bool launch_io_open(struct launch *l, struct event_base *base, int in, int out, int err)
{
	const int fds[LAUNCH_STREAMS] = {out, err};
	bool whole = true;

	l->in = l->terminal ? out : in;
	l->room = WIRE_OUTPUT_WINDOW;
	l->writable = event_new(base, l->in, EV_WRITE, on_input_room, l);
	for (size_t i = 0; i < LAUNCH_STREAMS; i++) {
		struct launch_stream *s = &l->out[i];

		*s = (struct launch_stream){.launch = l, .number = (uint8_t)(i + 1), .fd = fds[i]};
		if (s->fd < 0)
			continue;
		s->readable = event_new(base, s->fd, EV_READ, on_output, s);
		whole &= s->readable != NULL;
	}
	return whole && l->writable;
}

void launch_io_free(struct launch *l)
{
	launch_io_close_input(l, E_GONE);
	for (size_t i = 0; i < LAUNCH_STREAMS; i++)
		close_stream(&l->out[i]);
}
