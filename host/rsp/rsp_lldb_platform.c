/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What LLDB asks a platform for: `platform connect' and what follows from it.  A platform
 * debugs nothing itself; for each process LLDB wants another connection, to the place we
 * name.  Ours is the same place: a bridge of its own serves what comes there next
 * (rsp_serve.c).
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>

#include "host/rsp/rsp_listen.h"
#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"

/* lldb-server's numbers for "no", and a shell's for what cannot be run. */
enum {
	NO_SERVER = 9,
	NONE_WAITS = 4,
	NOT_SPAWNED = 10,
	NOT_RUN = 126,
	NO_PATH = 85,
	AWAITED_MAX = 16
};

/* ---- a connection for each process ------------------------------------------------------ */

static void launch_server(struct rsp *r, struct rd *args)
{
	const struct rsp_listener *l = r->listener;

	rsp_take_rest(args); /* "host:NAME;": of this machine all the same */
	if (!rsp_lldb_on(r))
		return;
	if (!l || l->fd < 0 || r->lldb->awaited == AWAITED_MAX) {
		rsp_say("for LLDB's platform mode the bridge listens and goes on: "
			"hdb -rsp tcp:port=N --multi");
		rsp_fail_errno(r, NO_SERVER);
		return;
	}
	r->lldb->awaited++;
	rsp_putf(&r->reply, "port:%u;", l->port);
	if (l->path) {
		rsp_put(&r->reply, "socket_name:");
		rsp_put_hexstr(&r->reply, l->path);
		rsp_put_char(&r->reply, ';');
	}
}

bool rsp_lldb_awaits(struct rsp *r)
{
	if (!r->lldb || !r->lldb->awaited)
		return false;
	r->lldb->awaited--;
	return true;
}

/* Nothing stands ready that LLDB has not asked for. */
static void query_servers(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_fail_errno(r, NONE_WAITS);
}

/* Those end with their own connections, and have told nobody their numbers. */
static void kill_spawned(struct rsp *r, struct rd *args)
{
	rsp_take_dec(args);
	if (rd_done(args))
		rsp_fail_errno(r, NOT_SPAWNED);
	else
		rsp_bad(r);
}

/* ---- what a box does not do for a debugger ------------------------------------------------ */

/* LLDB shows what a command wrote, not why it was not run. */
static void shell(struct rsp *r, struct rd *args)
{
	static const char text[] =
	    "A process server runs no commands; `process launch' starts a program under LLDB.\n";

	rsp_take_rest(args);
	rsp_putf(&r->reply, "F,%x,0,", NOT_RUN);
	rsp_put_binary(&r->reply, text, sizeof(text) - 1);
}

/* What begins like path here; directories have a slash at their end. */
static void put_completions(struct buf *b, const char *path, bool only_dirs)
{
	char pattern[2 * HE_PATH_MAX + 2], *to = pattern;
	glob_t found;
	bool any = false;

	for (; *path; *to++ = *path++)
		if (strchr("*?[\\", *path))
			*to++ = '\\';
	memcpy(to, "*", 2);
	if (glob(pattern, GLOB_MARK, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = found.gl_pathv[i];

		if (only_dirs && name[strlen(name) - 1] != '/')
			continue;
		rsp_put(b, any ? "," : "");
		rsp_put_hexstr(b, name);
		any = true;
	}
	globfree(&found);
}

/* Directories of a box are not listed: there nothing is known that begins so. */
static void complete_path(struct rsp *r, struct rd *args)
{
	uint64_t only_dirs = rsp_take_hex(args);
	char *path;

	rsp_want_char(args, ',');
	path = rsp_take_hexstr(args, HE_PATH_MAX);
	if (!path || !rd_done(args)) {
		rsp_fail_errno(r, NO_PATH);
	} else {
		rsp_put_char(&r->reply, 'M');
		if (he_server_info(r->server)->local)
			put_completions(&r->reply, path, only_dirs == 1);
	}
	free(path);
}

/* jSignalsInfo has no row: LLDB 14 knows Linux's signals by itself, and none of them any more
 * once it has read such a list.  (lldb-server's it cannot read.) */
static const struct rsp_row rows[] = {
    {"qLaunchGDBServer", RSP_PREFIX, launch_server, "lldb: platform connect, process attach"},
    {"qQueryGDBServer", RSP_WHOLE, query_servers, "lldb: platform connect"},
    {"qKillSpawnedProcess:", RSP_PREFIX, kill_spawned, "lldb: platform"},
    {"qPlatform_shell:", RSP_PREFIX, shell, "lldb: platform shell"},
    {"qPathComplete:", RSP_PREFIX, complete_path, "lldb: platform get-file"},
    {0},
};

const struct rsp_part rsp_part_lldb_platform = {
    .rows = rows,
};
