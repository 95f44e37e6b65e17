/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shell: a command on this machine.
 *
 * It has a process group of its own, so that whatever it starts can be ended with it, and the
 * terminal while it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "host/hdb/cmd.h"
#include "host/hdb/convenience.h"

extern char **environ;

struct shell {
	pid_t pid;
	int tty; /* ours to hand over; -1: there is none, or somebody else has it */
	struct termios modes;
};

/* ---- the terminal -------------------------------------------------------------- */

static void open_terminal(struct shell *s)
{
	s->tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (s->tty < 0 || (tcgetpgrp(s->tty) == getpgrp() && tcgetattr(s->tty, &s->modes) == 0))
		return;
	close(s->tty);
	s->tty = -1;
}

/* We are in the background meanwhile: SIGTTOU would stop us. */
static void give_terminal(const struct shell *s, pid_t group, bool back)
{
	sigset_t ttou, before;

	if (s->tty < 0)
		return;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, &before);
	tcsetpgrp(s->tty, group);
	if (back)
		tcsetattr(s->tty, TCSADRAIN, &s->modes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- starting -------------------------------------------------------------------- */

static int spawn(struct hdb *h, struct shell *s, char *const argv[])
{
	bool commands = !h->relay.input; /* standard input has ours, it must not take them */
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	int err;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGQUIT);
	sigaddset(&usual, SIGTSTP);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(
	    &attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &usual);
	/* In the child, before it runs: glibc has all signals blocked there. */
	err = s->tty < 0 ? 0 : posix_spawn_file_actions_addtcsetpgrp_np(&files, s->tty);
	if (!err && commands)
		err = posix_spawn_file_actions_addopen(
		    &files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn(&s->pid, argv[0], &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

/* ---- waiting ----------------------------------------------------------------------- */

/* Until it may have ended or stopped; a pidfd tells of an end, SIGCHLD of both, but hdb's
 * other children have that, too. */
static void sleep_for(struct hdb *h, int pidfd, bool may_stop)
{
	enum { STOPPED_MS = 200 /* that it stopped nothing tells us */ };
	struct pollfd p[] = {{.fd = pidfd, .events = POLLIN}, {.fd = h->wake_fd, .events = POLLIN}};
	uint64_t count;

	/* The links look after themselves while nobody is in the engine. */
	he_event_fd(h->engine);
	if (poll(p, 2, may_stop ? STOPPED_MS : -1) > 0 && p[1].revents &&
	    read(h->wake_fd, &count, sizeof(count)) < 0)
		return;
}

/* Ctrl-Z: we stop, too, as whoever has started us expects it, and go on together. */
static void stop_along(const struct shell *s)
{
	give_terminal(s, getpgrp(), true);
	kill(0, SIGTSTP);
	give_terminal(s, s->pid, false);
	kill(-s->pid, SIGCONT);
}

static void end_it(const struct shell *s)
{
	kill(-s->pid, SIGHUP);
	kill(-s->pid, SIGCONT);
}

/* Its wait status. */
static int wait_for(struct hdb *h, const struct shell *s)
{
	int pidfd = pidfd_open(s->pid, 0), status = 0;
	bool told = false;

	for (;;) {
		pid_t got = waitpid(s->pid, &status, WNOHANG | WUNTRACED);

		if (got < 0 && errno != EINTR)
			break;
		if (got > 0 && !WIFSTOPPED(status))
			break;
		if (h->killed && told)
			break; /* it was asked to, and may take its time without us */
		if (h->killed) {
			end_it(s);
			told = true;
		} else if (got > 0 && s->tty >= 0) {
			stop_along(s);
		}
		sleep_for(h, pidfd, s->tty >= 0);
	}
	if (pidfd >= 0)
		close(pidfd);
	return status;
}

int cmd_shell(struct hdb *h, const char *args)
{
	const char *shell = getenv("SHELL");
	char *const argv[] = {(char *)(shell && *shell ? shell : "/bin/sh"),
	    (char *)(*args ? "-c" : NULL), (char *)args, NULL};
	struct shell s;
	int err, status;

	if (!*args && !h->relay.terminal)
		return fail(h, "shell needs a command where there is no terminal");
	fflush(h->out);
	open_terminal(&s);
	err = spawn(h, &s, argv);
	status = err ? 0 : wait_for(h, &s);
	give_terminal(&s, getpgrp(), true);
	if (s.tty >= 0)
		close(s.tty);
	/* Keys that were meant for it. */
	h->interrupted = h->killed;
	if (err)
		return fail(h, "%s cannot be run: %s", argv[0], strerror(err));
	convenience_set(h, WIFEXITED(status) ? "_shell_exitcode" : "_shell_exitsignal",
	    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return 0;
}
