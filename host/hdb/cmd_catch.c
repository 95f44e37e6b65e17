/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Events of a process that stop it, and what is done about signals.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "host/hdb/break_show.h"
#include "host/hdb/break_spec.h"
#include "host/hdb/cmd.h"
#include "host/hdb/stop.h"
#include "host/hdb/syscalls.h"

enum { NUMBERS_MAX = 512 };

/* ---- numbers of signals and system calls ----------------------------------------- */

/* SIGINT, INT, 2, or SIG34. */
static bool signal_number(const char *text, uint32_t *ret)
{
	const char *digits = strncmp(text, "SIG", 3) == 0 ? text + 3 : text, *p = digits;
	uint64_t n;

	if (cmd_number(&p, HE_SIGNALS, &n) && !*p && n) {
		*ret = (uint32_t)n;
		return true;
	}
	for (uint32_t sig = 1; sig < NSIG; sig++) {
		const char *name = sigabbrev_np((int)sig);

		if (name && strcmp(name, digits) == 0) {
			*ret = sig;
			return true;
		}
	}
	return false;
}

struct numbers_arg {
	uint32_t v[NUMBERS_MAX];
	size_t n;
};

static bool parse_signal(struct hdb *h, const char *text, uint32_t *ret)
{
	(void)h;
	return signal_number(text, ret);
}

static bool parse_syscall(struct hdb *h, const char *text, uint32_t *ret)
{
	return syscall_number(front_arch(h), text, ret);
}

/* "group:file", "g:file": what stands behind the colon; NULL: it is none. */
static const char *group_of(const char *word)
{
	if (strncmp(word, "group:", 6) == 0)
		return word + 6;
	return strncmp(word, "g:", 2) == 0 ? word + 2 : NULL;
}

static int take_group(struct hdb *h, const char *name, struct numbers_arg *to)
{
	uint32_t v[NUMBERS_MAX];
	size_t n = syscall_group(front_arch(h), name, v, NUMBERS_MAX);

	if (!n)
		return fail(h,
		    "%s is not a group of system calls; there are descriptor, file, ipc, memory, "
		    "network, process and signal",
		    name);
	for (size_t i = 0; i < n && to->n < NUMBERS_MAX; i++) {
		size_t k = 0;

		while (k < to->n && to->v[k] != v[i])
			k++;
		if (k == to->n)
			to->v[to->n++] = v[i];
	}
	return 0;
}

static int take_numbers(struct hdb *h, const char *args,
    bool (*parse)(struct hdb *, const char *, uint32_t *), const char *what, struct numbers_arg *to)
{
	char word[64];

	while (*args) {
		if (!cmd_token(&args, word, sizeof(word)) || to->n == NUMBERS_MAX)
			return fail(h, "%s is not a %s", *word ? word : args, what);
		if (parse == parse_syscall && group_of(word)) {
			if (take_group(h, group_of(word), to) != 0)
				return 1;
		} else if (parse(h, word, &to->v[to->n])) {
			to->n++;
		} else {
			return fail(h, "%s is not a %s", word, what);
		}
	}
	return 0;
}

/* ---- catch -------------------------------------------------------------------------- */

static int set_catch(struct hdb *h, const struct he_break *q)
{
	struct he_error *e;
	unsigned number;

	e = he_break(h->engine, h->target, q, &number);
	return e ? fail_error(h, e) : break_say_set(h, number);
}

static int numbers_for(struct hdb *h, enum he_catch what, const char *args, struct he_break *q,
    struct numbers_arg *numbers)
{
	if (what == HE_CATCH_SIGNAL && strcmp(args, "all") == 0) {
		for (uint32_t sig = 1; sig <= HE_SIGNALS; sig++)
			numbers->v[numbers->n++] = sig;
	} else if (what == HE_CATCH_SIGNAL) {
		if (take_numbers(h, args, parse_signal, "signal", numbers) != 0)
			return 1;
	} else if (take_numbers(h, args, parse_syscall, "system call", numbers) != 0)
		return 1;
	q->numbers = numbers->v;
	q->n_numbers = numbers->n;
	return 0;
}

