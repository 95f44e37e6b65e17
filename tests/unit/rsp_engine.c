/* SPDX-License-Identifier: BSD-2-Clause */
#include "rsp_engine.h"

#include <linux/audit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct he_target {
	uint32_t pid;
	enum he_state state;
	bool launched;
};

struct fake_box fake_box;
static struct he_target targets[3];
static char log_text[4096];

static struct he_error *no(int os_errno, const char *message)
{
	size_t n = strlen(message) + 1;
	struct he_error *e = calloc(1, sizeof(*e) + n);

	e->os_errno = os_errno;
	memcpy(e->message, message, n);
	return e;
}

void he_error_free(struct he_error *e)
{
	free(e);
}

static void __attribute__((format(printf, 1, 2))) asked(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_raw(&fake_box.log, line, strlen(line));
}

/* ---- for tests ---------------------------------------------------------------------- */

void fake_box_reset(void)
{
	fake_box_free();
	buf_init(&fake_box.log, sizeof(log_text) - 1);
	buf_init(&fake_box.typed, 4096);
	fake_box.n_threads = 2;
	for (size_t i = 0; i < FAKE_THREADS; i++) {
		fake_box.threads[i] = (struct he_thread){
		    .tid = FAKE_PID + i, .state = HE_T_STOPPED, .cpu = UINT32_MAX};
		fake_box.threads[i].kernel_state = 't';
		fake_box.threads[i].name = i ? "wor}ker" : "main";
		fake_box.pc[i] = FAKE_AT + i;
	}
	for (size_t i = 0; i < FAKE_MEMORY; i++)
		fake_box.memory[i] = (uint8_t)i;
}

void fake_box_free(void)
{
	buf_free(&fake_box.log);
	buf_free(&fake_box.typed);
	memset(&fake_box, 0, sizeof(fake_box));
	memset(targets, 0, sizeof(targets));
}

const char *fake_box_log(void)
{
	if (fake_box.log.len)
		memcpy(log_text, fake_box.log.p, fake_box.log.len);
	log_text[fake_box.log.len] = 0;
	buf_reset(&fake_box.log);
	return log_text;
}

struct he_target *fake_target(uint32_t pid)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (targets[i].pid == pid)
			return &targets[i];
	return NULL;
}

void fake_stands(uint32_t pid)
{
	fake_target(pid)->state = HE_STOPPED;
}

/* ---- the box ------------------------------------------------------------------------- */

const struct he_server_info *he_server_info(const struct he_server *s)
{
	static struct he_server_info info = {.name = "box",
	    .os = "Linux 6.1.0-18-amd64 x86_64",
	    .host = "box.example",
	    .user = "alice",
	    .uid = 1000};

	(void)s;
	info.local = fake_box.local;
	return &info;
}

void he_server_counts(const struct he_server *s, struct he_server_counts *ret)
{
	(void)s;
	*ret = (struct he_server_counts){0};
}

const char *he_cache_dir(const struct he_engine *e)
{
	(void)e;
	return "/nonexistent";
}

struct he_error *he_ps(struct he_server *s, const char *pattern, struct he_processes **ret)
{
	struct he_processes *all = calloc(1, sizeof(*all));
	size_t size = fake_box.n_processes * sizeof(*all->v);

	(void)s;
	(void)pattern;
	fake_box.ps++;
	all->v = malloc(size + 1);
	if (size)
		memcpy(all->v, fake_box.processes, size);
	all->n = fake_box.n_processes;
	*ret = all;
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
	for (size_t i = 0; i < fake_box.n_processes; i++)
		if (strcmp(fake_box.processes[i].comm, name) == 0) {
			*ret = fake_box.processes[i];
			return NULL;
		}
	return no(ESRCH, "no process of that name.");
}

struct he_error *he_proc_text(const struct he_root *r, enum he_text text, char **ret, size_t *len)
{
	(void)r;
	(void)text;
	(void)ret;
	(void)len;
	return no(ESRCH, "no text.");
}

struct he_error *he_proc_texts(struct he_server *s, const struct he_processes *p, enum he_text text,
    he_text_sink *sink, void *arg)
{
	(void)s;
	(void)p;
	(void)text;
	(void)sink;
	(void)arg;
	return NULL;
}

/* ---- files ---------------------------------------------------------------------------- */

static const struct fake_file *find_file(const char *path)
{
	for (size_t i = 0; i < fake_box.n_files; i++)
		if (strcmp(fake_box.files[i].path, path) == 0)
			return &fake_box.files[i];
	return NULL;
}

