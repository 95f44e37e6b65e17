/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A proxy that counts and delays, for tests and benches:
 *
 *   proxy [-listen ADDR] [-connect ADDR | -exec COMMAND] [-delay MS] [-once]
 *         [-cut-up N] [-cut-down N] [-cut-ms N] [-freeze-up N] [-freeze-down N] [-freeze-ms N]
 *
 * ADDR is HOST:PORT or unix:PATH; without -listen the client is stdin and stdout.
 * It prints "listening PORT" and, for every connection that ends, one line of JSON.
 *   -delay    propagation, each way; throughput stays what it is
 *   -cut-*    close both sides hard (RST) after so many bytes up (to the server)
 *             or down, or so long after the connection came
 *   -freeze-* the same, but everything stays open and nothing moves any more
 * SIGUSR1 prints the counts of the connection under way, SIGTERM ends all of them.
 * SIGUSR2 cuts those there are, SIGHUP freezes them; later ones are let through.
 *
 * What is counted is counted at the client's end, where the waiting is done:
 *   turns  the flow went from server-to-client back to client-to-server
 *   waits  the client had said something and then got bytes: round trips waited for
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	CHUNK = 256 * 1024,
	QUEUE_MAX = 256 * 1024 * 1024, /* bytes under way in one direction: beyond, reading waits */
	LINKS = 64,
};

enum way { UP, DOWN };

struct limits {
	uint64_t bytes[2]; /* 0 = none */
	uint64_t ms;
};

struct chunk {
	struct chunk *next;
	uint64_t due; /* ns */
	size_t len, done;
	uint8_t p[];
};

struct flow {
	struct chunk *first, *last;
	size_t queued;
	uint64_t bytes; /* seen at the client's end */
	bool ended;     /* its source has */
	bool shut;      /* its sink was told */
};

struct link {
	int client_in, client_out, server_in, server_out; /* -1 = no link */
	struct flow flow[2];
	uint64_t began, turns, waits, first_up, last_down;
	enum way last;
	bool any, frozen;
	pid_t child;
};

static struct {
	const char *listen, *connect, *exec;
	uint64_t delay; /* ns */
	struct limits cut, freeze;
	bool once;
	volatile sig_atomic_t report, end, cut_now, freeze_now;
	sigset_t open_mask; /* signals come only while we wait */
	struct link links[LINKS];
} self;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "proxy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		self.report = 1;
	else if (signal == SIGUSR2)
		self.cut_now = 1;
	else if (signal == SIGHUP)
		self.freeze_now = 1;
	else
		self.end = 1;
}

/* ---- addresses ---------------------------------------------------------- */

static int open_unix(const char *path, bool listening)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(a.sun_path, path);
	if (listening)
		unlink(path);
	if (listening ? bind(fd, (void *)&a, sizeof(a)) || listen(fd, 16)
		      : connect(fd, (void *)&a, sizeof(a)))
		return -1;
	return fd;
}

static int open_tcp(const char *text, bool listening)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *a;
	char host[256] = "";
	const char *port = strrchr(text, ':');
	int fd, one = 1;

	if (!port || (size_t)(port - text) >= sizeof(host)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(host, text, (size_t)(port - text));
	if (getaddrinfo(host, port + 1, &hints, &a) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (listening ? bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 64)
		      : connect(fd, a->ai_addr, a->ai_addrlen))
		fd = (close(fd), -1);
	freeaddrinfo(a);
	return fd;
}

static int open_addr(const char *text, bool listening)
{
	return strncmp(text, "unix:", 5) == 0 ? open_unix(text + 5, listening)
					      : open_tcp(text, listening);
}

static void say_listening(int fd)
{
	struct sockaddr_in6 a; /* its port stands where sockaddr_in's does */
	socklen_t len = sizeof(a);

	if (getsockname(fd, (void *)&a, &len) == 0 && a.sin6_family != AF_UNIX)
		printf("listening %u\n", ntohs(a.sin6_port));
	else
		printf("listening %s\n", self.listen);
	fflush(stdout);
}

/* ---- a link --------------------------------------------------------------- */

