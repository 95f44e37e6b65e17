/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_launch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "host/rsp/rsp_run.h"
#include "host/rsp/rsp_terminal.h"

extern char **environ;

enum { KILL_MS = 100, KILL_TRIES = 100 };

/* ---- words ------------------------------------------------------------------------- */

static size_t count(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static void words_free(char **v)
{
	for (char **w = v; w && *w; w++)
		free(*w);
	free(v);
}

static bool append(char ***v, const char *text)
{
	size_t n = count(*v);
	char **more = reallocarray(*v, n + 2, sizeof(*more));

	if (!more)
		return false;
	*v = more;
	more[n] = strdup(text);
	more[n + 1] = NULL;
	return more[n] != NULL;
}

/* In the place of what has the same name. */
static bool set_env(char ***v, const char *text)
{
	size_t n = strcspn(text, "=");

	for (char **e = *v; e && *e; e++) {
		char *copy;

		if (strcspn(*e, "=") != n || strncmp(*e, text, n) != 0)
			continue;
		copy = strdup(text);
		if (!copy)
			return false;
		free(*e);
		*e = copy;
		return true;
	}
	return append(v, text);
}

struct rsp_launch *rsp_launch_new(void)
{
	return calloc(1, sizeof(struct rsp_launch));
}

void rsp_launch_free(struct rsp_launch *l)
{
	if (!l)
		return;
	words_free(l->args);
	words_free(l->env);
	free(l->cwd);
	free(l);
}

bool rsp_launch_set_args(struct rsp_launch *l, const char *const *args)
{
	char **copy = NULL;
	bool whole = true;

	for (; *args && whole; args++)
		whole = append(&copy, *args);
	if (!whole) {
		words_free(copy);
		return false;
	}
	words_free(l->args);
	l->args = copy;
	return true;
}

bool rsp_launch_set_env(struct rsp_launch *l, const char *text)
{
	return set_env(&l->env, text);
}

void rsp_launch_clear_env(struct rsp_launch *l)
{
	words_free(l->env);
	l->env = NULL;
}

/* ---- starting ------------------------------------------------------------------------- */

/* On this machine it gets our environment, with the changes; on a box what a login gives,
 * with the changes, which are for the box to make. */
static char **environment(const struct rsp_launch *l, bool local)
{
	char **v = calloc(1, sizeof(*v)), **to;
	bool whole = v != NULL;

	for (char **e = environ; local && *e && whole; e++)
		whole = append(&v, *e);
	for (char **e = l->env; e && *e && whole; e++)
		whole = set_env(&v, *e);
	if (!whole) {
		words_free(v);
		return NULL;
	}
	to = v;
	for (char **e = v; *e; e++)
		if (!local || strchr(*e, '='))
			*to++ = *e;
		else
			free(*e);
	*to = NULL;
	return v;
}

/* A name alone is the file of that name where we are, if there is one, as with gdbserver; else
 * it is looked for as a shell does. */
static void find_here(struct rsp_launch *l)
{
	struct stat st;
	char *path;

	if (!l->args || strchr(l->args[0], '/') || stat(l->args[0], &st) != 0 ||
	    !S_ISREG(st.st_mode))
		return;
	path = realpath(l->args[0], NULL);
	if (!path)
		return;
	free(l->args[0]);
	l->args[0] = path;
}

/* All words there are. */
static char **wrapped(const struct rsp_launch *l)
{
	size_t n = count(l->args);
	char **v = l->n_wrapper ? calloc(l->n_wrapper + n + 1, sizeof(*v)) : NULL;

	if (!v)
		return l->args;
	memcpy(v, l->wrapper, l->n_wrapper * sizeof(*v));
	memcpy(v + l->n_wrapper, l->args, n * sizeof(*v));
	return v;
}

static struct he_error *launch(struct rsp *r, struct he_target **ret)
{
	struct rsp_launch *l = r->launch;
	bool local = he_server_info(r->server)->local;
	char *here = local && !l->cwd ? getcwd(NULL, 0) : NULL;
	char **env = environment(l, local), **words = wrapped(l);
	struct he_launch q = {.program = words[0],
	    .args = (const char *const *)words,
	    .wrappers = l->n_wrapper ? 1 : 0,
	    .env = (const char *const *)env,
	    .env_adds = !local,
	    .randomize = l->randomize,
	    .cwd = l->cwd ? l->cwd : here};
	struct he_error *e;

	rsp_terminal_ask(r, &q);
	e = he_launch(r->server, &q, ret);
	words_free(env);
	if (words != l->args)
		free(words);
	free(here);
	return e;
}

/* In the list, with what the debugger asked for; on failure the process is gone again. */
static bool adopt(struct rsp *r, struct he_target *t, bool attached, struct rsp_process **ret)
{
	struct rsp_process *p = rsp_process_add(r, t, attached);

	if (!p)
		return false;
	rsp_run_adopt(r, p);
	r->general = (struct rsp_id){p->pid, (int64_t)rsp_first_thread(p)};
	*ret = p;
	return true;
}

struct he_error *rsp_launch_start(struct rsp *r, struct rsp_process **ret)
{
	struct he_target *t;
	struct he_error *e;

	if (he_server_info(r->server)->local)
		find_here(r->launch);
	e = launch(r, &t);
	if (e)
		return e;
	*ret = NULL;
	if (adopt(r, t, false, ret))
		rsp_terminal_begin(r, *ret);
	return NULL;
}

struct he_error *rsp_launch_attach(struct rsp *r, uint32_t pid, struct rsp_process **ret)
{
	struct he_target *t;
	struct he_error *e = he_attach(r->server, pid, 0, HE_STOP, &t);

	if (e)
		return e;
	*ret = NULL;
	adopt(r, t, true, ret);
	return NULL;
}

void rsp_launch_reply(struct rsp *r, struct he_error *e, struct rsp_process *p)
{
	if (e)
		rsp_fail(r, e);
	else if (!p)
		rsp_fail_errno(r, ENOMEM);
	else
		rsp_run_stands(r, p);
}

void rsp_launch_kill(struct rsp *r, struct rsp_process *p)
{
	struct he_error *e = rsp_gone(p) ? NULL : he_kill(p->t);

	for (int i = 0; i < KILL_TRIES && !e && !rsp_gone(p); i++) {
		struct he_event ev = {0};

		e = he_wait(r->engine, KILL_MS, &ev);
		if (!e)
			rsp_event(r, &ev);
	}
	he_error_free(e);
	rsp_process_remove(r, p, false);
}