struct he_error *he_file_stat(
    const struct he_root *r, const char *path, bool link, struct he_file_stat *ret)
{
	const struct fake_file *f = find_file(path);

	(void)r;
	(void)link;
	if (!f)
		return no(ENOENT, "no such file.");
	*ret = (struct he_file_stat){.dev = 1,
	    .ino = (uint64_t)(f - fake_box.files) + 1,
	    .mode = S_IFREG | f->mode,
	    .size = strlen(f->text)};
	return NULL;
}

struct he_error *he_file_pread(const struct he_root *r, const char *path, uint64_t dev,
    uint64_t ino, uint64_t offset, void *buf, size_t len, size_t *got)
{
	const struct fake_file *f = find_file(path);
	size_t n = f ? strlen(f->text) : 0;

	(void)r;
	(void)dev;
	(void)ino;
	*got = 0;
	if (!f)
		return no(ENOENT, "no such file.");
	if (offset < n)
		*got = n - offset < len ? n - offset : len;
	memcpy(buf, f->text + offset, *got);
	return NULL;
}

struct he_error *he_file_open(const struct he_root *r, const char *path, struct he_file_stat *ret,
    void *head, size_t len, size_t *got)
{
	struct he_error *e = he_file_stat(r, path, false, ret);

	*got = 0;
	return e ? e : he_file_pread(r, path, 0, 0, 0, head, len, got);
}

struct he_error *he_file_readlink(const struct he_root *r, const char *path, char **ret)
{
	(void)r;
	(void)path;
	(void)ret;
	return no(EINVAL, "no link.");
}

struct he_error *he_file_write(const struct he_root *r, const char *path,
    const struct he_file_data *d, struct he_file_stat *ret)
{
	(void)r;
	asked("write %s %zu\n", path, d->len);
	*ret = (struct he_file_stat){.mode = S_IFREG | d->mode};
	return NULL;
}

struct he_error *he_file_change(const struct he_root *r, const char *path, enum he_file_deed deed,
    uint32_t mode, const char *text)
{
	static const char *const deeds[] = {[HE_FILE_UNLINK] = "unlink",
	    [HE_FILE_MKDIR] = "mkdir",
	    [HE_FILE_CHMOD] = "chmod",
	    [HE_FILE_SYMLINK] = "symlink"};

	(void)r;
	if (strcmp(path, "/refused") == 0)
		return no(EPERM, "the map file does not allow it.");
	asked("%s %s %o %s\n", deeds[deed], path, mode, text ? text : "-");
	return NULL;
}

/* ---- beginning and ending ------------------------------------------------------------- */

static struct he_target *begin(uint32_t pid, bool launched)
{
	size_t i = 0;

	while (targets[i].pid && targets[i].pid != pid)
		i++;
	targets[i] = (struct he_target){.pid = pid, .state = HE_STOPPED, .launched = launched};
	return &targets[i];
}

struct he_error *he_attach(
    struct he_server *s, uint32_t pid, uint64_t start, enum he_how how, struct he_target **ret)
{
	(void)s;
	(void)start;
	(void)how;
	if (fake_box.refuses)
		return no(EPERM, fake_box.refuses);
	asked("attach %u\n", pid);
	*ret = begin(pid, false);
	return NULL;
}

/* No link breaks here. */
struct he_error *he_attach_again(struct he_target *old, struct he_target **ret)
{
	(void)old;
	(void)ret;
	return no(ESRCH, "it was not let go.");
}

struct he_error *he_launch(struct he_server *s, const struct he_launch *q, struct he_target **ret)
{
	(void)s;
	if (fake_box.refuses)
		return no(ENOENT, fake_box.refuses);
	asked("launch %s", q->program);
	for (const char *const *a = q->args; *a; a++)
		asked(" [%s]", *a);
	for (const char *const *v = q->env; v && *v && !fake_box.local; v++)
		asked(" {%s}", *v);
	asked(" in %s%s\n", q->cwd ? q->cwd : "-", q->randomize ? " randomized" : "");
	*ret = begin(FAKE_LAUNCHED, true);
	return NULL;
}

struct he_error *he_detach(struct he_target *t)
{
	asked("detach %u\n", t->pid);
	t->pid = 0;
	return NULL;
}

