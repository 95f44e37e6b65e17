/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { END_MS = 2000, TERM_MS = 1000 }; /* for it to end by itself; after SIGTERM */

extern char **environ;

/* Our controlling terminal, when we are in its foreground; else -1. */
static int foreground_terminal(void)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (tty >= 0 && tcgetpgrp(tty) != getpgrp()) {
		close(tty);
		return -1;
	}
	return tty;
}

/* What it gets from us: no signal blocked or ignored because of what we do. */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t mask, def;
	int err;

	sigemptyset(&mask);
	sigemptyset(&def);
	sigaddset(&def, SIGPIPE);
	sigaddset(&def, SIGINT);
	sigaddset(&def, SIGQUIT);
	sigaddset(&def, SIGTSTP);
	sigaddset(&def, SIGTTIN);
	sigaddset(&def, SIGTTOU);
	sigaddset(&def, SIGCHLD);
	err = posix_spawnattr_setsigmask(attr, &mask);
	return err ? err : posix_spawnattr_setsigdefault(attr, &def);
}

static int spawn(struct child *c, const char *path, char *const argv[], int theirs)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int err;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	err = set_signals(&attr);
	if (!err)
		err = posix_spawnattr_setflags(
		    &attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	/* The terminal first: glibc has all signals blocked there, so SIGTTOU is none. */
	if (!err && c->tty >= 0)
		err = posix_spawn_file_actions_addtcsetpgrp_np(&files, c->tty);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, theirs, STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, theirs, STDOUT_FILENO);
	if (!err)
		err = posix_spawn(&c->pid, path, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

int child_start(struct child *c, const char *path, char *const argv[], bool terminal, int *fd)
{
	int pair[2], err;

	*c = (struct child){.tty = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return errno;
	/* Not where they would be overwritten while being put in place. */
	if (pair[1] <= STDERR_FILENO) {
		int high = fcntl(pair[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

		close(pair[1]);
		pair[1] = high;
	}
	if (terminal)
		c->tty = foreground_terminal();
	err = pair[1] < 0 ? EMFILE : spawn(c, path, argv, pair[1]);
	if (pair[1] >= 0)
		close(pair[1]);
	if (err) {
		c->pid = 0;
		child_take_back(c);
		close(pair[0]);
		return err;
	}
	*fd = pair[0];
	return 0;
}

void child_take_back(struct child *c)
{
	sigset_t ttou, before;

	if (c->tty < 0)
		return;
	/* We are in the background now: without this, SIGTTOU would stop us. */
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, &before);
	tcsetpgrp(c->tty, getpgrp());
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(c->tty);
	c->tty = -1;
}

bool child_ended(struct child *c, int wait_ms)
{
	struct pollfd p = {.events = POLLIN};
	pid_t got;

	if (!c->pid)
		return true;
	p.fd = pidfd_open(c->pid, 0);
	if (p.fd >= 0) {
		poll(&p, 1, wait_ms);
		close(p.fd);
	}
	got = waitpid(c->pid, &c->status, WNOHANG);
	/* ECHILD: the program reaps its children itself, or ignores SIGCHLD. */
	if (got == c->pid || (got < 0 && errno == ECHILD)) {
		c->pid = 0;
		return true;
	}
	return false;
}

void child_end(struct child *c)
{
	child_take_back(c);
	if (child_ended(c, END_MS))
		return;
	kill(-c->pid, SIGTERM);
	kill(-c->pid, SIGCONT);
	if (child_ended(c, TERM_MS))
		return;
	kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
}

char *child_how(const struct child *c, char *text, size_t size)
{
	if (WIFSIGNALED(c->status))
		snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(c->status),
		    strsignal(WTERMSIG(c->status)));
	else
		snprintf(text, size, "status %d", WEXITSTATUS(c->status));
	return text;
}
