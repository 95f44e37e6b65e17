/* SPDX-License-Identifier: BSD-2-Clause */
#include "rsp_engine_parts.h"

#include <linux/audit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct fake_box fake_box;
struct he_target fake_targets[FAKE_TARGETS];
static uint8_t memory[FAKE_MEMORY];
static char log_text[4096];

struct he_error *fake_no(int os_errno, const char *message)
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

void fake_asked(const char *fmt, ...)
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
	fake_box.memory = memory;
	fake_box.memory_n = sizeof(memory);
	for (size_t i = 0; i < FAKE_MEMORY; i++)
		memory[i] = (uint8_t)i;
}

void fake_box_free(void)
{
	buf_free(&fake_box.log);
	buf_free(&fake_box.typed);
	memset(&fake_box, 0, sizeof(fake_box));
	fake_events_drop();
	memset(fake_targets, 0, sizeof(fake_targets));
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
	for (size_t i = 0; i < sizeof(fake_targets) / sizeof(fake_targets[0]); i++)
		if (fake_targets[i].pid == pid)
			return &fake_targets[i];
	return NULL;
}

void fake_stands(uint32_t pid)
{
	fake_target(pid)->state = HE_STOPPED;
}

void fake_ends(uint32_t pid)
{
	fake_target(pid)->state = HE_GONE;
}

unsigned fake_left(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < FAKE_TARGETS; i++)
		n += fake_targets[i].pid != 0;
	return n;
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

const char *he_cache_dir(const struct he_server *s)
{
	(void)s;
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
	return fake_no(ESRCH, "no process of that name.");
}

struct he_error *he_proc_text(const struct he_root *r, enum he_text text, char **ret, size_t *len)
{
	const struct fake_text *t = &fake_box.texts[text];

	(void)r;
	if (!t->p)
		return fake_no(ESRCH, "no text.");
	*ret = calloc(1, t->n + 1);
	memcpy(*ret, t->p, t->n);
	*len = t->n;
	return NULL;
}

struct he_error *he_proc_texts(struct he_server *s, const struct he_processes *p, enum he_text text,
    he_text_sink *sink, void *arg)
{
	const struct fake_text *t = &fake_box.texts[text];

	(void)s;
	for (size_t i = 0; t->p && i < p->n; i++)
		sink(arg, &p->v[i], t->p, t->n);
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
		return fake_no(ENOENT, "no such file.");
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
		return fake_no(ENOENT, "no such file.");
	if (offset < n)
		*got = n - offset < len ? n - offset : len;
	memcpy(buf, f->text + offset, *got);
	return NULL;
}

struct he_error *he_file_open(const struct he_root *r, const char *path, struct he_file_stat *ret,
    void *head, size_t len, size_t *got)
{
	struct he_error *e = he_file_stat(r, path, false, ret);

	fake_box.opens++;
	*got = 0;
	return e ? e : he_file_pread(r, path, 0, 0, 0, head, len, got);
}

void he_file_open_all(const struct he_root *r, struct he_file_opening *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i].err = he_file_open(r, v[i].path, &v[i].st, v[i].head, v[i].len, &v[i].got);
	fake_box.opens -= (unsigned)(n - 1); /* in one trip */
}

struct he_error *he_file_readlink(const struct he_root *r, const char *path, char **ret)
{
	(void)r;
	(void)path;
	(void)ret;
	return fake_no(EINVAL, "no link.");
}

struct he_error *he_file_write(const struct he_root *r, const char *path,
    const struct he_file_data *d, struct he_file_stat *ret)
{
	(void)r;
	fake_asked("write %s %zu\n", path, d->len);
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
		return fake_no(EPERM, "the map file does not allow it.");
	fake_asked("%s %s %o %s\n", deeds[deed], path, mode, text ? text : "-");
	return NULL;
}

/* ---- beginning and ending ------------------------------------------------------------- */

/* NULL: it is being debugged already, or there is no room. */
static struct he_target *begin(uint32_t pid, bool launched)
{
	size_t i = 0;

	while (i < FAKE_TARGETS && fake_targets[i].pid)
		i++;
	if (i == FAKE_TARGETS || fake_target(pid))
		return NULL;
	fake_targets[i] = (struct he_target){.pid = pid, .state = HE_STOPPED, .launched = launched};
	return &fake_targets[i];
}

struct he_target *fake_child(uint32_t pid)
{
	return begin(pid, false);
}

struct he_error *he_attach(
    struct he_server *s, uint32_t pid, uint64_t start, enum he_how how, struct he_target **ret)
{
	(void)s;
	(void)start;
	(void)how;
	if (fake_box.refuses)
		return fake_no(EPERM, fake_box.refuses);
	*ret = begin(pid, false);
	if (!*ret)
		return fake_no(EBUSY, "it is being debugged already.");
	fake_asked("attach %u\n", pid);
	return NULL;
}

struct he_error *he_attach_again(struct he_target *old, struct he_target **ret)
{
	uint32_t pid = old->pid;

	if (!fake_box.takes_again)
		return fake_no(ESRCH, "it was not let go.");
	fake_asked("attach %u again\n", pid);
	old->pid = UINT32_MAX; /* gone, and still to be freed */
	*ret = begin(pid, false);
	if (*ret)
		return NULL;
	old->pid = pid;
	return fake_no(EAGAIN, "there is no room.");
}

struct he_error *he_launch(struct he_server *s, const struct he_launch *q, struct he_target **ret)
{
	uint32_t pid = FAKE_LAUNCHED;

	(void)s;
	if (fake_box.refuses)
		return fake_no(ENOENT, fake_box.refuses);
	while (fake_target(pid))
		pid += FAKE_THREADS;
	*ret = begin(pid, true);
	if (!*ret)
		return fake_no(EAGAIN, "there are too many.");
	fake_asked("launch %s", q->program);
	for (const char *const *a = q->args; *a; a++)
		fake_asked(" [%s]", *a);
	for (const char *const *v = q->env; v && *v && !fake_box.local; v++)
		fake_asked(" {%s}", *v);
	if (q->wrappers)
		fake_asked(" through %u", q->wrappers);
	fake_asked(" in %s%s\n", q->cwd ? q->cwd : "-", q->randomize ? " randomized" : "");
	return NULL;
}

struct he_error *he_detach(struct he_target *t)
{
	fake_must(t->pid);
	if (t->pid != UINT32_MAX)
		fake_asked("detach %u\n", t->pid);
	t->pid = 0;
	return NULL;
}

struct he_error *he_kill(struct he_target *t)
{
	fake_asked("kill %u\n", t->pid);
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
