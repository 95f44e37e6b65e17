/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/catchpoint.h"

#include <regex.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

/* The event of the wire each stands on; those without are places in code. */
static const struct {
	uint32_t event;
	uint8_t reason, also; /* enum wire_reason */
} rows[] = {
    [HE_CATCH_FORK] = {WIRE_CATCH_FORK, WIRE_STOP_FORK, 0},
    [HE_CATCH_VFORK] = {WIRE_CATCH_VFORK, WIRE_STOP_VFORK, 0},
    [HE_CATCH_EXEC] = {WIRE_CATCH_EXEC, WIRE_STOP_EXEC, 0},
    [HE_CATCH_SYSCALL] = {WIRE_CATCH_SYSCALL, WIRE_STOP_SYSCALL, WIRE_STOP_SYSRET},
    [HE_CATCH_SIGNAL] = {0, WIRE_STOP_SIGNAL, 0},
};

static bool is_live(const struct breakpoint *b, const struct he_target *t)
{
	return b->spec.kind == HE_BREAK_CATCH && b->enabled && breakpoint_is_of(b, t);
}

/* Those numbers, or (when none are named) all. */
static bool names(const struct breakpoint *b, uint32_t number)
{
	for (size_t i = 0; i < b->spec.n_numbers; i++)
		if (b->spec.numbers[i] == number)
			return true;
	return !b->spec.n_numbers;
}

/* ---- what the agent shall report ----------------------------------------------- */

/* After exec everything symbolic has another address, and nothing is planted. */
static bool follows_exec(const struct he_target *t)
{
	for (const struct breakpoint *b = t->engine->breakpoints.first; b; b = b->next)
		if (breakpoint_is_of(b, t) &&
		    (b->spec.kind <= HE_BREAK_HARD || breakpoint_is_named(b) || b->watch))
			return true;
	return false;
}

static void put_numbers(const struct breakpoint *b, struct buf *list)
{
	for (size_t i = 0; i < b->spec.n_numbers; i++)
		wire_put_number(list, &(struct wire_rec_number){b->spec.numbers[i]});
}

void catch_wanted(const struct he_target *t, struct wire_catch *ret, struct buf *list)
{
	const struct he_settings *s = &t->engine->handling.settings;
	bool all = false;

	*ret = (struct wire_catch){.follow = (uint8_t)(!s->detach_on_fork ? WIRE_FOLLOW_BOTH
						       : s->follow_child  ? WIRE_FOLLOW_CHILD
									  : WIRE_FOLLOW_PARENT)};
	if (follows_exec(t))
		ret->events |= WIRE_CATCH_EXEC;
	for (const struct breakpoint *b = t->engine->breakpoints.first; b; b = b->next) {
		if (!is_live(b, t) || b->spec.catch >= sizeof(rows) / sizeof(*rows))
			continue;
		ret->events |= rows[b->spec.catch].event;
		if (b->spec.catch != HE_CATCH_SYSCALL)
			continue;
		all = all || !b->spec.n_numbers;
		put_numbers(b, list);
	}
	if (all)
		buf_reset(list);
	ret->syscalls = span_whole(list);
}

uint64_t catch_signals(const struct he_target *t)
{
	uint64_t mask = 0;

	for (const struct breakpoint *b = t->engine->breakpoints.first; b; b = b->next) {
		if (!is_live(b, t) || b->spec.catch != HE_CATCH_SIGNAL)
			continue;
		for (uint32_t sig = 1; sig <= HE_SIGNALS; sig++)
			if (names(b, sig) && (b->spec.n_numbers || t->engine->handling.v[sig].pass))
				mask |= UINT64_C(1) << (sig - 1);
	}
	return mask;
}

/* ---- what it reported --------------------------------------------------------------- */

static bool concerns(const struct breakpoint *b, const struct cause *c, int64_t number)
{
	enum he_catch k = b->spec.catch;

	if (k >= sizeof(rows) / sizeof(*rows) ||
	    (rows[k].reason != c->reason && (!rows[k].also || rows[k].also != c->reason)))
		return false;
	if (k == HE_CATCH_SYSCALL)
		return names(b, (uint32_t)number);
	return k != HE_CATCH_SIGNAL || names(b, c->signal);
}

