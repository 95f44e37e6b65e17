/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the kernel allows to one process without protocol that traces a thread:
 *
 * ceil_run hits PID ADDR SECONDS    times a second that it comes to a breakpoint at ADDR, is
 *                                   stepped over it and goes on
 * ceil_run stops PID ADDR COUNT     microseconds of each of COUNT such rounds
 * ceil_run line PID ADDR SIZE COUNT microseconds of each of COUNT walks through the SIZE bytes
 *                                   of code at ADDR, by single steps
 * ceil_run steps PID ADDR SIZE COUNT the same, behind how many steps one of them is
 * ceil_run watch PID ADDR COUNT     microseconds of each of COUNT stops after a write to ADDR
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t pid;
static uint64_t addr;
static int mem;
static uint8_t original;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void let(enum __ptrace_request how)
{
	int status;

	if (ptrace(how, pid, 0, 0) != 0 || waitpid(pid, &status, __WALL) != pid ||
	    !WIFSTOPPED(status))
		exit(1);
}

static void put(uint8_t byte)
{
	if (pwrite(mem, &byte, 1, (off_t)addr) != 1)
		exit(1);
}

/* To the breakpoint, with the original instruction ahead. */
static void come(struct user_regs_struct *regs)
{
	put(0xcc);
	let(PTRACE_CONT);
	put(original);
	ptrace(PTRACE_GETREGS, pid, 0, regs);
	regs->rip = addr;
	ptrace(PTRACE_SETREGS, pid, 0, regs);
}

static void hits(double seconds)
{
	struct user_regs_struct regs;
	double began = now(), end = began + seconds * 1e6;
	unsigned long n = 0;

	for (; now() < end; n++) {
		come(&regs);
		let(PTRACE_SINGLESTEP);
	}
	printf("%.1f\n", (double)n * 1e6 / (now() - began));
}

static void stops(unsigned long count)
{
	struct user_regs_struct regs;

	for (unsigned long i = 0; i < count; i++) {
		double began = now();

		come(&regs);
		let(PTRACE_SINGLESTEP);
		printf("%.2f\n", now() - began);
	}
}

static void line(uint64_t size, unsigned long count, bool counted)
{
	struct user_regs_struct regs;
	unsigned long n = 0;

	for (unsigned long i = 0; i < count; i++) {
		double began;

		come(&regs);
		began = now();
		do {
			let(PTRACE_SINGLESTEP);
			ptrace(PTRACE_GETREGS, pid, 0, &regs);
			n++;
		} while (regs.rip >= addr && regs.rip < addr + size);
		if (counted && i == 0)
			printf("%lu\n", n);
		printf("%.2f\n", now() - began);
	}
}

static void watch(unsigned long count)
{
	size_t dr = offsetof(struct user, u_debugreg);

	/* DR7: the first one, local, writes of 8 bytes. */
	if (ptrace(PTRACE_POKEUSER, pid, dr, addr) != 0 ||
	    ptrace(PTRACE_POKEUSER, pid, dr + 7 * 8, 0x90001) != 0)
		exit(1);
	for (unsigned long i = 0; i < count; i++) {
		double began = now();

		let(PTRACE_CONT);
		printf("%.2f\n", now() - began);
	}
	ptrace(PTRACE_POKEUSER, pid, dr + 7 * 8, 0);
}

int main(int argc, char **argv)
{
	char path[64];
	int status;

	if (argc < 5)
		return 2;
	pid = atoi(argv[2]);
	addr = strtoull(argv[3], NULL, 0);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDWR | O_CLOEXEC);
	if (mem < 0 || pread(mem, &original, 1, (off_t)addr) != 1 ||
	    ptrace(PTRACE_SEIZE, pid, 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0 ||
	    waitpid(pid, &status, __WALL) != pid)
		return 1;
	if (strcmp(argv[1], "hits") == 0)
		hits(atof(argv[4]));
	else if (strcmp(argv[1], "stops") == 0)
		stops(strtoul(argv[4], NULL, 0));
	else if ((strcmp(argv[1], "line") == 0 || strcmp(argv[1], "steps") == 0) && argc > 5)
		line(strtoull(argv[4], NULL, 0), strtoul(argv[5], NULL, 0),
		    strcmp(argv[1], "steps") == 0);
	else if (strcmp(argv[1], "watch") == 0)
		watch(strtoul(argv[4], NULL, 0));
	ptrace(PTRACE_DETACH, pid, 0, 0);
	return 0;
}
