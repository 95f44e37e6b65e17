/* SPDX-License-Identifier: BSD-2-Clause
 *
 * happens WHAT...: once it is told to go on (a line on its standard input), does these
 * things in order: fork, vfork, exec, write, usr1, load LIBRARY, unload; then prints
 * "done" and waits for another line.
 */
#include <dlfcn.h>
#include <sys/wait.h>

#include "debuggee.h"

static void *library;

static void wait_line(void)
{
	char c;

	while (read(0, &c, 1) == 1 && c != '\n')
		;
}

static void marked(int n)
{
	static volatile int seen;

	seen += n;
}

static void do_fork(int vforked)
{
	pid_t child = vforked ? vfork() : fork();

	if (child == 0) {
		if (!vforked)
			marked(2);
		_exit(7);
	}
	waitpid(child, NULL, 0);
}

static void load(const char *name)
{
	void (*enter)(void (*)(int), int) = NULL;

	library = dlopen(name, RTLD_NOW);
	if (library)
		*(void **)&enter = dlsym(library, "plugin_enter");
	if (enter)
		enter(marked, 2);
}

static void do_one(char **what)
{
	if (strcmp(*what, "fork") == 0)
		do_fork(0);
	else if (strcmp(*what, "vfork") == 0)
		do_fork(1);
	else if (strcmp(*what, "write") == 0)
		(void)!write(1, "w\n", 2);
	else if (strcmp(*what, "usr1") == 0)
		raise(SIGUSR1);
	else if (strcmp(*what, "load") == 0)
		load(what[1]);
	else if (strcmp(*what, "unload") == 0)
		dlclose(library);
	else if (strcmp(*what, "exec") == 0)
		execl("/proc/self/exe", "happens", "marked", (char *)NULL);
	else
		marked(1);
}

int main(int argc, char **argv)
{
	debuggee_start();
	/* Here stdin is read, and its end seen so. */
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) & ~O_ASYNC);
	signal(SIGUSR1, SIG_IGN);
	if (strcmp(argv[0], "happens") != 0) {
		debuggee_ready();
		wait_line();
	}
	for (int i = 1; i < argc; i++)
		do_one(&argv[i]);
	(void)!write(1, "done\n", 5);
	wait_line();
	return 3;
}
