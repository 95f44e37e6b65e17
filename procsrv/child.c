/* SPDX-License-Identifier: BSD-2-Clause */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "ipc.h"

enum { EXIT_NOT_STARTED = 127, FD_OUT_OF_THE_WAY = 16 };

static void fresh_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(char *const argv[])
{
	fresh_signals();
	execv(argv[0], argv);
	fatal(EXIT_NOT_STARTED, "%s: %s (is procsrv installed? make install)", argv[0],
	    strerror(errno));
}

static void give_stdin_and_stdout(int out)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(out >= 0 ? out : null, STDOUT_FILENO);
}

static _Noreturn void become_monitor(char *const argv[], int sock, int proof)
{
	/* Either may stand where the other belongs. */
	sock = fcntl(sock, F_DUPFD, FD_OUT_OF_THE_WAY);
	proof = fcntl(proof, F_DUPFD, FD_OUT_OF_THE_WAY);
	give_stdin_and_stdout(-1);
	if (dup2(sock, FD_SOCKET) < 0 || dup2(proof, FD_PIPE) < 0)
		fatal(EXIT_NOT_STARTED, "descriptors of a new monitor: %s", strerror(errno));
	close_range(FD_PIPE + 1, FD_SOCKET - 1, 0);
	close_range(FD_SOCKET + 1, ~0u, 0);
	unsetenv("NOTIFY_SOCKET"); /* systemd listens to us, not to who comes after */
	become(argv);
}

pid_t child_monitor(char *const argv[], int sock, int proof)
{
	pid_t pid = fork();

	if (pid == 0)
		become_monitor(argv, sock, proof);
	return pid;
}

/* Standard error, its output if anybody wants it, and nothing else. */
static _Noreturn void become_quiet(char *const argv[], int out)
{
	give_stdin_and_stdout(out);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	become(argv);
}

pid_t child_start(char *const argv[])
{
	pid_t pid = fork();

	if (pid == 0)
		become_quiet(argv, -1);
	return pid;
}

static void read_line(int fd, char *line, size_t size)
{
	char piece[512], *end;
	size_t n = 0;
	ssize_t got;

	/* To the end, whatever fits: a writer shall not die of SIGPIPE. */
	while ((got = read(fd, piece, sizeof(piece))) > 0 || (got < 0 && errno == EINTR))
		for (ssize_t i = 0; i < got && n + 1 < size; i++)
			line[n++] = piece[i];
	line[n] = 0;
	end = strchr(line, '\n');
	if (end)
		*end = 0;
}

int child_run(char *const argv[], char *line, size_t size)
{
	int out[2], status;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		become_quiet(argv, out[1]);
	close(out[1]);
	if (pid > 0)
		read_line(out[0], line, size);
	close(out[0]);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}
