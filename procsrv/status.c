/* SPDX-License-Identifier: BSD-2-Clause */
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "common/heart.h"
#include "common/log.h"
#include "front.h"
#include "listening.h"
#include "session_dir.h"
#include "traced.h"

enum { TARGETS_SHOWN = 32 };

/* ---- showing ------------------------------------------------------------------ */

struct printer {
	bool json;
	unsigned listeners, sessions;
};

static void json_string(const char *name, const char *s, const char *end)
{
	printf("\"%s\":\"", name);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar(*s);
	}
	printf("\"%s", end);
}

static void print_listener(const struct listening *l, void *arg)
{
	struct printer *p = arg;

	if (!p->json) {
		printf("procsrv " PROCSRV_VERSION "  %s  key %s  map %s (%u key%s)\n", l->transport,
		    l->pin, l->map, l->keys, l->keys == 1 ? "" : "s");
	} else {
		printf("%s{", p->listeners ? "," : "");
		json_string("transport", l->transport, ",");
		json_string("pin", l->pin, ",");
		json_string("map", l->map, ",");
		printf("\"keys\":%u,\"pid\":%d}", l->keys, (int)l->pid);
	}
	p->listeners++;
}

/* How to end the line that nobody runs: the socket unit may be listening for us. */
static void socket_unit(char *transport, size_t size)
{
	char *state[] = {
	    (char *)"/usr/bin/systemctl", (char *)"is-active", (char *)"procsrv.socket", NULL};
	char *where[] = {(char *)"/usr/bin/systemctl", (char *)"show", (char *)"-P",
	    (char *)"Listen", (char *)"procsrv.socket", NULL};
	char line[256];
	unsigned port;
	const char *colon;

	transport[0] = 0;
	if (geteuid() != 0 || access("/run/systemd/system", F_OK) < 0 ||
	    child_run(state, line, sizeof(line)) != 0 || child_run(where, line, sizeof(line)) != 0)
		return;
	colon = strrchr(line, ':');
	if (colon && sscanf(colon, ":%u", &port) == 1)
		snprintf(transport, size, "tls:port=%u", port);
}

/* Nobody listens: show what would be, were it started with its usual files. */
static void print_usual(struct printer *p)
{
	struct listening l = {.pid = 0};
	struct front f = {0};
	char why[1024];

	socket_unit(l.transport, sizeof(l.transport));
	if (!l.transport[0]) {
		if (!p->json)
			printf("procsrv " PROCSRV_VERSION " is not running\n");
		return;
	}
	if (front_init(&f, "tls:", false, why, sizeof(why)) == 0 &&
	    front_check(&f, why, sizeof(why)) == 0) {
		l.keys = f.keys;
		memcpy(l.pin, f.pin, sizeof(l.pin));
		log_escape(l.map, sizeof(l.map), f.map, strlen(f.map));
		print_listener(&l, p);
	} else if (!p->json) {
		printf(
		    "procsrv " PROCSRV_VERSION "  %s  cannot be started: %s\n", l.transport, why);
	}
	front_free(&f);
}

static void session_json(const struct session_facts *f, const struct traced *list, size_t n)
{
	printf("{\"number\":%u,", (unsigned)f->number);
	json_string("id", f->id, ",");
	json_string("key", f->key, ",");
	json_string("fingerprint", f->fingerprint, ",");
	json_string("user", f->user, ",");
	json_string("from", f->from, ",");
	printf("\"since\":%lld,\"pid\":%d,\"targets\":[", (long long)f->since, (int)f->pid);
	for (size_t i = 0; i < n; i++)
		printf("%s%d", i ? "," : "", (int)list[i].pid);
	printf("]}");
}

