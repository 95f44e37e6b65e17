/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-listener: accepts connections and starts one procsrv-monitor for each.  It
 * runs with all the rights the others get theirs from, and therefore reads no byte of
 * any connection and opens no file of anybody: procsrv has understood everything
 * before it became this program.
 *
 *   procsrv-listener [-v] [-audit FILE] {-t TEXT -key FILE -map FILE {-fd N}...}...
 *                    [-record N]
 *
 * TEXT is what it says when it listens, N a descriptor.  The record's one stays open as
 * long as it serves.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"
#include "child.h"
#include "common/clock.h"
#include "common/log.h"
#include "ipc.h"
#include "limits.h"
#include "notify.h"
#include "where.h"

enum {
	EXIT_USAGE = 2,
	GATES = 16,           /* -t */
	SOCKETS = 16,         /* of one */
	ACCEPT_AT_ONCE = 16,  /* then others have their turn */
	ACCEPT_PAUSE_S = 1,   /* after EMFILE */
	DROPS_A_SECOND = 20,  /* told one by one */
	LINK_LOST_MS = 15000, /* TCP's own idea of a dead link, beside the heartbeat's */
	MONITORS_MS = 3000,   /* for monitors to end after them */
};

/* A monitor and its connection. */
struct child {
	struct child *next;
	pid_t pid;
	struct limit_source from;
	struct event *proof; /* NULL once the proof holds, or the monitor has closed the pipe */
	bool proven;
};

/* One -t: its sockets, and the command line of a monitor for who comes through them. */
struct gate {
	const char *text;
	int fds[SOCKETS];
	size_t nfds;
	char *key, *map;
	char *argv[10];
};

static struct {
	char monitor[WHERE_MAX], admin[WHERE_MAX];
	bool verbose;
	int record;  /* 0 = none */
	char *audit; /* NULL = none */
	struct gate gates[GATES];
	size_t ngates;

	struct event_base *base;
	struct limits *limits;
	struct event *accepts[GATES * SOCKETS];
	size_t naccepts;
	struct event *resume; /* after a pause */
	struct child *children;
	pid_t sweeper; /* 0 = none runs */
	bool sweep_again;
	bool stopping;
	uint64_t second; /* drops told in it */
	unsigned drops;
} self;

/* ---- connections ------------------------------------------------------------- */

/* Not a record for each packet of a flood. */
static void tell_drop(const struct sockaddr *sa, const char *why)
{
	uint64_t second = now_ms() / 1000;
	char from[64];

	if (second != self.second) {
		if (self.drops > DROPS_A_SECOND)
			log_warn("event=refused result=dropped why=\"%u more in that second\"",
			    self.drops - DROPS_A_SECOND);
		self.second = second;
		self.drops = 0;
	}
	if (++self.drops <= DROPS_A_SECOND)
		log_info("event=refused from=%s result=dropped why=%s",
		    address_text(sa, from, sizeof(from)), why);
}

static void close_proof(struct child *c)
{
	if (!c->proof)
		return;
	close(event_get_fd(c->proof));
	event_free(c->proof);
	c->proof = NULL;
}

/* The byte, or the end of the pipe without one: then it never will be proven. */
static void on_proof(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	char byte;

	(void)what;
	if (read(fd, &byte, 1) == 1) {
		c->proven = true;
		limits_proven(self.limits, c->from);
	}
	close_proof(c);
}

static void set_options(int sock)
{
	int on = 1;
	unsigned lost = LINK_LOST_MS;

	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(sock, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost, sizeof(lost));
}

/* Everything a monitor needs, or nothing. */
static struct child *start_monitor(struct gate *g, int sock, struct limit_source from)
{
	struct child *c = calloc(1, sizeof(*c));
	int pipe[2], err;

	if (!c || pipe2(pipe, O_CLOEXEC) < 0) {
		free(c);
		return NULL;
	}
	c->from = from;
	c->proof = event_new(self.base, pipe[0], EV_READ, on_proof, c);
	c->pid =
	    c->proof && event_add(c->proof, NULL) == 0 ? child_monitor(g->argv, sock, pipe[1]) : -1;
	err = errno;
	close(pipe[1]);
	if (c->pid > 0)
		return c;
	if (c->proof)
		event_free(c->proof);
	close(pipe[0]);
	free(c);
	errno = err;
	return NULL;
}

static bool may_stay(const struct sockaddr *sa, struct limit_source from)
{
	uint32_t random = 0;
	enum limit_verdict v;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	v = limits_admit(self.limits, from, now_ms(), random);
	if (v != LIMIT_ADMIT)
		tell_drop(sa, limits_why(v));
	return v == LIMIT_ADMIT;
}

