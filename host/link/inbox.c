/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/inbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/heart.h"
#include "host/link/rpc_link.h"

/* A link whose events did not all find room. */
struct loss {
	struct loss *next;
	struct rpc *rpc;
	uint64_t count;
};

/* A link that fills it. */
struct link {
	struct link *next;
	struct rpc *rpc;
};

struct inbox {
	pthread_mutex_t lock;
	/* The first pieces of events: to wait here takes no memory. */
	struct rpc_piece *first, *newest;
	struct loss *losses;
	struct link *links;
	size_t cost;
	int event_fd;  /* readable while there is a first or a loss to tell */
	int cancel_fd; /* counts cancellations; links watch its edges */
	bool marked;   /* event_fd is readable */
	atomic_bool cancelled;
};

struct inbox *inbox_new(void)
{
	struct inbox *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->event_fd < 0 || b->cancel_fd < 0 || pthread_mutex_init(&b->lock, NULL) != 0) {
		if (b->event_fd >= 0)
			close(b->event_fd);
		if (b->cancel_fd >= 0)
			close(b->cancel_fd);
		free(b);
		return NULL;
	}
	return b;
}

void inbox_free(struct inbox *b)
{
	if (!b)
		return;
	while (b->first) {
		struct rpc_piece *event = b->first;

		b->first = event->later;
		rpc_pieces_free(event);
	}
	while (b->losses) {
		struct loss *l = b->losses;

		b->losses = l->next;
		free(l);
	}
	close(b->event_fd);
	close(b->cancel_fd);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

int inbox_fd(const struct inbox *b)
{
	return b->event_fd;
}

int inbox_cancel_fd(const struct inbox *b)
{
	return b->cancel_fd;
}

/* Async-signal-safe: an atomic and a write(2). */
void inbox_cancel(struct inbox *b)
{
	int saved = errno;
	uint64_t one = 1;

	atomic_store(&b->cancelled, true);
	if (write(b->cancel_fd, &one, sizeof(one)) < 0)
		errno = 0; /* the counter is full: it is readable all the same */
	errno = saved;
}

bool inbox_cancelled(struct inbox *b)
{
	return atomic_load_explicit(&b->cancelled, memory_order_relaxed) &&
	       atomic_exchange(&b->cancelled, false);
}

/* event_fd follows whether anything waits.  Under the lock. */
static void mark(struct inbox *b)
{
	bool waiting = b->first || b->losses;
	uint64_t n = 1;
	ssize_t done;

	if (waiting == b->marked)
		return;
	b->marked = waiting;
	if (waiting)
		done = write(b->event_fd, &n, sizeof(n));
	else
		done = read(b->event_fd, &n, sizeof(n));
	(void)done; /* neither can fail on a counter that is 0 or 1 */
}

static size_t cost_of(const struct rpc_piece *event)
{
	size_t cost = 0;

	for (; event; event = event->next)
		cost += rpc_piece_cost(event);
	return cost;
}

static void append(struct inbox *b, struct rpc_piece *event, size_t cost)
{
	event->later = NULL;
	if (b->newest)
		b->newest->later = event;
	else
		b->first = event;
	b->newest = event;
	b->cost += cost;
}

static void count_loss(struct inbox *b, struct rpc *r)
{
	struct loss *l = b->losses;

	while (l && l->rpc != r)
		l = l->next;
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return;
		l->rpc = r;
		l->next = b->losses;
		b->losses = l;
	}
	l->count++;
}

static void put(struct inbox *b, struct rpc_piece *event, bool must)
{
	size_t cost = cost_of(event);

	pthread_mutex_lock(&b->lock);
	if (must || b->cost + cost <= INBOX_MAX) {
		append(b, event, cost);
		event = NULL;
	} else {
		count_loss(b, event->rpc);
	}
	mark(b);
	pthread_mutex_unlock(&b->lock);
	rpc_pieces_free(event);
}

