/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Programs that the box starts for us: starting them, and their input and output.
 *
 * Nobody waits for a program to read or write.  Input is on its way in at most a few
 * requests, which are answered when it was read; output is allowed so far ahead of who
 * takes the events, and gathered, so that many small pieces are one event.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/run.h"
#include "host/errtext.h"

enum {
	STREAMS = 2,
	INPUTS = 4, /* requests under way, so that others find credit */
	INPUT_MAX = 65000,
	TEXT_MAX = 65000, /* of message launch_text */
	ARGS_MAX = 32768, /* of message launch */
	ENV_MAX = 16384,
	GATHER_MAX = 65536,                 /* bytes of one event */
	HELD_MAX = 16 * WIRE_OUTPUT_WINDOW, /* a box that sends more is lying */
	GRANT = WIRE_OUTPUT_WINDOW / 2,
};

struct launched {
	bool terminal;
	bool inherited; /* the target was forked by one that we started */
	/* output */
	struct pending *newest[STREAMS]; /* may still grow; NULL = none */
	size_t room[STREAMS];            /* of their data */
	size_t held;                     /* bytes not told yet */
	uint32_t owed;                   /* told, and not granted anew */
	struct rpc_call *grant;          /* under way */
	/* input */
	struct rpc_call *inputs[INPUTS]; /* under way, in no order; NULL = none */
};

/* ---- output ------------------------------------------------------------------ */

static struct pending **newest(const struct he_event *ev)
{
	return &ev->target->launched->newest[ev->stream - 1];
}

/* False without memory, or when it is too much. */
static bool append(struct pending *p, const struct he_event *ev)
{
	struct launched *l = ev->target->launched;
	size_t *room = &l->room[ev->stream - 1], need = p->ev.len + ev->len;

	if (l->held + ev->len > HELD_MAX)
		return false;
	if (need > *room) {
		size_t more = need > *room * 2 ? need : *room * 2;
		uint8_t *data = realloc(p->data, more);

		if (!data)
			return false;
		p->data = data;
		*room = more;
	}
	if (ev->len)
		memcpy(p->data + p->ev.len, ev->data, ev->len);
	p->ev.data = p->data;
	p->ev.len = need;
	p->ev.end = ev->end;
	l->held += ev->len;
	return true;
}

bool launched_gather(const struct he_event *ev)
{
	struct pending *p = *newest(ev);

	return p && p->ev.len + ev->len <= GATHER_MAX && append(p, ev);
}

void launched_follow(struct pending *p)
{
	struct he_event ev = p->ev;
	struct launched *l = ev.target ? ev.target->launched : NULL;

	if (!l)
		return;
	if (ev.kind != HE_E_OUTPUT) {
		memset(l->newest, 0, sizeof(l->newest));
		return;
	}
	p->ev.data = NULL;
	p->ev.len = 0;
	l->room[ev.stream - 1] = 0;
	*newest(&ev) = append(p, &ev) ? p : NULL;
}

/* So much more may be written. */
static void grant(struct he_target *t)
{
	struct launched *l = t->launched;
	struct wire_output_more q = {.bytes = l->owed};

	if (l->owed < GRANT || t->state == HE_GONE)
		return;
	rpc_forget(rpc_ask_output_more(t->server->rpc, t->handle, &q));
	l->owed = 0;
}

void launched_told(struct pending *p)
{
	struct launched *l = p->ev.kind == HE_E_OUTPUT ? p->ev.target->launched : NULL;

	if (!l)
		return;
	if (*newest(&p->ev) == p)
		*newest(&p->ev) = NULL;
	l->held -= p->ev.len;
	l->owed += (uint32_t)p->ev.len;
	grant(p->ev.target);
}

bool launched_terminal(const struct he_target *t)
{
	return t->launched && t->launched->terminal;
}

bool launched_here(const struct he_target *t)
{
	return t->launched && !t->launched->inherited;
}

