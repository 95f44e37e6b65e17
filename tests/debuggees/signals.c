/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signals: counts what it is sent, where a test can read it: SIGUSR1 (and the value
 * sent along, and by whom), SIGCONT, and signals 40 to 45, which queue up.
 */
#include "debuggee.h"
#include <stdint.h>

static volatile uint64_t counts[4]; /* SIGUSR1s, the last value, the last sender, SIGCONTs */

static void on_usr1(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)context;
	counts[0]++;
	counts[1] = (uint64_t)(uintptr_t)si->si_value.sival_ptr;
	counts[2] = (uint64_t)si->si_pid;
}

static void on_cont(int sig)
{
	(void)sig;
	counts[3]++;
}

static volatile uint64_t queued[6];

static void on_queued(int sig)
{
	queued[sig - 40]++;
}

static void *idle(void *arg)
{
	debuggee_sleep();
	return arg;
}

int main(void)
{
	struct sigaction usr1 = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigaction cont = {.sa_handler = on_cont, .sa_flags = SA_RESTART};
	struct sigaction one_by_one = {.sa_handler = on_queued, .sa_flags = SA_RESTART};
	pthread_t t;

	debuggee_start();
	sigaction(SIGUSR1, &usr1, NULL);
	sigaction(SIGCONT, &cont, NULL);
	sigfillset(&one_by_one.sa_mask); /* queued[] has one writer at a time */
	for (int sig = 40; sig <= 45; sig++)
		sigaction(sig, &one_by_one, NULL);
	pthread_create(&t, NULL, idle, NULL);
	pthread_create(&t, NULL, idle, NULL);
	debuggee_say("counts", (unsigned long)counts);
	debuggee_say("queued", (unsigned long)queued);
	debuggee_ready();
	debuggee_sleep();
}
