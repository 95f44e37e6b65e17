/* SPDX-License-Identifier: BSD-2-Clause */
#include "mend.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit_spool.h"
#include "common/log.h"
#include "ipc.h"
#include "journal.h"
#include "repair_parts.h"
#include "run_dir.h"
#include "session_list.h"
#include "session_walk.h"
#include "spawn.h"

enum { GROUPS = 256 };

struct dead {
	size_t n;
	struct session_facts facts[SESSIONS_ALL];
};

/* ---- is there anything to do? --------------------------------------------------------- */

/* Made by us, and a session's own guard has made it a journal; -1 = neither. */
static int open_journal(int all, const char *id)
{
	int dir = openat(all, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd;
	struct stat st;

	if (dir < 0)
		return -1;
	fd = openat(dir, "journal", O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	close(dir);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool names_anybody(const struct journal *j)
{
	for (unsigned i = 0; i < JOURNAL_TARGETS; i++) {
		const struct journal_target *t = &j->targets[i];
		struct proc_stat st;

		if (t->pid > 0 && repair_stat(t->pid, 0, &st) && st.start == t->start)
			return true;
	}
	return false;
}

static bool is_wanted(int fd)
{
	struct journal *j = fd >= 0 ? journal_open(fd, false) : NULL;
	bool wanted = j && names_anybody(j);

	if (j)
		munmap(j, sizeof(*j));
	return wanted;
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
	waits = *f.audit && own >= 0 && spool_waits(own);
	if (own >= 0)
		close(own);
	return waits;
}

/* Before it is done. */
static void note_repair(int all, const char *id, int journal)
{
	int own = openat(all, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct journal *j = journal_open(journal, false);

	for (unsigned i = 0; own >= 0 && j && i < JOURNAL_TARGETS; i++) {
		const struct journal_target *t = &j->targets[i];
		struct ipc_audit a = {
		    .event = IPC_REPAIRED, .pid = (uint32_t)t->pid, .start = t->start};
		struct proc_stat st;

		strcpy(a.name, "its guard and tracer died");
		if (t->pid > 0 && repair_stat(t->pid, 0, &st) && st.start == t->start)
			spool_add(own, &a);
	}
	if (j)
		munmap(j, sizeof(*j));
	if (own >= 0)
		close(own);
}

/* As that user; NULL: as we are.  A wait status, or -1 and errno. */
static int run_guard(int program, int journal, const struct spawn_user *user)
{
	struct spawn s = {
	    .program = program,
	    .argv = {"procsrv-guard", "-repair", NULL},
	    .fds = {journal},
	    .nfds = 1,
	    .dir = -1,
	    .user = user,
	};
	pid_t pid = spawn(&s);
	int status;

	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static int run_as(int program, int journal, const char *name)
{
	const struct passwd *pw = getpwnam(name);
	gid_t groups[GROUPS];
	int n = GROUPS;
	struct spawn_user user = {.groups = groups};

	if (geteuid() != 0)
		return run_guard(program, journal, NULL);
	if (!pw || getgrouplist(name, pw->pw_gid, groups, &n) < 0)
		return -1;
	user.uid = pw->pw_uid;
	user.gid = pw->pw_gid;
	user.ngroups = (size_t)n;
	return run_guard(program, journal, &user);
}

/* With the record locked: nobody sweeps it away, or does the same. */
static bool mend_one(int all, int program, const struct session_facts *f)
{
	char name[SESSION_ID_TEXT + sizeof("/record")];
	int record, journal = -1, status = 0;
	bool wanted;

	snprintf(name, sizeof(name), "%s/record", f->id);
	record = openat(all, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (record >= 0 && flock(record, LOCK_EX | LOCK_NB) == 0)
		journal = open_journal(all, f->id);
	wanted = is_wanted(journal);
	if (wanted)
		note_repair(all, f->id, journal);
	if (wanted)
		status = run_as(program, journal, f->user);
	if (status != 0)
		log_warn("session %u of %s: not all could be put right in what it debugged",
		    (unsigned)f->number, f->user);
	if (journal >= 0)
		close(journal);
	if (record >= 0)
		close(record);
	return wanted;
}

static void note(const struct session_facts *f, void *arg)
{
	struct dead *d = arg;

	if (!f->live && d->n < SESSIONS_ALL)
		d->facts[d->n++] = *f;
}

int mend_sessions(char *why, size_t size)
{
	struct dead *d = calloc(1, sizeof(*d));
	int all = -1, program = -1, n = -1;

	if (!d)
		snprintf(why, size, "out of memory");
	else if (session_list(note, d, why, size) >= 0)
		n = 0;
	if (n == 0 && d->n) {
		program = spawn_program("procsrv-guard", why, size);
		all = program >= 0 ? run_dir_below("s", 0700, why, size) : -1;
		n = all >= 0 ? 0 : -1;
	}
	for (size_t i = 0; n >= 0 && i < d->n; i++)
		n += mend_one(all, program, &d->facts[i]);
	if (all >= 0)
		close(all);
	if (program >= 0)
		close(program);
	free(d);
	return n;
}
