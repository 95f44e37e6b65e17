/* SPDX-License-Identifier: BSD-2-Clause
 *
 * awkward undumpable|zombie|traced|dying: a process one cannot attach to, each
 * for its own reason; "pid" says which one.  dying: ends 50 ms after ready.
 */
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "debuggee.h"

static pid_t child(const char *kind)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0); /* it was quicker */
		if (strcmp(kind, "zombie") == 0)
			_exit(0);
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
		debuggee_sleep();
	}
	return pid;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	pid_t pid = getpid();
	siginfo_t info;

	debuggee_start();
	if (strcmp(kind, "undumpable") == 0)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	else if (strcmp(kind, "zombie") == 0)
		waitid(P_PID, (id_t)(pid = child(kind)), &info, WEXITED | WNOWAIT);
	else if (strcmp(kind, "traced") == 0)
		ptrace(PTRACE_SEIZE, pid = child(kind), 0, 0);
	debuggee_say("pid", (unsigned long)pid);
	debuggee_ready();
	if (strcmp(kind, "dying") == 0) {
		usleep(50 * 1000);
		return 3;
	}
	debuggee_sleep();
}
