/* SPDX-License-Identifier: BSD-2-Clause */
#include "reading.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bounds.h"
#include "common/log.h"
#include "hanging.h"
#include "launch_child.h"
#include "reader_ipc.h"
#include "target.h"
#include "tracer.h"

enum {
	BUSY_MS = 1800,          /* without a word from it */
	STARVED_MS = 15000,      /* when it only gets no processor, or has very much to do */
	BUILT = 4 * 1024 * 1024, /* bytes of replies waiting: above, requests wait here */
	AT_ONCE = 64,            /* packets taken before others get the loop */
};

/* A request on its way. */
struct job {
	struct job *next;
	struct reading *reading;
	struct reply *reply; /* NULL: nobody wants it any more */
	struct reader_ask ask;
	uint8_t body[];
};

struct reading {
	struct tracer *tracer;
	pid_t reader; /* 0 = none */
	int pidfd;    /* of it: it is waited for with all the others, and its number given away */
	int socket;
	struct event *readable, *late;
	struct job *first, *last;
	bool asked;          /* the first one is under way */
	struct event *again; /* until replies have left */
	uint64_t waited_ms;
	struct hanging hanging;
	struct reader_say say;
	uint8_t data[READER_DATA];
};

/* ---- the process ----------------------------------------------------------------------- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void let_go(struct reading *g)
{
	if (g->readable)
		event_free(g->readable);
	g->readable = NULL;
	close_fd(&g->socket);
	close_fd(&g->pidfd);
	g->reader = 0;
}

static void end_reader(struct reading *g)
{
	if (g->pidfd >= 0)
		pidfd_send_signal(g->pidfd, SIGKILL, NULL, 0);
}

static void on_readable(evutil_socket_t fd, short what, void *arg);

/* Whom it may look at, if that is not everybody. */
static bool send_bounds(const struct reading *g)
{
	struct reader_ask ask = {.type = READER_BOUNDS, .n = sizeof(g->tracer->bounds)};
	struct iovec iov[2] = {
	    {&ask, sizeof(ask)}, {&g->tracer->bounds, sizeof(g->tracer->bounds)}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	return !bounds_any(&g->tracer->bounds) ||
	       sendmsg(g->socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* E_OK or the code. */
static int start(struct reading *g)
{
	int pair[2];

	if (g->reader)
		return E_OK;
	if (!hanging_room(&g->hanging))
		return E_BUSY;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return E_OS;
	g->socket = pair[0];
	g->reader = launch_reader(pair[1], g->tracer->session.greeted);
	close(pair[1]);
	g->pidfd = g->reader > 0 ? pidfd_open(g->reader, 0) : -1;
	g->readable = event_new(g->tracer->base, g->socket, EV_READ | EV_PERSIST, on_readable, g);
	if (g->pidfd < 0 || !g->readable || event_add(g->readable, NULL) != 0 || !send_bounds(g)) {
		let_go(g);
		return E_NOMEM;
	}
	return E_OK;
}

/* ---- jobs ------------------------------------------------------------------------------- */

static void drop(struct reply *r)
{
	struct job *j = r->state;

	j->reply = NULL;
}

static void cancel(struct reply *r)
{
	drop(r);
	r->drop = NULL;
	reply_fail_code(r, E_CANCELLED);
}

/* Its reply is another's business from now on; NULL: nobody waits. */
static struct reply *release(struct job *j)
{
	struct reply *r = j->reply;

	j->reply = NULL;
	if (r) {
		r->drop = NULL;
		r->cancel = NULL;
	}
	return r;
}

static void end_first(struct reading *g)
{
	struct job *j = g->first;

	release(j);
	g->first = j->next;
	if (!g->first)
		g->last = NULL;
	g->asked = false;
	event_del(g->late);
	free(j);
}

static void fail_first(struct reading *g, const struct fault *f)
{
	struct reply *r = release(g->first);

	if (r)
		reply_fail(r, f);
	end_first(g);
}

static void watch_over(struct reading *g)
{
	static const struct timeval late = {BUSY_MS / 1000, BUSY_MS % 1000 * 1000L};

	g->waited_ms = 0;
	event_add(g->late, &late);
}

static bool send_first(struct reading *g)
{
	struct job *j = g->first;
	struct iovec iov[2] = {{&j->ask, sizeof(j->ask)}, {j->body, j->ask.n}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	return sendmsg(g->socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* The next one, if there is and nothing is under way. */
static void go_on(struct reading *g)
{
	static const struct timeval soon = {0, 10000};

	while (g->first && !g->asked) {
		struct fault f = {0};

		if (!g->first->reply) {
			end_first(g);
			continue;
		}
		if (*g->first->reply->total > BUILT) {
			event_add(g->again, &soon);
			return;
		}
		f.code = start(g);
		if (f.code == E_OK && !send_first(g)) {
			let_go(g);
			f = (struct fault){.code = E_INTERNAL, .os_errno = errno};
		}
		if (f.code != E_OK) {
			fail_first(g, &f);
			continue;
		}
		g->asked = true;
		watch_over(g);
	}
}

/* ---- what it says ------------------------------------------------------------------------- */

/* Only what it is there for. */
static void record(struct reading *g)
{
	struct ipc_audit *a = &g->say.what.audit;
	bool right =
	    a->event == IPC_FILE_READ || a->event == IPC_FILE_WRITE || a->event == IPC_FILE_CHANGE;
	struct reader_recorded r = {E_INTERNAL};

	a->name[sizeof(a->name) - 1] = 0;
	if (right)
		r.err = tracer_record(a);
	send(g->socket, &r, sizeof(r), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void piece(struct reading *g)
{
	if (g->first->reply)
		reply_piece(g->first->reply, (struct span){g->data, g->say.n});
}

static void done(struct reading *g)
{
	struct reply *r = release(g->first);

	if (r && !r->done)
		reply_done(r);
	end_first(g);
}

static void failed(struct reading *g)
{
	struct fault *f = &g->say.what.fault;

	f->subject[sizeof(f->subject) - 1] = 0;
	f->detail[sizeof(f->detail) - 1] = 0;
	fail_first(g, f);
}

static void (*const acts[])(struct reading *g) = {
    [READER_PIECE] = piece,
    [READER_DONE] = done,
    [READER_FAIL] = failed,
    [READER_RECORD] = record,
};

/* One packet.  False: there is none now, or it has ended. */
static bool take(struct reading *g)
{
	struct iovec iov[2] = {{&g->say, sizeof(g->say)}, {g->data, sizeof(g->data)}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	struct fault f = {.code = E_INTERNAL};
	ssize_t n = recvmsg(g->socket, &msg, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < (ssize_t)sizeof(g->say) || (size_t)n - sizeof(g->say) != g->say.n ||
	    g->say.kind >= sizeof(acts) / sizeof(acts[0]) || !g->asked ||
	    g->say.id != g->first->ask.id) {
		log_error("the reader has ended, or does not keep to the rules");
		end_reader(g);
		let_go(g);
		if (g->asked)
			fail_first(g, &f);
		return false;
	}
	watch_over(g);
	acts[g->say.kind](g);
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct reading *g = arg;
	struct tracer *t = g->tracer;

	(void)fd;
	(void)what;
	for (unsigned n = 0; n < AT_ONCE && g->reader; n++)
		if (!take(g))
			break;
	go_on(g);
	serve_pump(t->serve);
}

static bool runs(const struct reading *g)
{
	struct proc_stat st;
	uint8_t room[1024];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	char name[32];

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)g->reader);
	return proc_read(AT_FDCWD, name, &b) == 0 && proc_parse_stat(span_buf(&b), &st) &&
	       st.state == 'R' && st.ppid == getpid();
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct reading *g = arg;
	struct tracer *t = g->tracer;
	const struct timeval again = {BUSY_MS / 1000, BUSY_MS % 1000 * 1000L};
	struct fault busy = {.code = E_BUSY};

	(void)fd;
	(void)what;
	g->waited_ms += BUSY_MS;
	if (g->waited_ms < STARVED_MS && runs(g)) {
		event_add(g->late, &again);
		return;
	}
	if (g->pidfd >= 0)
		hanging_add(&g->hanging, g->pidfd);
	g->pidfd = -1;
	let_go(g);
	fail_first(g, &busy);
	go_on(g);
	serve_pump(t->serve);
}

/* ---- from the host -------------------------------------------------------------------------- */

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct reading *g = arg;

	(void)fd;
	(void)what;
	go_on(g);
}

static void free_events(struct reading *g)
{
	if (g->late)
		event_free(g->late);
	if (g->again)
		event_free(g->again);
}

static struct reading *reading_of(struct tracer *t)
{
	struct reading *g = t->reading;

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->tracer = t;
	g->socket = g->pidfd = -1;
	hanging_init(&g->hanging);
	g->late = event_new(t->base, -1, 0, on_late, g);
	g->again = event_new(t->base, -1, 0, on_again, g);
	if (!g->late || !g->again) {
		free_events(g);
		free(g);
		return NULL;
	}
	t->reading = g;
	return g;
}

int on_reading(struct call *c)
{
	struct reading *g = reading_of(c->tracer);
	struct job *j = g ? malloc(sizeof(*j) + c->body.n) : NULL;

	if (!j)
		return E_NOMEM;
	*j = (struct job){.reading = g, .reply = c->reply};
	j->ask = (struct reader_ask){
	    .id = c->h->id, .target = c->h->target, .type = c->h->type, .n = c->body.n};
	if (c->target) {
		j->ask.pid = (uint32_t)c->target->id.pid;
		j->ask.start = c->target->id.start;
	}
	if (c->body.n)
		memcpy(j->body, c->body.p, c->body.n);
	c->reply->state = j;
	c->reply->drop = drop;
	c->reply->cancel = cancel;
	if (g->last)
		g->last->next = j;
	else
		g->first = j;
	g->last = j;
	go_on(g);
	return E_OK;
}

void reading_free(struct tracer *t)
{
	struct reading *g = t->reading;

	if (!g)
		return;
	end_reader(g);
	while (g->first)
		end_first(g);
	let_go(g);
	hanging_free(&g->hanging);
	free_events(g);
	free(g);
	t->reading = NULL;
}