void launched_inherit(struct he_target *child, const struct he_target *parent)
{
	child->launched = parent->launched ? calloc(1, sizeof(*child->launched)) : NULL;
	if (!child->launched)
		return;
	child->launched->terminal = parent->launched->terminal;
	child->launched->inherited = true;
}

void launched_free(struct he_target *t)
{
	struct launched *l = t->launched;

	if (!l)
		return;
	rpc_drop(l->grant);
	for (size_t i = 0; i < INPUTS; i++)
		rpc_drop(l->inputs[i]);
	free(l);
	t->launched = NULL;
}

/* ---- input -------------------------------------------------------------------- */

/* Those that were read leave; why one could not be. */
static struct he_error *reap(struct launched *l)
{
	struct he_error *err = NULL;

	for (size_t i = 0; i < INPUTS; i++) {
		struct he_error *e;

		if (!l->inputs[i] || !rpc_done(l->inputs[i]))
			continue;
		e = rpc_wait(l->inputs[i], NULL);
		l->inputs[i] = NULL;
		if (err)
			he_error_free(e);
		else
			err = e;
	}
	return err;
}

static struct rpc_call **free_place(struct launched *l)
{
	for (size_t i = 0; i < INPUTS; i++)
		if (!l->inputs[i])
			return &l->inputs[i];
	return NULL;
}

static struct rpc_call *send_piece(struct he_target *t, const uint8_t *data, size_t n, bool end)
{
	struct wire_input q = {.end = end, .data = {data, (uint32_t)n}};

	return rpc_ask_input(t->server->rpc, t->handle, &q);
}

static struct he_error *send_input(
    struct he_target *t, const uint8_t *data, size_t len, bool end, size_t *taken)
{
	struct rpc_call **place;

	*taken = 0;
	while (*taken < len && (place = free_place(t->launched))) {
		size_t left = len - *taken, n = left < INPUT_MAX ? left : INPUT_MAX;

		*place = send_piece(t, data + *taken, n, false);
		if (!*place)
			return he_error_new(E_NOMEM, "out of memory.");
		*taken += n;
	}
	/* Behind what is under way, and needs no place among it. */
	if (end && *taken == len)
		rpc_forget(send_piece(t, NULL, 0, true));
	return NULL;
}

static struct he_error *not_launched(const struct he_target *t, const char *what)
{
	char title[TARGET_TITLE];

	return he_error_new(E_NOT_LAUNCHED, "%s has no %s of ours.", target_title(t, title), what);
}

struct he_error *he_input(
    struct he_target *t, const void *data, size_t len, bool end, size_t *taken)
{
	struct he_error *err = target_enter(t);

	if (err)
		return target_leave(t, err);
	if (!t->launched)
		return target_leave(t, not_launched(t, "standard input"));
	err = reap(t->launched);
	if (!err)
		err = send_input(t, data, len, end, taken);
	return target_leave(t, err);
}

struct he_error *he_window(struct he_target *t, unsigned rows, unsigned cols)
{
	struct wire_window q = {.rows = (uint16_t)rows, .cols = (uint16_t)cols};
	struct he_error *err = target_enter(t);

	if (err)
		return target_leave(t, err);
	if (!launched_terminal(t))
		return target_leave(t, not_launched(t, "terminal"));
	err = rpc_wait(rpc_ask_window(t->server->rpc, t->handle, &q), NULL);
	return target_leave(t, err);
}

/* ---- launching ----------------------------------------------------------------- */

/* Strings one after the other, each with its NUL. */
static void put_strings(struct buf *b, const char *const *v)
{
	for (; v && *v; v++)
		buf_raw(b, *v, strlen(*v) + 1);
}

/* What does not fit the message goes ahead of it; what is left. */
static struct span send_ahead(
    const struct he_target *t, uint8_t list, const struct buf *text, size_t fits)
{
	size_t at = 0;

	while (text->len - at > fits) {
		size_t left = text->len - at, n = left < TEXT_MAX ? left : TEXT_MAX;
		struct wire_launch_text q = {.list = list, .data = {text->p + at, (uint32_t)n}};

		/* That it was refused the launch itself will say. */
		rpc_forget(rpc_ask_launch_text(t->server->rpc, t->handle, &q));
		at += n;
	}
	return (struct span){text->p + at, (uint32_t)(text->len - at)};
}

