/* SPDX-License-Identifier: BSD-2-Clause
 *
 * strikes: does to whoever traces it what a process can do to another of its user:
 * SIGRTMIN    tries to trace it, and to read its memory
 * SIGRTMIN+1  sends it SIGSTOP
 * SIGRTMIN+2  sends it SIGKILL
 */
#include <errno.h>
#include <stdint.h>
#include <sys/ptrace.h>

#include "debuggee.h"

static uint64_t said[3]; /* orders done, errno of ptrace(2), errno of open(2) */

static pid_t tracer(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	return atoi(strstr(text, "TracerPid:") + 10);
}

static void look_into(pid_t pid)
{
	char name[32];

	said[1] = ptrace(PTRACE_SEIZE, pid, 0, 0) == 0 ? 0 : (uint64_t)errno;
	snprintf(name, sizeof(name), "/proc/%d/mem", (int)pid);
	said[2] = open(name, O_RDONLY) >= 0 ? 0 : (uint64_t)errno;
}

int main(void)
{
	sigset_t set;
	int sig;

	debuggee_start();
	sigemptyset(&set);
	for (int i = 0; i < 3; i++)
		sigaddset(&set, SIGRTMIN + i);
	sigprocmask(SIG_BLOCK, &set, NULL);
	debuggee_say("said", (unsigned long)said);
	debuggee_ready();
	while (sigwait(&set, &sig) == 0) {
		if (sig == SIGRTMIN)
			look_into(tracer());
		else
			kill(tracer(), sig == SIGRTMIN + 1 ? SIGSTOP : SIGKILL);
		said[0]++;
	}
	return 1;
}
