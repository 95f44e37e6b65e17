/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads and a program named by somebody who wants to write on your terminal.
 */
#include "debuggee.h"

static const char *const names[] = {
    "\033[31mred", "two\nlines", "\r#0 fake", "q\"uo,te\\", "\xff\xfe\x80", ""};
enum { NAMES = sizeof(names) / sizeof(names[0]) };
static atomic_int arrived;

static void *named(void *arg)
{
	prctl(PR_SET_NAME, (const char *)arg);
	atomic_fetch_add(&arrived, 1);
	debuggee_sleep();
	return NULL;
}

int main(void)
{
	debuggee_start();
	prctl(PR_SET_NAME, "\033]0;title\a)\n(");
	for (int i = 0; i < NAMES; i++) {
		pthread_t t;

		pthread_create(&t, NULL, named, (void *)names[i]);
	}
	while (atomic_load(&arrived) < NAMES)
		usleep(1000);
	debuggee_ready();
	debuggee_sleep();
	return 0;
}
