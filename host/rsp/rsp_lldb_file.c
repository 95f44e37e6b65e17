/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files by their names, as LLDB's platform packets ask about them; GDB opens what it wants
 * to know of (rsp_file.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "host/rsp/rsp_file.h"
#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"

/* The path in hexadecimal, and what is there.  e: why nothing is told of it. */
static struct he_error *look(struct rsp *r, struct rd *args, struct he_file_stat *st)
{
	struct he_root root = rsp_file_root(r);
	char *path = rsp_take_hexstr(args, HE_PATH_MAX);
	struct he_error *e = NULL;

	if (!path || !*path || !rd_done(args))
		args->bad = true;
	else
		e = he_file_stat(&root, path, false, st);
	free(path);
	return e;
}

static void fail(struct rsp *r, struct he_error *e)
{
	rsp_putf(&r->reply, "F-1,%x", rsp_errno(e));
	he_error_free(e);
}

static void size(struct rsp *r, struct rd *args)
{
	struct he_file_stat st = {0};
	struct he_error *e = look(r, args, &st);

	if (args->bad)
		rsp_bad(r);
	else if (e)
		rsp_done(r, e);
	else
		rsp_putf(&r->reply, "F%016llx", (unsigned long long)st.size);
}

static void mode(struct rsp *r, struct rd *args)
{
	struct he_file_stat st = {0};
	struct he_error *e = look(r, args, &st);

	if (args->bad)
		rsp_bad(r);
	else if (e)
		fail(r, e);
	else
		rsp_putf(&r->reply, "F%x", st.mode & 07777);
}

static void exists(struct rsp *r, struct rd *args)
{
	struct he_file_stat st;
	struct he_error *e = look(r, args, &st);

	if (args->bad)
		rsp_bad(r);
	else
		rsp_putf(&r->reply, "F,%d", !e);
	he_error_free(e);
}

/* No sum is had without bringing the file over: then LLDB may as well have the file. */
static void md5(struct rsp *r, struct rd *args)
{
	rsp_take_rest(args);
	rsp_put(&r->reply, "F,x");
}

/* ---- changing them ---------------------------------------------------------------------- */

/* "mode,path" */
static void change(struct rsp *r, struct rd *args, enum he_file_deed deed)
{
	struct he_root root = rsp_file_root(r);
	uint64_t bits = rsp_take_hex(args);
	struct he_error *e;
	char *path;

	rsp_want_char(args, ',');
	path = rsp_take_hexstr(args, HE_PATH_MAX);
	if (!path || !rd_done(args)) {
		rsp_bad(r);
	} else {
		e = he_file_change(&root, path, deed, (uint32_t)bits & 0777, NULL);
		rsp_putf(&r->reply, "F%x", e ? rsp_errno(e) : 0);
		he_error_free(e);
	}
	free(path);
}

static void make_directory(struct rsp *r, struct rd *args)
{
	change(r, args, HE_FILE_MKDIR);
}

static void change_mode(struct rsp *r, struct rd *args)
{
	change(r, args, HE_FILE_CHMOD);
}

/* "where,name" */
static void make_link(struct rsp *r, struct rd *args)
{
	struct he_root root = rsp_file_root(r);
	char *to = rsp_take_hexstr(args, HE_PATH_MAX), *name;
	struct he_error *e;
	int n;

	rsp_want_char(args, ',');
	name = rsp_take_hexstr(args, HE_PATH_MAX);
	if (!to || !name || !rd_done(args)) {
		rsp_bad(r);
	} else {
		e = he_file_change(&root, name, HE_FILE_SYMLINK, 0, to);
		n = e ? rsp_errno(e) : 0;
		he_error_free(e);
		rsp_putf(&r->reply, "F%x,%x", (unsigned)n, (unsigned)n);
	}
	free(to);
	free(name);
}

static const struct rsp_row rows[] = {
    {"vFile:size:", RSP_PREFIX, size, "lldb: platform"},
    {"vFile:mode:", RSP_PREFIX, mode, "lldb: platform"},
    {"vFile:exists:", RSP_PREFIX, exists, "lldb: platform"},
    {"vFile:MD5:", RSP_PREFIX, md5, "lldb: platform"},
    {"vFile:symlink:", RSP_PREFIX, make_link, "lldb: platform"},
    {"qPlatform_mkdir:", RSP_PREFIX, make_directory, "lldb: platform"},
    {"qPlatform_chmod:", RSP_PREFIX, change_mode, "lldb: platform"},
    {0},
};

const struct rsp_part rsp_part_lldb_file = {
    .rows = rows,
};
