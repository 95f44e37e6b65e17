/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit_chain.h"
#include "audit_line.h"

/* More than this a guard does not say between two links, or in its life; who writes there may be
 * hostile. */
enum { SPOOL_MOST = 4096 };

/* When it happened stands behind it: its place in the record is later. */
static int take_one(const char *path, const struct session_facts *f, struct journal_record *s)
{
	struct audit_line l = {.session = f->number, .key = f->key, .from = f->from};
	char why[AUDIT_WHY], text[AUDIT_TEXT + 40], at[32];
	uint8_t id[SESSION_ID] = {0};
	struct chain_end end;
	time_t t = (time_t)s->at;
	struct tm tm;
	size_t n;

	for (size_t i = 0; i < 4; i++)
		sscanf(f->id + 2 * i, "%2hhx", &id[i]); /* as much as a line shows */
	l.id = id;
	s->audit.name[sizeof(s->audit.name) - 1] = 0;
	audit_take(&l, &s->audit, why, sizeof(why));
	audit_text(text, &l);
	n = strlen(text);
	if (gmtime_r(&t, &tm) && strftime(at, sizeof(at), " at=%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(text + n, sizeof(text) - n, "%s", at);
	return chain_append(path, text, &end);
}

/* So that it is not taken again.  Its guard may be writing there: nothing moves, and the file
 * stays as long as it is. */
static int drop(int fd, off_t at)
{
	const int64_t taken = SPOOL_TAKEN;

	return pwrite(fd, &taken, sizeof(taken), at + (off_t)offsetof(struct journal_record, at)) ==
		       (ssize_t)sizeof(taken)
		   ? 0
		   : EIO;
}

int spool_take(int own, const char *path, const struct session_facts *f)
{
	int fd = openat(own, SPOOL_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct journal_record s;
	off_t at = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	for (unsigned n = 0; !err && n < SPOOL_MOST && spool_next(fd, &at, &s); n++) {
		err = take_one(path, f, &s);
		if (!err)
			err = drop(fd, at);
	}
	close(fd);
	return err;
}

int spool_take_left(int own, const char *path, const struct session_facts *f)
{
	int err = spool_take(own, path, f), fd = -1;
	struct journal_record r;

	if (!err)
		fd = openat(own, JOURNAL_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	for (unsigned n = 0; fd >= 0 && !err && journal_peek_record(fd, &n, &r); n++) {
		err = take_one(path, f, &r);
		if (!err)
			err = journal_drop_record(fd, n);
	}
	if (fd >= 0)
		close(fd);
	return err;
}
