/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Programs and processes as LLDB begins with them: A, vAttachName, vAttachWait, and how it
 * ends them.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/rsp/rsp_launch.h"
#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"
#include "host/rsp/rsp_run.h"

enum {
	/* lldb-server's numbers */
	NOT_STARTED = 8,
	BAD_ENVIRONMENT = 12,
	NO_DIRECTORY = 14,
	ARGS_MAX = 4096,
	WAIT_MS = 50, /* between two looks for a process that is waited for */
};

/* A name that is waited for. */
struct lldb_wait {
	char *name;
	uint32_t *before; /* processes that had it then: not these */
	size_t n;
};

/* ---- launching --------------------------------------------------------------------- */

static void set_error(struct rsp_lldb *l, const char *text)
{
	free(l->launch_error);
	l->launch_error = text ? strdup(text) : NULL;
}

static void skip_blanks(struct rd *args)
{
	while (rsp_take_char(args, ' '))
		;
}

/* "length,index,hex" of each, lengths in digits of hex. NULL: args is bad, or no memory. */
static char **take_args(struct rd *args)
{
	char **v = calloc(ARGS_MAX + 1, sizeof(*v));
	size_t n = 0;

	while (v && !args->bad && args->left && n < ARGS_MAX) {
		struct rd word;
		struct span hex;
		uint64_t len;

		skip_blanks(args);
		len = rsp_take_dec(args);
		rsp_want_char(args, ',');
		rsp_take_dec(args);
		rsp_want_char(args, ',');
		hex = rd_span(args, len);
		if (args->left)
			rsp_want_char(args, ',');
		word = rd_init(hex.p, hex.n);
		v[n] = args->bad ? NULL : rsp_take_hexstr(&word, RSP_PACKET);
		args->bad |= !v[n] || !rd_done(&word);
		n++;
	}
	return v;
}

static void free_args(char **v)
{
	for (char **a = v; a && *a; a++)
		free(*a);
	free(v);
}

static void start(struct rsp *r)
{
	struct rsp_process *p;
	struct he_error *e = rsp_launch_start(r, &p);

	set_error(r->lldb, e ? e->message : NULL);
	if (e || !p)
		rsp_fail_errno(r, NOT_STARTED);
	else
		rsp_ok(r);
	he_error_free(e);
}

static void launch(struct rsp *r, struct rd *args)
{
	char **v;

	if (!rsp_lldb_on(r))
		return;
	v = take_args(args);
	if (!v || !v[0] || !rd_done(args))
		rsp_bad(r);
	else if (!rsp_launch_set_args(r->launch, (const char *const *)v))
		rsp_fail_errno(r, ENOMEM);
	else
		start(r);
	free_args(v);
}

/* The sentence itself, as a person reads it. */
static void launch_success(struct rsp *r, struct rd *args)
{
	(void)args;
	if (!rsp_lldb_on(r))
		return;
	if (!r->lldb->launch_error) {
		rsp_ok(r);
		return;
	}
	rsp_put_char(&r->reply, 'E');
	rsp_put_binary(&r->reply, r->lldb->launch_error, strlen(r->lldb->launch_error));
}

static void environment(struct rsp *r, struct rd *args)
{
	struct span s = rsp_take_rest(args);
	char *text = span_dup(s);

	if (!text || !strchr(text, '='))
		rsp_fail_errno(r, BAD_ENVIRONMENT);
	else if (!rsp_launch_set_env(r->launch, text))
		rsp_fail_errno(r, ENOMEM);
	else
		rsp_ok(r);
	free(text);
}

static void disable_aslr(struct rsp *r, struct rd *args)
{
	uint64_t off = rsp_take_dec(args);

	if (!rd_done(args)) {
		rsp_bad(r);
		return;
	}
	r->launch->randomize = !off;
	rsp_ok(r);
}

/* Where a program begins when nothing is said: on a box in the home of its user, which is
 * not known here. */
static void working_dir(struct rsp *r, struct rd *args)
{
	bool here = !r->launch->cwd && he_server_info(r->server)->local;
	char *own = here ? getcwd(NULL, 0) : NULL;
	const char *dir = r->launch->cwd ? r->launch->cwd : own;

	(void)args;
	if (dir)
		rsp_put_hexstr(&r->reply, dir);
	else
		rsp_fail_errno(r, NO_DIRECTORY);
	free(own);
}

/* A program has its architecture of itself. */
static void any_architecture(struct rsp *r, struct rd *args)
{
	rsp_take_rest(args);
	rsp_ok(r);
}

/* ---- attaching by name ---------------------------------------------------------------- */

void lldb_wait_free(struct lldb_wait *w)
{
	if (!w)
		return;
	free(w->name);
	free(w->before);
	free(w);
}

static bool has_name(const struct he_process *p, const char *name)
{
	const char *exe = p->exe ? p->exe : "", *slash = strrchr(exe, '/');

	if (name[0] == '/')
		return strcmp(exe, name) == 0;
	return !p->kernel_thread &&
	       (strcmp(slash ? slash + 1 : exe, name) == 0 || strcmp(p->comm, name) == 0);
}

static bool was_there(const struct lldb_wait *w, uint32_t pid)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->before[i] == pid)
			return true;
	return false;
}