static void print_link(const struct link *l)
{
	/* stdout is the client's in stdio mode */
	FILE *to = self.listen ? stdout : stderr;

	fprintf(to,
	    "{\"up\":%llu,\"down\":%llu,\"turns\":%llu,\"waits\":%llu,\"ms\":%.3f,\"busy_ms\":%.3f}"
	    "\n",
	    (unsigned long long)l->flow[UP].bytes, (unsigned long long)l->flow[DOWN].bytes,
	    (unsigned long long)l->turns, (unsigned long long)l->waits,
	    (double)(now() - l->began) / 1e6,
	    l->last_down > l->first_up ? (double)(l->last_down - l->first_up) / 1e6 : 0);
	fflush(to);
}

static void close_fd(int fd, bool hard)
{
	struct linger reset = {.l_onoff = 1};

	if (hard)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

static void end_link(struct link *l, bool hard)
{
	print_link(l);
	close_fd(l->client_in, hard);
	if (l->client_out != l->client_in)
		close_fd(l->client_out, hard);
	close_fd(l->server_in, hard);
	if (l->server_out != l->server_in)
		close_fd(l->server_out, hard);
	for (int w = UP; w <= DOWN; w++)
		while (l->flow[w].first) {
			struct chunk *c = l->flow[w].first;

			l->flow[w].first = c->next;
			free(c);
		}
	if (l->child > 0) {
		kill(l->child, SIGTERM);
		waitpid(l->child, NULL, 0);
	}
	l->client_in = -1;
	if (self.once)
		self.end = 1;
}

static pid_t start_child(int *to, int *from)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		die("pipe");
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &self.open_mask, NULL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/bin/sh", "sh", "-c", self.exec, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	*to = in[1];
	*from = out[0];
	return pid;
}

static void begin_link(int in, int out)
{
	struct link *l = self.links;

	while (l < self.links + LINKS && l->client_in >= 0)
		l++;
	if (l == self.links + LINKS) {
		close(in);
		return;
	}
	*l = (struct link){.client_in = in, .client_out = out, .began = now()};
	if (self.exec)
		l->child = start_child(&l->server_out, &l->server_in);
	else
		l->server_in = l->server_out = open_addr(self.connect, false);
	if (l->server_in < 0) {
		/* As the client would have met it: refused at once. */
		close_fd(in, true);
		l->client_in = -1;
	}
}

static void count(struct link *l, enum way w, size_t n)
{
	if (w == UP && !l->flow[UP].bytes)
		l->first_up = now();
	if (w == DOWN)
		l->last_down = now();
	if (l->any && l->last != w) {
		l->turns += w == UP;
		l->waits += w == DOWN;
	}
	l->any = true;
	l->last = w;
	l->flow[w].bytes += n;
}

static bool reached(const struct limits *lim, const struct link *l)
{
	return (lim->bytes[UP] && l->flow[UP].bytes >= lim->bytes[UP]) ||
	       (lim->bytes[DOWN] && l->flow[DOWN].bytes >= lim->bytes[DOWN]) ||
	       (lim->ms && now() - l->began >= lim->ms * 1000000);
}

/* How much may still pass in that direction before a limit is reached: a cut is
 * to the byte. */
static size_t room(const struct link *l, enum way w, size_t n)
{
	const struct limits *all[] = {&self.cut, &self.freeze};

	for (int i = 0; i < 2; i++)
		if (all[i]->bytes[w] && all[i]->bytes[w] - l->flow[w].bytes < n)
			n = (size_t)(all[i]->bytes[w] - l->flow[w].bytes);
	return n;
}

/* What came before a cut is still delivered. */
static bool to_be_cut(const struct link *l)
{
	return reached(&self.cut, l) && !l->flow[UP].first;
}

