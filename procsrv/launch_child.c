/* SPDX-License-Identifier: BSD-2-Clause */
#include "launch_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "launch_spec.h"
#include "touch.h"
#include "proc.h"

enum {
	OUT_OF_THE_WAY = 16, /* above every number that a child is given */
	GIVEN_MAX = 5,
	EXIT_STARTED = 126,
	STATUS_TEXT = 8192,
};

const struct launch_ends launch_no_ends = {-1, -1, -1, -1};

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void launch_ends_close(const struct launch_ends *e)
{
	close_fd(e->in);
	close_fd(e->out);
	close_fd(e->err);
	close_fd(e->socket);
}

/* ---- may we at all --------------------------------------------------------------- */

struct hindrance {
	uint64_t no_new_privs, filters;
};

static struct hindrance hindrance(const char *path)
{
	struct hindrance h = {0};
	struct buf b;

	buf_init(&b, STATUS_TEXT);
	if (proc_read(AT_FDCWD, path, &b) == 0) {
		proc_status_numbers(span_buf(&b), "NoNewPrivs", 10, &h.no_new_privs, 1);
		proc_status_numbers(span_buf(&b), "Seccomp_filters", 10, &h.filters, 1);
	}
	buf_free(&b);
	return h;
}

int launch_hindered(const struct ipc_session *s, struct fault *f)
{
	struct hindrance own, init;

	if (!s->greeted) /* whoever started us has the same, and wants it so */
		return E_OK;
	own = hindrance("/proc/self/status");
	init = hindrance("/proc/1/status"); /* in a container all have what its first has */
	if (own.no_new_privs <= init.no_new_privs && own.filters <= init.filters)
		return E_OK;
	snprintf(f->detail, sizeof(f->detail), "%s",
	    own.filters > init.filters ? "a filter of system calls" : "no new privileges");
	return E_ATTACH_ONLY;
}

/* ---- in the child ------------------------------------------------------------------ */

/* A private program beside ours; "" when /proc cannot tell where that is. */
static void beside(const char *name, char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	size_t len = strlen(name) + 1;
	char *slash;

	path[n > 0 ? n : 0] = 0;
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + len > size)
		*path = 0;
	else
		memcpy(slash + 1, name, len);
}

/* These and no others as descriptors from 0 up, then the program. */
static _Noreturn void become(const int *fds, int n, const char *program, char *const argv[])
{
	char path[4096];
	int high[GIVEN_MAX];

	beside(program, path, sizeof(path));
	for (int i = 0; i < n; i++)
		high[i] = fcntl(fds[i], F_DUPFD, OUT_OF_THE_WAY);
	for (int i = 0; i < n; i++)
		if (high[i] < 0 || dup2(high[i], i) < 0)
			_exit(EXIT_STARTED);
	close_range((unsigned)n, ~0U, 0);
	execv(path, argv);
	_exit(EXIT_STARTED);
}

/* ---- its standard input and output ------------------------------------------------- */

struct theirs {
	int in, out, err;
};

static void set_size(int fd, const struct wire_launch *m)
{
	struct winsize w = {.ws_row = m->rows, .ws_col = m->cols};
	struct termios t;

	ioctl(fd, TIOCSWINSZ, &w);
	if (tcgetattr(fd, &t) != 0)
		return;
	t.c_iflag |= IUTF8;
	tcsetattr(fd, TCSANOW, &t);
}

static int open_terminal(
    const struct wire_launch *m, struct launch_ends *ours, struct theirs *theirs)
{
	ours->out = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (ours->out < 0 || grantpt(ours->out) != 0 || unlockpt(ours->out) != 0)
		return errno;
	theirs->in = ioctl(ours->out, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (theirs->in < 0)
		return errno;
	set_size(theirs->in, m);
	theirs->out = fcntl(theirs->in, F_DUPFD_CLOEXEC, 0);
	theirs->err = fcntl(theirs->in, F_DUPFD_CLOEXEC, 0);
	return theirs->out < 0 || theirs->err < 0 ? errno : 0;
}

/* Ours never block; theirs do, as a program expects. */
static int open_pipe(int *ours, int *theirs, bool input)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) != 0)
		return errno;
	*ours = p[input ? 1 : 0];
	*theirs = p[input ? 0 : 1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) != 0 ? errno : 0;
}

static int open_pipes(struct launch_ends *ours, struct theirs *theirs)
{
	int err = open_pipe(&ours->in, &theirs->in, true);

	err = err ? err : open_pipe(&ours->out, &theirs->out, false);
	return err ? err : open_pipe(&ours->err, &theirs->err, false);
}

int launch_child(
    const struct wire_launch *m, int spec, struct launch_ends *ends, pid_t *pid, struct fault *f)
{
	char name[] = "procsrv-launch", *argv[] = {name, NULL};
	struct theirs t = {-1, -1, -1};
	int pair[2] = {-1, -1}, err;

	err = m->flags & WIRE_LAUNCH_PTY ? open_terminal(m, ends, &t) : open_pipes(ends, &t);
	if (!err && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		err = errno;
	ends->socket = pair[0];
	if (!err && fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0)
		err = errno;
	if (!err) {
		*pid = fork();
		if (*pid == 0)
			become((int[]){t.in, t.out, t.err, spec, pair[1]}, GIVEN_MAX, name, argv);
		err = *pid < 0 ? errno : 0;
	}
	close_fd(t.in);
	close_fd(t.out);
	close_fd(t.err);
	close_fd(pair[1]);
	return err ? fault_set(f, E_OS, err, 0) : E_OK;
}

static pid_t start_reader(int socket, bool service, char *option)
{
	char name[] = "procsrv-reader", *argv[] = {name, option, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = null >= 0 ? fork() : -1;

	if (pid == 0 && service)
		umask(LAUNCH_UMASK);
	if (pid == 0)
		become((int[]){null, null, STDERR_FILENO, socket}, 4, name, argv);
	close_fd(null);
	return pid;
}

pid_t launch_reader(int socket, bool service)
{
	return start_reader(socket, service, NULL);
}

pid_t launch_toucher(int socket)
{
	char option[] = TOUCH_OPTION;

	return start_reader(socket, false, option);
}

void launch_drain(int out, int err)
{
	char name[] = "procsrv-launch", option[] = "-drain", *argv[] = {name, option, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (out < 0)
		out = err;
	pid = null >= 0 ? fork() : -1;
	if (pid == 0)
		become(
		    (int[]){null, null, null, out, err}, err < 0 || err == out ? 4 : 5, name, argv);
	if (pid < 0)
		log_error(
		    "nobody reads what a program writes that was let go: %s", strerror(errno));
	close_fd(null);
}
