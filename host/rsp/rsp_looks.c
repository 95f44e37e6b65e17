/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_looks.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOKS_MAX = 256 };

struct look {
	char *path;
	struct he_root root;  /* where it was looked for */
	uint64_t at_ms;       /* 0: nothing is known */
	struct he_error *err; /* why, for whoever has just asked */
	struct he_file_stat st;
	uint8_t head[CACHE_HEAD];
	size_t got;
};

struct rsp_looks {
	struct look *v[LOOKS_MAX];
	size_t n;
};

struct rsp_looks *rsp_looks_new(void)
{
	return calloc(1, sizeof(struct rsp_looks));
}

void rsp_looks_free(struct rsp_looks *l)
{
	for (size_t i = 0; l && i < l->n; i++) {
		he_error_free(l->v[i]->err);
		free(l->v[i]->path);
		free(l->v[i]);
	}
	free(l);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 + 1;
}

static struct look *find(struct rsp_looks *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i]->path, path) == 0)
			return l->v[i];
	return NULL;
}

void rsp_looks_expect(struct rsp_looks *l, const char *path)
{
	struct look *new;

	if (*path != '/' || l->n == LOOKS_MAX || find(l, path))
		return;
	new = calloc(1, sizeof(*new));
	if (new)
		new->path = strdup(path);
	if (new &&new->path)
		l->v[l->n++] = new;
	else
		free(new);
}

void rsp_looks_forget(struct rsp_looks *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i]->at_ms = 0;
}

static bool is_fresh(const struct look *k, const struct he_root *root, uint64_t now)
{
	return k->at_ms && now - k->at_ms <= LOOKS_FRESH_MS && k->root.server == root->server &&
	       k->root.pid == root->pid && k->root.start == root->start;
}

static void note(struct look *k, const struct he_root *root, const struct he_file_opening *o)
{
	he_error_free(k->err);
	k->err = o->err;
	k->root = *root;
	k->st = o->st;
	k->got = o->got;
	k->at_ms = o->err ? 0 : now_ms();
}

static void fetch(struct rsp_looks *l, const struct he_root *root, uint64_t now)
{
	struct he_file_opening *v = calloc(l->n, sizeof(*v));
	struct look *of[LOOKS_MAX];
	size_t n = 0;

	for (size_t i = 0; v && i < l->n; i++) {
		struct look *k = l->v[i];

		if (is_fresh(k, root, now))
			continue;
		k->at_ms = 0;
		v[n] =
		    (struct he_file_opening){.path = k->path, .head = k->head, .len = CACHE_HEAD};
		of[n++] = k;
	}
	if (n)
		he_file_open_all(root, v, n);
	for (size_t i = 0; i < n; i++)
		note(of[i], root, &v[i]);
	free(v);
}

struct he_error *rsp_looks_open(struct rsp_looks *l, const struct he_root *root, const char *path,
    struct he_file_stat *ret, void *head, size_t *got)
{
	struct look *k = find(l, path);
	uint64_t now = now_ms();

	struct he_error *err;

	if (k && !is_fresh(k, root, now))
		fetch(l, root, now);
	err = k ? k->err : NULL;
	if (err) {
		k->err = NULL;
		return err;
	}
	/* Or there was no memory to fetch it. */
	if (!k || !k->at_ms)
		return he_file_open(root, path, ret, head, CACHE_HEAD, got);
	*ret = k->st;
	*got = k->got;
	memcpy(head, k->head, k->got);
	return NULL;
}
