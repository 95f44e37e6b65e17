/* SPDX-License-Identifier: BSD-2-Clause
 *
 * events: SIGUSR1 starts a thread that ends at once; SIGUSR2 makes a thread that
 * is not the first exec the program again; SIGHUP raises SIGWINCH; SIGTERM ends
 * it as usual.
 */
#include "debuggee.h"

static char **arguments;

static void *nothing(void *arg)
{
	return arg;
}

static void *again(void *arg)
{
	execv("/proc/self/exe", arguments);
	return arg;
}

int main(int argc, char **argv)
{
	sigset_t set;
	int signal;

	(void)argc;
	debuggee_start();
	arguments = argv;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	debuggee_ready();
	while (sigwait(&set, &signal) == 0) {
		pthread_t t;

		if (signal == SIGHUP)
			raise(SIGWINCH);
		else if (pthread_create(&t, NULL, signal == SIGUSR1 ? nothing : again, NULL) == 0)
			pthread_join(t, NULL);
	}
	return 1;
}
