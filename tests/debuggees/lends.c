/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lends: its child of vfork calls a function in its memory, and ends.
 */
#include <sys/wait.h>

#include "debuggee.h"

enum { STATUS = 3 };

static __attribute__((noinline)) void visit(void)
{
	__asm__ volatile("" ::: "memory");
}

int main(void)
{
	int status = -1;
	pid_t pid;

	debuggee_start();
	pid = vfork();
	if (pid == 0) {
		visit();
		_exit(STATUS);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	visit();
	return WEXITSTATUS(status) == STATUS ? 0 : 2;
}
