/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_engine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/err.h"

enum { EVENTS = 8 };

struct he_server {
	struct he_engine *engine;
	struct he_server_info info;
	char name[64];
};

struct he_target {
	struct he_engine *engine;
	struct he_target *next;
	struct he_target_info info;
};

struct he_engine {
	struct he_config config;
	struct he_server *server;
	struct he_target *targets;
	unsigned last_number, prefetches, storm;
	int fd;
	volatile sig_atomic_t cancelled;
	struct he_event events[EVENTS];
	unsigned n_events;
};

/* SIGUSR1 makes the target get a signal: how a test makes something happen while hdb waits
 * at its prompt. */
static struct he_engine *signalled;
static volatile sig_atomic_t pending;

struct he_error *fake_error(int code, const char *fmt, ...)
{
	struct he_error *e = malloc(sizeof(*e) + 256);
	va_list ap;

	if (!e)
		abort();
	*e = (struct he_error){.code = code};
	va_start(ap, fmt);
	vsnprintf(e->message, 256, fmt, ap);
	va_end(ap);
	return e;
}

void he_error_free(struct he_error *e)
{
	free(e);
}

/* ---- engine and server --------------------------------------------------------- */

static void wake(struct he_engine *e)
{
	uint64_t one = 1;

	if (write(e->fd, &one, sizeof(one)) < 0)
		abort();
}

static void on_usr1(int sig)
{
	(void)sig;
	pending = 1;
	wake(signalled);
}

struct he_error *he_new(const struct he_config *config, struct he_engine **ret)
{
	struct he_engine *e = calloc(1, sizeof(*e));

	if (!e)
		abort();
	e->config = *config;
	e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	signalled = e;
	signal(SIGUSR1, on_usr1);
	*ret = e;
	return NULL;
}

void he_free(struct he_engine *e)
{
	if (!e)
		return;
	he_disconnect(e->server);
	while (e->targets)
		he_detach(e->targets);
	close(e->fd);
	free(e);
}

void he_cancel(struct he_engine *e)
{
	e->cancelled = 1;
	wake(e);
}

struct he_error *he_connect(struct he_engine *e, const char *transport, struct he_server **ret)
{
	struct he_server *s;

	if (transport && strcmp(transport, "garbled") == 0)
		return fake_error(E_MALFORMED, "garbled:7000: a message that cannot be read.");
	if (transport && strcmp(transport, "closed") == 0)
		return fake_error(
		    E_LOST, "closed:7000: connection refused. Is procsrv running there?");
	if (transport && strcmp(transport, "strange") == 0 &&
	    (!e->config.ask ||
		!e->config.ask(e->config.arg, "strange:7000 shows key SHA256:x, never seen before. "
					      "Trust it (yes/no)?")))
		return fake_error(E_NO_KEY, "strange:7000: its key is not known.");
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->engine = e;
	snprintf(s->name, sizeof(s->name), "%s", transport ? transport : "this machine");
	s->info = (struct he_server_info){.name = s->name,
	    .build = "procsrv 0.1",
	    .os = "Linux 6.1",
	    .machine = "x86_64",
	    .host = "box",
	    .user = "alice",
	    .key = transport ? "SHA256:x" : NULL,
	    .uid = 1000,
	    .rights = HE_RIGHT_LOOK | HE_RIGHT_STOP,
	    .yama = -1};
	e->server = s;
	*ret = s;
	return NULL;
}

const struct he_server_info *he_server_info(const struct he_server *s)
{
	return &s->info;
}

void he_disconnect(struct he_server *s)
{
	if (!s)
		return;
	while (s->engine->targets)
		he_detach(s->engine->targets);
	s->engine->server = NULL;
	free(s);
}

struct he_error *he_keygen(
    struct he_engine *e, const char *path, const char *passphrase, char **fingerprint, char **file)
{
	(void)e;
	(void)passphrase;
	*fingerprint = strdup("SHA256:abc");
	*file = strdup(path ? path : "/home/alice/.config/hdb/key.pem");
	return NULL;
}

struct he_error *he_sign(
    struct he_engine *e, const char *path, const struct he_grant *what, char **text)
{
	(void)e;
	(void)path;
	(void)what;
	*text = strdup("a grant\n");
	return NULL;
}

struct he_error *he_trust(
    struct he_engine *e, const char *box, const char *fingerprint, bool replace)
{
	(void)e;
	(void)box;
	(void)replace;
	return strncmp(fingerprint, "SHA256:", 7) == 0
		   ? NULL
		   : fake_error(E_MALFORMED, "%s is not a fingerprint.", fingerprint);
}

/* ---- processes ------------------------------------------------------------------- */

