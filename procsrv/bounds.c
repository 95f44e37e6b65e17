/* SPDX-License-Identifier: BSD-2-Clause */
#include "bounds.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { CGROUP_TEXT = 8192 };

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* ---- programs --------------------------------------------------------------- */

/* By what was executed, not by its name: the link's text is the process's to choose. */
static bool runs_one(const struct ipc_bounds *b, int dir)
{
	struct statx st;
	dev_t dev;

	/* As the kernel knows it: a file server that is asked may be dead. */
	if (statx(dir, "exe", AT_STATX_DONT_SYNC, STATX_INO, &st) != 0)
		return false;
	dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	for (uint32_t i = 0; i < least(b->nexes, BOUND_EXES); i++)
		if (b->dev[i] == dev && b->ino[i] == st.stx_ino)
			return true;
	return false;
}

/* ---- units ------------------------------------------------------------------ */

static bool matches(const struct ipc_bounds *b, struct span part)
{
	char name[BOUND_TEXT];

	if (part.n == 0 || part.n >= sizeof(name))
		return false;
	memcpy(name, part.p, part.n);
	name[part.n] = 0;
	/* Backslashes are systemd's own ("\x2d"). */
	for (uint32_t i = 0; i < least(b->nunits, BOUND_UNITS); i++)
		if (fnmatch(b->unit[i], name, FNM_NOESCAPE) == 0)
			return true;
	return false;
}

/* A unit within another (what a user's manager runs, say) is of both. */
static bool path_matches(const struct ipc_bounds *b, struct span path)
{
	while (path.n) {
		const uint8_t *slash = memchr(path.p, '/', path.n);
		uint32_t n = slash ? (uint32_t)(slash - path.p) : path.n;

		if (matches(b, (struct span){path.p, n}))
			return true;
		n += slash != NULL;
		path = (struct span){path.p + n, path.n - n};
	}
	return false;
}

static bool of_unit(const struct ipc_bounds *b, int dir)
{
	struct span text, path;
	struct buf cgroup;
	bool found = false;

	buf_init(&cgroup, CGROUP_TEXT);
	if (proc_read(dir, "cgroup", &cgroup) == 0) {
		text = span_buf(&cgroup);
		while (!found && proc_next_cgroup(&text, &path))
			found = path_matches(b, path);
	}
	buf_free(&cgroup);
	return found;
}

/* ---- asking ----------------------------------------------------------------- */

bool bounds_has(const struct ipc_bounds *b, int dir)
{
	return (!b->nunits || of_unit(b, dir)) && (!b->nexes || runs_one(b, dir));
}

/* "unit=a.service,b.service" */
static void put_word(
    struct fault *f, const char *word, const char (*values)[BOUND_TEXT], uint32_t n)
{
	size_t at = (size_t)snprintf(f->detail, sizeof(f->detail), "%s=", word);

	for (uint32_t i = 0; i < n && at < sizeof(f->detail); i++)
		at += (size_t)snprintf(
		    f->detail + at, sizeof(f->detail) - at, "%s%s", i ? "," : "", values[i]);
}

static int refuse(const struct ipc_bounds *b, bool unit, struct fault *f)
{
	if (unit)
		put_word(f, "unit", b->unit, least(b->nunits, BOUND_UNITS));
	else
		put_word(f, "exe", b->exe, least(b->nexes, BOUND_EXES));
	return f->code = E_BOUNDS;
}

static void name_process(const struct proc_id *id, struct fault *f)
{
	struct buf comm;

	buf_init(&comm, sizeof(f->subject) - 1);
	if (proc_read(id->dir, "comm", &comm) == 0 && comm.len)
		memcpy(f->subject, comm.p, comm.len - 1); /* without its newline */
	buf_free(&comm);
}

int bounds_check(const struct ipc_bounds *b, struct proc_id *id, struct fault *f)
{
	bool unit;

	if (!bounds_any(b))
		return E_OK;
	proc_relive(id);
	unit = b->nunits && !of_unit(b, id->live);
	if (!unit && (!b->nexes || runs_one(b, id->live)))
		return E_OK;
	fault_set(f, E_BOUNDS, 0, (uint32_t)id->pid);
	name_process(id, f);
	return refuse(b, unit, f);
}

int bounds_launch(const struct ipc_bounds *b, struct fault *f)
{
	int own;
	bool ok;

	if (!b->nunits)
		return E_OK;
	own = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ok = own >= 0 && of_unit(b, own);
	if (own >= 0)
		close(own);
	return ok ? E_OK : refuse(b, true, f);
}
