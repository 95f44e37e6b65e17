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

static struct he_error *error(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static struct he_error *error(int code, const char *fmt, ...)
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
		return error(E_MALFORMED, "garbled:7000: a message that cannot be read.");
	if (transport && strcmp(transport, "closed") == 0)
		return error(E_LOST, "closed:7000: connection refused. Is procsrv running there?");
	if (transport && strcmp(transport, "strange") == 0 &&
	    (!e->config.ask ||
		!e->config.ask(e->config.arg, "strange:7000 shows key SHA256:x, never seen before. "
					      "Trust it (yes/no)?")))
		return error(E_NO_KEY, "strange:7000: its key is not known.");
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
		   : error(E_MALFORMED, "%s is not a fingerprint.", fingerprint);
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
	return error(E_NO_PROCESS, "box: no process is called %s.", name);
}

struct he_error *he_find_unit(struct he_server *s, const char *unit, struct he_process *ret)
{
	if (strncmp(unit, "redis", 5) != 0)
		return error(E_NO_PROCESS, "box: no process runs in %s.", unit);
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
		return error(E_NO_PROCESS, "box: there is no process %u.", pid);
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
		return error(E_NO_PROCESS, "box: there is no process %u.", pid);
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

/* ---- memory and registers --------------------------------------------------------------- */

struct he_error *he_read(struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got)
{
	uint8_t memory[64] = "hello";
	struct he_error *e;