static const struct he_process processes[] = {
    {.pid = 2,
	.threads = 1,
	.start = 9,
	.state = 'S',
	.kernel_thread = true,
	.user = "root",
	.unit = "",
	.comm = "kthreadd",
	.exe = "",
	.args = ""},
    {.pid = FAKE_PID,
	.ppid = 1,
	.uid = 111,
	.threads = 3,
	.start = 77,
	.state = 'S',
	.user = "redis",
	.unit = "redis.service",
	.comm = "redis-server",
	.exe = "/usr/bin/redis-server",
	.args = "/usr/bin/redis-server 127.0.0.1:6379"},
    {.pid = 4250,
	.ppid = 1,
	.uid = 1000,
	.threads = 1,
	.start = 78,
	.state = 'R',
	.user = "alice",
	.unit = "",
	.comm = "ev\033[31mil\n",
	.exe = "/tmp/\377evil",
	.args = "\033]0;owned\007 \xff\xfe \xe2\x80\xae"
		"drowssap"},
};

enum { PROCESSES = sizeof(processes) / sizeof(processes[0]) };

struct he_error *he_ps(struct he_server *s, const char *pattern, struct he_processes **ret)
{
	struct he_processes *p = calloc(1, sizeof(*p));

	(void)s;
	if (!p || !(p->v = calloc(PROCESSES, sizeof(*p->v))))
		abort();
	for (size_t i = 0; i < PROCESSES; i++)
		if (!pattern || strstr(processes[i].comm, pattern))
			p->v[p->n++] = processes[i];
	p->truncated = pattern ? 0 : 7;
	*ret = p;
	return NULL;
}

void he_processes_free(struct he_processes *p)
{
	if (p)
		free(p->v);
	free(p);
}

struct he_error *he_find_name(struct he_server *s, const char *name, struct he_process *ret)
{
	(void)s;
	for (size_t i = 0; i < PROCESSES; i++)
		if (strcmp(processes[i].comm, name) == 0) {
			*ret = processes[i];
			return NULL;
		}
	return fake_error(E_NO_PROCESS, "box: no process is called %s.", name);
}

struct he_error *he_find_unit(struct he_server *s, const char *unit, struct he_process *ret)
{
	if (strncmp(unit, "redis", 5) != 0)
		return fake_error(E_NO_PROCESS, "box: no process runs in %s.", unit);
	return he_find_name(s, "redis-server", ret);
}

/* ---- targets ------------------------------------------------------------------------ */

static struct he_target *target_new(struct he_server *s, enum he_state state)
{
	struct he_target *t = calloc(1, sizeof(*t)), **end = &s->engine->targets;

	if (!t)
		abort();
	t->engine = s->engine;
	t->info = (struct he_target_info){.number = ++s->engine->last_number,
	    .state = state,
	    .server = s,
	    .pid = FAKE_PID,
	    .start = 77,
	    .comm = "redis-server",
	    .exe = "/usr/bin/redis-server",
	    .stopped_ns = state == HE_FROZEN ? 1812345 : 0};
	while (*end)
		end = &(*end)->next;
	*end = t;
	return t;
}

struct he_engine *fake_engine_of(const struct he_target *t)
{
	return t->engine;
}

struct he_error *he_attach(
    struct he_server *s, uint32_t pid, uint64_t start, enum he_how how, struct he_target **ret)
{
	static const enum he_state state[] = {
	    [HE_STOP] = HE_STOPPED, [HE_RUN] = HE_RUNNING, [HE_LOOK] = HE_LOOKING};

	(void)start;
	if (pid != FAKE_PID)
		return fake_error(E_NO_PROCESS, "box: there is no process %u.", pid);
	*ret = target_new(s, state[how]);
	return NULL;
}

struct he_error *he_detach(struct he_target *t)
{
	struct he_target **p = &t->engine->targets;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	free(t);
	return NULL;
}

struct he_error *he_snapshot(struct he_server *s, uint32_t pid, uint64_t start, uint32_t window,
    uint64_t total, struct he_target **ret)
{
	(void)start;
	(void)window;
	(void)total;
	if (pid != FAKE_PID)
		return fake_error(E_NO_PROCESS, "box: there is no process %u.", pid);
	*ret = target_new(s, HE_FROZEN);
	return NULL;
}

void he_target_info(const struct he_target *t, struct he_target_info *ret)
{
	*ret = t->info;
}

struct he_target *he_target_next(struct he_engine *e, const struct he_target *after)
{
	return after ? after->next : e->targets;
}

struct he_error *he_threads(struct he_target *t, struct he_threads **ret)
{
	static const char *const names[] = {"redis-server", "bio_close_file", "ev\033[2Jil"};
	/* Not in order of number: the main thread is not the first. */
	static const unsigned order[] = {1, 0, 2};
	struct he_threads *p = calloc(1, sizeof(*p));

