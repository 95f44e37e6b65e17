/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heirs: what is typed and seen is its child's, which asks for a line when it is alone.
 */
#include "debuggee.h"

static int ask(void)
{
	char line[64] = "";

	puts("child asks");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	printf("child heard %s", line);
	return 0;
}

int main(void)
{
	pid_t pid;

	debuggee_start();
	puts("maker forks");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		return ask();
	return pid < 0;
}