/* The functions of the C++ runtime that every exception passes. */
static const char *runtime_function(enum he_catch what)
{
	return what == HE_CATCH_THROW     ? "__cxa_throw"
	       : what == HE_CATCH_RETHROW ? "__cxa_rethrow"
	       : what == HE_CATCH_CATCH   ? "__cxa_begin_catch"
					  : NULL;
}

static int catch_event(struct hdb *h, enum he_catch what, const char *args, bool temporary)
{
	struct he_break q = {
	    .kind = HE_BREAK_CATCH, .catch = what, .temporary = temporary, .pending = true};
	struct numbers_arg numbers = {.n = 0};
	struct break_spec spec;
	int ret = 0;

	if (break_spec_parse(h, args, &spec) != 0)
		return 1;
	q.condition = spec.condition;
	q.where = runtime_function(what);
	if (what == HE_CATCH_SIGNAL || what == HE_CATCH_SYSCALL)
		ret = numbers_for(h, what, spec.where, &q, &numbers);
	else if ((what == HE_CATCH_LOAD || what == HE_CATCH_UNLOAD) && *spec.where)
		q.where = spec.where;
	else if (*spec.where)
		ret = fail(h, "%s: nothing but a condition (if …) may stand there", spec.where);
	if (!ret)
		ret = set_catch(h, &q);
	break_spec_free(&spec);
	return ret;
}

static int catch (struct hdb *h, const char *args, bool temporary)
{
	static const char *const names[] = {
	    [HE_CATCH_FORK] = "fork",
	    [HE_CATCH_VFORK] = "vfork",
	    [HE_CATCH_EXEC] = "exec",
	    [HE_CATCH_SYSCALL] = "syscall",
	    [HE_CATCH_SIGNAL] = "signal",
	    [HE_CATCH_LOAD] = "load",
	    [HE_CATCH_UNLOAD] = "unload",
	    [HE_CATCH_THROW] = "throw",
	    [HE_CATCH_RETHROW] = "rethrow",
	    [HE_CATCH_CATCH] = "catch",
	};
	char word[32];

	if (!cmd_token(&args, word, sizeof(word)))
		return fail(h, "catch needs an event; help catch lists them");
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(word, names[i]) == 0)
			return catch_event(h, (enum he_catch)i, args, temporary);
	return fail(h, "%s is no event that can be caught; help catch lists them", word);
}

int cmd_catch(struct hdb *h, const char *args)
{
	return catch (h, args, false);
}

int cmd_tcatch(struct hdb *h, const char *args)
{
	return catch (h, args, true);
}

/* ---- handle -------------------------------------------------------------------------- */

/* Words of handle; one implies another as in GDB. */
static bool handle_word(const char *word, struct he_handling *h)
{
	if (strcmp(word, "stop") == 0)
		h->stop = h->print = true;
	else if (strcmp(word, "nostop") == 0)
		h->stop = false;
	else if (strcmp(word, "print") == 0)
		h->print = true;
	else if (strcmp(word, "noprint") == 0)
		h->stop = h->print = false;
	else if (strcmp(word, "pass") == 0 || strcmp(word, "noignore") == 0)
		h->pass = true;
	else if (strcmp(word, "nopass") == 0 || strcmp(word, "ignore") == 0)
		h->pass = false;
	else
		return false;
	return true;
}

static void handling_head(struct hdb *h)
{
	fprintf(h->out, "%-14s%-8s%-8s%-16s%s\n", "Signal", "Stop", "Print", "Pass to program",
	    "Description");
}

