/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"
#include "common/heart.h"
#include "host/errtext.h"
#include "host/link/inbox.h"

enum { ADDRESSES = 8 }; /* of a name are tried, at most */

static struct he_error *cancelled(const char *where)
{
	return he_error_new(E_CANCELLED, "%s: connecting was cancelled", where);
}

/* ---- names ------------------------------------------------------------------- */

/* getaddrinfo(3) cannot be broken off, so it runs in a thread that may outlive the
 * wait; whoever is last frees this. */
struct lookup {
	atomic_int users;
	char *host;
	int done_fd;
	int err, os_errno;
	struct addrinfo *found;
};

static void lookup_release(struct lookup *l)
{
	if (atomic_fetch_sub(&l->users, 1) > 1)
		return;
	if (l->found)
		freeaddrinfo(l->found);
	close(l->done_fd);
	free(l->host);
	free(l);
}

static void *look_up(void *arg)
{
	static const struct addrinfo hint = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct lookup *l = arg;
	uint64_t one = 1;

	l->err = getaddrinfo(l->host, NULL, &hint, &l->found);
	l->os_errno = errno;
	if (write(l->done_fd, &one, sizeof(one)) < 0)
		l->os_errno = errno; /* cannot be: the counter is 0 */
	lookup_release(l);
	return NULL;
}

static struct lookup *lookup_start(const char *host)
{
	struct lookup *l = calloc(1, sizeof(*l));
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (!l)
		return NULL;
	l->users = 2;
	l->host = strdup(host);
	l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = l->host && l->done_fd >= 0 ? pthread_create(&thread, &attr, look_up, l) : ENOMEM;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (err) {
		l->users = 1;
		lookup_release(l);
		return NULL;
	}
	return l;
}

static struct he_error *no_such_name(const char *host, const char *where, const struct lookup *l)
{
	if (l->err == EAI_SYSTEM)
		return he_error_os(
		    l->os_errno, "%s: cannot look up %s: %s", where, host, strerror(l->os_errno));
	if (l->err == EAI_AGAIN)
		return he_error_new(E_OS,
		    "%s: the name server gives no answer about %s. Is this machine on the network?",
		    where, host);
	return he_error_new(E_OS,
	    "%s: no machine of the name %s is known (%s). Is it written right, or is it a name "
	    "meant for ~/.config/hdb/boxes?",
	    where, host, gai_strerror(l->err));
}

/* Wait for fds or the cancellation; the number ready, 0 at the end of time, -1 when
 * cancelled. p has room for one more. */
static int wait_for(struct inbox *inbox, struct pollfd *p, nfds_t n, uint64_t end)
{
	for (;;) {
		uint64_t now = now_ms();
		int ready;

		if (inbox_cancelled(inbox))
			return -1;
		p[n] = (struct pollfd){inbox_cancel_fd(inbox), POLLIN, 0};
		ready = poll(p, n + 1, now < end ? (int)(end - now) : 0);
		if (ready > 0 && p[n].revents) {
			uint64_t count;
			ssize_t got = read(p[n].fd, &count, sizeof(count));

			(void)got; /* an old cancellation's, perhaps: the flag decides */
			ready--;
		}
		if (ready > 0 || (ready == 0 && now >= end))
			return ready;
	}
}

static struct he_error *resolve(
    const char *host, const char *where, struct inbox *inbox, struct lookup **ret)
{
	struct lookup *l = lookup_start(host);
	struct he_error *e = NULL;
	struct pollfd p[2];
	int n;

	if (!l)
		return he_error_new(E_NOMEM, "%s: out of memory", where);
	p[0] = (struct pollfd){l->done_fd, POLLIN, 0};
	n = wait_for(inbox, p, 1, now_ms() + DIAL_RESOLVE_MS);
	if (n < 0)
		e = cancelled(where);
	else if (n == 0)
		e = he_error_new(
		    E_TIMEOUT, "%s: the name server gives no answer about %s", where, host);
	else if (l->err)
		e = no_such_name(host, where, l);
	if (e)
		lookup_release(l);
	else
		*ret = l;
	return e;
}

/* ---- addresses ------------------------------------------------------------------ */

