/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link's life, and who runs it when: see rpc_link.h.
 */
#include "host/link/rpc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/link/rpc_link.h"

enum {
	PARK_MS = 20,      /* after a caller's turn the thread leaves the link alone so long */
	LOOK_MS = 50,      /* a caller that waits for another's turn looks up so often */
	FAREWELL_MS = 2000, /* for the goodbye to leave and be heard */
	TOLD_TEXT = 512,   /* of message goodbye */
	TOLD_ROOM = TOLD_TEXT + 64,
};

/* ---- the end -------------------------------------------------------------- */

/* Under the lock. */
static void fail_calls(struct rpc *r, struct rpc_queue *q)
{
	struct rpc_call *c;

	while ((c = rpc_queue_pop(q)))
		rpc_call_done(c, he_error_copy(r->why));
}

void rpc_tell(struct rpc *r, enum wire_type type, const char *text)
{
	struct wire_goodbye body = {.code = E_LOST, .text = span_str(text)};
	struct rpc_piece *p = calloc(1, sizeof(*p) + TOLD_ROOM);
	struct buf b = {.cap = TOLD_ROOM, .max = TOLD_ROOM};

	if (!p)
		return;
	b.p = p->bytes;
	if (body.text.n > TOLD_TEXT)
		body.text.n = TOLD_TEXT;
	wire_encode_goodbye(&b, &body);
	p->rpc = r;
	p->m.h = (struct wire_head){.type = (uint16_t)type, .len = (uint32_t)b.len};
	p->m.body = span_buf(&b);
	inbox_put_last(r->inbox, p);
}

void rpc_end(struct rpc *r, struct he_error *e, const char *lost)
{
	if (r->phase == RPC_ENDED) {
		he_error_free(e);
		return;
	}
	r->phase = RPC_ENDED;
	r->doomed = true;
	heart_stop(&r->heart);
	event_del(r->limit);
	event_del(r->retry);
	rpc_pieces_free(r->partial.first);
	r->partial = (struct rpc_partial){0};
	pthread_mutex_lock(&r->lock);
	r->why = e;
	r->broken = true;
	fail_calls(r, &r->sent);
	fail_calls(r, &r->queue);
	r->in_flight = 0;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	/* Whoever waits for events of a session hears of its end, however it came. */
	if (lost || r->opened)
		rpc_tell(r, WIRE_goodbye, lost ? lost : r->why->message);
}

void rpc_protocol(struct rpc *r, const char *what)
{
	char lost[256];

	if (r->phase == RPC_ENDED)
		return;
	r->resuming = false;
	rpc_goodbye(r, E_PROTOCOL, what);
	snprintf(lost, sizeof(lost), "the server broke the protocol (%s)", what);
	if (r->phase == RPC_OPEN)
		rpc_end(
		    r, he_error_new(E_PROTOCOL, "link to %s closed: %s", r->peer.box, lost), lost);
	else
		rpc_end(r,
		    he_error_new(E_PROTOCOL,
			"%s: what answers there does not keep to the protocol (%s). Is it procsrv, "
			"and of hdb's version?",
			r->peer.name, what),
		    NULL);
}

/* ---- callbacks of the event loop -------------------------------------------- */

static void on_readable(struct chan *c, void *arg)
{
	struct rpc *r = arg;

	if (r->phase == RPC_ENDED || r->phase == RPC_LOST) {
		evbuffer_drain(chan_in(c), evbuffer_get_length(chan_in(c)));
		return;
	}
	heart_heard(&r->heart);
	rpc_take(r);
	rpc_flush(r);
}

static void on_closed(struct chan *c, int os_errno, void *arg)
{
	struct rpc *r = arg;
	const char *lost;

	(void)c;
	r->cut = true;
	if (r->phase == RPC_ENDED || r->phase == RPC_LOST)
		return;
	if (r->resuming) {
		rpc_attempt_failed(r, os_errno);
		return;
	}
	if (!r->hello && evbuffer_get_length(chan_in(r->chan))) {
		rpc_stranger(r); /* less than a header */
		return;
	}
	if (r->phase != RPC_OPEN) {
		rpc_end(r, r->via.closed(r->via.arg, os_errno, r->hello), NULL);
		return;
	}
	lost = r->via.lost(r->via.arg, os_errno);
	if (rpc_lose(r, lost))
		return;
	rpc_end(r, he_error_new(E_LOST, "link to %s lost: %s", r->peer.box, lost), lost);
}

