/* SPDX-License-Identifier: BSD-2-Clause */
#include "session_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session_walk.h"

static int complain(char *why, size_t size)
{
	snprintf(why, size, "session directory: %s", strerror(errno));
	return -1;
}

/* All that live, and of those left over from dead guards as many as fit. */
enum { LISTED = 4 * SESSIONS_ALL };

struct list {
	int n;
	struct session_facts facts[LISTED];
};

static void list_one(int all, const struct session_facts *f, void *arg)
{
	struct list *l = arg;

	(void)all;
	if (l->n < (f->live ? LISTED : LISTED - SESSIONS_ALL))
		l->facts[l->n++] = *f;
}

/* The callers take their time, and print: nobody who makes or sweeps sessions has to
 * wait for that. */
int session_list(
    void (*each)(const struct session_facts *f, void *arg), void *arg, char *why, size_t size)
{
	struct list *l = malloc(sizeof(*l));
	int all = l ? session_lock_all(why, size) : complain(why, size), n = -1;

	if (all >= 0) {
		l->n = 0;
		n = session_walk(all, list_one, l) < 0 ? complain(why, size) : l->n;
		close(all);
	}
	for (int i = 0; i < n; i++)
		each(&l->facts[i], arg);
	free(l);
	return n;
}

struct sweep {
	bool (*keep)(int all, const char *id);
	int n;
};

static void sweep_one(int all, const struct session_facts *f, void *arg)
{
	struct sweep *s = arg;

	if (f->live || (s->keep && s->keep(all, f->id)))
		return;
	session_delete(all, f->id);
	s->n++;
}

int session_sweep(bool (*keep)(int all, const char *id), char *why, size_t size)
{
	struct sweep s = {.keep = keep};
	int all = session_lock_all(why, size);

	if (all < 0)
		return -1;
	if (session_walk(all, sweep_one, &s) < 0)
		s.n = complain(why, size);
	close(all);
	return s.n;
}
