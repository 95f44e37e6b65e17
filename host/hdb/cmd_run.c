/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands that start programs and end them.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "host/hdb/cmd.h"
#include "host/hdb/query.h"

/* ---- what is to be started ------------------------------------------------------- */

/* The program stays, its arguments are those of the line. */
static int take_args(struct hdb *h, const char *text)
{
	char **words = program_words(h, text), **all;
	size_t n = 0;
	bool done;

	if (!words)
		return 1;
	if (!h->program.args) {
		program_words_free(words);
		return fail(h, "no program is known; file PROGRAM names it, or start hdb as "
			       "hdb -- PROGRAM [ARGUMENTS]");
	}
	while (words[n])
		n++;
	all = calloc(n + 2, sizeof(*all));
	if (all) {
		all[0] = h->program.args[0];
		memcpy(all + 1, words, n * sizeof(*all));
	}
	done = all && program_set_args(&h->program, (const char *const *)all);
	free(all);
	program_words_free(words);
	return done ? 0 : fail(h, "out of memory");
}

int cmd_file(struct hdb *h, const char *args)
{
	char **words = program_words(h, args);
	int ret = 0;

	if (!words)
		return 1;
	if (!words[0] || words[1])
		ret = fail(h, "file takes the path of one program on the box");
	else if (!program_set_args(&h->program, (const char *const *)words))
		ret = fail(h, "out of memory");
	program_words_free(words);
	return ret;
}

int cmd_set_args(struct hdb *h, const char *args)
{
	return take_args(h, args);
}

/* So that a shell, or program_words, reads it as one word. */
static void show_word(FILE *f, const char *word)
{
	char *clean = show_clean(word);
	const char *text = clean ? clean : "?";
	bool plain = *text && !text[strcspn(text, " \t'\"\\<>|&;`$*?()[]#~")];

	if (plain)
		fputs(text, f);
	else
		fputc('\'', f);
	for (; !plain && *text; text++)
		if (*text == '\'')
			fputs("'\\''", f);
		else
			fputc(*text, f);
	if (!plain)
		fputc('\'', f);
	free(clean);
}

int cmd_show_args(struct hdb *h, const char *args)
{
	(void)args;
	fputs("Arguments to give the program when it is started:", h->out);
	for (char **v = h->program.args ? h->program.args + 1 : NULL; v && *v; v++) {
		fputc(' ', h->out);
		show_word(h->out, *v);
	}
	fputc('\n', h->out);
	return 0;
}

/* NAME=VALUE, NAME = VALUE or NAME VALUE, as GDB has it. */
int cmd_set_environment(struct hdb *h, const char *args)
{
	size_t n = strcspn(args, "= \t");
	const char *value = args + n + strspn(args + n, " \t");
	char *text = NULL;
	bool done;

	if (!n)
		return fail(h, "set environment needs NAME=VALUE");
	if (*value == '=')
		value += 1 + strspn(value + 1, " \t");
	done = asprintf(&text, "%.*s=%s", (int)n, args, value) >= 0 &&
	       program_set_env(&h->program, text);
	free(text);
	return done ? 0 : fail(h, "out of memory");
}

int cmd_unset_environment(struct hdb *h, const char *args)
{
	if (strpbrk(args, "= \t"))
		return fail(h, "unset environment takes one NAME");
	if (!*args)
		return fail(h, "unset environment needs a NAME; the program's environment is what "
			       "a login gives, with the changes that show environment lists");
	return program_set_env(&h->program, args) ? 0 : fail(h, "out of memory");
}

int cmd_show_environment(struct hdb *h, const char *args)
{
	char **v = h->program.env;

	(void)args;
	if (!v || !*v)
		fputs("The environment is not changed.\n", h->out);
	for (; v && *v; v++) {
		if (!strchr(*v, '='))
			fputs("without ", h->out);
		show_text(h->out, *v);
		fputc('\n', h->out);
	}
	return 0;
}

int cmd_cd(struct hdb *h, const char *args)
{
	char *copy = *args ? strdup(args) : NULL;

	if (*args && !copy)
		return fail(h, "out of memory");
	free(h->program.cwd);
	h->program.cwd = copy;
	h->program.fresh = false;
	return 0;
}

int cmd_show_cwd(struct hdb *h, const char *args)
{
	(void)args;
	fputs("The program is started in ", h->out);
	if (h->program.cwd)
		show_text(h->out, h->program.cwd);
	else
		fputs(h->server && !he_server_info(h->server)->local ? "its user's home"
								     : "the directory hdb is in",
		    h->out);
	fputs(".\n", h->out);
	return 0;
}

int cmd_set_randomization(struct hdb *h, const char *args)
{
	bool off = strcmp(args, "off") == 0;

	if (*args && !off && strcmp(args, "on") != 0)
		return fail(h, "set disable-randomization takes one of: on off");
	h->program.randomize = off;
	h->program.fresh = false;
	return 0;
}

