/* SPDX-License-Identifier: BSD-2-Clause */
#include "local_target.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/err.h"
#include "host/errtext.h"

enum { READY_MS = 30000, TIDS_MAX = 4096 };

/* ---- life of a debuggee ---------------------------------------------------- */

static void child(char *const argv[], int in, int out, bool crashes)
{
	dup2(in, 0);
	dup2(out, 1);
	if (crashes)
		ptrace(PTRACE_TRACEME, 0, 0, 0);
	execv(argv[0], argv);
	_exit(127);
}

/* Through its exec and its other stops to the signal that it dies of. */
static void run_to_crash(struct local_target *t)
{
	int status;

	for (;;) {
		assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
		assert_true(WIFSTOPPED(status));
		if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP)
			break;
		assert_return_code(ptrace(PTRACE_CONT, t->pid, 0, 0), errno);
	}
	t->stopped = true;
}

static void wait_ready(struct local_target *t)
{
	char text[4096] = "";
	size_t used = 0;

	while (!strstr(text, "ready\n")) {
		struct pollfd p = {.fd = t->out, .events = POLLIN};
		ssize_t n;

		assert_int_equal(poll(&p, 1, READY_MS), 1);
		n = read(t->out, text + used, sizeof(text) - 1 - used);
		assert_true(n > 0);
		used += (size_t)n;
		text[used] = 0;
	}
}

/* Is the thread asleep in a system call? */
static bool asleep(pid_t pid, pid_t tid)
{
	char path[64], line[512] = "", *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	f = fopen(path, "re");
	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	p = strrchr(line, ')');
	return p && p[1] && p[2] == 'S';
}

static void wait_asleep(const struct local_target *t)
{
	pid_t tids[TIDS_MAX];
	size_t n = local_threads(t, tids, TIDS_MAX);

	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < 5000 && !asleep(t->pid, tids[i]); k++)
			usleep(1000);
}

void local_start(struct local_target *t, char *const argv[], bool crashes)
{
	int in[2], out[2];

	*t = (struct local_target){.in = -1, .out = -1};
	assert_return_code(pipe2(in, O_CLOEXEC), errno);
	assert_return_code(pipe2(out, O_CLOEXEC), errno);
	t->pid = fork();
	assert_true(t->pid >= 0);
	if (t->pid == 0)
		child(argv, in[0], out[1], crashes);
	close(in[0]);
	close(out[1]);
	t->in = in[1];
	t->out = out[0];
	if (crashes) {
		run_to_crash(t);
	} else {
		wait_ready(t);
		wait_asleep(t);
	}
}

void local_self(struct local_target *t)
{
	*t = (struct local_target){.pid = getpid(), .in = -1, .out = -1};
}

void local_stop(struct local_target *t)
{
	pid_t tids[TIDS_MAX];
	size_t n = local_threads(t, tids, TIDS_MAX);
	int status;

	for (size_t i = 0; i < n; i++) {
		assert_return_code(ptrace(PTRACE_SEIZE, tids[i], 0, 0), errno);
		assert_return_code(ptrace(PTRACE_INTERRUPT, tids[i], 0, 0), errno);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(waitpid(tids[i], &status, __WALL), tids[i]);
	t->stopped = true;
}

void local_release(struct local_target *t)
{
	pid_t tids[TIDS_MAX];
	size_t n = local_threads(t, tids, TIDS_MAX);

	for (size_t i = 0; i < n; i++)
		ptrace(PTRACE_DETACH, tids[i], 0, 0);
	t->stopped = false;
}

void local_end(struct local_target *t)
{
	/* Threads that are still traced would have to be waited for one by one. */
	if (t->stopped)
		local_release(t);
	symbols_free(t->symbols);
	for (size_t i = 0; i < t->n_maps; i++)
		free((char *)(uintptr_t)t->maps[i].name);
	free(t->maps);
	if (t->pid != getpid() && t->pid > 0) {
		kill(t->pid, SIGKILL);
		waitpid(t->pid, NULL, __WALL);
	}
	if (t->in >= 0)
		close(t->in);
	if (t->out >= 0)
		close(t->out);
	*t = (struct local_target){.in = -1, .out = -1};
}

/* ---- what the symbol side asks for -------------------------------------------- */

static size_t read_memory(void *arg, uint64_t addr, void *buf, size_t len)
{
	struct local_target *t = arg;
	struct iovec to = {buf, len}, from = {(void *)(uintptr_t)addr, len};
	ssize_t n;

	t->words_read += len;
	if (addr < t->hidden_hi && addr + len > t->hidden_lo) {
		if (addr >= t->hidden_lo)
			return 0;
		from.iov_len = to.iov_len = (size_t)(t->hidden_lo - addr);
	}
	n = process_vm_readv(t->pid, &to, 1, &from, 1, 0);
	return n > 0 ? (size_t)n : 0;
}

static struct he_error *read_file(void *arg, const char *path, uint64_t dev, uint64_t ino,
    uint64_t offset, void *buf, size_t len, size_t *got, uint64_t *size)
{
	struct local_target *t = arg;
	int fd = open(t->other_file ? t->other_file : path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	(void)dev;
	(void)ino;
	t->files_read++;
	if (t->cancelled)
		return he_error_new(E_CANCELLED, "cancelled");
	if (fd < 0)
		return he_error_os(errno, "cannot open %s", path);
	n = pread(fd, buf, len, (off_t)offset);
	*size = (uint64_t)lseek(fd, 0, SEEK_END);
	*got = n > 0 ? (size_t)n : 0;
	close(fd);
	return NULL;
}

static void progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	struct local_target *t = arg;

	assert_non_null(what);
	assert_true(done <= total || !total);
	t->progressed++;
}

static bool parse_mapping(const char *line, struct he_mapping *m)
{
	unsigned long long lo, hi, off, ino;
	unsigned major_n, minor_n;
	char prot[8];
	int at = 0;

	if (sscanf(line, "%llx-%llx %7s %llx %x:%x %llu %n", &lo, &hi, prot, &off, &major_n,
		&minor_n, &ino, &at) < 7)
		return false;
	*m = (struct he_mapping){.lo = lo,
	    .hi = hi,
	    .offset = off,
	    .dev = makedev(major_n, minor_n),
	    .ino = ino,
	    .prot = (uint8_t)((prot[0] == 'r') | (prot[1] == 'w') << 1 | (prot[2] == 'x') << 2)};
	m->name = strndup(line + at, strcspn(line + at, "\n"));
	return true;
}

static void read_maps(struct local_target *t)
{
	char path[64], line[PATH_MAX + 128];
	FILE *f;

	for (size_t i = 0; i < t->n_maps; i++)
		free((char *)(uintptr_t)t->maps[i].name);
	t->n_maps = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", t->pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		t->maps = reallocarray(t->maps, t->n_maps + 1, sizeof(t->maps[0]));
		assert_non_null(t->maps);
		assert_true(parse_mapping(line, &t->maps[t->n_maps]));
		if (t->aliased && !strcmp(t->maps[t->n_maps].name, t->aliased)) {
			free((char *)(uintptr_t)t->maps[t->n_maps].name);
			t->maps[t->n_maps].name = strdup(t->alias);
		}
		t->n_maps++;
	}
	fclose(f);
}

