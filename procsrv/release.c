/* SPDX-License-Identifier: BSD-2-Clause */
#include "release.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "child.h"
#include "common/clock.h"
#include "common/log.h"
#include "mend.h"
#include "session_list.h"
#include "where.h"

enum {
	ENDING_MS = 2000,
	AGAIN_MS = 20,
};

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

static bool keep(int all, const char *id)
{
	return mend_wanted(all, id) || mend_unrecorded(all, id);
}

static void note_unrecorded(const struct session_facts *f, void *arg)
{
	bool *any = arg;

	*any |= !f->live && *f->audit;
}

/* What dead sessions have left for the record. */
static int collect(char *why, size_t size)
{
	char program[WHERE_MAX], line[8];
	char *argv[] = {program, (char *)"-collect", NULL};
	bool any = false;

	if (session_list(note_unrecorded, &any, why, size) < 0)
		return -1;
	if (!any)
		return 0;
	if (where_program(program, "procsrv-audit") < 0) {
		snprintf(why, size, "%.200s", program);
		return -1;
	}
	child_run(argv, line, sizeof(line)); /* what could not be taken is kept */
	return 0;
}

static void note_ending(const struct session_facts *f, void *arg)
{
	int guard = f->live && f->pid > 1 ? pidfd_open(f->pid, 0) : -1;
	struct pollfd p = {.fd = guard, .events = POLLIN};
	bool *any = arg;

	*any |= f->live && f->pid > 1 && (guard < 0 ? errno == ESRCH : poll(&p, 1, 0) == 1);
	if (guard >= 0)
		close(guard);
}

/* The lock is a dead guard's for as long as what was forked at its end has yet to execute
 * something (a reader, who takes what a kept program writes), or its tracer lets go. */
static void await_locks(void)
{
	uint64_t end = now_ms() + ENDING_MS;
	bool any = true;
	char why[512];

	while (any && now_ms() < end) {
		any = false;
		if (session_list(note_ending, &any, why, sizeof(why)) < 0)
			return;
		if (any)
			poll(NULL, 0, AGAIN_MS);
	}
}

int release_sweep(void)
{
	char why[512];

	await_locks();
	if (mend_sessions(why, sizeof(why)) >= 0 && collect(why, sizeof(why)) == 0 &&
	    session_sweep(keep, why, sizeof(why)) >= 0)
		return 0;
	log_warn("%s", why);
	return EXIT_FAILURE;
}

int release_sessions(pid_t ancestor, int ms)
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
	release_sweep();
	if (left)
		log_error(
		    "%u session%s did not end within %d s", left, left == 1 ? "" : "s", ms / 1000);
	free(r);
	return left ? EXIT_FAILURE : 0;
}
