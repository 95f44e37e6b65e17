/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_frame.h"

enum {
	OUT_MAX = 8 * 1024 * 1024, /* a debugger that does not read */
	ENDLESS = 4 * 1024 * 1024, /* bytes after $ without # */
	REFUSED_MAX = 16,          /* frames in a row: this line carries no packets */
	BREAK = 0x03,
	ESCAPE = 0x7d,
	/* Runs: GDB's manual, "Overview" of its protocol. */
	RUNS_FROM = 1024, /* bytes of a reply */
	REPEATS_ZERO = 29,
	REPEATS_LEAST = 3,
	REPEATS_MOST = 126 - REPEATS_ZERO,
};

void rsp_frame_init(struct rsp_frame *f)
{
	*f = (struct rsp_frame){0};
	buf_init(&f->in, RSP_PACKET);
	buf_init(&f->out, OUT_MAX);
	buf_init(&f->last, OUT_MAX);
}

void rsp_frame_free(struct rsp_frame *f)
{
	buf_free(&f->in);
	buf_free(&f->out);
	buf_free(&f->last);
}

/* ---- out -------------------------------------------------------------------------- */

struct span rsp_frame_waiting(const struct rsp_frame *f)
{
	if (!f->out.len)
		return (struct span){0};
	return (struct span){f->out.p + f->sent, (uint32_t)(f->out.len - f->sent)};
}

void rsp_frame_sent(struct rsp_frame *f, size_t n)
{
	f->sent += n;
	if (f->sent < f->out.len)
		return;
	buf_reset(&f->out);
	f->sent = 0;
}

/* What was sent makes room. */
static void close_up(struct rsp_frame *f)
{
	if (!f->sent)
		return;
	memmove(f->out.p, f->out.p + f->sent, f->out.len - f->sent);
	f->out.len -= f->sent;
	f->sent = 0;
}

/* How often the byte there comes once more right behind, as far as a count can say it. */
static size_t repeats(const uint8_t *p, size_t n)
{
	size_t i = 1;

	while (i < n && i <= REPEATS_MOST && p[i] == p[0])
		i++;
	return i - 1;
}

/* As a printable character that is no mark of the framing. */
static size_t countable(size_t n)
{
	while (n >= REPEATS_LEAST && strchr("#$+-", (int)(n + REPEATS_ZERO)))
		n--;
	return n;
}

/* GDB takes some microseconds for each byte: memory is full of zeros. */
static void put_runs(struct buf *b, const struct buf *body)
{
	size_t from = 0;

	for (size_t i = 0; i < body->len;) {
		size_t n = countable(repeats(body->p + i, body->len - i));

		i++;
		if (n < REPEATS_LEAST)
			continue;
		buf_raw(b, body->p + from, i - from);
		buf_u8(b, '*');
		buf_u8(b, (uint8_t)(n + REPEATS_ZERO));
		i += n;
		from = i;
	}
	if (body->len > from)
		buf_raw(b, body->p + from, body->len - from);
}

static void put_frame(struct buf *b, char mark, const struct buf *body, bool runs)
{
	static const char digits[] = "0123456789abcdef";
	size_t start = b->len + 1;
	uint8_t sum = 0;

	buf_u8(b, (uint8_t)mark);
	if (runs)
		put_runs(b, body);
	else if (body->len)
		buf_raw(b, body->p, body->len);
	for (size_t i = start; i < b->len; i++)
		sum = (uint8_t)(sum + b->p[i]);
	buf_u8(b, '#');
	buf_u8(b, (uint8_t)digits[sum >> 4]);
	buf_u8(b, (uint8_t)digits[sum & 15]);
}

/* Short ones are left as they are, for people who read along; LLDB's stubs never do it. */
static bool wants_runs(const struct rsp_frame *f, const struct buf *body)
{
	return !f->unsummed && body->len >= RUNS_FROM;
}

