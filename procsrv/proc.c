/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { READ_STEP = 4096 };

int proc_stat(int dir, struct proc_stat *st)
{
	uint8_t room[1024];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	int err = proc_read(dir, "stat", &b);

	if (!err && !proc_parse_stat(span_buf(&b), st))
		err = ESRCH;
	st->comm = (struct span){NULL, 0}; /* it was in room */
	return err;
}

static uint64_t namespace_of(int dir)
{
	struct stat st;

	return fstatat(dir, "ns/pid", &st, 0) == 0 ? (uint64_t)st.st_ino : 0;
}

static int no_process(struct proc_id *p, struct fault *f, uint32_t pid)
{
	proc_close(p);
	return fault_set(f, E_NO_PROCESS, ESRCH, pid);
}

/* Could not be opened: it is gone, unless we are short of something. */
static int not_opened(struct proc_id *p, struct fault *f, uint32_t pid, int os_errno)
{
	if (os_errno != EMFILE && os_errno != ENFILE && os_errno != ENOMEM)
		return no_process(p, f, pid);
	proc_close(p);
	return fault_set(f, E_OS, os_errno, pid);
}

/* A number is used again only after its process was reaped: not yet reaped means
 * that a directory opened by number since is the same process's. */
static bool reaped(int pidfd)
{
	return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) != 0 && errno == ESRCH;
}

void proc_kill(const struct proc_id *p)
{
	syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
}

int proc_open(struct proc_id *p, uint32_t pid, uint64_t start, struct fault *f)
{
	struct proc_stat st = {0};
	char name[32];
	int err;

	*p = (struct proc_id){.pidfd = -1, .dir = -1, .live = -1};
	if (pid == 0 || pid > INT_MAX)
		return no_process(p, f, pid);
	p->pid = (pid_t)pid;
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pidfd < 0) /* EINVAL, ENOENT: a thread's number, not a process's */
		return not_opened(p, f, pid, errno);
	snprintf(name, sizeof(name), "/proc/%u", pid);
	p->dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return not_opened(p, f, pid, errno);
	if (reaped(p->pidfd))
		return no_process(p, f, pid);
	p->live = p->dir;
	err = proc_stat(p->dir, &st);
	if (err)
		return not_opened(p, f, pid, err);
	p->start = st.start;
	proc_relive(p);
	if (start && start != p->start) {
		proc_close(p);
		return fault_set(f, E_STALE, 0, pid);
	}
	p->ns = namespace_of(p->dir);
	return E_OK;
}

void proc_close(struct proc_id *p)
{
	if (p->pidfd >= 0)
		close(p->pidfd);
	if (p->live >= 0 && p->live != p->dir)
		close(p->live);
	if (p->dir >= 0)
		close(p->dir);
	p->pidfd = p->dir = p->live = -1;
}

/* One that ends gives its memory up before its state says so, and what is asked for in
 * between finds as little as in a zombie. */
static bool has_memory(int dir)
{
	uint8_t room[128] = {0};
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	return proc_read(dir, "statm", &b) == 0 && b.len && room[0] != '0';
}

/* A thread's directory, if it lives; else -1. */
static int live_thread(int tasks, const char *name)
{
	int fd = openat(tasks, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || has_memory(fd))
		return fd;
	close(fd);
	return -1;
}

void proc_relive(struct proc_id *p)
{
	const struct dirent *e;
	int tasks, fd = -1;
	DIR *d;

	if (has_memory(p->live))
		return;
	tasks = openat(p->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = tasks >= 0 ? fdopendir(tasks) : NULL;
	if (p->live != p->dir)
		close(p->live);
	p->live = p->dir;
	while (d && fd < 0 && (e = readdir(d)))
		if (e->d_name[0] != '.')
			fd = live_thread(tasks, e->d_name);
	if (fd >= 0)
		p->live = fd;
	if (d)
		closedir(d);
	else if (tasks >= 0)
		close(tasks);
}

bool proc_alive(const struct proc_id *p)
{
	struct pollfd fd = {.fd = p->pidfd, .events = POLLIN};

	return poll(&fd, 1, 0) == 0;
}

int proc_read(int dir, const char *name, struct buf *b)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err = 0;

	if (fd < 0)
		return errno;
	for (;;) {
		size_t room = b->max - b->len < READ_STEP ? b->max - b->len : READ_STEP;
		uint8_t *to = room ? buf_grow(b, room) : NULL;
		ssize_t n;

		if (!to) {
			err = room ? ENOMEM : EFBIG;
			break;
		}
		n = read(fd, to, room);
		b->len -= room - (n > 0 ? (size_t)n : 0);
		if (n < 0)
			err = errno;
		if (n <= 0)
			break;
	}
	close(fd);
	return err;
}

int proc_readlink(int dir, const char *name, struct buf *b)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(dir, name, text, sizeof(text));

	if (n < 0)
		return errno;
	buf_raw(b, text, (size_t)n);
	return b->bad ? ENOMEM : 0;
}

/* What programs of this machine's kernel can be, by the size of their words. */
static const struct {
	uint32_t wide, narrow;
} arches =
#if defined(__x86_64__) || defined(__i386__)
    {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386};
#elif defined(__aarch64__) || defined(__arm__)
    {AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM};
#elif defined(__riscv)
    {AUDIT_ARCH_RISCV64, AUDIT_ARCH_RISCV32};
#else
    {0, 0};
#endif

/* The auxiliary vector is of the program's words, types and values by turns, and no type has
 * more than 32 bits: of a wide one the second 4 bytes are the upper half of a type.  The
 * first value is never 0: it is where the vdso is, or the processor's abilities
 * (create_elf_tables in the kernel's fs/binfmt_elf.c, ARCH_DLINFO, AT_HWCAP). */
uint32_t proc_arch(int dir)
{
	uint8_t head[8];
	int fd = openat(dir, "auxv", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, head, sizeof(head));
	close(fd);
	if (n != (ssize_t)sizeof(head))
		return 0;
	return head[4] | head[5] | head[6] | head[7] ? arches.narrow : arches.wide;
}
