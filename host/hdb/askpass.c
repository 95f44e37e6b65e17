/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

/* The first line; false at an end before it has one. */
static bool read_line(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;
	char c = 0;

	while ((got = read(fd, &c, 1)) == 1 && c != '\n')
		if (n + 1 < size)
			text[n++] = c;
	text[n] = 0;
	return got == 1 || n > 0;
}

static bool at_terminal(int tty, const char *question, char *text, size_t size)
{
	struct termios was, quiet;
	bool good;

	if (tcgetattr(tty, &was) != 0)
		return false;
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	/* What was typed ahead was meant for somebody else. */
	tcsetattr(tty, TCSAFLUSH, &quiet);
	dprintf(tty, "%s ", question);
	good = read_line(tty, text, size);
	tcsetattr(tty, TCSAFLUSH, &was);
	return good;
}

static bool by_program(const char *program, const char *question, char *text, size_t size)
{
	char *argv[] = {(char *)program, (char *)question, NULL};
	posix_spawn_file_actions_t actions;
	int out[2], status, err;
	bool good;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	err = posix_spawnp(&pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(out[1]);
	good = !err && read_line(out[0], text, size);
	close(out[0]);
	if (err)
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return good && status == 0;
}

bool askpass(int tty, const char *question, char *text, size_t size)
{
	const char *own = getenv("HDB_ASKPASS"), *shared = getenv("SSH_ASKPASS");

	if (own && *own)
		return by_program(own, question, text, size);
	if (tty >= 0)
		return at_terminal(tty, question, text, size);
	return shared && *shared && by_program(shared, question, text, size);
}