static void take(struct link *l, enum way w, int fd)
{
	static uint8_t bytes[CHUNK];
	struct flow *f = &l->flow[w];
	/* What is counted when it is read (up) must not be read beyond a limit. */
	ssize_t n = read(fd, bytes, w == UP ? room(l, UP, CHUNK) : CHUNK);
	struct chunk *c;

	if (n <= 0) {
		f->ended = n == 0 || (errno != EINTR && errno != EAGAIN);
		return;
	}
	if (w == UP)
		count(l, UP, (size_t)n);
	c = malloc(sizeof(*c) + (size_t)n);
	if (!c)
		die("malloc");
	*c = (struct chunk){.due = now() + self.delay, .len = (size_t)n};
	memcpy(c->p, bytes, (size_t)n);
	if (f->first)
		f->last->next = c;
	else
		f->first = c;
	f->last = c;
	f->queued += (size_t)n;
}

/* Pass on what is due; false when the sink is gone. */
static bool give(struct link *l, enum way w, int fd)
{
	struct flow *f = &l->flow[w];
	struct chunk *c = f->first;
	size_t n = w == DOWN ? room(l, DOWN, c->len - c->done) : c->len - c->done;
	ssize_t sent = write(fd, c->p + c->done, n);

	if (sent < 0)
		return errno == EINTR || errno == EAGAIN;
	if (w == DOWN)
		count(l, DOWN, (size_t)sent);
	c->done += (size_t)sent;
	f->queued -= (size_t)sent;
	if (c->done == c->len) {
		f->first = c->next;
		free(c);
	}
	return true;
}

static void pass_end(struct flow *f, int *fd)
{
	if (f->ended && !f->first && !f->shut) {
		f->shut = true;
		if (shutdown(*fd, SHUT_WR) != 0 && errno == ENOTSOCK) {
			close(*fd);
			*fd = -1;
		}
	}
}

/* ---- the loop ------------------------------------------------------------- */

struct slot {
	struct link *l;
	enum way w;
	bool reading;
};

static int until(uint64_t due, int timeout)
{
	uint64_t t = now();
	int ms = due <= t ? 0 : (int)((due - t + 999999) / 1000000);

	return timeout < 0 || ms < timeout ? ms : timeout;
}

/* What a link waits for.  Sub-millisecond waits are rounded up, which only
 * makes the link a little longer. */
static int ask(struct link *l, struct pollfd *p, struct slot *s, int *n, int timeout)
{
	int in[2] = {l->client_in, l->server_in}, out[2] = {l->server_out, l->client_out};

	for (int w = UP; w <= DOWN; w++) {
		struct flow *f = &l->flow[w];

		if (!f->ended && f->queued < QUEUE_MAX && (w == DOWN || room(l, UP, 1))) {
			p[*n] = (struct pollfd){.fd = in[w], .events = POLLIN};
			s[(*n)++] = (struct slot){l, (enum way)w, true};
		}
		if (!f->first)
			continue;
		if (f->first->due <= now()) {
			p[*n] = (struct pollfd){.fd = out[w], .events = POLLOUT};
			s[(*n)++] = (struct slot){l, (enum way)w, false};
		} else {
			timeout = until(f->first->due, timeout);
		}
	}
	return timeout;
}

/* A limit in time has to wake us, too. */
static int ask_limits(const struct link *l, int timeout)
{
	if (self.cut.ms)
		timeout = until(l->began + self.cut.ms * 1000000, timeout);
	if (self.freeze.ms && !l->frozen)
		timeout = until(l->began + self.freeze.ms * 1000000, timeout);
	return timeout;
}

static void serve(const struct slot *s)
{
	struct link *l = s->l;
	int in = s->w == UP ? l->client_in : l->server_in;
	int out = s->w == UP ? l->server_out : l->client_out;

	if (l->client_in < 0 || l->frozen)
		return;
	if (s->reading)
		take(l, s->w, in);
	else if (!give(l, s->w, out)) {
		end_link(l, false);
		return;
	}
	if (to_be_cut(l))
		end_link(l, true);
}

static void look_after(struct link *l)
{
	if (l->client_in < 0)
		return;
	if (to_be_cut(l)) {
		end_link(l, true);
		return;
	}
	l->frozen |= reached(&self.freeze, l);
	if (l->frozen)
		return;
	pass_end(&l->flow[UP], &l->server_out);
	pass_end(&l->flow[DOWN], &l->client_out);
	if (l->flow[UP].shut && l->flow[DOWN].shut)
		end_link(l, false);
}

