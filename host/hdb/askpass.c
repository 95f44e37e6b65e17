/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/askpass.h"
#include "host/hdb/front.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

/* The first line; false at an end before it has one. */
static bool read_line(struct hdb *h, int fd, char *text, size_t size)
{
	bool whole = screen_line(h, fd, text, size);

	return !h->interrupted && (whole || *text);
}

static bool at_terminal(struct hdb *h, int tty, const char *question, char *text, size_t size)
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
	good = read_line(h, tty, text, size);
	tcsetattr(tty, TCSAFLUSH, &was);
	return good;
}

static bool by_program(
    struct hdb *h, const char *program, const char *question, char *text, size_t size)
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
	good = !err && read_line(h, out[0], text, size);
	close(out[0]);
	if (err)
		return false;
	if (h->interrupted)
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR || h->killed)
			return false;
	return good && status == 0;
}

bool askpass(struct hdb *h, int tty, const char *question, char *text, size_t size)
{
	const char *own = getenv("HDB_ASKPASS"), *shared = getenv("SSH_ASKPASS");

	if (own && *own)
		return by_program(h, own, question, text, size);
	if (tty >= 0)
		return at_terminal(h, tty, question, text, size);
	return shared && *shared && by_program(h, shared, question, text, size);
}
