/* SPDX-License-Identifier: BSD-2-Clause */
#include "launch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "bounds.h"
#include "handlers.h"
#include "launch_child.h"
#include "launch_spec.h"
#include "launch_text.h"
#include "loss.h"
#include "policy.h"
#include "serve.h"
#include "target.h"
#include "tracer.h"

enum { LATE_S = 10 /* for procsrv-launch to become the program */ };

bool launch_has_handle(const struct tracer *t, uint32_t handle)
{
	const struct target *tg = t->targets;

	while (tg && !(tg->launch && tg->launch->handle == handle))
		tg = tg->next;
	return handle && tg;
}

/* ---- until the first instruction -------------------------------------------------- */

static void close_socket(struct launch *l)
{
	if (l->said)
		event_free(l->said);
	if (l->late)
		event_free(l->late);
	l->said = l->late = NULL;
	if (l->socket >= 0)
		close(l->socket);
	l->socket = -1;
}

static void answer(struct launch *l, const struct fault *f)
{
	struct reply *r = l->reply;

	l->reply = NULL;
	if (!r)
		return;
	r->drop = NULL;
	r->cancel = NULL;
	reply_fail(r, f);
}

/* It does not become the program: say why, and have it gone.  The target goes with its
 * end, which is still to be collected, or now, if it was never traced. */
static void fail(struct launch *l, struct fault *f, int code, int os_errno)
{
	struct target *tg = l->target;
	bool traced = tg->count > 0;

	fault_set(f, code, os_errno, 0);
	if (!*f->subject)
		snprintf(f->subject, sizeof(f->subject), "%s", l->program);
	if (l->handle)
		target_audit(IPC_LAUNCH, &tg->id, l->program, 0, code);
	l->handle = 0;
	answer(l, f);
	close_socket(l);
	proc_kill(&tg->id);
	if (!traced)
		target_free(tg);
}

static bool goes_along(const struct launch *l)
{
	return l->loss == WIRE_LOSS_KILL ||
	       (l->loss == WIRE_LOSS_HOLD && !l->target->tracer->session.keep_launched);
}

/* It has restored everything and waits. */
static void take_hold(struct launch *l)
{
	struct target *tg = l->target;
	const char word = LAUNCH_GO;
	struct fault f = {0};
	int err = target_audit(IPC_LAUNCH, &tg->id, l->program, 0, E_OK);

	if (err != E_OK) {
		fail(l, &f, err, EAGAIN);
		return;
	}
	err = trace_seize(tg, &f);
	if (err == E_OK)
		tg->journal->killed = goes_along(l);
	if (err != E_OK)
		fail(l, &f, err, f.os_errno);
	else if (write(l->socket, &word, 1) != 1)
		fail(l, &f, E_INTERNAL, errno);
}

static void failed(struct launch *l, const struct launch_failure *why)
{
	struct fault f = {0};

	if (why->stage == LAUNCH_AT_CWD)
		snprintf(f.subject, sizeof(f.subject), "%s", l->cwd);
	fail(l, &f, why->stage == LAUNCH_AT_SETUP ? E_INTERNAL : E_EXEC_FAILED, why->os_errno);
}

static void on_said(evutil_socket_t fd, short what, void *arg)
{
	struct launch *l = arg;
	struct serve *serve = l->target->tracer->serve;
	struct fault f = {0};
	union {
		char word;
		struct launch_failure failure;
	} said;
	ssize_t n = read(fd, &said, sizeof(said));

	(void)what;
	if (n == 1 && said.word == LAUNCH_READY)
		take_hold(l);
	else if (n == (ssize_t)sizeof(said.failure))
		failed(l, &said.failure);
	else if (n == 0 && l->target->count)
		close_socket(l); /* it is the program now, or has ended: that is reported */
	else if (n >= 0 || errno != EAGAIN)
		fail(l, &f, E_INTERNAL, n < 0 ? errno : 0);
	serve_pump(serve);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct launch *l = arg;
	struct serve *serve = l->target->tracer->serve;
	struct fault f = {0};

	(void)fd;
	(void)what;
	fail(l, &f, E_TIMEOUT, 0);
	serve_pump(serve);
}

static void on_cancel(struct reply *r)
{
	struct launch *l = r->state;
	struct fault f = {0};

	fail(l, &f, E_CANCELLED, 0);
}

static void on_drop(struct reply *r)
{
	struct launch *l = r->state;

	l->reply = NULL;
}