/* 0, or an errno: we are short of something, and the connection is lost. */
static int admit(struct gate *g, int sock, const struct sockaddr *sa)
{
	struct limit_source from = limits_source(sa);
	struct child *c;
	int err;

	if (!may_stay(sa, from))
		return 0;
	set_options(sock);
	c = start_monitor(g, sock, from);
	if (!c) {
		err = errno;
		limits_gone(self.limits, from, false, now_ms(), 0);
		return err;
	}
	c->next = self.children;
	self.children = c;
	return 0;
}

/* ---- accepting ------------------------------------------------------------------ */

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	for (size_t i = 0; i < self.naccepts; i++)
		event_add(self.accepts[i], NULL);
}

/* Out of descriptors or memory: the connection stays in the kernel's queue, and
 * asking again at once would only burn time. */
static void pause_accepting(int err)
{
	const struct timeval tv = {.tv_sec = ACCEPT_PAUSE_S};

	log_warn("no connections for %d s: %s", ACCEPT_PAUSE_S, strerror(err));
	for (size_t i = 0; i < self.naccepts; i++)
		event_del(self.accepts[i]);
	event_add(self.resume, &tv);
}

static bool is_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

/* False: nobody waits any more, or we are short of something. */
static bool accept_one(int fd, struct gate *g)
{
	struct sockaddr_storage from;
	socklen_t n = sizeof(from);
	int sock = accept4(fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC), err = errno;

	if (sock < 0 && !is_shortage(err))
		return err != EAGAIN;
	if (sock >= 0) {
		err = admit(g, sock, (struct sockaddr *)&from);
		close(sock);
	}
	if (err)
		pause_accepting(err);
	return !err;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	int left = ACCEPT_AT_ONCE;

	(void)what;
	while (left-- && accept_one(fd, arg))
		;
}

/* ---- children --------------------------------------------------------------------- */

static const char *why_it_ended(int status)
{
	return WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "own trouble";
}

/* Whoever may send SIGKILL is no client, who may want to come back. */
static uint32_t penalty(const struct child *c, int status)
{
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

	return c->proven && killed ? 0 : limits_penalty(status);
}

static void end_child(struct child **at, int status)
{
	struct child *c = *at;

	/* The byte may still lie in the pipe. */
	if (c->proof)
		on_proof(event_get_fd(c->proof), 0, c);
	limits_gone(self.limits, c->from, c->proven, now_ms(), penalty(c, status));
	if (!self.stopping && (WIFSIGNALED(status) || WEXITSTATUS(status) == MONITOR_FAILED))
		log_warn("monitor %d ended early: %s", (int)c->pid, why_it_ended(status));
	*at = c->next;
	free(c);
}

static bool run_admin(char *command, char *argument)
{
	char *argv[] = {self.admin, command, argument, NULL}, line[8];

	return child_run(argv, line, sizeof(line)) == 0;
}

/* Remove what a guard has left: its lock is free only once it has ended. */
static void sweep(void)
{
	char *argv[] = {self.admin, (char *)"-sweep", NULL};

	self.sweep_again = self.sweeper > 0;
	if (self.sweeper <= 0)
		self.sweeper = child_start(argv);
}

static struct child **find_child(pid_t pid)
{
	struct child **at = &self.children;

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	return at;
}

/* As subreaper we also get the guards whose monitor is gone.  True: there is something
 * to sweep. */
static bool reap(void)
{
	bool others = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child **at = find_child(pid);

		if (*at) {
			end_child(at, status);
		} else if (pid == self.sweeper) {
			self.sweeper = 0;
			others |= self.sweep_again;
		} else {
			others = true;
		}
	}
	return others;
}

static void on_child(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	if (reap())
		sweep();
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	event_base_loopbreak(self.base);
}

static void signal_children(int sig)
{
	for (struct child *c = self.children; c; c = c->next)
		kill(c->pid, sig);
}

static void wait_for_children(int ms)
{
	uint64_t end = now_ms() + (uint64_t)ms;

	while (reap(), self.children && now_ms() < end)
		usleep(10000);
}

/* ---- start and end -------------------------------------------------------------------- */

static void watch(struct gate *g)
{
	for (size_t i = 0; i < g->nfds; i++) {
		struct event *e =
		    event_new(self.base, g->fds[i], EV_READ | EV_PERSIST, on_accept, g);

		if (!e || event_add(e, NULL) < 0)
			fatal(EXIT_FAILURE, "out of memory");
		self.accepts[self.naccepts++] = e;
	}
}

