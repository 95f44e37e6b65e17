/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/rsp/rsp.h"
#include "host/rsp/rsp_serve.h"

static const char unix_word[] = "unix:path=", tcp_word[] = "tcp:port=";

static const char *behind(const char *text, const char *word)
{
	size_t n = strlen(word);

	return strncmp(text, word, n) == 0 ? text + n : NULL;
}

/* -1: no port number. */
static long port_of(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && port <= 65535 ? port : -1;
}

int rsp_listen_check(const char *where, char *why, size_t size)
{
	struct sockaddr_un a;
	const char *path = behind(where, unix_word), *port = behind(where, tcp_word);

	if (path && *path && strlen(path) < sizeof(a.sun_path))
		return 0;
	if (port && port_of(port) >= 0)
		return 0;
	snprintf(why, size,
	    "%s: where to listen is unix:path=FILE (at most %zu bytes) or "
	    "tcp:port=N, which is of this machine only",
	    where, sizeof(a.sun_path) - 1);
	return -1;
}

static unsigned without_one(const char *word, size_t n)
{
	static const struct {
		const char *word;
		unsigned without;
	} rows[] = {
	    {"vCont", RSP_NO_VCONT},
	    {"Tthread", RSP_NO_TTHREAD},
	    {"qC", RSP_NO_QC},
	    {"qfThreadInfo", RSP_NO_THREAD_LIST},
	    {"T", RSP_NO_T},
	    {"threads", RSP_NO_VCONT | RSP_NO_TTHREAD | RSP_NO_QC | RSP_NO_THREAD_LIST},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strlen(rows[i].word) == n && strncmp(rows[i].word, word, n) == 0)
			return rows[i].without;
	return 0;
}

unsigned rsp_without(const char *words)
{
	unsigned all = 0;

	for (;; words++) {
		size_t n = strcspn(words, ",");
		unsigned one = without_one(words, n);

		if (!one)
			return 0;
		all |= one;
		words += n;
		if (!*words)
			return all;
	}
}

/* ---- listening ------------------------------------------------------------------------ */

/* A socket that nobody listens on any more is in the way of ours. */
static void remove_stale(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd >= 0 && lstat(a->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, (const struct sockaddr *)a, sizeof(*a)) != 0 && errno == ECONNREFUSED)
		unlink(a->sun_path);
	if (fd >= 0)
		close(fd);
}

static int open_unix(struct rsp_listener *l, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	mode_t mask = umask(0177);
	int done;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	remove_stale(&a);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	done = l->fd < 0 ? -1 : bind(l->fd, (struct sockaddr *)&a, sizeof(a));
	umask(mask);
	if (done == 0)
		l->path = strdup(path);
	return done;
}

static int open_tcp(struct rsp_listener *l, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int one = 1;

	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -1;
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l->fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    getsockname(l->fd, (struct sockaddr *)&a, &n) != 0)
		return -1;
	l->port = ntohs(a.sin_port);
	return 0;
}

int rsp_listen_open(struct rsp_listener *l, const char *where, char *why, size_t size)
{
	const char *path = behind(where, unix_word), *port = behind(where, tcp_word);
	int done;

	*l = (struct rsp_listener){.fd = -1};
	if (rsp_listen_check(where, why, size) != 0)
		return -1;
	done = path ? open_unix(l, path) : open_tcp(l, (uint16_t)port_of(port));
	if (done == 0 && listen(l->fd, 4) == 0)
		return 0;
	snprintf(why, size, "cannot listen on %s: %s", where, strerror(errno));
	rsp_listen_close(l);
	return -1;
}

void rsp_listen_close(struct rsp_listener *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->path)
		unlink(l->path);
	free(l->path);
	*l = (struct rsp_listener){.fd = -1};
}

/* ---- who is there ------------------------------------------------------------------------ */

/* The line of a kernel table that has the peer's end of this connection: its uid; -1 none.
 * Addresses are as the kernel prints them: words of its own byte order.  An end that was
 * closed has no inode, and stands there as root's, whoever it was. */
static long table_uid(const char *table, const char *local, const char *remote)
{
	FILE *f = fopen(table, "re");
	char line[512], from[64], to[64];
	unsigned long uid, inode;
	long ret = -1;

	while (f && ret < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, " %*u: %63s %63s %*s %*s %*s %*s %lu %*s %lu", from, to, &uid,
			&inode) == 4 &&
		    inode && strcmp(from, local) == 0 && strcmp(to, remote) == 0)
			ret = (long)uid;
	if (f)
		fclose(f);
	return ret;
}

/* On loopback the peer's end is in the same tables; a client may have opened it as IPv6. */
static long tcp_uid(const struct sockaddr_in *peer, const struct sockaddr_in *us)
{
	static const char mapped[] = "0000000000000000FFFF0000";
	char a[16], b[16], a6[64], b6[64];
	long uid;

	snprintf(a, sizeof(a), "%08" PRIX32 ":%04X", peer->sin_addr.s_addr, ntohs(peer->sin_port));
	snprintf(b, sizeof(b), "%08" PRIX32 ":%04X", us->sin_addr.s_addr, ntohs(us->sin_port));
	snprintf(a6, sizeof(a6), "%s%s", mapped, a);
	snprintf(b6, sizeof(b6), "%s%s", mapped, b);
	uid = table_uid("/proc/net/tcp", a, b);
	return uid >= 0 ? uid : table_uid("/proc/net/tcp6", a6, b6);
}

static long tcp_peer(int fd, char *peer, size_t size)
{
	struct sockaddr_in them = {0}, us = {0};
	socklen_t n = sizeof(them), m = sizeof(us);
	char text[INET_ADDRSTRLEN] = "?";
	int one = 1;

	if (getpeername(fd, (struct sockaddr *)&them, &n) != 0 ||
	    getsockname(fd, (struct sockaddr *)&us, &m) != 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	inet_ntop(AF_INET, &them.sin_addr, text, sizeof(text));
	snprintf(peer, size, "%s, port %u", text, ntohs(them.sin_port));
	return tcp_uid(&them, &us);
}

static long unix_peer(int fd, char *peer, size_t size)
{
	struct ucred c;
	socklen_t n = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) != 0)
		return -1;
	snprintf(peer, size, "process %d", (int)c.pid);
	return (long)c.uid;
}

int rsp_listen_accept(struct rsp_listener *l, char *peer, size_t peer_size, char *why, size_t size)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	long uid;

	*why = *peer = 0;
	if (fd < 0)
		return -1;
	uid = l->path ? unix_peer(fd, peer, peer_size) : tcp_peer(fd, peer, peer_size);
	if (uid == (long)geteuid())
		return fd;
	snprintf(why, size, "a connection of another user (uid %ld) was refused.", uid);
	close(fd);
	return -1;
}