	if (!p || !(p->v = calloc(3, sizeof(*p->v))))
		abort();
	for (p->n = 0; p->n < 3; p->n++)
		p->v[p->n] = (struct he_thread){.tid = FAKE_PID + order[p->n],
		    .state = t->info.state == HE_RUNNING ? HE_T_RUNNING : HE_T_STOPPED,
		    .kernel_state = 't',
		    .name = names[order[p->n]]};
	*ret = p;
	return NULL;
}

void he_threads_free(struct he_threads *p)
{
	if (p)
		free(p->v);
	free(p);
}

struct he_error *he_continue(struct he_target *t, uint64_t tid)
{
	(void)tid;
	t->info.state = HE_RUNNING;
	return NULL;
}

struct he_error *he_interrupt(struct he_target *t, uint64_t tid)
{
	(void)tid;
	fake_happens(t->engine, HE_E_STOPPED, 0, 0);
	return NULL;
}

void fake_happens(struct he_engine *e, enum he_event_kind kind, uint32_t sig, int status)
{
	if (e->n_events == EVENTS || !e->targets)
		abort();
	e->events[e->n_events++] = (struct he_event){.kind = kind,
	    .target = kind == HE_E_LINK_LOST ? NULL : e->targets,
	    .server = e->server,
	    .tid = FAKE_PID + 1,
	    .signal = sig,
	    .status = status,
	    .text = "no answer for 15 s"};
	wake(e);
}

unsigned fake_storm(struct he_engine *e, unsigned n)
{
	unsigned left = e->storm;

	e->storm = n;
	return left;
}

/* The state the target has once this is known. */
static void take_effect(const struct he_event *ev)
{
	if (ev->kind == HE_E_STOPPED)
		ev->target->info.state = HE_STOPPED;
	if (ev->kind == HE_E_EXITED || ev->kind == HE_E_RELEASED) {
		ev->target->info.state = HE_GONE;
		ev->target->info.exit_status = ev->status;
	}
	if (ev->kind == HE_E_LINK_LOST)
		for (struct he_target *t = ev->server->engine->targets; t; t = t->next) {
			if (t->info.state == HE_FROZEN)
				continue;
			t->info.lost = t->info.state != HE_GONE;
			t->info.state = HE_GONE;
		}
}

struct he_error *he_wait(struct he_engine *e, int timeout_ms, struct he_event *ret)
{
	struct pollfd p = {.fd = e->fd, .events = POLLIN};
	uint64_t count;

	*ret = (struct he_event){.kind = HE_E_NONE};
	if (e->storm && !e->n_events) {
		e->storm--;
		fake_happens(e, HE_E_SIGNALLED, SIGUSR2, 0);
	}
	while (!e->n_events && !e->cancelled && !pending && timeout_ms)
		poll(&p, 1, timeout_ms);
	if (pending && e->targets)
		fake_happens(e, HE_E_SIGNALLED, SIGUSR1, 0);
	pending = 0;
	if (e->cancelled || !e->n_events) {
		e->cancelled = 0;
	} else {
		*ret = e->events[0];
		memmove(e->events, e->events + 1, --e->n_events * sizeof(e->events[0]));
		take_effect(ret);
	}
	if (!e->n_events && read(e->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		abort();
	return NULL;
}

int he_event_fd(struct he_engine *e)
{
	return e->fd;
}

struct he_error *he_prefetch_stacks(struct he_target *t)
{
	t->engine->prefetches++;
	return NULL;
}

unsigned fake_prefetches(const struct he_engine *e)
{
	return e->prefetches;
}

/* ---- facts ---------------------------------------------------------------------------------- */

struct he_error *he_facts(struct he_target *t, unsigned what, struct he_facts **ret)
{
	static struct he_mapping maps[] = {{0x400000, 0x500000, 0x1000, 1, 2, 5, FAKE_EXE, "bb"},
	    {0x7ff0, 0x7ff8, 0, 0, 0, 3, "", NULL}};
	static char home[] = "HOME=/\033[2J", *environment[] = {home, NULL};
	struct he_facts *f = calloc(1, sizeof(*f));

	(void)t;
	if (!f || !(f->auxv = calloc(2, sizeof(*f->auxv))))
		abort();
	f->process = processes[1];
	f->cwd = "/var/lib/redis";
	f->root = "/";
	f->status = "Name:\tredis-server\nState:\tt\033[2J\n";
	f->user_name = "redis";
	f->maps = maps;
	f->n_maps = what & HE_FACTS_MAPS ? 2 : 0;
	f->environ = what & HE_FACTS_ENVIRON ? environment : NULL;
	f->auxv[0].type = 6;
	f->auxv[0].value = 4096;
	f->auxv[1].type = 9999;
	f->auxv[1].value = 16;
	f->n_auxv = what & HE_FACTS_AUXV ? 2 : 0;
	*ret = f;
	return NULL;
}

void he_facts_free(struct he_facts *f)
{
	if (f)
		free(f->auxv);
	free(f);
}