static struct he_error *look(struct rsp *r, const struct lldb_wait *w, uint32_t *pid)
{
	struct he_processes *all;
	struct he_error *e = he_ps(r->server, w->name, &all);

	*pid = 0;
	if (e)
		return e;
	for (size_t i = 0; i < all->n; i++)
		if (has_name(&all->v[i], w->name) && !was_there(w, all->v[i].pid))
			*pid = all->v[i].pid;
	he_processes_free(all);
	return NULL;
}

static void attach(struct rsp *r, uint32_t pid)
{
	struct rsp_process *p = NULL;
	struct he_error *e = rsp_launch_attach(r, pid, &p);

	rsp_launch_reply(r, e, p);
}

/* The name in args; NULL: an error is the reply. */
static char *take_name(struct rsp *r, struct rd *args)
{
	char *name = rsp_take_hexstr(args, HE_PATH_MAX);

	if (name && *name && rd_done(args) && rsp_lldb_on(r))
		return name;
	free(name);
	rsp_bad(r);
	return NULL;
}

static void attach_name(struct rsp *r, struct rd *args)
{
	char *name = take_name(r, args);
	struct he_process found;
	struct he_error *e;

	if (!name)
		return;
	e = he_find_name(r->server, name, &found);
	free(name);
	if (e)
		rsp_fail(r, e);
	else
		attach(r, found.pid);
}

static struct he_error *note_present(struct rsp *r, struct lldb_wait *w)
{
	struct he_processes *all;
	struct he_error *e = he_ps(r->server, w->name, &all);

	if (e)
		return e;
	w->before = calloc(all->n + 1, sizeof(*w->before));
	for (size_t i = 0; w->before && i < all->n; i++)
		w->before[w->n++] = all->v[i].pid;
	he_processes_free(all);
	return NULL;
}

/* The next that has the name; present: or one that is there. */
static void wait_for(struct rsp *r, struct rd *args, bool present)
{
	char *name = take_name(r, args);
	struct he_error *e = NULL;
	struct lldb_wait *w;

	if (!name)
		return;
	w = calloc(1, sizeof(*w));
	if (!w) {
		free(name);
		rsp_fail_errno(r, ENOMEM);
		return;
	}
	w->name = name;
	if (!present)
		e = note_present(r, w);
	if (e) {
		lldb_wait_free(w);
		rsp_fail(r, e);
		return;
	}
	lldb_wait_free(r->lldb->wait);
	r->lldb->wait = w;
	rsp_later(r);
}

static void attach_wait(struct rsp *r, struct rd *args)
{
	wait_for(r, args, false);
}

static void attach_or_wait(struct rsp *r, struct rd *args)
{
	wait_for(r, args, true);
}

static int tick(struct rsp *r)
{
	struct lldb_wait *w = r->lldb ? r->lldb->wait : NULL;
	struct he_error *e;
	uint32_t pid;

	if (!w)
		return -1;
	e = look(r, w, &pid);
	if (!e && !pid)
		return WAIT_MS;
	r->lldb->wait = NULL;
	lldb_wait_free(w);
	buf_reset(&r->reply);
	if (e)
		rsp_fail(r, e);
	else
		attach(r, pid);
	rsp_send(r);
	return -1;
}

bool rsp_lldb_break(struct rsp *r)
{
	if (!r->lldb || !r->lldb->wait)
		return false;
	lldb_wait_free(r->lldb->wait);
	r->lldb->wait = NULL;
	buf_reset(&r->reply);
	rsp_fail_errno(r, EINTR);
	rsp_send(r);
	return true;
}

static void yes(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_ok(r);
}

/* ---- the end ------------------------------------------------------------------------- */

enum { KILLED = 9 };

static void end(struct rsp *r, struct rd *args)
{
	struct rsp_process *p = r->processes ? rsp_current(r) : NULL;

	(void)args;
	buf_reset(&r->reply);
	if (!p) {
		rsp_later(r); /* nothing to tell of */
		return;
	}
	rsp_launch_kill(r, p);
	rsp_putf(&r->reply, "X%02x", KILLED);
}

static const struct rsp_row rows[] = {
    {"A", RSP_PREFIX, launch, "lldb"},
    {"qLaunchSuccess", RSP_WHOLE, launch_success, "lldb"},
    {"QEnvironment:", RSP_PREFIX, environment, "lldb"},
    {"QSetDisableASLR:", RSP_PREFIX, disable_aslr, "lldb"},
    {"qGetWorkingDir", RSP_WHOLE, working_dir, "lldb"},
    {"QLaunchArch:", RSP_PREFIX, any_architecture, "lldb"},
    {"vAttachName;", RSP_PREFIX, attach_name, "lldb: process attach -n"},
    {"vAttachWait;", RSP_PREFIX, attach_wait, "lldb: process attach -n -w"},
    {"vAttachOrWait;", RSP_PREFIX, attach_or_wait, "lldb: process attach -n -w -i"},
    {"qVAttachOrWaitSupported", RSP_WHOLE, yes, "lldb"},
    {0},
};

static const struct rsp_row lldb[] = {
    {"k", RSP_PREFIX, end, "lldb"},
    {0},
};

const struct rsp_part rsp_part_lldb_launch = {
    .rows = rows,
    .lldb = lldb,
    .tick = tick,
};