static const struct chan_cb channel = {.readable = on_readable, .closed = on_closed};

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;

	(void)what;
	(void)arg;
	if (read(fd, &n, sizeof(n)) < 0)
		return; /* somebody else was quicker */
}

/* It has ended the wait: that is all it is for. */
static void on_cancel(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct rpc *r = arg;

	(void)fd;
	(void)what;
	if (r->resuming) {
		rpc_lose(r, r->lost);
		return;
	}
	rpc_end(r,
	    he_error_new(E_TIMEOUT, "%s: no answer within %u s%s", r->peer.name,
		(r->hello || !r->via.hello_ms ? RPC_OPEN_MS : r->via.hello_ms) / 1000,
		r->hello ? " to the request for a session" : ". Is it procsrv that listens there?"),
	    NULL);
}

/* ---- the pump ----------------------------------------------------------------- */

static void close_channel(struct rpc *r)
{
	if (!r->chan)
		return;
	if (r->via.bye)
		r->via.bye(r->via.arg);
	chan_flush(r->chan);
	chan_free(r->chan);
	r->chan = NULL;
}

/* What is to be closed is, out of the channel's own callbacks. */
static void settle_channel(struct rpc *r)
{
	if (r->doomed)
		close_channel(r);
	if (r->phase != RPC_LOST || !r->chan)
		return;
	chan_free(r->chan);
	r->chan = NULL;
}

/* One turn of the loop: send, wait for something to happen, take it up. */
static void pump(struct rpc *r, int how)
{
	rpc_flush(r);
	if (!r->doomed)
		event_base_loop(r->base, how);
	settle_channel(r);
}

/* Wake who holds the pump.  Under the lock. */
static void kick(struct rpc *r)
{
	uint64_t one = 1;
	ssize_t done;

	if (r->kicked)
		return;
	r->kicked = true;
	done = write(r->kick_fd, &one, sizeof(one));
	(void)done; /* EAGAIN: it is readable all the same */
}

static void sleep_on(pthread_cond_t *cond, pthread_mutex_t *lock, long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	pthread_cond_timedwait(cond, lock, &t);
}

/* Somebody else holds the pump: have the thread give it up, or let another caller go
 * on (its turns may bring what we wait for). Under the lock. */
static void wait_turn(struct rpc *r)
{
	r->waiters++;
	if (r->by_thread)
		kick(r);
	sleep_on(&r->changed, &r->lock, LOOK_MS);
	r->waiters--;
}

/* Run the link until ready holds (looked at under the lock) or it has ended.  False
 * when it was cancelled. */
bool rpc_run(struct rpc *r, bool (*ready)(const struct rpc *r, const void *arg), const void *arg)
{
	bool go_on = true;

	pthread_mutex_lock(&r->lock);
	r->idle = false;
	r->waits += !ready(r, arg);
	while (!ready(r, arg) && !r->broken) {
		if (inbox_cancelled(r->inbox)) {
			go_on = false;
			break;
		}
		if (r->pumping) {
			wait_turn(r);
			continue;
		}
		r->pumping = true;
		r->turns++;
		pthread_mutex_unlock(&r->lock);
		pump(r, EVLOOP_ONCE);
		pthread_mutex_lock(&r->lock);
		r->pumping = false;
	}
	if (r->waiters)
		pthread_cond_broadcast(&r->changed);
	if (r->deep)
		pthread_cond_signal(&r->parked);
	pthread_mutex_unlock(&r->lock);
	return go_on;
}

void rpc_unpark(struct rpc *r)
{
	pthread_mutex_lock(&r->lock);
	if (!r->idle) {
		r->idle = true;
		pthread_cond_signal(&r->parked);
	}
	pthread_mutex_unlock(&r->lock);
}

void rpc_nudge(struct rpc *r)
{
	pthread_mutex_lock(&r->lock);
	if (r->pumping) {
		kick(r);
	} else if (!r->kicked) {
		r->kicked = true;
		pthread_cond_signal(&r->parked);
	}
	pthread_mutex_unlock(&r->lock);
}

