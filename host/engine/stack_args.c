/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Arguments of frames, as a backtrace shows them.
 *
 * The values of all frames are looked for in what the cache has; what they lack is
 * noted and fetched in one request, and so on for what that leads to (strings).  The
 * same for the stacks of all threads.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/asking.h"
#include "host/errtext.h"

enum {
	PASSES = 3,   /* the argument, a reference or piece of it, a string */
	STRING = 256, /* fetched around what is missing: strings are asked for in small steps */
	WANTS_MAX = 100000,
	PREFETCHED = 24, /* frames of each of many stacks; more are rarely looked at */
};

struct filling {
	struct he_target *t;
	struct symbols *symbols;
	uint64_t tid;
	struct he_stack *stack;
	size_t from, to;
	bool fetch;  /* what is missing, at once */
	bool missed; /* something of this frame */
	struct mem_range *want;
	size_t n, room;
	struct he_error *error;
	unsigned hidden; /* of the innermost frames: see target_hidden */
};

static bool is_fatal(const struct he_error *err)
{
	return err->code == E_LOST || err->code == E_CANCELLED || err->code == E_NOMEM;
}

static void missing(void *arg, uint64_t addr, size_t len)
{
	struct filling *f = arg;
	struct mem_range *v;

	f->missed = true;
	if (!len || f->n == WANTS_MAX)
		return;
	if (f->n == f->room) {
		size_t room = f->room ? 2 * f->room : 64;

		v = reallocarray(f->want, room, sizeof(*v));
		if (!v)
			return;
		f->want = v;
		f->room = room;
	}
	f->want[f->n++] = (struct mem_range){addr, len < STRING ? STRING : len};
}

/* ---- one frame ------------------------------------------------------------- */

static void say_trouble(struct filling *f, FILE *to, struct he_error *err)
{
	bool cut = f->t->state == HE_FROZEN && err->code == E_FAULT && !err->os_errno;

	if (is_fatal(err) && !f->error) {
		f->error = err;
		return;
	}
	if (cut)
		fputs("<not gathered>", to);
	else if (err->code == E_FAULT)
		fprintf(to, "<error: Cannot access memory at address 0x%llx>",
		    (unsigned long long)err->addr);
	else
		fprintf(to, "<error: %s>", err->message);
	he_error_free(err);
}

static void argument(struct filling *f, struct asking *a, const struct sym_local *l, FILE *to)
{
	const struct value_format format = {.brief = true};
	struct value *v = NULL;
	char *text = NULL;
	struct he_error *err = expr_variable(&a->env, &l->var, &v);

	if (!err)
		err = value_text(&a->env, v, &format, &text);
	value_free(v);
	fprintf(to, "%s=", l->name);
	if (err)
		say_trouble(f, to, err);
	else
		fputs(text, to);
	free(text);
}

/* NULL: there is no debug information, no memory, or f->error. */
static char *arguments(struct filling *f, struct asking *a)
{
	struct sym_local *v = NULL;
	char *text = NULL;
	size_t n = 0, size;
	struct he_error *err = symbols_locals(a->env.symbols, &a->env.scope, true, &v, &n);
	FILE *to = err ? NULL : open_memstream(&text, &size);

	if (err && is_fatal(err))
		f->error = err;
	else
		he_error_free(err);
	for (size_t i = 0; to && i < n && !f->error; i++) {
		fputs(i ? ", " : "", to);
		argument(f, a, &v[i], to);
	}
	if (to)
		fclose(to);
	free(v);
	return text;
}

static bool frame(void *arg, unsigned index, const struct sym_frame *at)
{
	struct filling *f = arg;
	struct he_frame *v;
	struct asking a;
	char *text;

	if (index < f->hidden)
		return true;
	index -= f->hidden;
	v = index < f->stack->n ? &f->stack->v[index] : NULL;
	if (!v || index >= f->to)
		return false;
	if (index < f->from || v->args || v->signal)
		return true;
	asking_in_frame(&a, f->t, f->symbols, f->tid, at);
	if (!a.env.types)
		return false;
	a.missing = f->fetch ? NULL : missing;
	a.missing_arg = f;
	f->missed = false;
	text = arguments(f, &a);
	if (text && !f->missed && !f->error)
		v->args = symbols_stack_text(f->stack, text);
	free(text);
	f->error = asking_close(&a, f->error);
	return !f->error;
}

/* ---- a stack, all stacks --------------------------------------------------- */

static struct he_error *fill(struct filling *f, uint64_t tid, struct he_stack *s)
{
	struct sym_regs first;
	struct he_error *err = target_sym_regs(f->t, tid, &first);

	f->tid = tid;
	f->stack = s;
	f->hidden = target_hidden(f->t, tid);
	if (!err)
		err = symbols_frames(f->symbols, &first, frame, f);
	if (!f->error)
		return err;
	he_error_free(err);
	err = f->error;
	f->error = NULL;
	return err;
}

static struct he_error *fetch(struct filling *f)
{
	struct he_error *err = target_prefetch(f->t, f->want, f->n);

	f->n = 0;
	return err;
}

static struct he_error *one_stack(struct filling *f, uint64_t tid, struct he_stack *s)
{
	struct he_error *err = target_symbols(f->t, &f->symbols);

	for (int pass = 0; pass < PASSES && !err; pass++) {
		err = fill(f, tid, s);
		if (err || !f->n)
			break;
		err = fetch(f);
	}
	f->fetch = true;
	return err ? err : fill(f, tid, s);
}

struct he_error *he_stack_arguments(
    struct he_target *t, uint64_t tid, struct he_stack *s, size_t from, size_t to)
{
	struct filling f = {.t = t, .from = from, .to = to < s->n ? to : s->n};
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	while (f.from < f.to && s->v[f.from].args)
		f.from++;
	if (f.from < f.to)
		err = one_stack(&f, tid, s);
	free(f.want);
	return target_leave(t, err);
}

static struct he_error *all_stacks(struct filling *f)
{
	struct he_target *t = f->t;
	struct he_error *err = target_symbols(t, &f->symbols);

	for (int pass = 0; pass < PASSES && !err; pass++) {
		for (size_t i = 0; i < t->threads.n && !err; i++)
			if (t->threads.v[i].stack)
				err = fill(f, t->threads.v[i].tid, t->threads.v[i].stack);
		if (err || !f->n)
			break;
		err = fetch(f);
	}
	return err;
}

struct he_error *he_prefetch_arguments(struct he_target *t)
{
	struct filling f = {.t = t, .to = PREFETCHED};
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	err = t->state == HE_STOPPED ? all_stacks(&f) : NULL;
	free(f.want);
	return target_leave(t, err);
}