static uint8_t flags_of(const struct he_launch *q)
{
	return (uint8_t)((q->terminal ? WIRE_LAUNCH_PTY : 0) |
			 (q->terminal && q->apart ? WIRE_LAUNCH_APART : 0) |
			 (q->randomize ? WIRE_LAUNCH_ASLR : 0) |
			 (q->env_adds ? WIRE_LAUNCH_LOGIN : 0) |
			 (q->wrappers & 1 ? WIRE_LAUNCH_THROUGH : 0) |
			 (q->wrappers & 2 ? WIRE_LAUNCH_THROUGH_TWO : 0));
}

static struct rpc_call *send_launch(const struct he_target *t, const struct he_launch *q,
    const struct buf *args, const struct buf *env)
{
	static const uint8_t fates[] = {
	    [HE_KILLED] = WIRE_LOSS_DEFAULT,
	    [HE_RUNS_ON] = WIRE_LOSS_RESUME,
	    [HE_DIES_ALONG] = WIRE_LOSS_KILL,
	};
	struct wire_launch m = {.program = span_str(q->program),
	    .cwd = span_str(q->cwd),
	    .flags = flags_of(q),
	    .rows = (uint16_t)q->rows,
	    .cols = (uint16_t)q->cols,
	    .loss = fates[q->fate]};
	struct buf ordered, notes;
	struct rpc_call *c;

	buf_init(&ordered, WIRE_PIECE);
	buf_init(&notes, WIRE_PIECE);
	attach_order(t, &ordered, &notes);
	m.recipes = span_whole(&ordered);
	m.notes = span_whole(&notes);
	m.args = send_ahead(t, 0, args, ARGS_MAX);
	m.env = send_ahead(t, 1, env, ENV_MAX);
	c = rpc_ask_launch(t->server->rpc, t->handle, &m);
	buf_free(&ordered);
	buf_free(&notes);
	return c;
}

static struct he_error *start(struct he_target *t, const struct he_launch *q)
{
	struct buf args, env;
	struct he_error *err;

	buf_init(&args, WIRE_LAUNCH_MAX);
	buf_init(&env, WIRE_LAUNCH_MAX);
	put_strings(&args, q->args);
	put_strings(&env, q->env);
	if (args.bad || env.bad)
		err = he_error_new(E_TOO_BIG,
		    "arguments and environment are more than the %d bytes that can be given.",
		    WIRE_LAUNCH_MAX);
	else
		err = rpc_each(send_launch(t, q, &args, &env), attach_piece, t);
	buf_free(&args);
	buf_free(&env);
	return err;
}

/* It stands before its first instruction: what the first commands will ask. */
static struct he_error *look(struct he_target *t)
{
	struct he_error *err = attach_stop(t, "started");

	if (err)
		return err;
	attach_met(t);
	he_error_free(target_load_maps(t, false));
	return breakpoints_adopt(t);
}

struct he_error *he_launch(struct he_server *s, const struct he_launch *q, struct he_target **ret)
{
	struct he_target *t = target_new(s->engine, s, &procsrv_ops);
	struct he_error *err;

	if (t)
		t->launched = calloc(1, sizeof(*t->launched));
	if (!t || !t->launched) {
		target_free(t);
		return he_error_new(E_NOMEM, "out of memory.");
	}
	t->handle = ++s->last_handle;
	t->state = HE_RUNNING;
	t->launched->terminal = q->terminal;
	err = start(t, q);
	if (!err) {
		err = look(t);
		/* Cancelled half-way: it is of no use to anybody. */
		if (err && t->state != HE_GONE && !s->lost)
			he_error_free(t->ops->kill(t));
	}
	if (err)
		target_free(t);
	else
		*ret = t;
	return err;
}
