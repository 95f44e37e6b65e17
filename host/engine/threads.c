/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/threads.h"

#include <stdlib.h>
#include <string.h>

/* Index of the first thread with this tid or a greater one. */
static size_t position(const struct threads *s, uint64_t tid)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->v[mid].tid < tid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct thread *threads_find(const struct threads *s, uint64_t tid)
{
	size_t i = position(s, tid);

	return i < s->n && s->v[i].tid == tid ? &s->v[i] : NULL;
}

static bool make_room(struct threads *s)
{
	size_t cap = s->cap ? s->cap * 2 : 16;
	struct thread *v;

	if (s->n < s->cap)
		return true;
	if (s->n >= THREADS_MAX)
		return false;
	v = realloc(s->v, cap * sizeof(*v));
	if (!v)
		return false;
	s->v = v;
	s->cap = cap;
	return true;
}

struct thread *threads_obtain(struct threads *s, uint64_t tid)
{
	size_t i = position(s, tid);
	char *name;

	if (i < s->n && s->v[i].tid == tid)
		return &s->v[i];
	name = make_room(s) ? strdup("") : NULL;
	if (!name)
		return NULL;
	memmove(&s->v[i + 1], &s->v[i], (s->n - i) * sizeof(*s->v));
	s->n++;
	s->v[i] = (struct thread){.tid = tid, .name = name, .kernel_state = '?'};
	return &s->v[i];
}

void thread_ran(struct threads *s, struct thread *t)
{
	while (t->regs) {
		struct regblock *b = t->regs;

		t->regs = b->next;
		s->reg_bytes -= b->len;
		free(b);
	}
	he_stack_free(t->stack);
	t->stack = NULL;
	t->fetched = 0;
	t->entered = 0;
}

static void deinit(struct threads *s, struct thread *t)
{
	thread_ran(s, t);
	free(t->name);
}

void threads_remove(struct threads *s, uint64_t tid)
{
	struct thread *t = threads_find(s, tid);
	size_t i;

	if (!t)
		return;
	i = (size_t)(t - s->v);
	deinit(s, t);
	s->n--;
	memmove(t, t + 1, (s->n - i) * sizeof(*t));
}

void threads_begin_list(struct threads *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->v[i].listed = false;
}

void threads_keep_listed(struct threads *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].listed)
			s->v[n++] = s->v[i];
		else
			deinit(s, &s->v[i]);
	s->n = n;
	s->complete = true;
}

void threads_clear(struct threads *s)
{
	for (size_t i = 0; i < s->n; i++)
		deinit(s, &s->v[i]);
	free(s->v);
	*s = (struct threads){0};
}

void threads_put(void *threads, const struct wire_rec_thread *r)
{
	struct thread *t = threads_obtain(threads, r->tid);
	char *name = t ? span_dup(r->name) : NULL;

	if (!t)
		return;
	if (r->state != WIRE_T_STOPPED)
		thread_ran(threads, t);
	t->state = r->state <= WIRE_T_EXITING ? (enum he_thread_state)r->state : HE_T_RUNNING;
	t->listed = true;
	t->signal = r->signal;
	t->cpu = r->cpu;
	t->kernel_state = (char)r->kernel;
	if (name) {
		free(t->name);
		t->name = name;
	}
}

const struct regblock *thread_regs(const struct thread *t, uint32_t note)
{
	const struct regblock *b = t->regs;

	while (b && b->note != note)
		b = b->next;
	return b;
}

static void drop_block(struct threads *s, struct thread *t, uint32_t note)
{
	for (struct regblock **at = &t->regs; *at; at = &(*at)->next)
		if ((*at)->note == note) {
			struct regblock *b = *at;

			*at = b->next;
			s->reg_bytes -= b->len;
			free(b);
			return;
		}
}

void threads_put_regs(void *threads, const struct wire_rec_regset *r)
{
	struct threads *s = threads;
	struct thread *t = threads_find(s, r->tid);
	struct regblock *b;

	if (t)
		t->fresh = true;
	if (!t || r->err || !r->data.n)
		return;
	drop_block(s, t, r->note);
	if (r->data.n > THREADS_REG_BYTES - s->reg_bytes)
		return;
	b = malloc(sizeof(*b) + r->data.n);
	if (!b)
		return;
	*b = (struct regblock){.next = t->regs, .arch = r->arch, .note = r->note, .len = r->data.n};
	memcpy(b->data, r->data.p, r->data.n);
	t->regs = b;
	s->reg_bytes += b->len;
}
