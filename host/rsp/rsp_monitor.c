/* SPDX-License-Identifier: BSD-2-Clause
 *
 * monitor commands (qRcmd).  Those of gdbserver that scripts and GDB's own tests use are
 * understood, too, with its words.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "host/rsp/rsp_cache.h"
#include "host/rsp/rsp_file.h"
#include "host/rsp/rsp_parts.h"

enum { COMMAND_MAX = 1024, LINE = 512 };

/* A line, or several, for the debugger's console. */
__attribute__((format(printf, 2, 3))) static void say(struct rsp *r, const char *fmt, ...)
{
	char text[LINE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		rsp_console(r, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* ---- commands ---------------------------------------------------------------------------------
 */

/* false: it makes no sense with that argument. */
typedef bool command(struct rsp *r, const char *arg);

static bool show_targets(struct rsp *r, const char *arg)
{
	static const char *const states[] = {"runs", "stopped", "looked at", "snapshot", "gone"};
	char comm[80];

	if (*arg)
		return false;
	if (!r->processes)
		say(r, "no targets\n");
	for (const struct rsp_process *p = r->processes; p; p = p->next) {
		struct he_target_info info;

		he_target_info(p->t, &info);
		say(r, "%" PRIu32 "  %s  %s, %s\n", p->pid,
		    log_escape(comm, sizeof(comm), info.comm, strlen(info.comm)),
		    p->attached ? "attached" : "started", states[info.state]);
	}
	return true;
}

static bool show_server(struct rsp *r, const char *arg)
{
	const struct he_server_info *s = he_server_info(r->server);

	if (*arg)
		return false;
	say(r, "%s: %s, %s, you are %s\n", s->name, s->build, s->os, s->user);
	return true;
}

static bool show_stats(struct rsp *r, const char *arg)
{
	struct he_server_counts link;
	struct rsp_cache_counts files;

	if (*arg)
		return false;
	he_server_counts(r->server, &link);
	rsp_file_counts(r, &files);
	say(r,
	    "link: %" PRIu64 " requests, waited for %" PRIu64 " times, %" PRIu64
	    " bytes sent, %" PRIu64 " received\n",
	    link.requests, link.waits, link.sent, link.received);
	say(r, "files: %u opened, %u of them from this machine, %" PRIu64 " bytes fetched\n",
	    files.opened, files.local, files.fetched);
	return true;
}

/* After the reply. */
static bool quit(struct rsp *r, const char *arg)
{
	if (*arg)
		return false;
	r->end = r->hang_up = true;
	return true;
}

static bool toggle(struct rsp *r, const char *what, const char *arg)
{
	bool on = strcmp(arg, "1") == 0;

	if (!on && strcmp(arg, "0") != 0)
		return false;
	say(r, "%s %s.\n", what, on ? "enabled" : "disabled");
	return true;
}

static bool set_debug(struct rsp *r, const char *arg)
{
	return toggle(r, "Debug output", arg);
}

static bool set_remote_debug(struct rsp *r, const char *arg)
{
	return toggle(r, "Protocol debug output", arg);
}

static bool set_format(struct rsp *r, const char *arg)
{
	bool all = strcmp(arg, "all") == 0;

	if (!all && strcmp(arg, "none") != 0)
		return false;
	say(r, "All extra debug format options %s.\n", all ? "enabled" : "disabled");
	return true;
}

static bool help(struct rsp *r, const char *arg);

static const struct {
	const char *name;       /* the argument follows a blank */
	const char *arg, *text; /* NULL: not listed */
	command *run;
} commands[] = {
    {"help", "", "Show this list", help},
    {"targets", "", "Show the processes that are being debugged", show_targets},
    {"server", "", "Show where they run", show_server},
    {"stats", "", "Show what has gone over the link, and how often it was waited for", show_stats},
    {"set debug", " <0|1>", "Understood as gdbserver's; hdb -v shows every message of the link",
	set_debug},
    {"set remote-debug", " <0|1>", "The same; GDB's own set debug remote 1 shows the packets",
	set_remote_debug},
    {"set debug-format", NULL, NULL, set_format},
    {"exit", "", "Quit GDBserver's place here: attached processes run on, others end", quit},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static bool help(struct rsp *r, const char *arg)
{
	if (*arg)
		return false;
	say(r, "The following monitor commands are supported:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].text)
			say(r, "  %s%s\n    %s\n", commands[i].name, commands[i].arg,
			    commands[i].text);
	return true;
}

static bool run(struct rsp *r, const char *text)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		size_t n = strlen(commands[i].name);

		if (strncmp(text, commands[i].name, n) == 0 && (!text[n] || text[n] == ' '))
			return commands[i].run(r, text + n + strspn(text + n, " "));
	}
	return false;
}

static void monitor(struct rsp *r, struct rd *args)
{
	char *text;

	rsp_want_char(args, ',');
	text = rsp_take_hexstr(args, COMMAND_MAX);
	if (text && rd_done(args) && run(r, text)) {
		rsp_ok(r);
	} else {
		say(r, "Unknown monitor command.\n\n");
		help(r, "");
		rsp_bad(r);
	}
	free(text);
}

static const struct rsp_row rows[] = {
    {"qRcmd", RSP_PREFIX, monitor, "gdb 4.17: monitor, lldb: process plugin packet monitor"},
    {0},
};

const struct rsp_part rsp_part_monitor = {.rows = rows};