struct he_error *he_kill(struct he_target *t)
{
	asked("kill %u\n", t->pid);
	t->state = HE_GONE;
	return NULL;
}

struct he_error *he_input(
    struct he_target *t, const void *data, size_t len, bool end, size_t *taken)
{
	(void)t;
	buf_raw(&fake_box.typed, data, len);
	fake_box.typed_end |= end;
	*taken = len;
	return NULL;
}

/* ---- a target ------------------------------------------------------------------------- */

void he_target_info(const struct he_target *t, struct he_target_info *ret)
{
	*ret = (struct he_target_info){.number = 1,
	    .state = t->state,
	    .pid = t->pid,
	    .address_bytes = 8,
	    .arch = AUDIT_ARCH_X86_64,
	    .launched = t->launched,
	    .terminal = t->launched};
}

struct he_error *he_threads(struct he_target *t, struct he_threads **ret)
{
	struct he_threads *all = calloc(1, sizeof(*all));

	all->n = fake_box.n_threads;
	all->v = calloc(FAKE_THREADS, sizeof(*all->v));
	memcpy(all->v, fake_box.threads, all->n * sizeof(*all->v));
	for (size_t i = 0; i < all->n; i++)
		all->v[i].tid += t->pid - FAKE_PID;
	*ret = all;
	return NULL;
}

void he_threads_free(struct he_threads *p)
{
	if (p)
		free(p->v);
	free(p);
}

static const char *const names[] = {"rax", "rbp", "rsp", "rip", "eflags"};

enum { REGISTERS = sizeof(names) / sizeof(names[0]), RIP = 3 };

struct he_error *he_registers(
    struct he_target *t, uint64_t tid, unsigned frame, struct he_registers **ret)
{
	struct he_registers *all;
	size_t at = tid - t->pid;

	(void)frame;
	if (tid < t->pid || at >= fake_box.n_threads)
		return no(ESRCH, "no such thread.");
	all = calloc(1, sizeof(*all));
	all->v = calloc(REGISTERS, sizeof(*all->v));
	for (size_t i = 0; i < REGISTERS; i++) {
		all->v[i] = (struct he_register){names[i], "general", i == 4 ? 32 : 64, {0}};
		all->v[i].value[0] = (uint8_t)i;
	}
	for (size_t i = 0; i < 8; i++)
		all->v[RIP].value[i] = (uint8_t)(fake_box.pc[at] >> (8 * i));
	all->n = REGISTERS;
	*ret = all;
	return NULL;
}

struct he_error *he_general_registers(struct he_target *t, uint64_t tid, struct he_registers **ret)
{
	return he_registers(t, tid, 0, ret);
}

void he_registers_free(struct he_registers *p)
{
	if (p)
		free(p->v);
	free(p);
}

struct he_error *he_write_register(struct he_target *t, uint64_t tid, unsigned frame,
    const char *name, const void *value, size_t len)
{
	(void)frame;
	asked("register %u/%llu %s", t->pid, (unsigned long long)tid, name);
	for (size_t i = 0; i < len; i++)
		asked("%s%02x", i ? "" : " ", ((const uint8_t *)value)[i]);
	asked("\n");
	return NULL;
}

struct he_error *he_write_registers(
    struct he_target *t, uint64_t tid, const struct he_register *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		he_error_free(he_write_register(t, tid, 0, v[i].name, v[i].value, v[i].bits / 8));
	return NULL;
}

struct he_error *he_maps(struct he_target *t, const struct he_mapping **v, size_t *n)
{
	(void)t;
	*v = fake_box.maps;
	*n = fake_box.n_maps;
	return NULL;
}

struct he_error *he_map(
    struct he_target *t, uint64_t tid, uint64_t size, unsigned prot, uint64_t *addr)
{
	(void)tid;
	asked("map %u %llx %u\n", t->pid, (unsigned long long)size, prot);
	*addr = 0x7000000;
	return NULL;
}

struct he_error *he_unmap(struct he_target *t, uint64_t tid, uint64_t addr, uint64_t size)
{
	(void)tid;
	asked("unmap %u %llx %llx\n", t->pid, (unsigned long long)addr, (unsigned long long)size);
	return NULL;
}

struct he_error *he_read(struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got)
{
	(void)t;
	*got = 0;
	if (addr < FAKE_AT || addr >= FAKE_AT + FAKE_MEMORY)
		return no(EFAULT, "nothing is mapped there.");
	*got = FAKE_AT + FAKE_MEMORY - addr < len ? FAKE_AT + FAKE_MEMORY - addr : len;
	memcpy(buf, fake_box.memory + (addr - FAKE_AT), *got);
	return NULL;
}

