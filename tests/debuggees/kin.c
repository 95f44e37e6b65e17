/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kin: makes children of every kind when it is asked to by SIGRTMIN + n.  Each of them
 * comes by a landmark three times and ends with status 7, which is counted here.
 */
#include "debuggee.h"
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { STACK = 65536, STORM_THREADS = 4, STORM_FORKS = 50, STATUS = 7 };

struct shared {
	uint64_t done;       /* requests */
	uint64_t here;       /* passes of the landmark, by ourselves */
	uint64_t there;      /* ... by children */
	uint64_t good, bad;  /* children's ends */
	uint64_t status;     /* of the last bad one */
	uint64_t answers[2]; /* of system calls */
};
static struct shared *shared;
static char **arguments;

/* One byte of its own at its start, so that nothing else hits what is planted there. */
__attribute__((noinline)) void landmark(uint64_t *count)
{
	__asm__ volatile("nop\n\tnop\n\tnop" ::: "memory");
	__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
}

static int child(void *arg)
{
	for (int i = 0; i < 3; i++)
		landmark(&shared->there);
	_exit(STATUS);
	(void)arg;
}

static void bury(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS) {
		__atomic_add_fetch(&shared->good, 1, __ATOMIC_SEQ_CST);
		return;
	}
	__atomic_add_fetch(&shared->bad, 1, __ATOMIC_SEQ_CST);
	shared->status = (uint64_t)status;
}

static void forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		child(NULL);
	bury(pid);
}

static void vforks_and_executes(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		landmark(&shared->there);
		execl("/proc/self/exe", "kin", "child", (char *)NULL);
		_exit(1);
	}
	bury(pid);
}

static void vforks(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		child(NULL);
	bury(pid);
}

static void clones(int flags)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	bury(clone(child, stack + STACK, flags, NULL));
	munmap(stack, STACK);
}

static void shares_memory(void)
{
	clones(CLONE_VM | SIGCHLD);
}

static void clones_without_a_signal(void)
{
	clones(0);
}

static void *thread(void *arg)
{
	landmark(&shared->here);
	return arg;
}

static void makes_a_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
}

static void executes(void)
{
	execv("/proc/self/exe", arguments);
}

static void makes_calls(void)
{
	for (int i = 0; i < 3; i++)
		shared->answers[0] += (uint64_t)syscall(SYS_getppid);
	for (int i = 0; i < 2; i++)
		shared->answers[1] += (uint64_t)syscall(SYS_getuid) + 1;
}

static void *many(void *arg)
{
	for (int i = 0; i < STORM_FORKS; i++) {
		landmark(&shared->here);
		forks();
	}
	return arg;
}

static void storms(void)
{
	pthread_t t[STORM_THREADS];

	for (int i = 0; i < STORM_THREADS; i++)
		pthread_create(&t[i], NULL, many, NULL);
	for (int i = 0; i < STORM_THREADS; i++)
		pthread_join(t[i], NULL);
}

static void passes(void)
{
	landmark(&shared->here);
}

static void (*const requests[])(void) = {forks, vforks_and_executes, vforks, shares_memory,
    clones_without_a_signal, makes_a_thread, executes, makes_calls, storms, passes};

enum { REQUESTS = sizeof(requests) / sizeof(requests[0]) };

int main(int argc, char **argv)
{
	sigset_t set;
	int sig;

	if (argc > 1 && strcmp(argv[1], "child") == 0)
		return STATUS;
	debuggee_start();
	arguments = argv;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigemptyset(&set);
	for (int i = 0; i < REQUESTS; i++)
		sigaddset(&set, SIGRTMIN + i);
	sigprocmask(SIG_BLOCK, &set, NULL);
	debuggee_say("landmark", (unsigned long)landmark);
	debuggee_say("shared", (unsigned long)shared);
	debuggee_ready();
	while (sigwait(&set, &sig) == 0) {
		requests[sig - SIGRTMIN]();
		shared->done++;
	}
	return 1;
}
