/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-launch: the last of us before a launched program.  As the mapped user, one per
 * program, it takes back everything a program would inherit from a tracer, waits to be
 * seized, and executes the program.  It may be looked into (dumpable): the tracer needs
 * that, and it holds nothing that its user may not have.
 *
 *   procsrv-launch              started by a tracer: see launch_spec.h
 *   procsrv-launch -drain       reads what nobody else reads any more: see drain()
 *   procsrv-launch -start|-hold PROGRAM [ARGUMENT...]
 *                               for procsrv -c and -cs: see start()
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "launch_spec.h"

enum {
	EXIT_USAGE = 2,
	EXIT_NOT_STARTED = 127, /* as a shell has it */
	DRAIN_FIRST = 3,        /* descriptors of -drain, from here up */
	KERNEL_SIGSET = 8,      /* bytes of the kernel's sigset_t */
};

static struct {
	const struct launch_spec *spec;
	const char *program, *cwd, *args, *env;
	const struct passwd *user; /* NULL = the user has no entry */
	char **environment;
	size_t n_environment;
} self;

static _Noreturn void give_up(enum launch_stage stage, int err)
{
	struct launch_failure f = {.os_errno = err, .stage = stage};

	/* Nobody there to be told: they know. */
	(void)!write(LAUNCH_FD_SOCKET, &f, sizeof(f));
	_exit(EXIT_NOT_STARTED);
}

/* ---- what to start ---------------------------------------------------------- */

static bool whole(const char *text, uint32_t n)
{
	return n > 0 && text[n - 1] == 0;
}

/* The next text of the file; NULL when it does not end where it has to. */
static const char *next_text(const char **at, size_t *left, uint32_t n)
{
	const char *text = *at;

	if (n > *left || (n && !whole(text, n)))
		return NULL;
	*at += n;
	*left -= n;
	return text;
}

static bool read_spec(void)
{
	const struct launch_spec *s;
	const char *at;
	struct stat st;
	size_t left;

	if (fstat(LAUNCH_FD_SPEC, &st) != 0 || st.st_size < (off_t)sizeof(*s))
		return false;
	left = (size_t)st.st_size;
	s = mmap(NULL, left, PROT_READ | PROT_WRITE, MAP_PRIVATE, LAUNCH_FD_SPEC, 0);
	if (s == MAP_FAILED || s->version != LAUNCH_VERSION)
		return false;
	at = (const char *)(s + 1);
	left -= sizeof(*s);
	self.spec = s;
	self.program = next_text(&at, &left, s->program_n);
	self.cwd = next_text(&at, &left, s->cwd_n);
	self.args = next_text(&at, &left, s->args_n);
	self.env = next_text(&at, &left, s->env_n);
	return self.program && self.cwd && self.args && self.env && s->program_n && s->cwd_n;
}

static size_t count(const char *text, uint32_t n)
{
	size_t found = 0;

	for (uint32_t i = 0; i < n; i++)
		found += !text[i];
	return found;
}

/* Strings one after the other as a vector that ends with NULL; room for more. */
static char **vector(const char *text, uint32_t n, size_t more)
{
	char **v = calloc(count(text, n) + more + 1, sizeof(*v)), **to = v;

	if (!v)
		give_up(LAUNCH_AT_SETUP, ENOMEM);
	for (const char *p = text; p < text + n; p += strlen(p) + 1)
		*to++ = (char *)p;
	return v;
}

/* ---- the environment -------------------------------------------------------- */

enum { LOGIN_VARIABLES = 5 };

static bool same_name(const char *a, const char *b, size_t n)
{
	return strncmp(a, b, n) == 0 && (a[n] == '=' || !a[n]);
}

/* Put "NAME=VALUE" in, or with NAME alone take it out. */
static void change(char *text)
{
	size_t n = strcspn(text, "="), i = 0;
	char **v = self.environment;

	while (i < self.n_environment && !same_name(v[i], text, n))
		i++;
	if (text[n]) {
		self.n_environment += i == self.n_environment;
		v[i] = text;
	} else if (i < self.n_environment) {
		v[i] = v[--self.n_environment];
	}
	v[self.n_environment] = NULL;
}

static void login_variable(const char *name, const char *value)
{
	char *text;

	if (!value || !*value)
		return;
	if (asprintf(&text, "%s=%s", name, value) < 0)
		give_up(LAUNCH_AT_SETUP, ENOMEM);
	change(text);
}

