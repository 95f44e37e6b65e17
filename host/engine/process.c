/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The processes of a box: listing them, and finding the one that was meant.
 */
#include <stdlib.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

/* Arguments as the kernel keeps them, NUL-terminated, joined by blanks. */
static const char *join(struct arena *a, struct span args)
{
	char *p = arena_alloc(a, (size_t)args.n + 1);

	if (p && args.n)
		memcpy(p, args.p, args.n);
	for (uint32_t i = 0; p && i < args.n; i++)
		if (!p[i])
			p[i] = ' ';
	for (uint32_t n = args.n; p && n && p[n - 1] == ' '; n--)
		p[n - 1] = 0;
	return p;
}

bool process_copy(struct arena *a, struct he_process *to, const struct wire_rec_proc *r)
{
	*to = (struct he_process){
	    .pid = r->pid,
	    .ppid = r->ppid,
	    .uid = r->uid,
	    .gid = r->gid,
	    .threads = r->threads,
	    .tracer = r->tracer,
	    .start = r->start,
	    .state = (char)r->state,
	    .kernel_thread = r->kthread != 0,
	    .user = arena_str(a, r->user),
	    .unit = arena_str(a, r->unit),
	    .comm = arena_str(a, r->comm),
	    .exe = arena_str(a, r->exe),
	    .args = join(a, r->args),
	};
	return !a->bad;
}

enum { OWN_DEPTH = 8 }; /* processes from ours down to the last of a private procsrv */

/* ---- listing ---------------------------------------------------------------- */

struct process_list {
	struct he_processes public; /* first: what the caller holds */
	struct arena texts;
	size_t cap;
};

static bool add(struct process_list *l, const struct wire_rec_proc *r)
{
	if (l->public.n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct he_process *v = realloc(l->public.v, cap * sizeof(*v));

		if (!v)
			return false;
		l->public.v = v;
		l->cap = cap;
	}
	if (!process_copy(&l->texts, &l->public.v[l->public.n], r))
		return false;
	l->public.n++;
	return true;
}

static bool piece(void *arg, const struct wire_msg *m)
{
	struct process_list *l = arg;
	struct wire_processes q;
	struct wire_rec_proc r;

	if (!wire_decode_processes(m->body, &q))
		return false;
	l->public.truncated = q.more;
	while (wire_next_proc(&q.procs, &r))
		if (!add(l, &r))
			return false;
	return true;
}

void he_processes_free(struct he_processes *p)
{
	struct process_list *l = (struct process_list *)p;

	if (!l)
		return;
	arena_free(&l->texts);
	free(l->public.v);
	free(l);
}

/* Of a process of this machine; false when there is none. */
static bool own_stat(uint32_t pid, uint32_t *parent, uint64_t *start)
{
	unsigned long long began;
	char path[32], text[1024];
	const char *at = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	/* proc_pid_stat(5): the name before the last bracket may hold anything. */
	at = strrchr(text, ')');
	if (!at || sscanf(at,
		       ") %*c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		       "%*d %llu",
		       parent, &began) != 2)
		return false;
	*start = began;
	return true;
}

/* Is it us, or the procsrv that we have started to see this machine? */
static bool own(const struct he_server *s, const struct he_process *p)
{
	uint32_t child = s->local ? rpc_peer(s->rpc)->child : 0, parent, pid = p->pid;
	uint64_t start;

	/* Of another box it is not enough to have our number. */
	if (pid == (uint32_t)getpid())
		return own_stat(pid, &parent, &start) && start == p->start;
	for (int i = 0; child && pid != child && i < OWN_DEPTH; i++) {
		if (!own_stat(pid, &parent, &start))
			return false;
		pid = parent;
	}
	return child && pid == child;
}

static void leave_out_own(const struct he_server *s, struct he_processes *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (!own(s, &l->v[i]))
			l->v[n++] = l->v[i];
	l->n = n;
}

struct he_error *he_ps(struct he_server *s, const char *pattern, struct he_processes **ret)
{
	struct wire_ps q = {.pattern = span_str(pattern)};
	struct process_list *l = calloc(1, sizeof(*l));
	struct he_error *err;

