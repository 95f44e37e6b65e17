/* SPDX-License-Identifier: BSD-2-Clause */
#include "status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "common/log.h"
#include "front.h"
#include "journal.h"
#include "listening.h"
#include "run_dir.h"
#include "session_list.h"
#include "traced.h"

enum { TARGETS_SHOWN = 32 };

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
	if (front_init(&f, "tls:", why, sizeof(why)) == 0 &&
	    front_check(&f, false, why, sizeof(why)) == 0) {
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

/* Names, fit for a terminal. */
struct names {
	char key[4 * sizeof(((struct session_facts *)0)->key)];
	char user[4 * sizeof(((struct session_facts *)0)->user)];
	char from[4 * sizeof(((struct session_facts *)0)->from)];
};

static void escape_names(struct names *to, const struct session_facts *f)
{
	log_escape(to->key, sizeof(to->key), f->key, strlen(f->key));
	log_escape(to->user, sizeof(to->user), f->user, strlen(f->user));
	log_escape(to->from, sizeof(to->from), f->from, strlen(f->from));
}

/* What it has carried so far; 0 before its first request, and where its journal is of another
 * version. */
static struct journal_bytes carried(const char *id)
{
	struct journal_bytes c;
	char name[SESSION_ID_TEXT + sizeof("/journal")], why[512];
	int all = run_dir_below("s", 0700, why, sizeof(why)), fd;

	snprintf(name, sizeof(name), "%s/journal", id);
	fd = all >= 0 ? openat(all, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK) : -1;
	if (fd < 0 || !journal_peek_bytes(fd, &c))
		c = (struct journal_bytes){0, 0};
	if (fd >= 0)
		close(fd);
	if (all >= 0)
		close(all);
	return c;
}

static void session_json(const struct session_facts *f, const struct traced *list, size_t n)
{
	struct journal_bytes c = carried(f->id);
	struct names names;

	escape_names(&names, f);
	printf("{\"number\":%u,", (unsigned)f->number);
	json_string("id", f->id, ",");
	json_string("key", names.key, ",");
	json_string("fingerprint", f->fingerprint, ",");
	json_string("user", names.user, ",");
	json_string("from", names.from, ",");
	printf("\"since\":%lld,\"lost\":%lld,\"pid\":%d,", (long long)f->since, (long long)f->lost,
	    (int)f->pid);
	printf("\"received\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"targets\":[", c.received, c.sent);
	for (size_t i = 0; i < n; i++)
		printf("%s%d", i ? "," : "", (int)list[i].pid);
	printf("]}");
}

static const char *clock_text(int64_t at, char *to, size_t size)
{
	time_t t = (time_t)at;
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(to, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(to, size, "?");
	return to;
}

static void session_line(const struct session_facts *f, const struct traced *list, size_t n)
{
	struct journal_bytes c = carried(f->id);
	struct names names;
	char when[32];

	escape_names(&names, f);
	printf("session %u  %s as %s  from %s  since %s  guard %d", (unsigned)f->number, names.key,
	    names.user, names.from, clock_text(f->since, when, sizeof(when)), (int)f->pid);
	printf("  %" PRIu64 " KB in, %" PRIu64 " KB out", (c.received + 1023) / 1024,
	    (c.sent + 1023) / 1024);
	for (size_t i = 0; i < n; i++)
		printf("%s%d (%s)", i ? ", " : "  debugs ", (int)list[i].pid, list[i].name);
	if (f->lost)
		printf("  waits for its host since %s", clock_text(f->lost, when, sizeof(when)));
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