bool rpc_flush_now(struct rpc *r)
{
	bool free;

	pthread_mutex_lock(&r->lock);
	free = !r->pumping && !r->broken;
	if (free)
		r->pumping = true;
	r->turns += free;
	pthread_mutex_unlock(&r->lock);
	if (!free)
		return false;
	rpc_flush(r);
	settle_channel(r);
	pthread_mutex_lock(&r->lock);
	r->pumping = false;
	if (r->waiters)
		pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return true;
}

/* ---- the private thread ------------------------------------------------------- */

/* Hold the pump until a caller wants it.  Under the lock, but not in between. */
static void run_link(struct rpc *r)
{
	r->pumping = r->by_thread = true;
	r->corked = false;
	do {
		r->kicked = false;
		pthread_mutex_unlock(&r->lock);
		pump(r, EVLOOP_ONCE);
		pthread_mutex_lock(&r->lock);
	} while (!r->waiters && !r->ending && !r->broken);
	r->pumping = r->by_thread = false;
	pthread_cond_broadcast(&r->changed);
}

static void flush_for_others(struct rpc *r)
{
	r->pumping = true;
	pthread_mutex_unlock(&r->lock);
	pump(r, EVLOOP_NONBLOCK);
	pthread_mutex_lock(&r->lock);
	r->pumping = false;
	pthread_cond_broadcast(&r->changed);
}

static void park(struct rpc *r)
{
	uint64_t turns = r->turns;

	sleep_on(&r->parked, &r->lock, PARK_MS);
	/* A caller waits for long: sleep until it has done. */
	if (r->pumping && r->turns == turns && !r->ending) {
		r->deep = true;
		pthread_cond_wait(&r->parked, &r->lock);
		r->deep = false;
	}
}

static void *thread(void *arg)
{
	struct rpc *r = arg;
	uint64_t seen = 0;

	pthread_mutex_lock(&r->lock);
	while (!r->ending) {
		bool quiet = r->idle || r->turns == seen;
		bool free = r->greeted && !r->pumping && !r->waiters;

		seen = r->turns;
		if (r->broken)
			pthread_cond_wait(&r->parked, &r->lock);
		else if (free && quiet)
			run_link(r);
		else if (free && r->kicked)
			flush_for_others(r);
		else
			park(r);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* Signals are the program's own business: its threads get them. */
static int start_thread(struct rpc *r)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&r->thread, NULL, thread, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* ---- birth and death ------------------------------------------------------------ */

static void init_locks(struct rpc *r)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, &attr);
	pthread_cond_init(&r->parked, &attr);
	pthread_condattr_destroy(&attr);
}

static bool start_events(struct rpc *r)
{
	struct timeval hello = {r->via.hello_ms / 1000, 0};
	struct event_config *how = event_config_new();

	/* Edges: inbox_cancel wakes every link once, and nobody has to drain it. */
	if (!how || event_config_require_features(how, EV_FEATURE_ET) != 0)
		return false;
	event_config_set_flag(how, EVENT_BASE_FLAG_NOLOCK);
	r->base = event_base_new_with_config(how);
	event_config_free(how);
	r->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!r->base || r->kick_fd < 0)
		return false;
	r->kick = event_new(r->base, r->kick_fd, EV_READ | EV_PERSIST, on_kick, r);
	r->cancel = event_new(
	    r->base, inbox_cancel_fd(r->inbox), EV_READ | EV_ET | EV_PERSIST, on_cancel, r);
	r->limit = event_new(r->base, -1, 0, on_limit, r);
	r->retry = event_new(r->base, -1, 0, rpc_on_retry, r);
	return r->kick && r->cancel && r->limit && r->retry && event_add(r->kick, NULL) == 0 &&
	       event_add(r->cancel, NULL) == 0 &&
	       (!r->via.hello_ms || event_add(r->limit, &hello) == 0);
}

bool rpc_start_channel(struct rpc *r, int fd)
{
	r->fd = fd;
	r->chan = chan_new(r->base, fd, fd, &channel, r);
	if (!r->chan)
		return false;
	chan_set_nosignal(r->chan);
	if (r->via.filter) {
		chan_set_filter(r->chan, r->via.filter, r->via.filter_arg);
		chan_flush(r->chan);
	}
	return true;
}

static bool start_channel(struct rpc *r)
{
	int fd = r->via.fd;

	r->via.fd = -1;
	return rpc_start_channel(r, fd);
}