bool rsp_frame_reply(struct rsp_frame *f, const struct buf *body)
{
	close_up(f);
	if (f->no_ack) {
		put_frame(&f->out, '$', body, wants_runs(f, body));
	} else {
		buf_reset(&f->last);
		put_frame(&f->last, '$', body, wants_runs(f, body));
		buf_raw(&f->out, f->last.p, f->last.len);
	}
	return !f->out.bad && !f->last.bad;
}

/* The debugger does not acknowledge these, so they are never repeated. */
bool rsp_frame_notify(struct rsp_frame *f, const struct buf *body)
{
	close_up(f);
	put_frame(&f->out, '%', body, false);
	return !f->out.bad;
}

/* ---- in --------------------------------------------------------------------------- */

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; false: an escape has nothing behind it. */
static bool unescape(struct buf *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->len; i++) {
		uint8_t c = b->p[i];

		if (c == ESCAPE) {
			if (++i == b->len)
				return false;
			c = b->p[i] ^ 0x20;
		}
		b->p[to++] = c;
	}
	b->len = to;
	return true;
}

/* Without acknowledgements nobody would send it again: an error, not silence. */
static enum rsp_input refuse(struct rsp_frame *f)
{
	if (f->no_ack)
		return RSP_IN_BAD;
	buf_u8(&f->out, '-');
	return ++f->refused > REFUSED_MAX ? RSP_IN_LOST : RSP_IN_NONE;
}

/* The frame is whole; low is its last digit. */
static enum rsp_input finish(struct rsp_frame *f, int low, struct rd *ret)
{
	bool right = low >= 0 && f->digit <= 15 && f->sum == (uint8_t)(f->digit << 4 | low);

	f->state = RSP_F_IDLE;
	if (!right && !(f->no_ack && f->unsummed))
		return refuse(f);
	f->refused = 0;
	if (!f->no_ack)
		buf_u8(&f->out, '+');
	if (f->in.bad || f->total > RSP_PACKET || !unescape(&f->in))
		return RSP_IN_BAD;
	*ret = rd_init(f->in.p, f->in.len);
	return RSP_IN_PACKET;
}

static enum rsp_input take_body(struct rsp_frame *f, uint8_t c)
{
	if (c == '#') {
		f->state = RSP_F_SUM1;
		return RSP_IN_NONE;
	}
	if (c == '$') { /* never in a packet: the one before lost its end */
		buf_reset(&f->in);
		f->sum = 0;
		f->total = 0;
		return RSP_IN_NONE;
	}
	f->sum = (uint8_t)(f->sum + c);
	if (++f->total <= RSP_PACKET)
		buf_u8(&f->in, c);
	return f->total > ENDLESS ? RSP_IN_LOST : RSP_IN_NONE;
}

static enum rsp_input take_idle(struct rsp_frame *f, uint8_t c)
{
	if (c == '$') {
		buf_reset(&f->in);
		f->sum = 0;
		f->total = 0;
		f->state = RSP_F_BODY;
	} else if (c == BREAK) {
		return RSP_IN_BREAK;
	} else if (c == '-' && !f->no_ack && f->last.len) {
		close_up(f);
		buf_raw(&f->out, f->last.p, f->last.len);
		return ++f->refused > REFUSED_MAX ? RSP_IN_LOST : RSP_IN_NONE;
	} else if (c == '+') {
		f->refused = 0;
	}
	return RSP_IN_NONE;
}

enum rsp_input rsp_frame_take(struct rsp_frame *f, struct rd *in, struct rd *ret)
{
	enum rsp_input got = RSP_IN_NONE;

	while (in->left && got == RSP_IN_NONE) {
		uint8_t c = rd_u8(in);

		if (f->state == RSP_F_IDLE) {
			got = take_idle(f, c);
		} else if (f->state == RSP_F_BODY) {
			got = take_body(f, c);
		} else if (f->state == RSP_F_SUM1) {
			f->digit = (uint8_t)digit(c); /* 255: none */
			f->state = RSP_F_SUM2;
		} else {
			got = finish(f, digit(c), ret);
		}
		if (f->out.bad)
			got = RSP_IN_LOST;
	}
	return got;
}
