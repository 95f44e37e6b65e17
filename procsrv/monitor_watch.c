/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The map changes while a session runs: a key that is taken out of it, that expires or has
 * fewer rights from now on, ends what it has.  A map that cannot be used changes nothing.
 */
#include <sys/stat.h>
#include <time.h>

#include "bounds.h"
#include "common/clock.h"
#include "common/log.h"
#include "monitor.h"

enum { LOOK_MS = 500 };

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* One that is not there is another than one that is. */
static bool note(struct stat *st, const char *path)
{
	struct stat before = *st;

	if (stat(path, st) != 0)
		*st = (struct stat){0};
	return !same_file(st, &before);
}

bool monitor_note_files(struct monitor *m)
{
	char path[USERMAP_PATH];
	bool map = note(&m->map_file, m->map_path);

	return (usermap_revoked_path(path, sizeof(path), m->map_path) == 0 &&
		   note(&m->revoked_file, path)) ||
	       map;
}

void monitor_note_until(struct monitor *m, const struct map_row *row)
{
	m->has_until = row->has_expires;
	m->until = row->expires;
}

static uint32_t bounds_of(const struct map_row *row)
{
	return row->bounds ? bounds_sum(row->bounds) : 0;
}

/* Would the session be opened as it is by that map, too? */
static enum err judge(struct monitor *m, const struct usermap *map)
{
	const struct map_row *row;
	struct map_granted made;
	enum err err = monitor_find(m, map, &made, &row);

	if (err == E_OK)
		err = usermap_valid(map, row, time(NULL));
	if (err != E_OK)
		return err;
	if (!map_row_from(row, (const struct sockaddr *)&m->peer))
		return E_FROM;
	if (!map_row_user(row, span_str(m->user->name)))
		return E_NO_USER;
	if (bounds_of(row) != bounds_of(m->row))
		return E_RIGHT;
	if (m->session.rights & ~row->rights)
		return E_RIGHT;
	monitor_note_until(m, row);
	return E_OK;
}

enum err monitor_judge_again(struct monitor *m)
{
	struct usermap *map;
	char why[512];
	enum err err;

	if (!monitor_note_files(m))
		return m->has_until && time(NULL) >= m->until ? E_EXPIRED : E_OK;
	if (usermap_load(&map, m->map_path, m->user_mode, why, sizeof(why)) != 0) {
		log_warn("%s; what was open stays as it is", why);
		return E_OK;
	}
	err = judge(m, map);
	usermap_free(map);
	return err;
}

/* Is there a session, with or without a guard so far? */
static bool may_look(const struct monitor *m)
{
	return m->phase.phase == PHASE_OPENED && !m->revoked &&
	       (m->guard_pipe >= 0 || m->channel >= 0);
}

int monitor_patience(const struct monitor *m, int ms)
{
	if (!may_look(m))
		return ms;
	return ms < 0 || ms > LOOK_MS ? LOOK_MS : ms;
}

void monitor_look(struct monitor *m)
{
	uint64_t now = now_ms();
	struct ipc_verdict end;

	if (!may_look(m) || now - m->looked_ms < LOOK_MS)
		return;
	m->looked_ms = now;
	end.result = monitor_judge_again(m);
	if (end.result == E_OK)
		return;
	m->revoked = true;
	audit(m, "revoked", 0, 0, (int)end.result, err_text((int)end.result));
	/* Nothing was asked for yet: who can tell the host why is only started for that. */
	if ((m->guard_pipe < 0 && monitor_start_guard(m) != 0) ||
	    ipc_send(m->guard_pipe, IPC_END, &end, sizeof(end)) != 0)
		log_error("cannot reach the guard of session %u", (unsigned)m->session.number);
}
