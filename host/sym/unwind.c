/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/unwind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/arena.h"
#include "host/sym/cfi.h"
#include "host/errtext.h"
#include "host/sym/pcinfo.h"
#include "host/sym/unwind_guess.h"

/* Handlers on alternate stacks may nest, but not for ever. */
enum { JUMPS_MAX = 64 };
/* Inlined ones included. */
enum { FRAMES_MAX = 4 * UNWIND_MAX };

void unwind_begin(
    struct unwind *u, struct symbols *s, const struct sym_regs *regs, enum he_end fault_end)
{
	*u = (struct unwind){.s = s, .regs = *regs, .exact = true, .fault_end = fault_end};
}

uint64_t unwind_lookup_pc(const struct unwind *u)
{
	return u->exact ? u->regs.pc : u->regs.pc - 1;
}

static void ended(struct unwind *u, enum he_end end, uint64_t where)
{
	u->more = false;
	u->end = end;
	u->where = where;
}

/* A caller's frame lies above the one it called; only a signal may arrive on another
 * stack than the handler runs on. */
static bool rises(struct unwind *u, const struct cfi_step *step)
{
	bool other_stack = step->caller.sp <= u->regs.sp;

	if (u->signal)
		return !other_stack || ++u->jumps <= JUMPS_MAX;
	return step->cfa > u->low;
}

static void take(struct unwind *u, const struct cfi_step *step)
{
	u->signal = step->signal;
	u->cfa = step->cfa;
	u->next = step->caller;
	if (!rises(u, step))
		ended(u, HE_END_BAD, step->cfa);
	else if (u->next.pc == 0 && !u->signal)
		ended(u, HE_END_OUTERMOST, 0);
	else
		u->more = true;
}

static void guess(struct unwind *u, struct symfile *f)
{
	struct cfi_step step;
	bool certain;

	switch (unwind_guess(u->s, f, &u->regs, u->exact, &step, &certain)) {
	case CFI_OK:
		u->guessed |= !certain;
		take(u, &step);
		break;
	case CFI_FAULT:
		u->signal = step.signal;
		ended(u, u->fault_end, step.fault);
		break;
	default:
		ended(u, HE_END_NO_CFI, u->regs.pc);
	}
}

struct he_error *unwind_step(struct unwind *u)
{
	uint64_t pc = unwind_lookup_pc(u);
	struct module *m = modules_at(&u->s->modules, pc);
	struct symfile *f = NULL;
	struct cfi_step step = {.cfa = 0};
	struct he_error *e = m ? symfile_get(&u->s->src, m, true, &f) : NULL;

	if (e)
		return e;
	u->cfa = 0;
	u->signal = false;
	switch (f ? cfi_step(f, pc, &u->regs, &step) : CFI_NONE) {
	case CFI_OK:
		take(u, &step);
		break;
	case CFI_NONE:
		guess(u, f);
		break;
	case CFI_OUTERMOST:
		u->cfa = step.cfa;
		ended(u, HE_END_OUTERMOST, 0);
		break;
	case CFI_FAULT:
		u->cfa = step.cfa;
		u->signal = step.signal;
		ended(u, u->fault_end, step.fault);
		break;
	case CFI_BAD:
		ended(u, HE_END_BAD, u->regs.pc);
		break;
	}
	return NULL;
}

void unwind_advance(struct unwind *u)
{
	u->exact = u->signal;
	u->low = u->signal ? 0 : u->cfa;
	u->regs = u->next;
}

/* ---- a whole backtrace ---------------------------------------------------- */

/* What he_stack_free gets back. */
struct stack_object {
	struct he_stack stack; /* first */
	struct strpool *pool;
	struct arena texts;
	size_t room;
};

void he_stack_free(struct he_stack *s)
{
	struct stack_object *o = (struct stack_object *)(void *)s;

	if (!o)
		return;
	free(o->stack.v);
	free(o->stack.end_text);
	arena_free(&o->texts);
	strpool_drop(o->pool);
	free(o);
}

const char *symbols_stack_text(struct he_stack *s, const char *text)
{
	struct stack_object *o = (struct stack_object *)(void *)s;

	return arena_str(&o->texts, span_str(text));
}

struct he_stack *symbols_no_stack(enum he_end end, const char *text)
{
	struct stack_object *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->stack.end = end;
	o->stack.end_text = strdup(text);
	if (o->stack.end_text)
		return &o->stack;
	free(o);
	return NULL;
}

static bool add_frame(struct stack_object *o, const struct he_frame *f)
{
	if (o->stack.n == o->room) {
		size_t room = o->room ? 2 * o->room : 16;
		struct he_frame *v = realloc(o->stack.v, room * sizeof(*v));

		if (!v)
			return false;
		o->stack.v = v;
		o->room = room;
	}
	o->stack.v[o->stack.n++] = *f;
	return true;
}