/* As the program's file says. */
static const struct arch *arch_of(pid_t pid)
{
	char path[64], head[20] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fread(head, 1, sizeof(head), f), sizeof(head));
	fclose(f);
	return head[EI_CLASS] == ELFCLASS32 ? &arch_i386 : &arch_x86_64;
}

void local_symbols(struct local_target *t)
{
	struct sym_source src = {.read = read_memory,
	    .file_read = read_file,
	    .progress = progress,
	    .arg = t,
	    .cache_dir = t->cache_dir,
	    .local = !t->remote};

	t->arch = arch_of(t->pid);
	src.arch = t->arch->audit;
	if (!t->symbols)
		assert_null(symbols_new(&src, &t->symbols));
	read_maps(t);
	assert_null(symbols_set_maps(t->symbols, t->maps, t->n_maps));
}

void local_regs(struct local_target *t, pid_t tid, struct sym_regs *ret)
{
	uint8_t set[sizeof(struct user_regs_struct)], value[64];
	struct iovec v = {set, sizeof(set)};
	struct arch_regsets sets = {0};

	t->arch = arch_of(t->pid);
	assert_return_code(ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &v), errno);
	sets.v[0] = (struct span){set, (uint32_t)v.iov_len};
	*ret = (struct sym_regs){0};
	for (unsigned i = 0; i <= t->arch->dwarf_pc; i++) {
		memset(value, 0, sizeof(value));
		assert_true(arch_get(t->arch, arch_by_dwarf(t->arch, i), &sets, value));
		memcpy(&ret->reg[i], value, sizeof(ret->reg[i]));
		ret->valid |= UINT64_C(1) << i;
	}
	ret->pc = ret->reg[t->arch->dwarf_pc];
	ret->sp = ret->reg[t->arch->dwarf_sp];
}

static int by_value(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

size_t local_threads(const struct local_target *t, pid_t *tids, size_t max)
{
	char path[64];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", t->pid);
	d = opendir(path);
	assert_non_null(d);
	while (n < max && (e = readdir(d)))
		if (e->d_name[0] != '.')
			tids[n++] = atoi(e->d_name);
	closedir(d);
	qsort(tids, n, sizeof(tids[0]), by_value);
	return n;
}

struct he_stack *local_backtrace(struct local_target *t, pid_t tid, unsigned max)
{
	struct sym_regs regs;
	struct he_stack *s = NULL;

	local_regs(t, tid, &regs);
	assert_null(symbols_backtrace(t->symbols, &regs, max, HE_END_FAULT, &s));
	assert_non_null(s);
	return s;
}

const char *local_debuggee(const char *name)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	assert_true(n > 0);
	path[n] = 0;
	for (int i = 0; i < 2; i++) {
		slash = strrchr(path, '/');
		assert_non_null(slash);
		*slash = 0;
	}
	n = (ssize_t)strlen(path);
	snprintf(path + n, sizeof(path) - (size_t)n, "/debuggees/%s", name);
	return path;
}