static void handling_row(struct hdb *h, uint32_t sig)
{
	struct he_handling v = {0};
	char text[64];
	char *comma;

	he_error_free(he_handling(h->engine, sig, &v));
	stop_signal(text, sig);
	comma = strchr(text, ',');
	if (comma)
		*comma = 0;
	fprintf(h->out, "%-14s%-8s%-8s%-16s%s\n", text, v.stop ? "Yes" : "No",
	    v.print ? "Yes" : "No", v.pass ? "Yes" : "No", comma ? comma + 2 : "");
}

struct signals_arg {
	bool v[HE_SIGNALS + 1];
	bool any;
};

/* SIGX, a range of numbers, or all (but those a debugger uses itself). */
static bool take_signals(const char *word, struct signals_arg *to)
{
	const char *dash = strchr(word, '-');
	uint32_t from, last;
	char first[32];

	if (strcmp(word, "all") == 0) {
		for (uint32_t sig = 1; sig <= HE_SIGNALS; sig++)
			to->v[sig] = to->v[sig] || (sig != SIGINT && sig != SIGTRAP);
		to->any = true;
		return true;
	}
	snprintf(
	    first, sizeof(first), "%.*s", (int)(dash ? (size_t)(dash - word) : strlen(word)), word);
	if (!signal_number(first, &from))
		return false;
	last = from;
	if (dash && (!signal_number(dash + 1, &last) || last < from))
		return false;
	for (; from <= last; from++)
		to->v[from] = true;
	to->any = true;
	return true;
}

static int handle(struct hdb *h, const char *args, const struct signals_arg *signals)
{
	struct he_error *e = NULL;
	bool head = false;

	for (uint32_t sig = 1; sig <= HE_SIGNALS && !e; sig++) {
		struct he_handling v;
		const char *rest = args;
		char word[32];

		if (!signals->v[sig])
			continue;
		e = he_handling(h->engine, sig, &v);
		while (!e && cmd_token(&rest, word, sizeof(word)))
			handle_word(word, &v);
		if (!e)
			e = he_handle(h->engine, sig, &v);
		if (e)
			break;
		if (!head)
			handling_head(h);
		head = true;
		handling_row(h, sig);
	}
	return e ? fail_error(h, e) : 0;
}

int cmd_handle(struct hdb *h, const char *args)
{
	struct signals_arg signals = {.any = false};
	struct he_handling probe = {0};
	const char *rest = args;
	char word[32];

	while (cmd_token(&rest, word, sizeof(word)))
		if (!handle_word(word, &probe) && !take_signals(word, &signals))
			return fail(h, "Unrecognized or ambiguous flag word: \"%s\"", word);
	if (*rest || !signals.any)
		return fail(h, "handle needs signals, then stop, print, pass or their opposites");
	return handle(h, args, &signals);
}

int cmd_info_signals(struct hdb *h, const char *args)
{
	uint32_t sig;

	if (*args && !signal_number(args, &sig))
		return fail(h, "%s is not a signal", args);
	handling_head(h);
	if (*args) {
		handling_row(h, sig);
		return 0;
	}
	fputc('\n', h->out);
	for (sig = 1; sig <= HE_SIGNALS; sig++)
		handling_row(h, sig);
	fputs("\nUse the \"handle\" command to change these tables.\n", h->out);
	return 0;
}

/* ---- signal --------------------------------------------------------------------------- */

int cmd_signal(struct hdb *h, const char *args)
{
	struct he_error *e;
	uint32_t sig = 0;
	char name[64];

	if (!*args || (strcmp(args, "0") != 0 && !signal_number(args, &sig)))
		return fail(h, "signal needs the name of a signal, or 0 for none");
	if (sig)
		fprintf(h->out, "Continuing with signal %s.\n", show_signal(name, sig));
	else
		fputs("Continuing with no signal.\n", h->out);
	e = he_continue_with(h->target, h->tid, sig, true);
	if (e)
		return fail_error(h, e);
	front_stale(h);
	return front_wait(h, h->target);
}
