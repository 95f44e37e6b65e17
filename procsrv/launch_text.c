/* SPDX-License-Identifier: BSD-2-Clause */
#include "launch_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "handlers.h"
#include "launch.h"
#include "launch_spec.h"
#include "serve.h"
#include "tracer.h"

enum { LISTS = 2 /* arguments, environment */, TEXTS_MAX = 4 /* launches at once */ };

struct launch_text {
	struct launch_text *next;
	uint32_t handle;
	bool too_big; /* a part of it was refused: the launch must not go without */
	struct buf list[LISTS];
};

static struct launch_text *find(const struct tracer *t, uint32_t handle, unsigned *count)
{
	struct launch_text *x = t->launch_texts, *found = NULL;

	for (*count = 0; x; x = x->next, ++*count)
		if (x->handle == handle)
			found = x;
	return found;
}

static struct launch_text *add(struct tracer *t, uint32_t handle)
{
	struct launch_text *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->handle = handle;
	x->next = t->launch_texts;
	for (size_t i = 0; i < LISTS; i++)
		buf_init(&x->list[i], WIRE_LAUNCH_MAX);
	t->launch_texts = x;
	return x;
}

static void text_free(struct launch_text *x)
{
	for (size_t i = 0; i < LISTS; i++)
		buf_free(&x->list[i]);
	free(x);
}

void launch_text_drop(struct tracer *t, uint32_t handle)
{
	struct launch_text **at = &t->launch_texts, *x;

	while ((x = *at) && x->handle != handle)
		at = &x->next;
	if (!x)
		return;
	*at = x->next;
	text_free(x);
}

void launch_forget_texts(struct tracer *t)
{
	while (t->launch_texts)
		launch_text_drop(t, t->launch_texts->handle);
}

/* Of NUL-terminated strings only the last could lack its NUL. */
static bool terminated(struct span s)
{
	return !s.n || s.p[s.n - 1] == 0;
}

int on_launch_text(struct call *c)
{
	struct wire_launch_text m;
	struct launch_text *x;
	unsigned count;

	wire_decode_launch_text(c->body, &m);
	if (!c->h->target || m.list >= LISTS)
		return E_MALFORMED;
	if (c->target || launch_has_handle(c->tracer, c->h->target))
		return E_IN_USE;
	x = find(c->tracer, c->h->target, &count);
	if (!x && count >= TEXTS_MAX)
		return E_LIMIT;
	if (!x)
		x = add(c->tracer, c->h->target);
	if (!x)
		return E_NOMEM;
	if (x->list[0].len + x->list[1].len + m.data.n > WIRE_LAUNCH_MAX)
		x->too_big = true;
	else
		buf_raw(&x->list[m.list], m.data.p, m.data.n);
	if (x->too_big)
		return E_TOO_BIG;
	serve_ok(c->reply);
	return E_OK;
}

/* ---- the file ---------------------------------------------------------------------- */

static int write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t got = write(fd, p, n);

		if (got < 0)
			return errno;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

/* A list of the message behind what came ahead of it, both whole strings. */
static void join(struct buf *to, const struct launch_text *x, size_t list, struct span last)
{
	buf_init(to, WIRE_LAUNCH_MAX);
	if (x)
		buf_raw(to, x->list[list].p, x->list[list].len);
	buf_raw(to, last.p, last.n);
}

static uint32_t spec_flags(const struct call *c, const struct wire_launch *m)
{
	bool controls = m->flags & WIRE_LAUNCH_PTY && !(m->flags & WIRE_LAUNCH_APART);

	return (controls ? LAUNCH_TERMINAL : 0u) |
	       (m->flags & WIRE_LAUNCH_ASLR ? LAUNCH_ASLR : 0u) |
	       (m->flags & WIRE_LAUNCH_LOGIN ? LAUNCH_LOGIN : 0u) |
	       (c->tracer->session.greeted ? LAUNCH_SERVICE : 0u);
}

static int write_spec(int fd, const struct launch_spec *s, const struct wire_launch *m,
    const struct buf *args, const struct buf *env)
{
	int err = write_all(fd, s, sizeof(*s));

	err = err ? err : write_all(fd, m->program.p, m->program.n);
	err = err ? err : write_all(fd, "", 1);
	err = err ? err : write_all(fd, m->cwd.p, m->cwd.n);
	err = err ? err : write_all(fd, "", 1);
	err = err ? err : write_all(fd, args->p, args->len);
	return err ? err : write_all(fd, env->p, env->len);
}

static bool has_nul(struct span s)
{
	return s.n && memchr(s.p, 0, s.n);
}

static int make(struct call *c, const struct wire_launch *m, const struct buf *args,
    const struct buf *env, int *fd)
{
	struct launch_spec s = {.version = LAUNCH_VERSION,
	    .flags = spec_flags(c, m),
	    .program_n = m->program.n + 1,
	    .cwd_n = m->cwd.n + 1,
	    .args_n = (uint32_t)args->len,
	    .env_n = (uint32_t)env->len};
	int err;

	if (args->bad || env->bad)
		return E_NOMEM;
	if (!args->len || !terminated(span_buf(args)) || !terminated(span_buf(env)))
		return E_MALFORMED;
	*fd = memfd_create("procsrv-launch", MFD_CLOEXEC);
	err = *fd < 0 ? errno : write_spec(*fd, &s, m, args, env);
	return err ? fault_set(&c->fault, E_OS, err, 0) : E_OK;
}

int launch_spec_make(struct call *c, const struct wire_launch *m, int *fd)
{
	unsigned count;
	const struct launch_text *x = find(c->tracer, c->h->target, &count);
	struct buf args, env;
	int err;

	if (!m->program.n || has_nul(m->program) || has_nul(m->cwd))
		return E_MALFORMED;
	if (x && (x->too_big ||
		     x->list[0].len + x->list[1].len + m->args.n + m->env.n > WIRE_LAUNCH_MAX))
		return E_TOO_BIG;
	join(&args, x, 0, m->args);
	join(&env, x, 1, m->env);
	err = make(c, m, &args, &env, fd);
	buf_free(&args);
	buf_free(&env);
	return err;
}