static void session_line(const struct session_facts *f, const struct traced *list, size_t n)
{
	time_t since = (time_t)f->since;
	char when[32] = "?";
	struct tm tm;

	if (localtime_r(&since, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	printf("session %u  %s as %s  from %s  since %s  guard %d", (unsigned)f->number, f->key,
	    f->user, f->from, when, (int)f->pid);
	for (size_t i = 0; i < n; i++)
		printf("%s%d (%s)", i ? ", " : "  debugs ", (int)list[i].pid, list[i].name);
	putchar('\n');
}

static void print_session(const struct session_facts *f, void *arg)
{
	struct traced list[TARGETS_SHOWN];
	struct printer *p = arg;
	size_t n;

	if (!f->live)
		return;
	n = traced_by(f->pid, list, TARGETS_SHOWN);
	if (p->json && p->sessions)
		putchar(',');
	if (p->json)
		session_json(f, list, n);
	else
		session_line(f, list, n);
	p->sessions++;
}

int status_print(bool json)
{
	struct printer p = {.json = json};
	char why[512];

	if (json)
		printf("{\"version\":\"" PROCSRV_VERSION "\",\"listeners\":[");
	listening_list(print_listener, &p);
	if (!p.listeners)
		print_usual(&p);
	if (json)
		printf("],\"sessions\":[");
	if (session_list(print_session, &p, why, sizeof(why)) < 0) {
		log_error("%s", why);
		return EXIT_FAILURE;
	}
	if (json)
		puts("]}");
	else if (!p.sessions)
		puts("no sessions");
	return ferror(stdout) || fflush(stdout) ? EXIT_FAILURE : 0;
}

/* ---- releasing ------------------------------------------------------------------- */

/* A guard, held by a descriptor: its number may come to mean another process. */
struct held {
	char id[SESSION_ID_TEXT];
	pid_t pid;
	int fd;
	bool sure; /* it was still the guard after fd was opened */
};

struct release {
	pid_t ancestor;
	struct held held[SESSIONS_ALL];
	size_t n;
};

static pid_t parent_of(pid_t pid)
{
	char path[32], text[512];
	const char *end;
	int fd, parent = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	/* The name before it, in parentheses, may hold anything. */
	end = strrchr(text, ')');
	if (end)
		sscanf(end, ") %*c %d", &parent);
	return parent;
}

static bool is_below(pid_t pid, pid_t ancestor)
{
	for (int depth = 0; pid > 1 && depth < 64; depth++) {
		if (pid == ancestor)
			return true;
		pid = parent_of(pid);
	}
	return false;
}

static void hold(const struct session_facts *f, void *arg)
{
	struct release *r = arg;
	struct held *h = &r->held[r->n];

	if (!f->live || f->pid <= 1 || r->n == SESSIONS_ALL)
		return;
	if (r->ancestor && !is_below(f->pid, r->ancestor))
		return;
	h->fd = pidfd_open(f->pid, 0);
	if (h->fd < 0)
		return;
	h->pid = f->pid;
	memcpy(h->id, f->id, sizeof(h->id));
	r->n++;
}

static void confirm(const struct session_facts *f, void *arg)
{
	struct release *r = arg;

	for (size_t i = 0; i < r->n; i++)
		if (f->live && f->pid == r->held[i].pid && strcmp(f->id, r->held[i].id) == 0)
			r->held[i].sure = true;
}

/* How many have not ended by then. */
static unsigned wait_for(struct release *r, int ms)
{
	uint64_t end = now_ms() + (uint64_t)ms;
	unsigned left = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct pollfd p = {.fd = r->held[i].fd, .events = POLLIN};
		uint64_t now = now_ms();
		int got;

		do
			got = r->held[i].sure ? poll(&p, 1, now < end ? (int)(end - now) : 0) : 1;
		while (got < 0 && errno == EINTR && (now = now_ms()) < end);
		left += got <= 0;
		close(r->held[i].fd);
	}
	return left;
}

void status_sweep(void)
{
	char why[512];

	if (session_sweep(why, sizeof(why)) < 0)
		log_warn("%s", why);
}

int status_release(pid_t ancestor, int ms)
{
	struct release *r = calloc(1, sizeof(*r));
	char why[512];
	unsigned left;

	if (r)
		r->ancestor = ancestor;
	if (!r || session_list(hold, r, why, sizeof(why)) < 0 ||
	    session_list(confirm, r, why, sizeof(why)) < 0) {
		log_error("%s", r ? why : "out of memory");
		free(r);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < r->n; i++)
		if (r->held[i].sure && pidfd_send_signal(r->held[i].fd, SIGTERM, NULL, 0) < 0)
			log_warn("session guard %d: %s", (int)r->held[i].pid, strerror(errno));
	left = wait_for(r, ms);
	status_sweep();
	if (left)
		log_error(
		    "%u session%s did not end within %d s", left, left == 1 ? "" : "s", ms / 1000);
	free(r);
	return left ? EXIT_FAILURE : 0;
}
