/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a program's input comes from and its output goes to: I, QSetSTDIN, QSetSTDOUT,
 * QSetSTDERR.  What LLDB names is on its own machine, this one: the terminal it has made for
 * the program, or a file that was asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"
#include "host/rsp/rsp_terminal.h"

enum { NO_PROCESS = 0x15, NO_PATH = 15, FILE_MODE = 0640 }; /* lldb-server's */

/* ---- typed at LLDB's prompt ----------------------------------------------------------- */

static void input(struct rsp *r, struct rd *args)
{
	struct rsp_process *p = rsp_current(r);
	struct he_error *e = NULL;
	struct buf text;
	size_t taken;

	if (!p) {
		buf_reset(&r->reply);
		rsp_fail_errno(r, NO_PROCESS);
		return;
	}
	buf_init(&text, RSP_PACKET);
	rsp_take_pairs(args, &text);
	if (!rd_done(args) || text.bad) {
		rsp_bad(r);
		buf_free(&text);
		return;
	}
	e = he_input(p->t, text.p, text.len, false, &taken);
	if (!e && taken < text.len)
		rsp_fail_errno(r, EAGAIN);
	else
		rsp_done(r, e);
	buf_free(&text);
}

/* ---- other streams ---------------------------------------------------------------------- */

/* The program has a terminal of its own on the box, which echoes and edits lines: the one
 * here, when it is nobody's, only carries what it makes of them. */
static void make_raw(int fd)
{
	struct termios t;

	if (!isatty(fd) || tcgetsid(fd) >= 0 || tcgetattr(fd, &t) != 0)
		return;
	cfmakeraw(&t);
	tcsetattr(fd, TCSANOW, &t);
}

static void set_stream(struct rsp *r, struct rd *args, unsigned stream, int flags)
{
	char *path = rsp_take_hexstr(args, HE_PATH_MAX);
	int fd;

	if (!path || !*path || !rd_done(args)) {
		rsp_fail_errno(r, NO_PATH);
	} else {
		fd = open(path, flags | O_CLOEXEC | O_NOCTTY, FILE_MODE);
		if (fd < 0) {
			rsp_fail_errno(r, errno);
		} else {
			make_raw(fd);
			rsp_terminal_stream(r, stream, fd);
			rsp_ok(r);
		}
	}
	free(path);
}

static void set_input(struct rsp *r, struct rd *args)
{
	set_stream(r, args, STDIN_FILENO, O_RDONLY | O_NONBLOCK);
}

static void set_output(struct rsp *r, struct rd *args)
{
	set_stream(r, args, STDOUT_FILENO, O_WRONLY | O_CREAT);
}

static void set_errors(struct rsp *r, struct rd *args)
{
	set_stream(r, args, STDERR_FILENO, O_WRONLY | O_CREAT);
}

static void closed(struct rsp *r)
{
	for (unsigned i = 0; r->terminal && i < 3; i++)
		rsp_terminal_stream(r, i, -1);
}

static const struct rsp_row rows[] = {
    {"QSetSTDIN:", RSP_PREFIX, set_input, "lldb: process launch"},
    {"QSetSTDOUT:", RSP_PREFIX, set_output, "lldb: process launch"},
    {"QSetSTDERR:", RSP_PREFIX, set_errors, "lldb: process launch"},
    {0},
};

static const struct rsp_row lldb[] = {
    {"I", RSP_PREFIX, input, "lldb"},
    {0},
};

const struct rsp_part rsp_part_lldb_stdio = {
    .rows = rows,
    .lldb = lldb,
    .closed = closed,
};
