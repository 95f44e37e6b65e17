/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"

enum { BACKLOG = 128, INHERITED = 3 /* SD_LISTEN_FDS_START */ };

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage storage;
};

static socklen_t address_size(const union address *a)
{
	return a->sa.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

static void set_port(union address *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else
		a->in6.sin6_port = htons(port);
}

/* Numbers only: a name server has no say in where we listen. */
static int parse_bind(union address *a, const char *text)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE,
			    .ai_socktype = SOCK_STREAM},
			*found = NULL;

	if (getaddrinfo(text, NULL, &hints, &found) != 0)
		return -1;
	memcpy(a, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6 ? 0 : -1;
}

/* A listening socket, or -1 and errno. */
static int try_listen(const union address *a)
{
	int on = 1, off = 0, err;
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* A restart shall not wait for the old connections' TIME_WAIT. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, &a->sa, address_size(a)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* The first free port from lo to hi on one address. */
static int listen_range(union address *a, uint16_t lo, uint16_t hi)
{
	int fd = -1;

	for (unsigned port = lo; fd < 0 && port <= hi; port++) {
		set_port(a, (uint16_t)port);
		fd = try_listen(a);
		if (fd < 0 && errno != EADDRINUSE)
			break;
	}
	return fd;
}

static int explain(const struct transport *t, int err, char *why, size_t size)
{
	const char *cure = "";
	char ports[32];

	if (err == EADDRINUSE)
		cure = "; is procsrv running already? port=0 takes any free one";
	else if (err == EACCES)
		cure = "; ports below 1024 are root's";
	else if (err == EADDRNOTAVAIL)
		cure = "; this machine does not have that address";
	else if (err == EAFNOSUPPORT)
		cure = "; may this process use the network? (PrivateNetwork= wants tls: and a "
		       "socket unit)";
	snprintf(ports, sizeof(ports), t->port_lo == t->port_hi ? "%u" : "%u to %u", t->port_lo,
	    t->port_hi);
	snprintf(why, size, "cannot listen on %s%sport %s: %s%s", t->bind ? t->bind : "",
	    t->bind ? " " : "", ports, strerror(err), cure);
	return -1;
}

int listen_open(struct listen *l, const struct transport *t, char *why, size_t size)
{
	union address a = {.in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT}};
	int fd;

	*l = (struct listen){.n = 0};
	if (t->bind && parse_bind(&a, t->bind) < 0) {
		snprintf(why, size, "bind=%s is no address (write numbers, not a name)", t->bind);
		return -1;
	}
	fd = listen_range(&a, t->port_lo, t->port_hi);
	/* A kernel without IPv6, or one that was told not to. */
	if (fd < 0 && !t->bind && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
		a = (union address){.in = {.sin_family = AF_INET}};
		fd = listen_range(&a, t->port_lo, t->port_hi);
	}
	if (fd < 0)
		return explain(t, errno, why, size);
	l->fd[l->n++] = fd;
	return 0;
}

static bool good_socket(int fd)
{
	union address a = {0};
	socklen_t n = sizeof(a), size = sizeof(int);
	int listening = 0, type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 || !listening)
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
		return false;
	return getsockname(fd, &a.sa, &n) == 0 &&
	       (a.sa.sa_family == AF_INET || a.sa.sa_family == AF_INET6);
}

static bool numeric_env(const char *name, long *value)
{
	const char *text = getenv(name);
	char *end;

	if (!text || !*text)
		return false;
	errno = 0;
	*value = strtol(text, &end, 10);
	return !*end && errno == 0;
}

int listen_inherit(struct listen *l, char *why, size_t size)
{
	long pid = 0, n = 0;
	bool ours = numeric_env("LISTEN_PID", &pid) && numeric_env("LISTEN_FDS", &n) &&
		    pid == getpid() && n > 0 && n <= LISTEN_FDS_MAX;

	*l = (struct listen){.n = 0};
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!ours) {
		snprintf(why, size,
		    "-t tls: without port= takes its sockets from systemd, which handed "
		    "over none; start procsrv.socket, or say tls:port=N");
		return -1;
	}
	for (int fd = INHERITED; fd < INHERITED + n; fd++) {
		if (!good_socket(fd)) {
			snprintf(
			    why, size, "descriptor %d from systemd is no listening TCP socket", fd);
			return -1;
		}
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		l->fd[l->n++] = fd;
	}
	return 0;
}

const char *listen_describe(const struct listen *l, char *text, size_t size)
{
	union address a = {0};
	socklen_t n = sizeof(a);
	char addr[ADDRESS_TEXT];
	unsigned port;

	getsockname(l->fd[0], &a.sa, &n);
	port = address_numbers(&a.sa, addr, sizeof(addr));
	snprintf(text, size, "bind=%s,port=%u", addr, port);
	return text;
}

void listen_close(struct listen *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->fd[i]);
	l->n = 0;
}