/* ---- the request --------------------------------------------------------------------- */

static int check(struct call *c, const struct wire_launch *m)
{
	const uint8_t flags = WIRE_LAUNCH_PTY | WIRE_LAUNCH_ASLR | WIRE_LAUNCH_LOGIN |
			      WIRE_LAUNCH_APART | WIRE_LAUNCH_THROUGH |
			      WIRE_LAUNCH_THROUGH_TWO;
	int err = E_OK;

	if (!c->h->target || m->flags & ~flags || m->loss > WIRE_LOSS_KILL)
		return E_MALFORMED;
	if (c->target || launch_has_handle(c->tracer, c->h->target))
		return E_IN_USE;
	/* Killed when the link is lost is what happens here anyway. */
	if (m->loss != WIRE_LOSS_KILL)
		err = policy_target(&c->tracer->session, m->loss, m->grace_ms);
	if (err == E_OK)
		err = launch_hindered(&c->tracer->session, &c->fault);
	if (err == E_OK)
		err = bounds_launch(&c->tracer->bounds, &c->fault);
	return err;
}

static struct launch *launch_new(struct call *c, const struct wire_launch *m, struct target *tg)
{
	struct launch *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	*l = (struct launch){.target = tg,
	    .handle = c->h->target,
	    .loss = m->loss,
	    .terminal = m->flags & WIRE_LAUNCH_PTY,
	    .through = (m->flags & WIRE_LAUNCH_THROUGH ? 1u : 0) +
		       (m->flags & WIRE_LAUNCH_THROUGH_TWO ? 2u : 0),
	    .reply = c->reply,
	    .socket = -1,
	    .in = -1,
	    .out = {{.fd = -1}, {.fd = -1}}};
	snprintf(
	    l->program, sizeof(l->program), "%.*s", (int)m->program.n, (const char *)m->program.p);
	snprintf(l->cwd, sizeof(l->cwd), "%.*s", (int)m->cwd.n, (const char *)m->cwd.p);
	c->reply->state = l;
	c->reply->cancel = on_cancel;
	c->reply->drop = on_drop;
	tg->launch = l;
	return l;
}

/* Our ends of what the child has; they are l's in any case. */
static int watch(struct launch *l, const struct launch_ends *ends)
{
	struct event_base *base = l->target->tracer->base;
	const struct timeval late = {.tv_sec = LATE_S};
	bool whole = launch_io_open(l, base, ends->in, ends->out, ends->err);

	l->socket = ends->socket;
	l->said = event_new(base, l->socket, EV_READ | EV_PERSIST, on_said, l);
	l->late = event_new(base, -1, 0, on_late, l);
	if (!whole || !l->said || !l->late || event_add(l->said, NULL) != 0 ||
	    event_add(l->late, &late) != 0)
		return E_NOMEM;
	return E_OK;
}

/* The child runs.  A target of ours without threads until it is seized. */
static int follow(struct call *c, const struct wire_launch *m, pid_t pid, struct launch_ends *ends)
{
	struct target *tg;
	struct launch *l;
	int err = target_add(c->tracer, 0, (uint32_t)pid, 0, &tg, &c->fault);

	if (err != E_OK)
		return err;
	tg->how = WIRE_ATTACH_STOP;
	tg->streams = ++c->tracer->launches;
	l = launch_new(c, m, tg);
	if (!l) {
		target_free(tg);
		return E_NOMEM;
	}
	loss_set(tg, m->loss, m->grace_ms, 0);
	l->loss = tg->loss;
	err = watch(l, ends);
	*ends = launch_no_ends;
	if (err == E_OK)
		err = preorder_set(&tg->preorder, m->recipes, m->notes);
	if (err != E_OK) {
		l->reply = NULL;
		c->reply->drop = NULL;
		c->reply->cancel = NULL;
		target_free(tg);
	}
	return err;
}

int on_launch(struct call *c)
{
	struct launch_ends ends = launch_no_ends;
	struct wire_launch m;
	pid_t pid = -1;
	int spec = -1, err;

	wire_decode_launch(c->body, &m);
	err = check(c, &m);
	if (err == E_OK)
		err = launch_spec_make(c, &m, &spec);
	if (err == E_OK)
		err = launch_child(&m, spec, &ends, &pid, &c->fault);
	if (err == E_OK)
		err = follow(c, &m, pid, &ends);
	if (err != E_OK && pid > 0)
		kill(pid, SIGKILL); /* a child of ours, not waited for: the number is its own */
	launch_text_drop(c->tracer, c->h->target);
	launch_ends_close(&ends);
	if (spec >= 0)
		close(spec);
	return err;
}