int cmd_show_randomization(struct hdb *h, const char *args)
{
	(void)args;
	fprintf(h->out, "Disabling randomization of the program's addresses is %s.\n",
	    h->program.randomize ? "off" : "on");
	return 0;
}

/* ---- starting ------------------------------------------------------------------------- */

/* One that was started before makes way, and leaves its breakpoints to the next. */
static int make_way(struct hdb *h)
{
	struct he_target *t = h->program.target;

	if (!t)
		return 0;
	if (front_state(t) != HE_GONE) {
		struct he_error *e;

		if (!confirm(
			h, "The program has been started already.  Start it from the beginning?"))
			return fail(h, "Program not restarted");
		e = he_kill(t);
		if (e)
			return fail_error(h, e);
		if (front_wait_end(h, t) != 0)
			return 1;
	}
	return front_detach(h, t);
}

/* Held before its first instruction; false: said why not. */
static bool begin(struct hdb *h, const char *args)
{
	if (*args && take_args(h, args) != 0)
		return false;
	if (!h->program.args)
		return take_args(h, "") == 0;
	/* What hdb -- PROGRAM has just started need not be started again. */
	if (h->program.target && h->program.fresh && !*args &&
	    front_state(h->program.target) == HE_STOPPED) {
		if (h->target != h->program.target)
			front_select(h, h->program.target);
		return true;
	}
	return make_way(h) == 0 && program_start(h) == 0;
}

int cmd_run_program(struct hdb *h, const char *args)
{
	return begin(h, args) ? cmd_continue(h, "") : 1;
}

int cmd_starti(struct hdb *h, const char *args)
{
	return begin(h, args) ? 0 : 1;
}

int cmd_start(struct hdb *h, const char *args)
{
	if (!begin(h, args) || cmd_tbreak(h, "main") != 0)
		return 1;
	return cmd_continue(h, "");
}

/* ---- ending --------------------------------------------------------------------------- */

int cmd_kill(struct hdb *h, const char *args)
{
	char name[FRONT_NAME], question[FRONT_NAME + 16];
	struct he_error *e;

	if (*args)
		return fail(h, "kill takes no argument; target NUMBER selects a process");
	snprintf(question, sizeof(question), "Kill %s?", front_name(h, h->target, name));
	if (!confirm(h, question))
		return fail(h, "Not confirmed");
	e = he_kill(h->target);
	return e ? fail_error(h, e) : front_wait_end(h, h->target);
}

/* ---- how it is ------------------------------------------------------------------------- */

static void tell_result(struct hdb *h)
{
	const struct program_result *r = &h->program.result;
	char how[64];

	if (r->pid)
		fprintf(h->out, "%" PRIu32 " was started, and %s.\n", r->pid,
		    show_ending(how, r->status));
	else
		fputs("The program being debugged is not being run.\n", h->out);
}

static void tell_target(struct hdb *h)
{
	static const char *const state[] = {
	    [HE_RUNNING] = "running",
	    [HE_STOPPED] = "stopped",
	    [HE_LOOKING] = "looked at",
	    [HE_FROZEN] = "a snapshot",
	    [HE_GONE] = "gone",
	};
	struct he_target_info i;
	char name[FRONT_NAME];

	he_target_info(h->target, &i);
	fprintf(h->out, "%s is %s; it was %s by this session%s.\n", front_name(h, h->target, name),
	    state[i.state], i.launched ? "started" : "attached to",
	    i.terminal ? ", on a terminal of its own" : "");
}

/* For scripts: one line. */
static void json_program(struct hdb *h)
{
	const struct program_result *r = &h->program.result;
	struct he_target_info i;
	int s = r->status;

	if (h->target) {
		he_target_info(h->target, &i);
		fprintf(h->out, "{\"pid\":%" PRIu32 ",\"launched\":%s,\"running\":%s}\n", i.pid,
		    i.launched ? "true" : "false", i.state == HE_RUNNING ? "true" : "false");
	} else if (!r->pid) {
		fputs("{\"pid\":null}\n", h->out);
	} else if (s >= 0 && WIFEXITED(s)) {
		fprintf(h->out, "{\"pid\":%" PRIu32 ",\"launched\":true,\"exit\":%d}\n", r->pid,
		    WEXITSTATUS(s));
	} else if (s >= 0) {
		fprintf(h->out, "{\"pid\":%" PRIu32 ",\"launched\":true,\"signal\":%d}\n", r->pid,
		    WTERMSIG(s));
	} else {
		fprintf(h->out, "{\"pid\":%" PRIu32 ",\"launched\":true,\"exit\":null}\n", r->pid);
	}
}

int cmd_info_program(struct hdb *h, const char *args)
{
	if (strcmp(args, "-json") == 0)
		json_program(h);
	else if (*args)
		return fail(h, "info program takes no argument but -json");
	else if (h->target)
		tell_target(h);
	else
		tell_result(h);
	return 0;
}
