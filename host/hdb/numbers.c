/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/numbers.h"

#include <stdlib.h>

struct number {
	uint64_t tid;
	unsigned no;
};

struct numbers {
	struct numbers *next;
	unsigned target, last;
	struct number *v; /* by tid */
	size_t n;
};

static int by_tid(const void *a, const void *b)
{
	uint64_t x = ((const struct number *)a)->tid, y = ((const struct number *)b)->tid;

	return x < y ? -1 : x > y;
}

static struct numbers *find(const struct numbers *all, unsigned target)
{
	while (all && all->target != target)
		all = all->next;
	return (struct numbers *)all;
}

static const struct number *look_up(const struct numbers *p, uint64_t tid)
{
	struct number key = {.tid = tid};

	return p && p->n ? bsearch(&key, p->v, p->n, sizeof(key), by_tid) : NULL;
}

/* Threads that p does not know yet, appended behind its n. */
static size_t append_new(struct numbers *p, uint64_t main, const struct he_threads *t)
{
	size_t n = p->n;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < t->n; i++)
			if ((t->v[i].tid == main) == (pass == 0) && !look_up(p, t->v[i].tid))
				p->v[n++] = (struct number){t->v[i].tid, ++p->last};
	return n;
}

void numbers_see(struct numbers **all, unsigned target, uint64_t main, const struct he_threads *t)
{
	struct numbers *p = find(*all, target);
	struct number *v;

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return;
		p->target = target;
		p->next = *all;
		*all = p;
	}
	v = reallocarray(p->v, p->n + t->n + 1, sizeof(*v));
	if (!v)
		return;
	p->v = v;
	p->n = append_new(p, main, t);
	qsort(p->v, p->n, sizeof(*p->v), by_tid);
}

unsigned numbers_of(const struct numbers *all, unsigned target, uint64_t tid)
{
	const struct number *n = look_up(find(all, target), tid);

	return n ? n->no : 0;
}

void numbers_forget(struct numbers **all, unsigned target)
{
	for (struct numbers **p = all; *p; p = &(*p)->next) {
		struct numbers *gone = *p;

		if (gone->target != target)
			continue;
		*p = gone->next;
		free(gone->v);
		free(gone);
		return;
	}
}

void numbers_free(struct numbers *all)
{
	while (all)
		numbers_forget(&all, all->target);
}