struct he_error *he_write(struct he_target *t, uint64_t addr, const void *data, size_t len)
{
	(void)data;
	asked("memory %u %llx %zu\n", t->pid, (unsigned long long)addr, len);
	return NULL;
}

struct he_error *he_facts(struct he_target *t, unsigned what, struct he_facts **ret)
{
	(void)what;
	*ret = calloc(1, sizeof(**ret));
	(*ret)->process = (struct he_process){.pid = t->pid, .ppid = 7, .uid = 1000, .gid = 100};
	return NULL;
}

void he_facts_free(struct he_facts *f)
{
	free(f);
}

struct he_error *he_auxv(struct he_target *t, const void **data, size_t *len)
{
	(void)t;
	*data = "auxv";
	*len = 4;
	return NULL;
}

struct he_error *he_links(struct he_target *t, struct he_links **ret)
{
	(void)t;
	(void)ret;
	return no(ENOENT, "no list of libraries.");
}

void he_links_free(struct he_links *p)
{
	(void)p;
}

struct he_error *he_symbol_named(struct he_target *t, const char *name, struct he_symbol **ret)
{
	(void)t;
	(void)name;
	(void)ret;
	return no(ENOENT, "no such symbol.");
}

void he_symbol_free(struct he_symbol *s)
{
	(void)s;
}

struct he_error *he_siginfo(struct he_target *t, uint64_t tid, void *buf, size_t *len)
{
	(void)t;
	(void)tid;
	(void)buf;
	(void)len;
	return no(EINVAL, "no signal.");
}

struct he_error *he_set_siginfo(struct he_target *t, uint64_t tid, const void *data, size_t len)
{
	(void)t;
	(void)tid;
	(void)data;
	(void)len;
	return no(EINVAL, "no signal.");
}

/* ---- running -------------------------------------------------------------------------- */

struct he_error *he_go(struct he_target *t, const struct he_go *v, size_t n, bool alone)
{
	static const char *const actions[] = {
	    [HE_GO_CONT] = "cont", [HE_GO_STEP] = "step", [HE_GO_RANGE] = "range"};

	asked("go %u%s", t->pid, alone ? " alone" : "");
	for (size_t i = 0; i < n; i++)
		asked(
		    " %llu:%s:%d", (unsigned long long)v[i].tid, actions[v[i].action], v[i].signal);
	asked("\n");
	t->state = HE_RUNNING;
	return NULL;
}

bool he_also_stopped(struct he_target *t, struct he_event *ret)
{
	for (size_t i = 0; i < 2; i++)
		if (fake_box.also[i].tid) {
			*ret = fake_box.also[i];
			ret->target = t;
			fake_box.also[i].tid = 0;
			return true;
		}
	return false;
}

struct he_error *he_interrupt(struct he_target *t, uint64_t tid)
{
	asked("interrupt %u/%llu\n", t->pid, (unsigned long long)tid);
	return NULL;
}

struct he_error *he_signal(struct he_target *t, uint64_t tid, uint32_t signal)
{
	asked("signal %u/%llu %u\n", t->pid, (unsigned long long)tid, signal);
	return NULL;
}

struct he_error *he_wait(struct he_engine *e, int timeout_ms, struct he_event *ret)
{
	(void)e;
	(void)timeout_ms;
	*ret = (struct he_event){0};
	return NULL;
}

int he_event_fd(struct he_engine *e)
{
	(void)e;
	return -1;
}

struct he_error *he_patch(struct he_target *t, const struct he_patch *q, uint32_t *id)
{
	asked("patch %u %d %llx\n", t->pid, q->kind, (unsigned long long)q->addr);
	*id = 1;
	return NULL;
}

bool he_unpatch_at(struct he_target *t, enum he_patch_kind kind, uint64_t addr, uint32_t len)
{
	(void)len;
	asked("unpatch %u %d %llx\n", t->pid, kind, (unsigned long long)addr);
	return true;
}

struct he_error *he_catch_events(struct he_target *t, const struct he_catches *q)
{
	(void)t;
	(void)q;
	return NULL;
}

struct he_error *he_pass_signals(struct he_target *t, uint64_t pass, uint64_t drop)
{
	(void)t;
	(void)pass;
	(void)drop;
	return NULL;
}
