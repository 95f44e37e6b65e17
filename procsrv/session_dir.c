/* SPDX-License-Identifier: BSD-2-Clause */
#include "session_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"
#include "session_record.h"

enum { BACKLOG = 8 };

/* ---- directories that can be trusted --------------------------------------- */

static int complain(char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s: %s", what, strerror(errno));
	return -1;
}

/* name below dir: made with mode if missing, opened, and judged. */
static int open_own(int dir, const char *name, mode_t mode, char *why, size_t size)
{
	struct stat st;
	int fd;

	/* Whatever the umask: conn has to get through two of these. */
	if (mkdirat(dir, name, mode) == 0 ? fchmodat(dir, name, mode, 0) != 0 : errno != EEXIST)
		return complain(why, size, name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return complain(why, size, name);
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 022))
		return fd;
	snprintf(
	    why, size, "%s belongs to another user, or others may write there: remove it", name);
	close(fd);
	return -1;
}

static int user_home(char *why, size_t size)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char path[64];
	int top, fd;

	if (xdg && xdg[0] == '/') {
		top = open(xdg, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (top >= 0) {
			fd = open_own(top, "procsrv", 0700, why, size);
			close(top);
			return fd;
		}
	}
	snprintf(path, sizeof(path), "/tmp/procsrv-%lu", (unsigned long)geteuid());
	return open_own(AT_FDCWD, path, 0700, why, size);
}

int session_home(char *why, size_t size)
{
	/* Searchable by all: conn goes through it to HOME/empty. */
	if (geteuid() == 0)
		return open_own(AT_FDCWD, "/run/procsrv", 0755, why, size);
	return user_home(why, size);
}

static int below_home(const char *name, mode_t mode, char *why, size_t size)
{
	int home = session_home(why, size), fd;

	if (home < 0)
		return -1;
	fd = open_own(home, name, mode, why, size);
	close(home);
	return fd;
}

int session_empty_dir(char *why, size_t size)
{
	return below_home("empty", 0755, why, size);
}

/* HOME/s, locked against others who make, count or sweep sessions. */
static int lock_all(char *why, size_t size)
{
	int fd = below_home("s", 0700, why, size);

	while (fd >= 0 && flock(fd, LOCK_EX) != 0)
		if (errno != EINTR) {
			complain(why, size, "session directory");
			close(fd);
			return -1;
		}
	return fd;
}

/* ---- walking ----------------------------------------------------------------- */

static bool is_id(const char *name)
{
	return strlen(name) == SESSION_ID_TEXT - 1 &&
	       strspn(name, "0123456789abcdef") == SESSION_ID_TEXT - 1;
}

/* Is somebody holding it?  Facts are read in any case. */
static bool look_at(int all, const char *id, struct session_facts *f)
{
	int dir = openat(all, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd;

	*f = (struct session_facts){0};
	memcpy(f->id, id, SESSION_ID_TEXT);
	if (dir < 0)
		return false;
	fd = openat(dir, "record", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	close(dir);
	if (fd < 0)
		return false;
	record_read(fd, f);
	f->live = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return f->live;
}

/* Calls each() for every one; all stays open. */
static int walk(int all, void (*each)(int all, const struct session_facts *, void *), void *arg)
{
	int fd = openat(all, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct session_facts f;
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((e = readdir(dir)) != NULL)
		if (is_id(e->d_name)) {
			look_at(all, e->d_name, &f);
			each(all, &f, arg);
			n++;
		}
	closedir(dir);
	return n;
}

static void delete (int all, const char *id)
{
	int dir = openat(all, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return;
	unlinkat(dir, "sock", 0);
	unlinkat(dir, "journal", 0);
	unlinkat(dir, "record", 0);
	close(dir);
	unlinkat(all, id, AT_REMOVEDIR);
}

/* All that live, and of those left over from dead guards as many as fit. */
enum { LISTED = 4 * SESSIONS_ALL };

struct list {
	int n;
	struct session_facts facts[LISTED];
};

static void list_one(int all, const struct session_facts *f, void *arg)
{
	struct list *l = arg;

	(void)all;
	if (l->n < (f->live ? LISTED : LISTED - SESSIONS_ALL))
		l->facts[l->n++] = *f;
}

/* The callers take their time, and print: nobody who makes or sweeps sessions has to
 * wait for that. */
int session_list(
    void (*each)(const struct session_facts *f, void *arg), void *arg, char *why, size_t size)
{
	struct list *l = malloc(sizeof(*l));
	int all = l ? lock_all(why, size) : complain(why, size, "session directory"), n = -1;

	if (all >= 0) {
		l->n = 0;
		n = walk(all, list_one, l) < 0 ? complain(why, size, "session directory") : l->n;
		close(all);
	}
	for (int i = 0; i < n; i++)
		each(&l->facts[i], arg);
	free(l);
	return n;
}

static void sweep_one(int all, const struct session_facts *f, void *arg)
{
	if (f->live)
		return;
	delete (all, f->id);
	++*(int *)arg;
}

int session_sweep(char *why, size_t size)
{
	int all = lock_all(why, size), swept = 0;

	if (all < 0)
		return -1;
	if (walk(all, sweep_one, &swept) < 0)
		swept = complain(why, size, "session directory");
	close(all);
	return swept;
}

/* ---- making one ---------------------------------------------------------------- */

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
	d->journal = openat(d->own, "journal", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return d->journal < 0 ? -1 : bind_socket(d);
}

static int make_dir(struct session_dir *d, const uint8_t id[SESSION_ID])
{
	for (size_t i = 0; i < SESSION_ID; i++)
		snprintf(d->facts.id + 2 * i, 3, "%02x", id[i]);
	if (mkdirat(d->all, d->facts.id, 0700) != 0)
		return -1;
	d->own = openat(d->all, d->facts.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->own >= 0 && make_files(d) == 0)
		return 0;
	delete (d->all, d->facts.id);
	return -1;
}

int session_create(struct session_dir *d, const struct session_facts *facts,
    const uint8_t id[SESSION_ID], uint32_t most, char *why, size_t size)
{
	struct census c = {.fingerprint = facts->fingerprint};
	int err = E_OK;

	*d = (struct session_dir){*facts, -1, -1, -1, -1, -1};
	d->all = lock_all(why, size);
	if (d->all < 0)
		return E_OS;
	if (walk(d->all, count_one, &c) < 0) {
		complain(why, size, "session directory");
		err = E_OS;
	} else if (c.of_key >= most || c.all >= SESSIONS_ALL) {
		snprintf(why, size, "%u sessions of this key and %u in all are open",
		    (unsigned)c.of_key, (unsigned)c.all);
		err = E_SESSIONS;
	} else {
		/* c.all < 64, so that one bit at least is free */
		d->facts.number = (uint32_t)__builtin_ctzll(~c.numbers) + 1;
		if (make_dir(d, id) != 0) {
			complain(why, size, "session directory");
			err = E_OS;
		}
	}
	flock(d->all, LOCK_UN);
	if (err)
		session_close(d, false);
	return err;
}

void session_set_pid(struct session_dir *d, pid_t pid)
{
	int fd = openat(d->own, "record", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	d->facts.pid = pid;
	if (fd < 0)
		return;
	record_write(fd, &d->facts);
	close(fd);
}

void session_close(struct session_dir *d, bool remove)
{
	int *fds[] = {&d->record, &d->listen, &d->journal, &d->own, &d->all};

	if (remove && d->all >= 0)
		delete (d->all, d->facts.id);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