/* ---- as a target ------------------------------------------------------------------------ */

static void answer_launched(struct launch *l)
{
	struct buf *body = serve_scratch(l->target->tracer->serve);
	struct reply *r = l->reply;

	l->reply = NULL;
	if (!r)
		return;
	r->drop = NULL;
	r->cancel = NULL;
	if (target_attached(l->target, body) != E_OK) {
		reply_fail_code(r, E_NOMEM);
		return;
	}
	reply_piece(r, span_buf(body));
	reply_done(r);
}

void launch_executed(struct target *tg, struct tracee *t)
{
	struct launch *l = tg->launch;
	struct proc_id id;
	struct fault f = {0};

	if (!l || !l->handle)
		return;
	if (l->through) {
		l->through--;
		return;
	}
	if (bounds_check(&tg->tracer->bounds, &tg->id, &f) != E_OK) {
		fail(l, &f, E_BOUNDS, 0);
		return;
	}
	tg->handle = l->handle;
	l->handle = 0;
	close_socket(l);
	/* What could not be seen of our own child can be seen of a program. */
	if (proc_open(&id, (uint32_t)tg->id.pid, tg->id.start, &f) == E_OK) {
		proc_close(&tg->id);
		tg->id = id;
	}
	answer_launched(l);
	launch_io_start(l);
	t->launched = t->cause = true;
	trace_hold(tg, NULL);
}

void launch_exited(struct target *tg)
{
	struct launch *l = tg->launch;
	struct fault f = {.code = E_INTERNAL};

	if (!l)
		return;
	/* A wrapper has ended that was to execute it; what it said about that nobody heard. */
	if (l->handle && l->through)
		fault_set(&f, E_EXEC_FAILED, ENOEXEC, 0);
	snprintf(f.subject, sizeof(f.subject), "%s", l->program);
	answer(l, &f);
	launch_io_finish(l);
}

/* Debuggers let go of a program, or see its end, and go on with what it forked, which writes
 * where it wrote. */
static struct target *heir(const struct target *tg)
{
	struct target *s = tg->tracer->targets;

	while (s && (s == tg || s->streams != tg->streams || s->leaving || !s->handle))
		s = s->next;
	return tg->streams ? s : NULL;
}

/* What the host allowed the other to write it allowed nobody else. */
static void pass_on(struct launch *l, struct target *to)
{
	l->target->launch = NULL;
	l->target = to;
	l->inherited = true;
	l->room = WIRE_OUTPUT_WINDOW;
	to->launch = l;
	launch_io_start(l);
}

struct launch *launch_of(const struct target *tg)
{
	const struct target *s = tg;

	if (!s->launch && s->streams)
		for (s = tg->tracer->targets; s && (s->streams != tg->streams || !s->launch);)
			s = s->next;
	return s ? s->launch : NULL;
}

void launch_free(struct target *tg)
{
	struct launch *l = tg->launch;
	struct fault f = {.code = E_GONE};
	struct target *to;
	bool open;

	if (!l)
		return;
	answer(l, &f);
	close_socket(l);
	/* Of one that never was there is nothing to read. */
	open = tg->handle && (l->out[0].fd >= 0 || l->out[1].fd >= 0);
	to = open ? heir(tg) : NULL;
	if (to) {
		pass_on(l, to);
		return;
	}
	launch_io_close_input(l, E_GONE);
	if (open)
		launch_drain(l->out[0].fd, l->out[1].fd);
	launch_io_free(l);
	tg->launch = NULL;
	free(l);
}

bool launch_kill(struct target *tg)
{
	if (!tg->launch || tg->launch->inherited || !goes_along(tg->launch))
		return false;
	if (tg->handle)
		target_audit(IPC_KILL, &tg->id, "launched", 0, E_OK);
	proc_kill(&tg->id);
	if (!tg->count) /* not even traced yet */
		target_free(tg);
	return true;
}

long launch_options(const struct target *tg)
{
	const struct launch *l = tg->launch;

	return l && !l->inherited && l->loss == WIRE_LOSS_KILL ? PTRACE_O_EXITKILL : 0;
}
