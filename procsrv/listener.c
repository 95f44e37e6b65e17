/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv, the listener: accepts connections and starts one procsrv-monitor for
 * each.  It runs with all the rights the others get theirs from, and therefore
 * reads no byte of any connection and parses nothing but its own command line.
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

#include "child.h"
#include "common/heart.h"
#include "common/log.h"
#include "front.h"
#include "ipc.h"
#include "limits.h"
#include "listening.h"
#include "options.h"
#include "status.h"
#include "usermap.h"

enum {
	ACCEPT_AT_ONCE = 16,  /* then others have their turn */
	ACCEPT_PAUSE_S = 1,   /* after EMFILE */
	DROPS_A_SECOND = 20,  /* told one by one */
	LINK_LOST_MS = 15000, /* TCP's own idea of a dead link, beside the heartbeat's */
	RELEASE_MS = 15000,   /* for guards to let go, when we end */
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

static struct {
	struct event_base *base;
	struct limits *limits;
	struct front *fronts;
	size_t nfronts;
	struct event *accepts[OPTIONS_TRANSPORTS * LISTEN_FDS_MAX];
	size_t naccepts;
	struct event *resume; /* after a pause */
	struct child *children;
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
		    listen_address(sa, from, sizeof(from)), why);
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
static struct child *start_monitor(struct front *f, int sock, struct limit_source from)
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
	    c->proof && event_add(c->proof, NULL) == 0 ? child_monitor(f->argv, sock, pipe[1]) : -1;
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
static int admit(struct front *f, int sock, const struct sockaddr *sa)
{
	struct limit_source from = limits_source(sa);
	struct child *c;
	int err;

	if (!may_stay(sa, from))
		return 0;
	set_options(sock);
	c = start_monitor(f, sock, from);
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
static bool accept_one(int fd, struct front *f)
{
	struct sockaddr_storage from;
	socklen_t n = sizeof(from);
	int sock = accept4(fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC), err = errno;

	if (sock < 0 && !is_shortage(err))
		return err != EAGAIN;
	if (sock >= 0) {
		err = admit(f, sock, (struct sockaddr *)&from);
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

static void end_child(struct child **at, int status)
{
	struct child *c = *at;

	/* The byte may still lie in the pipe. */
	if (c->proof)
		on_proof(event_get_fd(c->proof), 0, c);
	limits_gone(self.limits, c->from, c->proven, now_ms(), limits_penalty(status));
	if (!self.stopping && (WIFSIGNALED(status) || WEXITSTATUS(status) == MONITOR_FAILED))
		log_warn("monitor %d ended early: %s", (int)c->pid, why_it_ended(status));
	*at = c->next;
	free(c);
}

/* As subreaper we also get the guards whose monitor is gone. */
static bool reap(void)
{
	bool others = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child **at = &self.children;

		while (*at && (*at)->pid != pid)
			at = &(*at)->next;
		if (*at)
			end_child(at, status);
		else
			others = true;
	}
	return others;
}

static void on_child(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	if (reap())
		status_sweep();
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

static void die(int status, const char *why)
{
	if (why[0])
		log_error("%s", why);
	exit(status);
}

static void check_fronts(const struct options *o)
{
	char why[1024] = "";

	for (size_t i = 0; i < o->transports; i++) {
		int err =
		    front_init(&self.fronts[i], o->transport[i], o->verbose, why, sizeof(why));

		if (!err && self.fronts[i].transport.kind == TRANSPORT_STDIO)
			die(EXIT_USAGE,
			    "stdio serves one host and ends with it; it goes with no other -t");
		if (!err)
			err = front_check(&self.fronts[i], why, sizeof(why));
		if (err)
			die(err, why);
	}
}

static void watch(struct front *f)
{
	char why[] = "out of memory";

	for (size_t i = 0; i < f->listen.n; i++) {
		struct event *e =
		    event_new(self.base, f->listen.fd[i], EV_READ | EV_PERSIST, on_accept, f);

		if (!e || event_add(e, NULL) < 0)
			die(EXIT_FAILURE, why);
		self.accepts[self.naccepts++] = e;
	}
}

/* All of them listen before the first line says so. */
static void open_fronts(void)
{
	char why[512], text[256];

	for (size_t i = 0; i < self.nfronts; i++) {
		int err = front_open(&self.fronts[i], why, sizeof(why));

		if (err)
			die(err, why);
		watch(&self.fronts[i]);
	}
	for (size_t i = 0; i < self.nfronts; i++) {
		printf("listening %s\n", front_describe(&self.fronts[i], text, sizeof(text)));
		front_record(&self.fronts[i]);
	}
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
		die(EXIT_FAILURE, "out of memory");
	signal(SIGPIPE, SIG_IGN);
}

/* Guards first: what they hold runs on.  Then nobody waits for an answer any more. */
static void shut_down(void)
{
	self.stopping = true;
	listen_notify("STOPPING=1");
	for (size_t i = 0; i < self.nfronts; i++)
		front_free(&self.fronts[i]);
	status_release(getpid(), RELEASE_MS);
	signal_children(SIGTERM);
	wait_for_children(MONITORS_MS);
	signal_children(SIGKILL);
	wait_for_children(MONITORS_MS);
	status_sweep();
	listening_end();
}

static int serve(const struct options *o)
{
	self.limits = limits_new();
	self.fronts = calloc(o->transports, sizeof(self.fronts[0]));
	self.nfronts = o->transports;
	if (!self.limits || !self.fronts)
		die(EXIT_FAILURE, "out of memory");
	/* Before the loop has signals, so that child_run can wait in peace. */
	check_fronts(o);
	self.base = event_base_new();
	if (!self.base)
		die(EXIT_FAILURE, "no event loop");
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	status_sweep(); /* after a listener that was killed */
	watch_signals();
	open_fronts();
	listen_notify("READY=1");
	event_base_dispatch(self.base);
	shut_down();
	return 0;
}

static int serve_stdio(const struct options *o)
{
	char guard[WHERE_MAX];
	char *argv[] = {guard, (char *)"-stdio", o->verbose ? (char *)"-v" : NULL, NULL};

	if (where_program(guard, "procsrv-guard") < 0)
		die(EXIT_FAILURE, guard);
	execv(guard, argv);
	log_error("%s: %s (is procsrv installed? make install)", guard, strerror(errno));
	return EXIT_FAILURE;
}

/* ---- commands ---------------------------------------------------------------------------- */

static int check_map(const struct options *o)
{
	struct usermap *m;
	char why[1024];

	if (usermap_load(&m, o->map, geteuid() != 0, why, sizeof(why)) < 0)
		die(MONITOR_CONFIG, why);
	usermap_describe(m, stdout);
	usermap_free(m);
	return 0;
}

static int make_key(const struct options *o)
{
	char usual[WHERE_MAX], pin[FINGERPRINT_SIZE], why[512] = "";
	const char *path = o->key ? o->key : usual;
	int err;

	if (!o->key && where_config(usual, "key.pem") < 0)
		die(EXIT_FAILURE, usual);
	err = front_make_key(path, pin, why, sizeof(why));
	if (err)
		die(err, why);
	printf("wrote %s\n%s\n", path, pin);
	return 0;
}

static int show_status(const struct options *o)
{
	return status_print(o->json);
}

static int release(const struct options *o)
{
	(void)o;
	return status_release(0, RELEASE_MS);
}

static int repair(const struct options *o)
{
	(void)o;
	puts("nothing to repair: this version writes nothing into the processes it looks at");
	return 0;
}

static int help(const struct options *o)
{
	(void)o;
	options_help();
	return 0;
}

static int version(const struct options *o)
{
	(void)o;
	puts("procsrv " PROCSRV_VERSION);
	return 0;
}

static int start(const struct options *o)
{
	return o->transports == 1 && strcmp(o->transport[0], "stdio") == 0 ? serve_stdio(o)
									   : serve(o);
}

static int (*const commands[])(const struct options *o) = {
    [SERVE] = start,
    [STATUS] = show_status,
    [RELEASE] = release,
    [REPAIR] = repair,
    [KEYGEN] = make_key,
    [CHECK] = check_map,
    [HELP] = help,
    [SHOW_VERSION] = version,
};

/* A connection must not come to stand where messages go. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	struct options o;
	char why[1024];

	fill_standard_descriptors();
	log_init("procsrv", false);
	if (options_parse(&o, argc, argv, why, sizeof(why)) < 0)
		fatal(EXIT_USAGE, "%s", why);
	log_init("procsrv", o.verbose);
	return commands[o.command](&o);
}