static void open_gates(void)
{
	for (size_t i = 0; i < self.ngates; i++)
		watch(&self.gates[i]);
	for (size_t i = 0; i < self.ngates; i++)
		printf("listening %s\n", self.gates[i].text);
	fflush(stdout);
}

static void watch_signals(void)
{
	static const int stop[] = {SIGTERM, SIGINT, SIGHUP};
	struct event *e = evsignal_new(self.base, SIGCHLD, on_child, NULL);
	bool bad = !e || event_add(e, NULL) < 0;

	for (size_t i = 0; i < sizeof(stop) / sizeof(stop[0]); i++) {
		e = evsignal_new(self.base, stop[i], on_stop, NULL);
		bad = bad || !e || event_add(e, NULL) < 0;
	}
	self.resume = evtimer_new(self.base, on_resume, NULL);
	if (bad || !self.resume)
		fatal(EXIT_FAILURE, "out of memory");
	signal(SIGPIPE, SIG_IGN);
}

/* Guards first: what they hold runs on.  Then nobody waits for an answer any more. */
static void shut_down(void)
{
	char pid[16];

	self.stopping = true;
	notify_systemd("STOPPING=1");
	for (size_t i = 0; i < self.ngates; i++)
		for (size_t k = 0; k < self.gates[i].nfds; k++)
			close(self.gates[i].fds[k]);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	run_admin((char *)"-release", pid);
	signal_children(SIGTERM);
	wait_for_children(MONITORS_MS);
	signal_children(SIGKILL);
	wait_for_children(MONITORS_MS);
	if (self.record > 0)
		close(self.record); /* nobody listens here any more, so that it goes, too */
	run_admin((char *)"-sweep", NULL);
}

static void serve(void)
{
	self.limits = limits_new();
	self.base = event_base_new();
	if (!self.limits || !self.base)
		fatal(EXIT_FAILURE, "no memory, or no event loop");
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	watch_signals();
	sweep(); /* after a listener that was killed */
	open_gates();
	notify_systemd("READY=1");
	event_base_dispatch(self.base);
	shut_down();
}

/* ---- arguments ------------------------------------------------------------------------- */

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

/* procsrv has judged all of it. */
static bool take(const char *option, char *value)
{
	struct gate *g = self.ngates ? &self.gates[self.ngates - 1] : NULL;

	if (strcmp(option, "-t") == 0 && self.ngates < GATES)
		self.gates[self.ngates++].text = value;
	else if (strcmp(option, "-audit") == 0)
		self.audit = value;
	else if (strcmp(option, "-record") == 0)
		self.record = number(value);
	else if (g && strcmp(option, "-key") == 0)
		g->key = value;
	else if (g && strcmp(option, "-map") == 0)
		g->map = value;
	else if (g && strcmp(option, "-fd") == 0 && g->nfds < SOCKETS)
		g->fds[g->nfds++] = number(value);
	else
		return false;
	return true;
}

static bool arguments(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "-v") == 0)
			self.verbose = true;
		else if (i + 1 == argc || !take(argv[i], argv[i + 1]))
			return false;
		else
			i++;
	for (size_t i = 0; i < self.ngates; i++)
		if (!self.gates[i].key || !self.gates[i].map || !self.gates[i].nfds)
			return false;
	return self.ngates > 0;
}

static void compose(struct gate *g)
{
	char **arg = g->argv;

	*arg++ = self.monitor;
	*arg++ = (char *)"-key";
	*arg++ = g->key;
	*arg++ = (char *)"-map";
	*arg++ = g->map;
	if (self.audit) {
		*arg++ = (char *)"-audit";
		*arg++ = self.audit;
	}
	if (geteuid() != 0)
		*arg++ = (char *)"-user-mode";
	if (self.verbose)
		*arg++ = (char *)"-v";
	*arg = NULL;
}

int main(int argc, char **argv)
{
	log_init("procsrv", false);
	if (!arguments(argc, argv))
		fatal(EXIT_USAGE, "procsrv-listener is started by procsrv; see procsrv -help");
	log_init("procsrv", self.verbose);
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	if (where_program(self.monitor, "procsrv-monitor") < 0)
		fatal(EXIT_FAILURE, "%s", self.monitor);
	if (where_program(self.admin, "procsrv-admin") < 0)
		fatal(EXIT_FAILURE, "%s", self.admin);
	for (size_t i = 0; i < self.ngates; i++)
		compose(&self.gates[i]);
	serve();
	return 0;
}
