/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_again.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "host/rsp/rsp_queue.h"

enum {
	LINE_MAX_ = 512,
	LOOK_MS = 100, /* for an event that is on its way */
	LOOKS = 20,
};

/* On the debugger's console while that waits for a stop, else on our standard error. */
static void __attribute__((format(printf, 2, 3))) tell(struct rsp *r, const char *fmt, ...)
{
	char line[LINE_MAX_], clean[2 * LINE_MAX_];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!r->run->waiting || r->in < 0) {
		rsp_say("%s", line);
		return;
	}
	log_escape(clean, sizeof(clean) - 1, line, strlen(line));
	n = strlen(clean);
	clean[n] = '\n';
	rsp_console(r, clean, n + 1);
}

void rsp_again_link(struct rsp *r, const struct he_event *ev)
{
	const char *name = he_server_info(ev->server)->name;

	if (ev->kind == HE_E_LINK_AWAY)
		tell(r, "link to %s lost (%s); resuming...", name, ev->text);
	else
		tell(r, "link to %s is back", name);
}

/* It goes on with what it was told to do, without the signals that it has got. */
static void run_on(struct rsp *r, struct rsp_process *p)
{
	struct rsp_stops *s = p->stops;
	struct he_error *e;

	for (size_t i = 0; i < s->n_went; i++) {
		s->went[i].signal = 0;
		/* Where it stands now is no place of the step's. */
		s->went[i].action = HE_GO_CONT;
	}
	e = he_go(p->t, s->went, s->n_went, r->non_stop);
	if (e)
		tell(r, "process %u: %s", p->pid, e->message);
	he_error_free(e);
}

/* Non-stop: those that are known to stand do. */
static void let_others_run(struct rsp_process *p)
{
	struct he_threads *v = NULL;
	struct he_go *go = NULL;
	size_t n = 0;

	he_error_free(he_threads(p->t, &v));
	if (v)
		go = calloc(v->n + 1, sizeof(*go));
	for (size_t i = 0; go && i < v->n; i++)
		if (!rsp_told(p, v->v[i].tid))
			go[n++] = (struct he_go){.tid = v->v[i].tid};
	if (n)
		he_error_free(he_go(p->t, go, n, true));
	free(go);
	he_threads_free(v);
}

static void stand(struct rsp *r, struct rsp_process *p)
{
	rsp_run_drop(r, p);
	rsp_queue_append(r, rsp_stop_plain(p, rsp_first_thread(p), 0));
	p->stops->moved = true;
}

bool rsp_again(struct rsp *r, struct rsp_process *p, const struct he_event *ev)
{
	unsigned long long s = (ev->ago_ms + 999) / 1000;
	struct he_target_info i;
	struct he_target *t;
	struct he_error *e;

	he_target_info(p->t, &i);
	/* A program that was launched is nobody's child of ours any more. */
	if (!ev->by_loss || i.launched)
		return false;
	e = he_attach_again(p->t, &t);
	if (e) {
		tell(r,
		    "process %u was let go when the link broke, and cannot be attached to again: "
		    "%s",
		    p->pid, e->message);
		he_error_free(e);
		return false;
	}
	he_error_free(he_detach(p->t));
	p->t = t;
	r->agains++;
	rsp_stale(r, p);
	tell(r,
	    "process %u was let go when the link broke and ran %llu s without breakpoints; "
	    "it is attached to again",
	    p->pid, s);
	if (r->non_stop)
		let_others_run(p);
	/* With a stop about to be told, all are to stand. */
	else if (r->run->waiting && !r->run->queue && p->stops->n_went)
		run_on(r, p);
	else
		stand(r, p);
	return true;
}

static bool any_gone(const struct rsp *r)
{
	for (const struct rsp_process *p = r->processes; p; p = p->next)
		if (rsp_gone(p))
			return true;
	return false;
}

void rsp_again_look(struct rsp *r, bool let_go)
{
	unsigned before = r->agains;

	for (int i = 0; i < LOOKS && r->agains == before && (let_go || any_gone(r)); i++) {
		struct he_event ev = {0};
		struct he_error *e = he_wait(r->engine, let_go ? LOOK_MS : 0, &ev);

		he_error_free(e);
		if (!e && ev.kind)
			rsp_event(r, &ev);
		else if (e || !let_go)
			return;
	}
}

bool rsp_again_moved(struct rsp *r, const struct rsp_process *p)
{
	if (!p->stops || !p->stops->moved)
		return false;
	rsp_fail_text(r, EBUSY,
	    "the process ran on while the link to the box was broken; "
	    "continue or step shows where it stands now.");
	return true;
}