	if (!l)
		return he_error_new(E_NOMEM, "out of memory.");
	err = rpc_each(rpc_ask_ps(s->rpc, 0, &q), piece, l);
	if (err) {
		he_processes_free(&l->public);
		return err;
	}
	if (pattern)
		leave_out_own(s, &l->public);
	*ret = &l->public;
	return NULL;
}

/* ---- finding one --------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool has_name(const struct he_process *p, const char *name)
{
	return strcmp(p->comm, name) == 0 || strcmp(base_name(p->exe), name) == 0;
}

static bool in_unit(const struct he_process *p, const char *unit)
{
	size_t n = strlen(unit);

	return strcmp(p->unit, unit) == 0 ||
	       (strncmp(p->unit, unit, n) == 0 && strcmp(p->unit + n, ".service") == 0);
}

/* Keep only what fits. */
static void filter(
    struct he_processes *l, bool (*fits)(const struct he_process *, const char *), const char *what)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (fits(&l->v[i], what))
			l->v[n++] = l->v[i];
	l->n = n;
}

/* Of a unit's processes those whose parent is not one of them. */
static void keep_main(struct he_processes *l)
{
	uint32_t *main_pid = calloc(l->n + 1, sizeof(*main_pid));
	size_t n = 0;

	for (size_t i = 0; main_pid && i < l->n; i++) {
		bool inner = false;

		for (size_t j = 0; j < l->n; j++)
			inner = inner || l->v[j].pid == l->v[i].ppid;
		main_pid[i] = !inner;
	}
	for (size_t i = 0; main_pid && i < l->n; i++)
		if (main_pid[i])
			l->v[n++] = l->v[i];
	if (main_pid)
		l->n = n;
	free(main_pid);
}

enum { LISTED = 6, LISTED_TEXT = 512 };

static struct he_error *ambiguous(
    struct he_server *s, const char *kind, const char *what, const struct he_processes *l)
{
	char text[LISTED_TEXT] = "", comm[64];
	size_t at = 0;

	for (size_t i = 0; i < l->n && i < LISTED && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u (%s)", i ? ", " : "",
		    l->v[i].pid,
		    log_escape(comm, sizeof(comm), l->v[i].comm, strlen(l->v[i].comm)));
	return he_error_new(E_LIMIT, "%s: %zu processes %s %s: %s%s; name one with -p.",
	    s->info.name, l->n, kind, what, text, l->n > LISTED ? ", …" : "");
}

/* The texts live as long as the server. */
static struct he_error *hand_out(
    struct he_server *s, const struct he_process *p, struct he_process *ret)
{
	struct arena *a = &s->texts;

	*ret = *p;
	ret->user = arena_str(a, span_str(p->user));
	ret->unit = arena_str(a, span_str(p->unit));
	ret->comm = arena_str(a, span_str(p->comm));
	ret->exe = arena_str(a, span_str(p->exe));
	ret->args = arena_str(a, span_str(p->args));
	return a->bad ? he_error_new(E_NOMEM, "out of memory.") : NULL;
}

struct search {
	bool (*fits)(const struct he_process *, const char *);
	void (*narrow)(struct he_processes *);
	const char *kind; /* "processes … NAME" */
	const char *none;
};

static struct he_error *find(
    struct he_server *s, const struct search *how, const char *what, struct he_process *ret)
{
	struct he_processes *l = NULL;
	struct he_error *err = he_ps(s, what, &l);

	if (!l)
		return err;
	filter(l, how->fits, what);
	if (how->narrow)
		how->narrow(l);
	if (l->n == 1)
		err = hand_out(s, &l->v[0], ret);
	else if (l->n)
		err = ambiguous(s, how->kind, what, l);
	else
		err = he_error_new(
		    E_NO_PROCESS, "%s: %s %s; see hdb -ps.", s->info.name, how->none, what);
	he_processes_free(l);
	return err;
}

struct he_error *he_find_name(struct he_server *s, const char *name, struct he_process *ret)
{
	static const struct search by_name = {
	    .fits = has_name, .kind = "are called", .none = "no process is called"};

	return find(s, &by_name, name, ret);
}

struct he_error *he_find_unit(struct he_server *s, const char *unit, struct he_process *ret)
{
	static const struct search by_unit = {.fits = in_unit,
	    .narrow = keep_main,
	    .kind = "are main processes of unit",
	    .none = "no process belongs to unit"};

	return find(s, &by_unit, unit, ret);
}
