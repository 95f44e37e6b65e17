/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ceil_ptrace attach|snapshot PID: what the kernel allows. One process, no
 * protocol: seize, interrupt and wait for every thread, and for a snapshot the
 * registers and 8 KiB of stack of each; then detach.  Prints the microseconds
 * until all stand (attach), or in which the target stood still (snapshot).
 */
#include <dirent.h>
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

enum { THREADS = 20000, WINDOW = 8192 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static size_t list(const char *pid, pid_t *tids)
{
	char path[64];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	d = opendir(path);
	while (d && n < THREADS && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			tids[n++] = atoi(e->d_name);
	if (d)
		closedir(d);
	return n;
}

static void gather(pid_t pid, pid_t tid, uint8_t *window)
{
	struct user_regs_struct regs;
	struct iovec r = {&regs, sizeof(regs)}, to = {window, WINDOW}, from;

	ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &r);
	from = (struct iovec){(void *)(uintptr_t)regs.rsp, WINDOW};
	/* A stack that ends sooner yields what there is. */
	if (process_vm_readv(pid, &to, 1, &from, 1, 0) < 0) {
		from.iov_len = to.iov_len = 4096 - (regs.rsp & 4095);
		process_vm_readv(pid, &to, 1, &from, 1, 0);
	}
}

int main(int argc, char **argv)
{
	static pid_t tids[THREADS];
	int snapshot = argc == 3 && strcmp(argv[1], "snapshot") == 0;
	double began, stopped, all;
	uint8_t *windows;
	size_t n;

	if (argc != 3)
		return 2;
	n = list(argv[2], tids);
	windows = malloc(n * WINDOW);
	if (!n || !windows)
		return 1;
	memset(windows, 1, n * WINDOW);
	began = now();
	for (size_t i = 0; i < n; i++)
		if (ptrace(PTRACE_SEIZE, tids[i], 0, 0) != 0)
			return 1;
	stopped = now();
	for (size_t i = 0; i < n; i++)
		ptrace(PTRACE_INTERRUPT, tids[i], 0, 0);
	for (size_t i = 0; i < n; i++)
		waitpid(tids[i], NULL, __WALL);
	all = now();
	for (size_t i = 0; snapshot && i < n; i++)
		gather(atoi(argv[2]), tids[i], windows + i * WINDOW);
	for (size_t i = 0; i < n; i++)
		ptrace(PTRACE_DETACH, tids[i], 0, 0);
	printf("%.1f\n", snapshot ? now() - stopped : all - began);
	free(windows);
	return 0;
}