void inbox_put(struct inbox *b, struct rpc_piece *event)
{
	put(b, event, false);
}

void inbox_put_last(struct inbox *b, struct rpc_piece *event)
{
	put(b, event, true);
}

/* The event that tells of a loss.  Under the lock. */
static struct rpc_piece *take_loss(struct inbox *b)
{
	struct loss *l = b->losses;
	struct wire_events_lost body = {.count = l->count};
	struct rpc_piece *p = calloc(1, sizeof(*p) + sizeof(body));
	struct buf out = {.cap = sizeof(body), .max = sizeof(body)};

	if (!p)
		return NULL;
	out.p = p->bytes;
	wire_encode_events_lost(&out, &body);
	p->rpc = l->rpc;
	p->m.h = (struct wire_head){.type = WIRE_events_lost, .len = (uint32_t)out.len};
	p->m.body = span_buf(&out);
	b->losses = l->next;
	free(l);
	return p;
}

static struct rpc_piece *take(struct inbox *b)
{
	struct rpc_piece *event = NULL;

	pthread_mutex_lock(&b->lock);
	if (b->losses && b->cost <= INBOX_MAX / 2) {
		event = take_loss(b);
	} else if (b->first) {
		event = b->first;
		b->first = event->later;
		if (!b->first)
			b->newest = NULL;
		b->cost -= cost_of(event);
	}
	mark(b);
	pthread_mutex_unlock(&b->lock);
	return event;
}

static void forget_loss(struct inbox *b, const struct rpc *r)
{
	for (struct loss **at = &b->losses; *at; at = &(*at)->next)
		if ((*at)->rpc == r) {
			struct loss *l = *at;

			*at = l->next;
			free(l);
			return;
		}
}

bool inbox_join(struct inbox *b, struct rpc *r)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return false;
	l->rpc = r;
	pthread_mutex_lock(&b->lock);
	l->next = b->links;
	b->links = l;
	pthread_mutex_unlock(&b->lock);
	return true;
}

void inbox_idle(struct inbox *b)
{
	pthread_mutex_lock(&b->lock);
	for (struct link *l = b->links; l; l = l->next)
		rpc_unpark(l->rpc);
	pthread_mutex_unlock(&b->lock);
}

static void forget_link(struct inbox *b, const struct rpc *r)
{
	for (struct link **at = &b->links; *at; at = &(*at)->next)
		if ((*at)->rpc == r) {
			struct link *l = *at;

			*at = l->next;
			free(l);
			return;
		}
}

void inbox_leave(struct inbox *b, const struct rpc *r)
{
	struct rpc_piece **at = &b->first, *event;

	pthread_mutex_lock(&b->lock);
	forget_loss(b, r);
	forget_link(b, r);
	b->newest = NULL;
	while ((event = *at)) {
		if (event->rpc == r) {
			*at = event->later;
			b->cost -= cost_of(event);
			rpc_pieces_free(event);
		} else {
			b->newest = event;
			at = &event->later;
		}
	}
	mark(b);
	pthread_mutex_unlock(&b->lock);
}

struct rpc_piece *inbox_take(struct inbox *b, int timeout_ms)
{
	uint64_t end = now_ms() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0);
	struct rpc_piece *event;

	/* A wait must be broken off even where events never end. */
	if (timeout_ms < 0 && inbox_cancelled(b))
		return NULL;
	while (!(event = take(b))) {
		struct pollfd p[2] = {{b->event_fd, POLLIN, 0}, {b->cancel_fd, POLLIN, 0}};
		uint64_t now = now_ms(), n;
		int left = timeout_ms < 0 ? -1 : (int)(end > now ? end - now : 0);

		if (inbox_cancelled(b) || !left)
			return NULL;
		inbox_idle(b);
		poll(p, 2, left);
		/* Level is for poll here, edges for the links: draining hurts nobody. */
		if (p[1].revents && read(b->cancel_fd, &n, sizeof(n)) < 0)
			continue;
	}
	return event;
}