/* As login(1) makes it, without what only its terminal could tell. */
static void login_environment(void)
{
	const struct passwd *pw = self.user;

	login_variable("PATH", geteuid() == 0 ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
						"/sbin:/bin"
					      : "/usr/local/bin:/usr/bin:/bin");
	if (!pw)
		return;
	login_variable("HOME", pw->pw_dir);
	login_variable("USER", pw->pw_name);
	login_variable("LOGNAME", pw->pw_name);
	login_variable("SHELL", *pw->pw_shell ? pw->pw_shell : "/bin/sh");
}

static void make_environment(void)
{
	const struct launch_spec *s = self.spec;
	char **given;

	if (s->env_n && !(s->flags & LAUNCH_LOGIN)) {
		self.environment = vector(self.env, s->env_n, 0);
		return;
	}
	given = vector(self.env, s->env_n, 0);
	self.environment = calloc(count(self.env, s->env_n) + LOGIN_VARIABLES + 1, sizeof(char *));
	if (!self.environment)
		give_up(LAUNCH_AT_SETUP, ENOMEM);
	login_environment();
	for (char **v = given; *v; v++)
		if (**v && **v != '=')
			change(*v);
	free(given);
}

static const char *variable(const char *name)
{
	size_t n = strlen(name);

	for (char **v = self.environment; *v; v++)
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

/* ---- what a program may expect ---------------------------------------------- */

static void restore_signals(void)
{
	static const uint8_t def[64]; /* the kernel's struct sigaction: no handler, no flags */
	sigset_t none;

	/* sigaction(2) by itself: glibc's refuses those it keeps for itself (32 and 33), which may
	 * have come ignored. */
	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, def, NULL, KERNEL_SIGSET);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* As pam_keyinit(8) does at a login: keys of the program's are its own. */
static void restore_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0)
		syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
}

/* The service asks to be spared when memory runs out; what it starts has no such claim. */
static void restore_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char now[16] = "";

	if (fd < 0)
		return;
	if (read(fd, now, sizeof(now) - 1) > 0 && *now == '-')
		(void)!pwrite(fd, "0", 1, 0);
	close(fd);
}

static void take_terminal(void)
{
	if (setsid() < 0)
		give_up(LAUNCH_AT_SETUP, errno);
	if (self.spec->flags & LAUNCH_TERMINAL && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
		give_up(LAUNCH_AT_SETUP, errno);
}

static void enter_directory(void)
{
	const char *home = self.user ? self.user->pw_dir : "/";

	if (*self.cwd && chdir(self.cwd) != 0)
		give_up(LAUNCH_AT_CWD, errno);
	/* A user without a home can still run programs: login(1) does the same. */
	if (!*self.cwd && chdir(home) != 0 && chdir("/") != 0)
		give_up(LAUNCH_AT_CWD, errno);
}

static void restore(void)
{
	restore_signals();
	if (self.spec->flags & LAUNCH_SERVICE) {
		umask(LAUNCH_UMASK);
		restore_score();
		restore_keyring();
	}
	take_terminal();
	enter_directory();
	/* Where a filter of the machine's forbids it the program runs as it does elsewhere. */
	if (!(self.spec->flags & LAUNCH_ASLR))
		personality((unsigned long)personality(~0UL) | ADDR_NO_RANDOMIZE);
}

/* ---- the program ------------------------------------------------------------ */

static void wait_for_tracer(void)
{
	char word = LAUNCH_READY;

	if (write(LAUNCH_FD_SOCKET, &word, 1) != 1)
		_exit(EXIT_NOT_STARTED);
	while (read(LAUNCH_FD_SOCKET, &word, 1) != 1 || word != LAUNCH_GO)
		if (errno != EINTR)
			_exit(EXIT_NOT_STARTED);
}

/* As execvp(3) looks, but never through a shell: what it cannot execute is an error. */
static int search(char **argv)
{
	const char *path = variable("PATH");
	char file[4096];
	int err = ENOENT;

	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	for (;; path++) {
		int n = (int)strcspn(path, ":");
		int len =
		    snprintf(file, sizeof(file), "%.*s%s%s", n, path, n ? "/" : "", self.program);

		if (len > 0 && (size_t)len < sizeof(file))
			execve(file, argv, self.environment);
		if (errno == EACCES)
			err = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return errno;
		path += n;
		if (!*path)
			return err;
	}
}

static _Noreturn void launch(void)
{
	char **argv = vector(self.args, self.spec->args_n, 1);
	int err;

	if (!*argv)
		*argv = (char *)self.program;
	wait_for_tracer();
	if (strchr(self.program, '/')) {
		execve(self.program, argv, self.environment);
		err = errno;
	} else {
		err = *self.program ? search(argv) : ENOENT;
	}
	give_up(LAUNCH_AT_EXEC, err);
}

/* ---- afterwards ------------------------------------------------------------- */

/* A program that was let go keeps its terminal or its pipes: without a reader it would
 * block, or die of SIGPIPE or SIGHUP.  What it writes is read and forgotten until nobody
 * holds the other end any more.  The terminal's descriptor is all of it; of pipes there
 * are the reading ends. */
static int drain(void)
{
	struct pollfd fds[2] = {
	    {.fd = DRAIN_FIRST, .events = POLLIN}, {.fd = DRAIN_FIRST + 1, .events = POLLIN}};
	char room[4096];

	signal(SIGHUP, SIG_IGN);
	setsid();
	close_range(DRAIN_FIRST + 2, ~0U, 0);
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return EXIT_FAILURE;
		for (size_t i = 0; i < 2; i++) {
			ssize_t n = fds[i].revents ? read(fds[i].fd, room, sizeof(room)) : 1;

			if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
				fds[i].fd = -1;
		}
	}
	return 0;
}

