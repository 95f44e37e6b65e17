/* SPDX-License-Identifier: BSD-2-Clause
 *
 * becomes PROGRAM [ARGS]: executes that when it gets SIGUSR1, which may be one of another
 * width.  Until then it has a list to be followed.
 */
#include "debuggee.h"

struct node {
	unsigned long value;
	struct node *next;
};

static struct node nodes[] = {{1, &nodes[1]}, {2, &nodes[2]}, {3, NULL}};

int main(int argc, char **argv)
{
	sigset_t set;
	int signal;

	if (argc < 2)
		return 1;
	debuggee_start();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	debuggee_say("list", (unsigned long)nodes);
	debuggee_ready();
	sigwait(&set, &signal);
	execv(argv[1], argv + 1);
	return 1;
}