static void report(void)
{
	self.report = 0;
	for (int i = 0; i < LINKS; i++)
		if (self.links[i].client_in >= 0)
			print_link(&self.links[i]);
}

/* As if the network had broken for those that are there. */
static void break_links(void)
{
	for (int i = 0; i < LINKS; i++) {
		struct link *l = &self.links[i];

		if (l->client_in >= 0 && self.cut_now)
			end_link(l, true);
		else if (l->client_in >= 0)
			l->frozen = true;
	}
	self.cut_now = self.freeze_now = 0;
}

static void turn(int listener)
{
	struct timespec wait;
	struct pollfd p[4 * LINKS + 1];
	struct slot s[4 * LINKS + 1];
	int n = 0, timeout = -1;

	if (listener >= 0) {
		p[0] = (struct pollfd){.fd = listener, .events = POLLIN};
		n = 1;
	}
	for (struct link *l = self.links; l < self.links + LINKS; l++)
		if (l->client_in >= 0) {
			if (!l->frozen)
				timeout = ask(l, p, s, &n, timeout);
			timeout = ask_limits(l, timeout);
		}
	wait = (struct timespec){timeout / 1000, timeout % 1000 * 1000000L};
	if (ppoll(p, (nfds_t)n, timeout < 0 ? NULL : &wait, &self.open_mask) < 0) {
		if (errno != EINTR)
			die("poll");
		return;
	}
	for (int i = listener >= 0; i < n; i++)
		if (p[i].revents)
			serve(&s[i]);
	for (int i = 0; i < LINKS; i++)
		look_after(&self.links[i]);
	if (listener >= 0 && p[0].revents) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), one = 1;

		if (fd >= 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			begin_link(fd, fd);
		}
	}
}

/* ---- options ---------------------------------------------------------------- */

static void options(int argc, char **argv)
{
	static const struct {
		const char *name;
		const char **text;
		uint64_t *number;
	} all[] = {
	    {"-listen", &self.listen, NULL},
	    {"-connect", &self.connect, NULL},
	    {"-exec", &self.exec, NULL},
	    {"-delay", NULL, &self.delay},
	    {"-cut-up", NULL, &self.cut.bytes[UP]},
	    {"-cut-down", NULL, &self.cut.bytes[DOWN]},
	    {"-cut-ms", NULL, &self.cut.ms},
	    {"-freeze-up", NULL, &self.freeze.bytes[UP]},
	    {"-freeze-down", NULL, &self.freeze.bytes[DOWN]},
	    {"-freeze-ms", NULL, &self.freeze.ms},
	};
	enum { ALL = sizeof(all) / sizeof(all[0]) };

	for (int i = 1; i < argc; i++) {
		int k = 0;

		if (strcmp(argv[i], "-once") == 0) {
			self.once = true;
			continue;
		}
		while (k < ALL && strcmp(argv[i], all[k].name) != 0)
			k++;
		if (k == ALL || ++i == argc) {
			fprintf(stderr, "proxy: bad option %s\n", argv[i - (i == argc)]);
			exit(2);
		}
		if (all[k].text)
			*all[k].text = argv[i];
		else
			*all[k].number = strtoull(argv[i], NULL, 10);
	}
	self.delay *= 1000000;
	if (!self.connect == !self.exec) {
		fputs("proxy: one of -connect and -exec is needed\n", stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_signal};
	int listener = -1;
	sigset_t ours;

	options(argc, argv);
	for (int i = 0; i < LINKS; i++)
		self.links[i].client_in = -1;
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigemptyset(&ours);
	sigaddset(&ours, SIGUSR1);
	sigaddset(&ours, SIGUSR2);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, &self.open_mask);
	if (self.listen) {
		listener = open_addr(self.listen, true);
		if (listener < 0)
			die(self.listen);
		say_listening(listener);
	} else {
		self.once = true;
		begin_link(0, 1);
	}
	while (!self.end) {
		turn(listener);
		if (self.report)
			report();
		if (self.cut_now || self.freeze_now)
			break_links();
	}
	for (int i = 0; i < LINKS; i++)
		if (self.links[i].client_in >= 0)
			end_link(&self.links[i], true);
	return 0;
}