/* ---- without a tracer --------------------------------------------------------- */

/* In the child: it is its parent's to seize before it goes on. */
static _Noreturn void become_program(char **argv, int go)
{
	char word;

	restore_signals();
	setsid();
	dup2(STDERR_FILENO, STDOUT_FILENO);
	while (read(go, &word, 1) < 0 && errno == EINTR)
		;
	execvp(argv[0], argv);
	log_error("%s: %s", argv[0], strerror(errno));
	_exit(EXIT_NOT_STARTED);
}

/* It has executed the program, or ended.  hold: leave it stopped, as by SIGSTOP, before its
 * first instruction, for whoever attaches. */
static bool see_it_start(pid_t pid, bool hold)
{
	int status;

	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		if (status >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
			ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(status));
			continue;
		}
		if (hold)
			kill(pid, SIGSTOP); /* taken on the way out of execve(2) */
		return ptrace(PTRACE_DETACH, pid, 0, 0) == 0;
	}
	return false;
}

/* Started beside the server: its parent is gone when this returns. */
static int start(char **argv, bool hold)
{
	int pipes[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || pipe2(pipes, O_CLOEXEC) != 0)
		fatal(EXIT_FAILURE, "cannot start %s: %s", argv[0], strerror(errno));
	pid = fork();
	if (pid == 0)
		become_program(argv, pipes[0]);
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXEC) != 0) {
		int err = errno;

		if (pid > 0)
			kill(pid, SIGKILL);
		fatal(EXIT_FAILURE, "cannot start %s: %s", argv[0], strerror(err));
	}
	if (write(pipes[1], "", 1) != 1 || !see_it_start(pid, hold))
		return EXIT_FAILURE;
	log_info("started %s as process %d%s", argv[0], (int)pid,
	    hold ? ", held before its first instruction; SIGCONT lets it go" : "");
	return 0;
}

int main(int argc, char **argv)
{
	log_init("procsrv-launch", false);
	if (argc == 2 && strcmp(argv[1], "-drain") == 0)
		return drain();
	if (argc > 2 && (strcmp(argv[1], "-start") == 0 || strcmp(argv[1], "-hold") == 0)) {
		log_init("procsrv", false);
		return start(argv + 2, argv[1][1] == 'h');
	}
	if (argc != 1 || fcntl(LAUNCH_FD_SOCKET, F_SETFD, FD_CLOEXEC) != 0)
		fatal(EXIT_USAGE, "started by procsrv-tracer, not by hand");
	if (!read_spec())
		give_up(LAUNCH_AT_SETUP, EPROTO);
	close_range(LAUNCH_FD_SOCKET + 1, ~0U, 0);
	fcntl(LAUNCH_FD_SPEC, F_SETFD, FD_CLOEXEC);
	self.user = getpwuid(geteuid());
	make_environment();
	restore();
	launch();
}
