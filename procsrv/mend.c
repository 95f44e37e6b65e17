/* SPDX-License-Identifier: BSD-2-Clause */
#include "mend.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit_spool.h"
#include "common/clock.h"
#include "common/log.h"
#include "ipc.h"
#include "journal.h"
#include "repair_parts.h"
#include "run_dir.h"
#include "session_list.h"
#include "session_walk.h"
#include "spawn.h"

enum { GROUPS = 256, PATIENCE_MS = 10000 };

/* A session without a guard. */
struct dead {
	struct session_facts facts;
	int record, journal; /* -1 = none */
	int guard;           /* pidfd of the one that sees to it; -1 = not needed, or none */
	bool wanted;
};

struct all {
	size_t n;
	struct dead dead[SESSIONS_ALL];
};

/* ---- is there anything to do? --------------------------------------------------------- */

/* Made by us, and a session's own guard has made it a journal; -1 = neither. */
static int open_journal(int all, const char *id)
{
	int dir = openat(all, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd;
	struct stat st;

	if (dir < 0)
		return -1;
	fd = openat(dir, JOURNAL_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	close(dir);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Its target of that index, if that is there.  The journal is not mapped: whoever else has
 * it open could shorten it under us. */
static bool names_process(int journal, unsigned index, struct journal_target *t)
{
	struct proc_stat st;

	return journal_peek(journal, index, t) && t->pid > 0 && repair_stat(t->pid, 0, &st) &&
	       st.start == t->start;
}

static bool is_wanted(int journal)
{
	struct journal_target t;

	for (unsigned i = 0; journal >= 0 && i < JOURNAL_TARGETS; i++)
		if (names_process(journal, i, &t))
			return true;
	return false;
}

bool mend_wanted(int all, const char *id)
{
	int fd = open_journal(all, id);
	bool wanted = is_wanted(fd);

	if (fd >= 0)
		close(fd);
	return wanted;
}

/* ---- doing it ------------------------------------------------------------------------- */

bool mend_unrecorded(int all, const char *id)
{
	int own = openat(all, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct session_facts f;
	bool waits;

	session_look(all, id, &f);
	waits = *f.audit && own >= 0 && spool_left(own);
	if (own >= 0)
		close(own);
	return waits;
}

/* Before it is done. */
static void note_repair(int all, const struct dead *d)
{
	int own = openat(all, d->facts.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	for (unsigned i = 0; own >= 0 && i < JOURNAL_TARGETS; i++) {
		struct journal_target t;
		struct ipc_audit a = {.event = IPC_REPAIRED, .name = "its guard and tracer died"};

		if (!names_process(d->journal, i, &t))
			continue;
		a.pid = (uint32_t)t.pid;
		a.start = t.start;
		spool_add(own, &a);
	}
	if (own >= 0)
		close(own);
}

/* As that user; NULL: as we are.  It holds the lock for as long as it lives, so that no
 * other is started for the same.  Its pidfd, or -1. */
static int start_guard(int program, const struct dead *d, const struct spawn_user *user)
{
	struct spawn s = {
	    .program = program,
	    .argv = {"procsrv-guard", "-repair", NULL},
	    .fds = {d->journal, d->record},
	    .nfds = 2,
	    .dir = -1,
	    .user = user,
	};
	pid_t pid = spawn(&s);

	return pid < 0 ? -1 : pidfd_open(pid, 0);
}

static int start_as(int program, const struct dead *d, const char *name)
{
	const struct passwd *pw = getpwnam(name);
	gid_t groups[GROUPS];
	int n = GROUPS;
	struct spawn_user user = {.groups = groups};

	if (geteuid() != 0)
		return start_guard(program, d, NULL);
	if (!pw || getgrouplist(name, pw->pw_gid, groups, &n) < 0)
		return -1;
	user.uid = pw->pw_uid;
	user.gid = pw->pw_gid;
	user.ngroups = (size_t)n;
	if (d->facts.any && spawn_may_give(SPAWN_CAPS_ROOT))
		user.caps = SPAWN_CAPS_ROOT;
	return start_guard(program, d, &user);
}

/* With the record locked: nobody sweeps it away, or does the same. */
static void begin(int all, int program, struct dead *d)
{
	char name[SESSION_ID_TEXT + sizeof("/record")];

	snprintf(name, sizeof(name), "%s/record", d->facts.id);
	d->record = openat(all, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (d->record >= 0 && flock(d->record, LOCK_EX | LOCK_NB) == 0)
		d->journal = open_journal(all, d->facts.id);
	d->wanted = is_wanted(d->journal);
	if (!d->wanted)
		return;
	note_repair(all, d);
	d->guard = start_as(program, d, d->facts.user);
}

/* Has it put everything right, by then?  It is its user's, who can hold it up: whoever
 * comes after it does not wait for that. */
static bool done(const struct dead *d, uint64_t end)
{
	struct pollfd p = {.fd = d->guard, .events = POLLIN};
	siginfo_t si = {0};
	uint64_t now;

	if (d->guard < 0)
		return !d->wanted;
	while ((now = now_ms()) < end && poll(&p, 1, (int)(end - now)) <= 0)
		;
	return waitid(P_PIDFD, (id_t)d->guard, &si, WEXITED | WNOHANG) == 0 &&
	       si.si_code == CLD_EXITED && si.si_status == 0;
}

static void finish(struct dead *d, uint64_t end)
{
	const int fds[] = {d->guard, d->journal, d->record};

	if (!done(d, end))
		log_warn("session %u of %s: not all could be put right in what it debugged",
		    (unsigned)d->facts.number, d->facts.user);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void note(const struct session_facts *f, void *arg)
{
	struct all *a = arg;

	if (!f->live && a->n < SESSIONS_ALL)
		a->dead[a->n++] =
		    (struct dead){.facts = *f, .record = -1, .journal = -1, .guard = -1};
}

/* All at once. */
static int mend(int all, int program, struct all *a)
{
	uint64_t end;
	int n = 0;

	for (size_t i = 0; i < a->n; i++)
		begin(all, program, &a->dead[i]);
	end = now_ms() + PATIENCE_MS;
	for (size_t i = 0; i < a->n; i++) {
		n += a->dead[i].wanted;
		finish(&a->dead[i], end);
	}
	return n;
}

int mend_sessions(char *why, size_t size)
{
	struct all *a = calloc(1, sizeof(*a));
	int all = -1, program = -1, n = -1;

	if (!a)
		snprintf(why, size, "out of memory");
	else if (session_list(note, a, why, size) >= 0)
		n = 0;
	if (n == 0 && a->n) {
		program = spawn_program("procsrv-guard", why, size);
		all = program >= 0 ? run_dir_below("s", 0700, why, size) : -1;
		n = all >= 0 ? mend(all, program, a) : -1;
	}
	if (all >= 0)
		close(all);
	if (program >= 0)
		close(program);
	free(a);
	return n;
}