static int64_t value_of(const struct cause *c)
{
	for (size_t i = 0; i < c->n_hits; i++)
		if (!c->hit[i].patch)
			return c->hit[i].value;
	return -1;
}

static enum run_verdict tell_caught(struct he_target *t, const struct cause *c, struct he_event *ev)
{
	struct breakpoint *next;
	enum run_verdict v = RUN_NOT_MINE;

	ev->number = value_of(c);
	ev->returned = c->reason == WIRE_STOP_SYSRET;
	if (c->reason == WIRE_STOP_EXEC)
		snprintf(ev->text, sizeof(ev->text), "%s", t->exe);
	for (struct breakpoint *b = t->engine->breakpoints.first; b; b = next) {
		next = b->next;
		if (!is_live(b, t) || !concerns(b, c, ev->number) ||
		    !breakpoint_counts(t, b, c->tid, ev))
			continue;
		breakpoint_tell(t->engine, b, ev);
		v = RUN_TELL;
	}
	return v;
}

/* What was asked for on the way to something else. */
static bool in_passing(const struct he_target *t, const struct cause *c)
{
	const struct he_engine *e = t->engine;

	if (c->reason == WIRE_STOP_SIGNAL)
		return c->signal >= 1 && c->signal <= HE_SIGNALS && !e->handling.v[c->signal].stop;
	if (c->reason == WIRE_STOP_BORN && t->born)
		return e->handling.settings.follow_child;
	return c->reason >= WIRE_STOP_SYSCALL && c->reason <= WIRE_STOP_EXIT;
}

enum run_verdict catch_on_cause(struct he_target *t, const struct cause *c, struct he_event *ev)
{
	enum run_verdict v;
	bool passing;

	if (c->reason == WIRE_STOP_EXEC) {
		struct he_error *err = breakpoints_resolve(t);

		if (err && t->engine->config.notice && err->code != E_CANCELLED)
			t->engine->config.notice(t->engine->config.arg, err->message);
		he_error_free(err);
	}
	v = tell_caught(t, c, ev);
	passing = in_passing(t, c) || (c->reason == WIRE_STOP_EXEC && follows_exec(t));
	if (c->reason == WIRE_STOP_BORN)
		t->born = false;
	return v == RUN_NOT_MINE && passing ? RUN_ON : v;
}

/* ---- libraries ------------------------------------------------------------------------- */

static bool fits(const char *regex, const char *name)
{
	regex_t re;
	bool yes;

	if (!regex)
		return true;
	if (regcomp(&re, regex, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	yes = regexec(&re, name, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

enum run_verdict catch_library(
    struct he_target *t, const char *name, bool loaded, struct he_event *ev)
{
	enum he_catch want = loaded ? HE_CATCH_LOAD : HE_CATCH_UNLOAD;
	enum run_verdict v = RUN_ON;

	for (struct breakpoint *b = t->engine->breakpoints.first; b; b = b->next) {
		if (!is_live(b, t) || b->spec.catch != want || !fits(b->spec.where, name))
			continue;
		if (!ev->text[0])
			snprintf(ev->text, sizeof(ev->text), "%s", name);
		/* One stop for all libraries of a batch. */
		if (t->engine->told.n &&
		    t->engine->told.numbers[t->engine->told.n - 1] == b->number)
			continue;
		if (!breakpoint_counts(t, b, ev->tid, ev))
			continue;
		breakpoint_tell(t->engine, b, ev);
		v = RUN_TELL;
	}
	if (v == RUN_ON && t->engine->handling.settings.stop_on_load) {
		ev->reason = HE_R_CATCH;
		ev->caught = want;
		if (!ev->text[0])
			snprintf(ev->text, sizeof(ev->text), "%s", name);
		return RUN_TELL;
	}
	return v;
}