struct race {
	const char *where;
	uint16_t port;
	struct pollfd p[ADDRESSES + 1];
	nfds_t n;       /* under way */
	int last_errno; /* of one that failed, 0 = none yet */
};

/* Begin with one address; true when it is connected at once (p[n-1]). */
static bool begin(struct race *r, const struct addrinfo *a)
{
	struct sockaddr_storage sa;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		r->last_errno = errno;
		return false;
	}
	memcpy(&sa, a->ai_addr, a->ai_addrlen);
	if (sa.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&sa)->sin6_port = htons(r->port);
	else
		((struct sockaddr_in *)&sa)->sin_port = htons(r->port);
	if (connect(fd, (struct sockaddr *)&sa, a->ai_addrlen) == 0 || errno == EINPROGRESS) {
		r->p[r->n++] = (struct pollfd){fd, POLLOUT, 0};
		return true;
	}
	r->last_errno = errno;
	close(fd);
	return false;
}

/* The one that made it, -1 when none has; those that failed are closed. */
static int finished(struct race *r)
{
	nfds_t kept = 0;
	int won = -1;

	for (nfds_t i = 0; i < r->n; i++) {
		int err = 0, fd = r->p[i].fd;
		socklen_t size = sizeof(err);

		if (r->p[i].revents && won < 0) {
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
			if (!err) {
				won = fd;
				continue;
			}
			r->last_errno = err;
			close(fd);
			continue;
		}
		r->p[kept++] = r->p[i];
	}
	r->n = kept;
	return won;
}

static struct he_error *failed(const struct race *r)
{
	int err = r->last_errno;

	switch (err) {
	case ECONNREFUSED:
		return he_error_os(err,
		    "%s: connection refused. Is procsrv running there? (systemctl status "
		    "procsrv.socket)",
		    r->where);
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
		return he_error_os(err, "%s: %s. Is the box up, and this machine on its network?",
		    r->where, strerror(err));
	case 0:
	case ETIMEDOUT:
		return he_error_os(ETIMEDOUT,
		    "%s: no answer within %d s. Is the box up, and does a firewall let port %u "
		    "through?",
		    r->where, DIAL_CONNECT_MS / 1000, r->port);
	default:
		return he_error_os(err, "%s: %s", r->where, strerror(err));
	}
}

/* Several addresses: the next one starts when the one before failed or hesitates. */
static struct he_error *race(struct race *r, const struct addrinfo *a, struct inbox *inbox, int *fd)
{
	uint64_t end = now_ms() + DIAL_CONNECT_MS;
	int tried = 0;

	for (;;) {
		uint64_t next = now_ms() + DIAL_NEXT_MS;
		int n;

		while (a && tried < ADDRESSES) {
			const struct addrinfo *this = a;

			a = a->ai_next;
			tried++;
			if (begin(r, this))
				break;
		}
		if (!r->n)
			return failed(r);
		n = wait_for(inbox, r->p, r->n, a && tried < ADDRESSES && next < end ? next : end);
		if (n < 0)
			return cancelled(r->where);
		*fd = finished(r);
		if (*fd >= 0)
			return NULL;
		if (n == 0 && now_ms() >= end)
			return failed(r);
	}
}

static void tune(int fd)
{
	int one = 1, lost_ms = 15000;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* A second look beside the heartbeat: bytes that nobody acknowledges. */
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost_ms, sizeof(lost_ms));
}

struct he_error *dial_tcp(
    const char *host, uint16_t port, const char *where, struct inbox *inbox, int *fd)
{
	struct race r = {.where = where, .port = port};
	struct lookup *l = NULL;
	struct he_error *e;

	e = resolve(host, where, inbox, &l);
	if (e)
		return e;
	e = race(&r, l->found, inbox, fd);
	lookup_release(l);
	for (nfds_t i = 0; i < r.n; i++)
		close(r.p[i].fd);
	if (e)
		return e;
	tune(*fd);
	return NULL;
}

int dial_again(const struct sockaddr *sa)
{
	socklen_t size = sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						   : sizeof(struct sockaddr_in);
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, sa, size) == 0 || errno == EINPROGRESS) {
		tune(fd);
		return fd;
	}
	close(fd);
	return -1;
}
