/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The words of a row that say which processes it is for: unit= and exe=.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usermap_parse.h"

/* The row's, empty at first; NULL: the sentence is there. */
static struct ipc_bounds *bounds_of(struct parse *p)
{
	if (!p->row->bounds)
		p->row->bounds = calloc(1, sizeof(*p->row->bounds));
	if (!p->row->bounds)
		map_refuse(p, "%s", strerror(ENOMEM));
	return p->row->bounds;
}

static void keep(char to[BOUND_TEXT], struct span s)
{
	memcpy(to, s.p, s.n);
	to[s.n] = 0;
}

int map_word_unit(struct parse *p, struct span value)
{
	struct ipc_bounds *b = bounds_of(p);
	struct span s;

	while (b && map_take_item(&value, &s)) {
		if (b->nunits == BOUND_UNITS)
			return map_refuse(p, "more than %d units in unit=", BOUND_UNITS);
		/* Without its type a name would never match, or a "*" match anything. */
		if (s.n == 0 || s.n >= BOUND_TEXT || !memchr(s.p, '.', s.n) ||
		    memchr(s.p, '/', s.n))
			return map_refuse(p,
			    "unit=%.*s: write names of units with their ending, as systemctl shows "
			    "them: redis.service, getty@*.service; several with commas",
			    TEXT(s));
		keep(b->unit[b->nunits++], s);
	}
	return b ? 0 : -1;
}

/* Opened, not only looked up: what lies there now is meant, whatever comes to lie there. */
static int find_file(struct parse *p, struct ipc_bounds *b, unsigned i)
{
	int fd = open(b->exe[i], O_PATH | O_CLOEXEC);
	struct stat st;
	bool ok = fd >= 0 && fstat(fd, &st) == 0;
	int err = errno;

	if (fd >= 0)
		close(fd);
	if (!ok)
		return map_refuse(p, "exe=%s: %s", b->exe[i], strerror(err));
	if (!S_ISREG(st.st_mode))
		return map_refuse(p, "exe=%s is no regular file", b->exe[i]);
	b->dev[i] = st.st_dev;
	b->ino[i] = st.st_ino;
	return 0;
}

int map_word_exe(struct parse *p, struct span value)
{
	struct ipc_bounds *b = bounds_of(p);
	struct span s;

	while (b && map_take_item(&value, &s)) {
		if (b->nexes == BOUND_EXES)
			return map_refuse(p, "more than %d programs in exe=", BOUND_EXES);
		if (s.n == 0 || s.n >= BOUND_TEXT || s.p[0] != '/')
			return map_refuse(p,
			    "exe=%.*s: write the whole path of a program, as "
			    "/usr/bin/redis-server; "
			    "several with commas",
			    TEXT(s));
		keep(b->exe[b->nexes], s);
		if (find_file(p, b, b->nexes) < 0)
			return -1;
		b->nexes++;
	}
	return b ? 0 : -1;
}