static void free_all(struct rpc *r)
{
	chan_free(r->chan);
	if (r->via.fd >= 0)
		close(r->via.fd);
	r->via.end(r->via.arg);
	heart_stop(&r->heart);
	if (r->kick)
		event_free(r->kick);
	if (r->cancel)
		event_free(r->cancel);
	if (r->limit)
		event_free(r->limit);
	if (r->retry)
		event_free(r->retry);
	if (r->base)
		event_base_free(r->base);
	if (r->kick_fd >= 0)
		close(r->kick_fd);
	rpc_pieces_free(r->partial.first);
	he_error_free(r->why);
	for (size_t i = 0; i < sizeof(r->texts) / sizeof(r->texts[0]); i++)
		free(r->texts[i]);
	free(r->via.name);
	free(r->via.box);
	free(r->via.key);
	pthread_cond_destroy(&r->changed);
	pthread_cond_destroy(&r->parked);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

struct rpc *rpc_new(struct inbox *inbox, const struct rpc_via *via)
{
	struct rpc *r = calloc(1, sizeof(*r));

	if (!r) {
		close(via->fd);
		via->end(via->arg);
		free(via->name);
		free(via->box);
		free(via->key);
		return NULL;
	}
	r->inbox = inbox;
	r->via = *via;
	r->kick_fd = -1;
	r->corked = true;
	r->peer = (struct rpc_peer){.name = via->name,
	    .box = via->box,
	    .child = via->child,
	    .key = via->key,
	    .machine = "",
	    .os = "",
	    .host = "",
	    .build = "",
	    .user = ""};
	rpc_queue_init(&r->queue);
	rpc_queue_init(&r->sent);
	credit_open(&r->in, CREDIT_REPLY_BYTES);
	init_locks(r);
	if (!start_events(r) || !start_channel(r) || !inbox_join(inbox, r)) {
		free_all(r);
		return NULL;
	}
	if (start_thread(r) != 0) {
		inbox_leave(inbox, r);
		free_all(r);
		return NULL;
	}
	return r;
}

/* One turn of the farewell; false when there is none any more. */
static bool turn(struct rpc *r)
{
	return !r->cut && !event_base_got_exit(r->base) &&
	       event_base_loop(r->base, EVLOOP_ONCE) == 0;
}

/* Give the last words a moment to leave and, where there was a session, to be heard: to
 * close a socket whose input was not read is to reset it (tcp(7)), and the server may
 * then meet the reset before the goodbye. */
static void farewell(struct rpc *r)
{
	bool opened = r->phase == RPC_OPEN || r->phase == RPC_OPENING;
	struct timeval moment = {FAREWELL_MS / 1000, FAREWELL_MS % 1000 * 1000L};

	if (!r->chan)
		return;
	if (opened)
		rpc_goodbye(r, E_OK, "");
	r->phase = RPC_ENDED;
	if (r->via.bye)
		r->via.bye(r->via.arg);
	chan_flush(r->chan);
	if (event_base_loopexit(r->base, &moment) != 0)
		return;
	while (chan_pending(r->chan))
		if (!turn(r))
			return;
	if (!opened || shutdown(r->fd, SHUT_WR) != 0)
		return;
	evbuffer_drain(chan_in(r->chan), evbuffer_get_length(chan_in(r->chan)));
	chan_more(r->chan);
	while (turn(r))
		;
}

void rpc_free(struct rpc *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->ending = true;
	if (r->by_thread)
		kick(r);
	pthread_cond_signal(&r->parked);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	inbox_leave(r->inbox, r);
	farewell(r);
	if (!r->why)
		r->why = he_error_new(E_LOST, "link to %s closed", r->peer.box);
	pthread_mutex_lock(&r->lock);
	r->broken = true;
	fail_calls(r, &r->sent);
	fail_calls(r, &r->queue);
	pthread_mutex_unlock(&r->lock);
	free_all(r);
}

void rpc_counts(const struct rpc *r, struct he_server_counts *ret)
{
	*ret = (struct he_server_counts){
	    .requests = r->requests,
	    .waits = r->waits,
	    .sent = r->bytes_out,
	    .received = r->bytes_in,
	};
}

const struct rpc_peer *rpc_peer(const struct rpc *r)
{
	return &r->peer;
}

int rpc_state(struct rpc *r)
{
	int code;

	pthread_mutex_lock(&r->lock);
	code = r->broken ? r->why->code : E_OK;
	pthread_mutex_unlock(&r->lock);
	return code;
}