	(void)t;
	for (uint8_t i = 6; i < sizeof(memory); i++)
		memory[i] = i;
	*got = 0;
	if (addr >= FAKE_MEMORY && addr < FAKE_MEMORY + sizeof(memory)) {
		size_t there = FAKE_MEMORY + sizeof(memory) - addr;

		*got = len < there ? len : there;
		memcpy(buf, memory + (addr - FAKE_MEMORY), *got);
	}
	if (*got == len)
		return NULL;
	e = error(E_FAULT, "memory at 0x%llx cannot be read.", (unsigned long long)(addr + *got));
	e->addr = addr + *got;
	return e;
}

struct he_error *he_registers(
    struct he_target *t, uint64_t tid, unsigned frame, struct he_registers **ret)
{
	static const struct he_register all[] = {
	    {"rip", "general", 64, {0x10, 0x10, 0x40, [7] = 0}},
	    {"rsp", "general", 64, {0x00, 0x10, [7] = 0}},
	    {"eflags", "general", 32, {0x46, 0x02, 0, 0}},
	    {"rax", "general", 64, {0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
	    {"xmm0", "vector", 128, {1, 2, [15] = 0xf0}},
	};
	size_t n = frame ? 2 : sizeof(all) / sizeof(all[0]);
	struct he_registers *r = calloc(1, sizeof(*r));

	(void)t;
	(void)tid;
	if (!r || !(r->v = calloc(n, sizeof(*r->v))))
		abort();
	memcpy(r->v, all, n * sizeof(all[0]));
	r->v[0].value[1] = (uint8_t)(r->v[0].value[1] + frame);
	r->n = n;
	*ret = r;
	return NULL;
}

void he_registers_free(struct he_registers *p)
{
	if (p)
		free(p->v);
	free(p);
}

/* ---- symbols ------------------------------------------------------------------------------ */

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"
#define EXE "/usr/bin/redis-server"

static const struct he_frame main_frames[] = {
    {.pc = 0x7f0000001010, .function = "epoll_wait", .module = LIBC, .build_id = "aa"},
    {.pc = 0x401204,
	.inlined = true,
	.function = "aeApiPoll",
	.file = "ae_epoll.c",
	.line = 113,
	.module = EXE},
    {.pc = 0x401204, .function = "aeProcessEvents", .file = "ae.c", .line = 404, .module = EXE},
    {.pc = 0x401010, .function = "main", .file = "server.c", .line = 12, .module = EXE},
};
static const struct he_frame bio_frames[] = {
    {.pc = 0x7f0000002020, .function = "on_alarm", .module = EXE},
    {.pc = 0x7f0000003030, .signal = true, .module = LIBC},
    {.pc = 0x7f0000004040, .module = LIBC},
};
static const struct he_frame evil_frames[] = {
    {.pc = 0x10, .function = "\033[2Jgotcha", .module = "/tmp/\nlib"},
};

static const struct {
	const struct he_frame *v;
	size_t n;
	enum he_end end;
	const char *text;
} stacks[] = {
    {main_frames, 4, HE_END_OUTERMOST, "outermost"},
    {bio_frames, 3, HE_END_NO_CFI, "no unwind information for 0x7f0000004040"},
    {evil_frames, 1, HE_END_FAULT, "memory at 0x10\033 cannot be read"},
};

struct he_error *he_backtrace(
    struct he_target *t, uint64_t tid, unsigned max, struct he_stack **ret)
{
	size_t which = tid - FAKE_PID, physical = 0;
	struct he_stack *s;

	(void)t;
	if (which >= 3)
		return error(E_NO_THREAD, "box: no thread %llu.", (unsigned long long)tid);
	s = calloc(1, sizeof(*s));
	if (!s || !(s->v = calloc(stacks[which].n, sizeof(*s->v))))
		abort();
	s->end = stacks[which].end;
	for (; s->n < stacks[which].n; s->n++) {
		if (max && physical == max) {
			s->end = HE_END_MAX;
			break;
		}
		s->v[s->n] = stacks[which].v[s->n];
		physical += !s->v[s->n].inlined;
	}
	s->end_text = strdup(s->end == HE_END_MAX ? "as many as asked for" : stacks[which].text);
	*ret = s;
	return NULL;
}

void he_stack_free(struct he_stack *s)
{
	if (!s)
		return;
	free(s->v);
	free(s->end_text);
	free(s);
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

struct he_error *he_modules(struct he_target *t, struct he_modules **ret)
{
	static const struct he_module all[] = {
	    {0x400000, 0x500000, EXE, "bb", "debug file /usr/lib/debug/x", true},
	    {0x7f0000000000, 0x7f0000100000, LIBC, "aa", "local file " LIBC, false},
	    {0x7f0000200000, 0x7f0000300000, "/tmp/\033lib", NULL, "none: no such file", false},
	};
	struct he_modules *m = calloc(1, sizeof(*m));

	(void)t;
	if (!m || !(m->v = calloc(3, sizeof(*m->v))))
		abort();
	memcpy(m->v, all, sizeof(all));
	m->n = 3;
	*ret = m;
	return NULL;
}

void he_modules_free(struct he_modules *p)
{
	if (p)
		free(p->v);
	free(p);
}

static const struct {
	const char *name;
	uint64_t addr, size;
	bool function;
} symbols[] = {{"table", FAKE_MEMORY, 64, false}, {"main", FAKE_MAIN, 64, true},
    {"ns::f(int)", 0x402000, 16, true}};

static struct he_error *symbol(size_t i, struct he_symbol **ret)
{
	struct he_symbol *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	*s = (struct he_symbol){.name = strdup(symbols[i].name),
	    .addr = symbols[i].addr,
	    .size = symbols[i].size,
	    .module = strdup(EXE),
	    .function = symbols[i].function};
	*ret = s;
	return NULL;
}

struct he_error *he_symbol_at(struct he_target *t, uint64_t addr, struct he_symbol **ret)
{
	(void)t;
	for (size_t i = 0; i < 3; i++)
		if (addr >= symbols[i].addr && addr < symbols[i].addr + symbols[i].size)
			return symbol(i, ret);
	return error(E_NO_FILE, "no symbol at 0x%llx.", (unsigned long long)addr);
}

struct he_error *he_symbol_named(struct he_target *t, const char *name, struct he_symbol **ret)
{
	(void)t;
	for (size_t i = 0; i < 3; i++)
		if (strcmp(symbols[i].name, name) == 0)
			return symbol(i, ret);
	return error(E_NO_FILE, "no symbol %s.", name);
}

void he_symbol_free(struct he_symbol *s)
{
	if (!s)
		return;
	free(s->name);
	free(s->module);
	free(s);
}

static struct he_error *line(unsigned n, struct he_line **ret)
{
	struct he_line *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	*l = (struct he_line){.file = strdup("server.c"),
	    .directory = strdup("/src"),
	    .function = strdup("main"),
	    .line = n,
	    .lo = FAKE_MAIN + n,
	    .hi = FAKE_MAIN + n + 1};
	*ret = l;
	return NULL;
}

struct he_error *he_line_at(struct he_target *t, uint64_t addr, struct he_line **ret)
{
	(void)t;
	if (addr < FAKE_MAIN || addr >= FAKE_MAIN + 64)
		return error(E_NO_FILE, "no line at 0x%llx.", (unsigned long long)addr);
	return line(addr == FAKE_MAIN ? 12 : (unsigned)(addr - FAKE_MAIN), ret);
}

struct he_error *he_line_named(
    struct he_target *t, const char *file, unsigned n, struct he_line **ret)
{
	(void)t;
	if (strcmp(file, "server.c") != 0)
		return error(E_NO_FILE, "no source file %s.", file);
	/* Even lines have no code. */
	return line(n | 1, ret);
}

void he_line_free(struct he_line *l)
{
	if (!l)
		return;
	free(l->file);
	free(l->directory);
	free(l->function);
	free(l);
}

/* Instructions of four bytes, up to FAKE_MAIN + 64; each jumps back to main. */
struct he_error *he_disassemble(struct he_target *t, uint64_t lo, uint64_t hi, size_t max,
    enum he_syntax syntax, struct he_insns **ret)
{
	struct he_insns *p = calloc(1, sizeof(*p));

	(void)t;
	if (!p)
		abort();
	p->v = calloc(64, sizeof(*p->v));
	for (; lo >= FAKE_MAIN && lo < FAKE_MAIN + 64 && lo < hi && p->n < max; lo += 4)
		p->v[p->n++] = (struct he_insn){.addr = lo,
		    .len = 4,
		    .bytes = {0xeb, (uint8_t)lo, 0, 0x90},
		    .has_target = true,
		    .target = FAKE_MAIN,
		    .text = syntax == HE_INTEL ? "jmp near" : "jmp"};
	*ret = p;
	return lo < hi && p->n < max
		   ? error(E_FAULT, "memory at 0x%llx cannot be read.", (unsigned long long)lo)
		   : NULL;
}

void he_insns_free(struct he_insns *p)
{
	if (!p)
		return;
	free(p->v);
	free(p);
}

struct he_error *he_function_at(struct he_target *t, uint64_t addr, struct he_function **ret)
{
	struct he_function *f;

	(void)t;
	if (addr < FAKE_MAIN || addr >= FAKE_MAIN + 16)
		return error(E_NO_FILE, "no function at 0x%llx.", (unsigned long long)addr);
	f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	f->v = calloc(2, sizeof(*f->v));
	*f = (struct he_function){.name = strdup("main"), .entry = FAKE_MAIN, .v = f->v, .n = 2};
	f->v[0] = (struct he_range){FAKE_MAIN, FAKE_MAIN + 8};
	f->v[1] = (struct he_range){FAKE_MAIN + 32, FAKE_MAIN + 36};
	*ret = f;
	return NULL;
}

void he_function_free(struct he_function *f)
{
	if (!f)
		return;
	free(f->name);
	free(f->v);
	free(f);
}

struct he_error *he_source(
    struct he_target *t, const char *file, const char *directory, char **text, char **path)
{
	size_t size;
	FILE *f;

	(void)t;
	(void)directory;
	if (strcmp(file, "server.c") != 0)
		return error(E_NO_FILE, "%s is not on this machine.", file);
	f = open_memstream(text, &size);
	for (unsigned i = 1; f && i <= 30; i++)
		fprintf(f, "\ttext %u%s\n", i, i == 30 ? "\033[2J" : "");
	if (f)
		fclose(f);
	*path = strdup("/src/server.c");
	return NULL;
}

struct he_error *he_source_dir(struct he_engine *e, const char *dir)
{
	(void)e;
	return *dir == '/' ? NULL : error(E_NOT_DIR, "%s is not a directory.", dir);
}

/* ---- facts ---------------------------------------------------------------------------------- */

struct he_error *he_facts(struct he_target *t, unsigned what, struct he_facts **ret)
{
	static struct he_mapping maps[] = {{0x400000, 0x500000, 0x1000, 1, 2, 5, EXE, "bb"},
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
