/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packets that begin and end processes: vRun vAttach vKill k R D, and how the next program
 * is to be started.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/rsp/rsp_launch.h"
#include "host/rsp/rsp_parts.h"
#include "host/rsp/rsp_run.h"

enum { WORD_MAX = RSP_PACKET, WORDS_MAX = 16 * 1024 };

/* ---- beginning ------------------------------------------------------------------------ */

static void free_words(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

/* ";program;arg;arg", each hexadecimal; an empty program is the one of before. */
static char **take_words(struct rd *args, size_t *n)
{
	char **v = calloc(WORDS_MAX + 1, sizeof(*v));

	*n = 0;
	while (v && args->left && !args->bad && *n < WORDS_MAX) {
		rsp_want_char(args, ';');
		v[*n] = args->bad ? NULL : rsp_take_hexstr(args, WORD_MAX);
		if (v[*n])
			++*n;
	}
	if (args->left)
		args->bad = true;
	return v;
}

static void run(struct rsp *r, struct rd *args)
{
	struct rsp_process *p = NULL;
	struct he_error *e;
	size_t n;
	char **v = take_words(args, &n);
	bool set;

	if (v && n && !*v[0] && r->launch->args) {
		free(v[0]);
		v[0] = strdup(r->launch->args[0]);
	}
	if (!v || args->bad || !n || !v[0] || !*v[0]) {
		if (v)
			free_words(v, n);
		rsp_bad(r);
		return;
	}
	set = rsp_launch_set_args(r->launch, (const char *const *)v);
	free_words(v, n);
	if (!set) {
		rsp_fail_errno(r, ENOMEM);
		return;
	}
	e = rsp_launch_start(r, &p);
	rsp_launch_reply(r, e, p);
}

static void attach(struct rsp *r, struct rd *args)
{
	uint64_t pid = rsp_take_hex(args);
	struct rsp_process *p = NULL;
	struct he_error *e;

	if (!rd_done(args) || pid > INT32_MAX) {
		rsp_bad(r);
		return;
	}
	e = rsp_launch_attach(r, (uint32_t)pid, &p);
	/* Non-stop: its threads are told when the debugger wants them to stand. */
	if (!e && p && r->non_stop)
		rsp_ok(r);
	else
		rsp_launch_reply(r, e, p);
}

/* Again, with the same words; the debugger asks for its state itself. */
static void restart(struct rsp *r, struct rd *args)
{
	struct rsp_process *p = NULL;

	(void)args;
	while (r->processes)
		rsp_launch_kill(r, r->processes);
	rsp_later(r);
	if (r->launch->args)
		he_error_free(rsp_launch_start(r, &p));
}

/* ---- ending ------------------------------------------------------------------------------ */

/* Children whose fork was not told are not known to the debugger, and nobody else would let
 * them go: forks in the queue, and those of threads that stopped at the same time as another. */
static void let_children_go(struct rsp *r, struct rsp_process *p)
{
	struct he_event ev;

	if (r->non_stop)
		rsp_run_take_in(r);
	for (struct rsp_stop *s = r->run->queue; s; s = s->next) {
		struct rsp_process *child =
		    s->pid == p->pid && s->child ? rsp_process_find(r, s->child) : NULL;

		if (child)
			rsp_process_remove(r, child, false);
	}
	while (he_also_stopped(p->t, &ev)) {
		struct rsp_process *child = ev.child ? rsp_process_of(r, ev.child) : NULL;

		if (child)
			rsp_process_remove(r, child, false);
		else if (ev.child)
			he_error_free(he_detach(ev.child));
	}
}

static void kill_one(struct rsp *r, struct rd *args)
{
	uint64_t pid = rsp_take_hex(args);
	struct rsp_process *p = rd_done(args) ? rsp_process_find(r, pid) : NULL;

	if (!p) {
		rsp_fail_errno(r, ESRCH);
		return;
	}
	rsp_chat(r, "Killing process(es): %u", p->pid);
	let_children_go(r, p);
	rsp_launch_kill(r, p);
	rsp_ok(r);
}

/* No reply: GDB closes the line behind it, unless the bridge goes on. */
static void kill_all(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_chat(r, "Killing all inferiors");
	while (r->processes)
		rsp_launch_kill(r, r->processes);
	rsp_later(r);
}

static void let_go(struct rsp *r, struct rsp_process *p)
{
	rsp_chat(r, "Detaching from process %u", p->pid);
	let_children_go(r, p);
	rsp_process_remove(r, p, false);
	rsp_ok(r);
}

static void detach(struct rsp *r, struct rd *args)
{
	struct rsp_process *p;
	uint64_t pid = 0;

	if (rsp_take_char(args, ';'))
		pid = rsp_take_hex(args);
	if (!rd_done(args)) {
		rsp_bad(r);
		return;
	}
	p = pid ? rsp_process_find(r, pid) : r->processes;
	if (p)
		let_go(r, p);
	else
		rsp_fail_errno(r, ESRCH);
}

/* ---- how to start ----------------------------------------------------------------------- */

static void set_env(struct rsp *r, struct rd *args)
{
	char *text = rsp_take_hexstr(args, WORD_MAX);

	if (!rd_done(args) || !strchr(text, '=') || *text == '=')
		rsp_bad(r);
	else if (rsp_launch_set_env(r->launch, text))
		rsp_ok(r);
	else
		rsp_fail_errno(r, ENOMEM);
	free(text);
}

static void unset_env(struct rsp *r, struct rd *args)
{
	char *text = rsp_take_hexstr(args, WORD_MAX);

	if (!rd_done(args) || !*text || strchr(text, '='))
		rsp_bad(r);
	else if (rsp_launch_set_env(r->launch, text))
		rsp_ok(r);
	else
		rsp_fail_errno(r, ENOMEM);
	free(text);
}

static void reset_env(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_launch_clear_env(r->launch);
	rsp_ok(r);
}

/* "~" and "~/..." as gdbserver has it; of a box the home is what no directory means. */
static char *expand(const struct rsp *r, char *text)
{
	const char *home = he_server_info(r->server)->local ? getenv("HOME") : "";
	char *path = NULL;

	if (!text || text[0] != '~' || (text[1] && text[1] != '/') || !home)
		return text;
	if (!*home && text[1] && text[2])
		return text;
	if (asprintf(&path, "%s%s", home, *home ? text + 1 : "") < 0)
		return text;
	free(text);
	return path;
}

static void set_cwd(struct rsp *r, struct rd *args)
{
	char *text = expand(r, rsp_take_hexstr(args, WORD_MAX));

	if (rd_done(args)) {
		free(r->launch->cwd);
		r->launch->cwd = *text ? text : NULL;
		text = *text ? NULL : text;
		rsp_ok(r);
	} else {
		rsp_bad(r);
	}
	free(text);
}

/* Words come to us apart, and are not put together for a shell to part them again: either
 * way the program gets the same. */
static void with_shell(struct rsp *r, struct rd *args)
{
	uint64_t on = rsp_take_hex(args);

	if (rd_done(args) && on <= 1)
		rsp_ok(r);
	else
		rsp_bad(r);
}

static void randomize(struct rsp *r, struct rd *args)
{
	uint64_t off = rsp_take_hex(args);

	if (!rd_done(args) || off > 1) {
		rsp_bad(r);
		return;
	}
	r->launch->randomize = !off;
	rsp_ok(r);
}

static const struct rsp_row rows[] = {
    {"vRun", RSP_PREFIX, run, "gdb 7.0: extended-remote"},
    {"vAttach;", RSP_PREFIX, attach, "gdb 7.0: extended-remote, lldb"},
    {"vKill;", RSP_PREFIX, kill_one, "gdb 7.0"},
    {"k", RSP_WHOLE, kill_all, "gdb, lldb"},
    {"R", RSP_PREFIX, restart, "gdb: extended-remote without vRun"},
    {"D", RSP_PREFIX, detach, "gdb, lldb"},
    {"QEnvironmentHexEncoded:", RSP_PREFIX, set_env, "gdb 8.1, lldb"},
    {"QEnvironmentUnset:", RSP_PREFIX, unset_env, "gdb 8.1"},
    {"QEnvironmentReset", RSP_WHOLE, reset_env, "gdb 8.1"},
    {"QSetWorkingDir:", RSP_PREFIX, set_cwd, "gdb 8.1, lldb"},
    {"QStartupWithShell:", RSP_PREFIX, with_shell, "gdb 8.1"},
    {"QDisableRandomization:", RSP_PREFIX, randomize, "gdb 7.2"},
    {0},
};

const struct rsp_part rsp_part_life = {
    .rows = rows,
    .offers = "QEnvironmentHexEncoded+;QEnvironmentUnset+;QEnvironmentReset+;QSetWorkingDir+;"
	      "QStartupWithShell+;QDisableRandomization+",
};