static bool add_known(struct stack_object *o, const struct he_frame *base, const struct pcinfo *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct pc_frame *k = &p->v[i];
		struct he_frame f = *base;

		f.inlined = k->inlined;
		f.function = k->function;
		f.linkage = k->linkage;
		f.file = k->file;
		f.directory = k->directory;
		f.line = k->line;
		f.column = k->column;
		f.at_line = k->lo && k->lo == f.pc;
		if (!k->inlined && p->entry && f.pc >= p->entry)
			f.offset = f.pc - p->entry;
		if (!add_frame(o, &f))
			return false;
	}
	return true;
}

/* The current frame and what is inlined into it. */
static bool add_frames(struct stack_object *o, struct unwind *u)
{
	uint64_t pc = unwind_lookup_pc(u);
	struct module *m = modules_at(&u->s->modules, pc);
	struct he_frame f = {.pc = u->regs.pc, .cfa = u->cfa, .signal = u->signal};
	const struct pcinfo *p = NULL;

	if (m) {
		f.module = strpool_add(o->pool, m->name);
		f.build_id = m->id.n ? strpool_add(o->pool, m->id.hex) : NULL;
		/* A trampoline is "called" by the kernel at its first byte. */
		if (m->file)
			p = pcinfo_of(m->file, o->pool, u->signal ? u->regs.pc : pc);
	}
	return p ? add_known(o, &f, p) : add_frame(o, &f);
}

static const char *const end_texts[] = {
    [HE_END_OUTERMOST] = "outermost",
    [HE_END_WINDOW] = "cut: the stack goes on beyond what was gathered",
    [HE_END_FAULT] = "memory cannot be read",
    [HE_END_NO_CFI] = "no unwind information for this pc",
    [HE_END_BAD] = "the stack or its unwind information is damaged: no frame lies above this one",
    [HE_END_MAX] = "more frames follow",
    [HE_END_RUNNING] = "the thread is running",
};

static bool set_end(struct stack_object *o, const struct unwind *u, enum he_end end)
{
	static const char guessed[] = " (some callers were guessed: no unwind information)";
	const char *tail = u->guessed ? guessed : "";
	int n;

	o->stack.end = end;
	if (end == HE_END_OUTERMOST || end == HE_END_MAX || !u->where)
		n = asprintf(&o->stack.end_text, "%s%s", end_texts[end], tail);
	else
		n = asprintf(&o->stack.end_text, "%s (0x%llx)%s", end_texts[end],
		    (unsigned long long)u->where, tail);
	if (n < 0)
		o->stack.end_text = NULL;
	return n >= 0;
}

static struct he_error *no_memory(void)
{
	return he_error_new(E_NOMEM, "no memory for the backtrace");
}

static struct he_error *walk(struct stack_object *o, struct unwind *u, unsigned max)
{
	for (unsigned i = 0;; i++) {
		struct he_error *e = unwind_step(u);

		if (e)
			return e;
		if (!add_frames(o, u))
			return no_memory();
		if (!u->more || i + 1 == max || o->stack.n > FRAMES_MAX)
			break;
		unwind_advance(u);
	}
	return set_end(o, u, u->more ? HE_END_MAX : u->end) ? NULL : no_memory();
}

struct he_error *symbols_backtrace(struct symbols *s, const struct sym_regs *regs, unsigned max,
    enum he_end fault_end, struct he_stack **ret)
{
	struct stack_object *o = calloc(1, sizeof(*o));
	struct unwind u;
	struct he_error *e;

	if (!o)
		return no_memory();
	o->pool = strpool_hold(s->pool);
	unwind_begin(&u, s, regs, fault_end);
	e = walk(o, &u, max && max < UNWIND_MAX ? max : UNWIND_MAX);
	if (e)
		he_stack_free(&o->stack);
	else
		*ret = &o->stack;
	return e;
}

struct he_error *symbols_frame_regs(
    struct symbols *s, const struct sym_regs *regs, unsigned n, struct sym_regs *ret)
{
	struct unwind u;

	unwind_begin(&u, s, regs, HE_END_FAULT);
	for (unsigned i = 0; i < n; i++) {
		struct he_error *e = unwind_step(&u);

		if (e)
			return e;
		if (!u.more || i + 1 >= UNWIND_MAX)
			return he_error_new(
			    E_STATE, "no frame %u: the stack ends at frame %u", n, i);
		unwind_advance(&u);
	}
	*ret = u.regs;
	return NULL;
}
