/* SPDX-License-Identifier: BSD-2-Clause */
#include "touch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/clock.h"
#include "hanging.h"
#include "launch_child.h"
#include "repair_parts.h"
#include "target.h"
#include "trace_mem.h"
#include "tracer.h"

enum {
	PAGE = 4096,
	PAGES = 512,        /* looked at in one go */
	WAIT_MS = 1000,     /* for what is asked for */
	SHORT_MS = 20,      /* the same, when so much was waited already ... */
	WAITS_MS = 1500,    /* ... or so much, then not at all ... */
	WINDOW_MS = 4000,   /* ... in that time */
	STARVED_MS = 10000, /* for one that only gets no processor */
	SLICE_MS = 100,
};

struct touching {
	pid_t toucher; /* 0 = none */
	int pidfd, socket;
	uint64_t window_ms; /* when it began */
	int waited_ms;      /* since then */
	struct hanging hanging;
};

/* ---- the process ---------------------------------------------------------------------- */

static struct touching *touching_of(struct tracer *t)
{
	struct touching *g = t->touching;

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->pidfd = g->socket = -1;
	hanging_init(&g->hanging);
	t->touching = g;
	return g;
}

static void let_go(struct touching *g)
{
	if (g->socket >= 0)
		close(g->socket);
	if (g->pidfd >= 0)
		hanging_add(&g->hanging, g->pidfd);
	g->socket = g->pidfd = -1;
	g->toucher = 0;
}

static bool start(struct touching *g)
{
	int pair[2];

	if (g->toucher)
		return true;
	if (!hanging_room(&g->hanging) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	g->toucher = launch_toucher(pair[1]);
	close(pair[1]);
	g->socket = pair[0];
	g->pidfd = g->toucher > 0 ? pidfd_open(g->toucher, 0) : -1;
	if (g->pidfd < 0)
		let_go(g);
	return g->toucher > 0;
}

static bool ask(const struct touching *g, const struct touch_ask *a, int fd)
{
	struct iovec iov = {(void *)a, sizeof(*a)};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control.room)};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return sendmsg(g->socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*a);
}

/* ---- waiting for it -------------------------------------------------------------------- */

/* So that many waits do not add up to a tracer that its guard takes for one that hangs. */
static int patience(struct touching *g)
{
	uint64_t now = now_ms();

	if (now - g->window_ms >= WINDOW_MS) {
		g->window_ms = now;
		g->waited_ms = 0;
	}
	if (g->waited_ms >= WAITS_MS)
		return 0;
	return g->waited_ms >= WAIT_MS ? SHORT_MS : WAIT_MS;
}

static bool is_starved(const struct touching *g)
{
	struct proc_stat st;

	return repair_stat(g->toucher, 0, &st) && st.state == 'R';
}

/* A moment of it; how long it was. */
static int wait_a_little(const struct touching *g, int ms, bool *ready)
{
	struct pollfd p = {.fd = g->socket, .events = POLLIN};
	uint64_t began = now_ms();

	*ready = poll(&p, 1, ms < SLICE_MS ? ms : SLICE_MS) == 1;
	return (int)(now_ms() - began);
}

/* Our guard hears that we get on. */
static bool await(struct tracer *t, struct touching *g, int ms, uint8_t *byte)
{
	int starved = 0;
	bool ready = false;

	while (ms > 0 && !ready) {
		int passed = wait_a_little(g, ms, &ready);

		t->journal->beats++;
		if (!ready && starved < STARVED_MS && is_starved(g)) {
			starved += passed;
			continue;
		}
		g->waited_ms += passed;
		ms -= passed;
	}
	return ready && recv(g->socket, byte, 1, MSG_DONTWAIT) == 1;
}

/* What it answers; -1: nothing, in time. */
static int answer(struct tracer *t, struct touching *g, const struct touch_ask *a, int fd)
{
	int ms = patience(g);
	uint8_t byte;

	if (!ms || !start(g))
		return -1;
	if (ask(g, a, fd) && await(t, g, ms, &byte))
		return byte;
	let_go(g);
	return -1;
}

/* False: they do not come. */
static bool fetch(struct target *tg, uint64_t addr, uint64_t len)
{
	struct touching *g = touching_of(tg->tracer);
	const struct touch_ask a = {TOUCH_MEMORY, addr, len};

	/* What cannot be asked for is read as if there were nothing to fear. */
	return !g || mem_open(tg) != 0 || answer(tg->tracer, g, &a, tg->mem) >= 0;
}

bool touch_capable(struct target *tg)
{
	struct touching *g = touching_of(tg->tracer);
	const struct touch_ask a = {TOUCH_CAPABLE, 0, 0};

	return g && answer(tg->tracer, g, &a, tg->id.live) == 1;
}

/* ---- which pages ------------------------------------------------------------------------ */

static bool is_there(uint64_t entry)
{
	return entry >> 62 & 3; /* in memory, or swapped out */
}

/* The first page in [from, to) that is not there, and behind the last one: true, there
 * are some. */
static bool missing(struct target *tg, uint64_t from, uint64_t to, uint64_t *first, uint64_t *end)
{
	uint64_t entries[PAGES];
	bool any = false;

	for (uint64_t at = from; at < to;) {
		uint64_t left = to - at, n = left < PAGES ? left : PAGES;
		ssize_t got = pread(tg->pagemap, entries, (size_t)n * sizeof(entries[0]),
		    (off_t)(at * sizeof(entries[0])));

		if (got < (ssize_t)sizeof(entries[0]))
			return any;
		n = (uint64_t)got / sizeof(entries[0]);
		for (uint64_t i = 0; i < n; i++) {
			if (is_there(entries[i]))
				continue;
			if (!any)
				*first = at + i;
			*end = at + i + 1;
			any = true;
		}
		at += n;
	}
	return any;
}

size_t touch(struct target *tg, uint64_t addr, size_t len)
{
	uint64_t first, end, last = addr + len - 1;

	/* Beyond what a user's addresses are there is nothing. */
	if (!len || last < addr || last > INT64_MAX)
		return len;
	if (tg->pagemap < 0)
		tg->pagemap = openat(tg->id.live, "pagemap", O_RDONLY | O_CLOEXEC);
	if (tg->pagemap < 0 || !missing(tg, addr / PAGE, last / PAGE + 1, &first, &end) ||
	    fetch(tg, first * PAGE, (end - first) * PAGE))
		return len;
	return first * PAGE > addr ? (size_t)(first * PAGE - addr) : 0;
}

void touch_forget(struct target *tg)
{
	if (tg->pagemap >= 0)
		close(tg->pagemap);
	tg->pagemap = -1;
}

void touch_free(struct tracer *t)
{
	if (!t->touching)
		return;
	let_go(t->touching);
	hanging_free(&t->touching->hanging);
	free(t->touching);
	t->touching = NULL;
}
