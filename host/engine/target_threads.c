/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "common/err.h"
#include "host/arena.h"
#include "host/errtext.h"
#include "host/engine/raw.h"
#include "host/engine/target.h"

/* A list of the present stop stays true; of a running target it is history. */
struct he_error *target_load_threads(struct he_target *t)
{
	struct he_error *err;

	if ((t->threads.complete && target_stands(t)) || !t->ops->threads)
		return NULL;
	threads_begin_list(&t->threads);
	err = t->ops->threads(t, threads_put, &t->threads);
	if (err)
		return err;
	threads_keep_listed(&t->threads);
	/* It may stand there already for a reason that is still on its way. */
	if (t->raw)
		raw_correct(t);
	return NULL;
}

struct he_error *target_thread(struct he_target *t, uint64_t tid, struct thread **ret)
{
	struct he_error *err = target_load_threads(t);
	char title[TARGET_TITLE];
	struct thread *h;

	if (err)
		return err;
	h = threads_find(&t->threads, tid);
	if (!h)
		return he_error_new(E_NO_THREAD, "%s has no thread %llu.", target_title(t, title),
		    (unsigned long long)tid);
	*ret = h;
	return NULL;
}

/* ---- for the caller ----------------------------------------------------------- */

struct thread_box {
	struct he_threads public; /* first: what the caller holds */
	struct arena texts;
};

void he_threads_free(struct he_threads *p)
{
	struct thread_box *b = (struct thread_box *)p;

	if (!b)
		return;
	arena_free(&b->texts);
	free(b);
}

static void copy(struct thread_box *b, const struct thread *from)
{
	b->public.v[b->public.n++] = (struct he_thread){
	    .tid = from->tid,
	    .state = from->state,
	    .signal = from->signal,
	    .cpu = from->cpu,
	    .kernel_state = from->kernel_state,
	    .name = arena_str(&b->texts, span_str(from->name)),
	};
}

struct he_error *he_threads(struct he_target *t, struct he_threads **ret)
{
	struct he_error *err = target_enter(t);
	const struct thread *leader;
	struct thread_box *b;

	if (err)
		return err;
	err = target_load_threads(t);
	if (err)
		return target_leave(t, err);
	b = calloc(1, sizeof(*b));
	if (b)
		b->public.v = arena_array(&b->texts, t->threads.n, sizeof(struct he_thread));
	if (!b || !b->public.v) {
		he_threads_free((struct he_threads *)b);
		return target_leave(t, he_error_new(E_NOMEM, "out of memory."));
	}
	/* The first thread first, whatever numbers the others got. */
	leader = threads_find(&t->threads, t->pid);
	if (leader)
		copy(b, leader);
	for (size_t i = 0; i < t->threads.n; i++)
		if (&t->threads.v[i] != leader)
			copy(b, &t->threads.v[i]);
	if (b->texts.bad) {
		he_threads_free(&b->public);
		return target_leave(t, he_error_new(E_NOMEM, "out of memory."));
	}
	*ret = &b->public;
	return target_leave(t, NULL);
}
