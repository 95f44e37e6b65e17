/* SPDX-License-Identifier: BSD-2-Clause */
#include "session_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"
#include "journal.h"
#include "session_record.h"
#include "session_walk.h"

enum { BACKLOG = 8 };

static int complain(char *why, size_t size)
{
	snprintf(why, size, "session directory: %s", strerror(errno));
	return -1;
}

struct census {
	const char *fingerprint;
	uint32_t of_key, all;
	uint64_t numbers; /* bit n-1: number n is taken */
};

static void count_one(int all, const struct session_facts *f, void *arg)
{
	struct census *c = arg;

	(void)all;
	if (!f->live)
		return;
	c->all++;
	c->of_key += strcmp(f->fingerprint, c->fingerprint) == 0;
	if (f->number >= 1 && f->number <= 64)
		c->numbers |= (uint64_t)1 << (f->number - 1);
}

static int bind_socket(struct session_dir *d)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	/* By descriptor: the real path may be longer than an address can be. */
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/sock", d->own);
	d->listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->listen < 0 || bind(d->listen, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		return -1;
	return listen(d->listen, BACKLOG);
}

/* The lock sits on a description that cannot write: the guard inherits it, and
 * runs as a user who must not rewrite what the record says. */
static int make_files(struct session_dir *d)
{
	int fd = openat(d->own, "record", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int err = fd < 0 ? -1 : record_write(fd, &d->facts);

	if (fd >= 0)
		close(fd);
	if (err != 0)
		return -1;
	d->record = openat(d->own, "record", O_RDONLY | O_CLOEXEC);
	if (d->record < 0 || flock(d->record, LOCK_EX | LOCK_NB) != 0)
		return -1;
	d->journal = openat(d->own, JOURNAL_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	d->spool =
	    openat(d->own, "audit", O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return d->journal < 0 || d->spool < 0 ? -1 : bind_socket(d);
}

static void name_of(char text[SESSION_ID_TEXT], const uint8_t id[SESSION_ID])
{
	for (size_t i = 0; i < SESSION_ID; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

static int make_dir(struct session_dir *d, const uint8_t id[SESSION_ID])
{
	name_of(d->facts.id, id);
	if (mkdirat(d->all, d->facts.id, 0700) != 0)
		return -1;
	d->own = openat(d->all, d->facts.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->own >= 0 && make_files(d) == 0)
		return 0;
	session_delete(d->all, d->facts.id);
	return -1;
}

int session_create(struct session_dir *d, const struct session_facts *facts,
    const uint8_t id[SESSION_ID], uint32_t most, char *why, size_t size)
{
	struct census c = {.fingerprint = facts->fingerprint};
	int err = E_OK;

	*d = (struct session_dir){*facts, -1, -1, -1, -1, -1, -1};
	d->all = session_lock_all(why, size);
	if (d->all < 0)
		return E_OS;
	if (session_walk(d->all, count_one, &c) < 0) {
		complain(why, size);
		err = E_OS;
	} else if (c.of_key >= most || c.all >= SESSIONS_ALL) {
		snprintf(why, size, "%u sessions of this key and %u in all are open",
		    (unsigned)c.of_key, (unsigned)c.all);
		err = E_SESSIONS;
	} else {
		/* c.all < 64, so that one bit at least is free */
		d->facts.number = (uint32_t)__builtin_ctzll(~c.numbers) + 1;
		if (make_dir(d, id) != 0) {
			complain(why, size);
			err = E_OS;
		}
	}
	flock(d->all, LOCK_UN);
	if (err)
		session_close(d, false);
	return err;
}

static void write_again(const struct session_dir *d)
{
	int fd = openat(d->own, "record", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	record_write(fd, &d->facts);
	close(fd);
}

void session_set_pid(struct session_dir *d, pid_t pid)
{
	d->facts.pid = pid;
	write_again(d);
}

void session_set_link(struct session_dir *d, const char *from)
{
	snprintf(d->facts.from, sizeof(d->facts.from), "%s", from);
	session_set_lost(d, 0);
}

void session_set_lost(struct session_dir *d, int64_t when)
{
	d->facts.lost = when;
	write_again(d);
}

int session_find(struct session_dir *d, const uint8_t id[SESSION_ID], char *why, size_t size)
{
	char name[SESSION_ID_TEXT];

	*d = (struct session_dir){
	    .all = -1, .own = -1, .record = -1, .listen = -1, .journal = -1, .spool = -1};
	d->all = session_lock_all(why, size);
	if (d->all < 0)
		return E_OS;
	name_of(name, id);
	if (session_look(d->all, name, &d->facts))
		d->own =
		    openat(d->all, d->facts.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->own >= 0)
		return E_OK;
	session_close(d, false);
	return E_NO_SESSION;
}

/* Whose guard it is may have stopped it: nobody waits for its queue to have room. */
int session_connect(const struct session_dir *d)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/sock", d->own);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

void session_close(struct session_dir *d, bool remove)
{
	int *fds[] = {&d->record, &d->listen, &d->journal, &d->spool, &d->own, &d->all};

	if (remove && d->all >= 0)
		session_delete(d->all, d->facts.id);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
