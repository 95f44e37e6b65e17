/* SPDX-License-Identifier: BSD-2-Clause
 *
 * set and show: one row a setting.
 */
#include <ctype.h>
#include <string.h>

#include "host/hdb/cmd.h"

/* ---- their values -------------------------------------------------------------- */

static int set_settings(struct hdb *h, const struct he_settings *s)
{
	struct he_error *e = he_set_settings(h->engine, s);

	return e ? fail_error(h, e) : 0;
}

static int change(struct hdb *h, unsigned value, void (*fn)(struct he_settings *, unsigned))
{
	struct he_settings s;

	he_settings(h->engine, &s);
	fn(&s, value);
	return set_settings(h, &s);
}

#define SETTING(name, field, type)                                                                 \
	static void put_##name(struct he_settings *s, unsigned value)                              \
	{                                                                                          \
		s->field = (type)value;                                                            \
	}                                                                                          \
	static int set_##name(struct hdb *h, unsigned value)                                       \
	{                                                                                          \
		return change(h, value, put_##name);                                               \
	}                                                                                          \
	static unsigned get_##name(struct hdb *h)                                                  \
	{                                                                                          \
		struct he_settings s;                                                              \
                                                                                                   \
		he_settings(h->engine, &s);                                                        \
		return (unsigned)s.field;                                                          \
	}

SETTING(follow, follow_child, bool)
SETTING(detach, detach_on_fork, bool)
SETTING(non_stop, non_stop, bool)
SETTING(scheduler, scheduler, enum he_scheduler)
SETTING(solib, stop_on_load, bool)

static int set_pending(struct hdb *h, unsigned value)
{
	h->pending = (enum front_pending)value;
	return 0;
}

static unsigned get_pending(struct hdb *h)
{
	return h->pending;
}

static int set_past_main(struct hdb *h, unsigned value)
{
	h->not_past_main = !value;
	front_stale(h);
	return 0;
}

static unsigned get_past_main(struct hdb *h)
{
	return !h->not_past_main;
}

static int set_flavor(struct hdb *h, unsigned value)
{
	h->intel = value;
	return 0;
}

static unsigned get_flavor(struct hdb *h)
{
	return h->intel;
}

/* values: words separated by blanks; the n-th stands for n.  says: what show writes in
 * front of the value. */
static const struct setting {
	const char *name, *values, *says;
	int (*set)(struct hdb *h, unsigned value);
	unsigned (*get)(struct hdb *h);
} settings[] = {
    {"backtrace past-main", "off on", "Whether backtraces should continue past \"main\" is",
	set_past_main, get_past_main},
    {"breakpoint pending", "auto on off", "Debugger's behavior regarding pending breakpoints is",
	set_pending, get_pending},
    {"detach-on-fork", "off on", "Whether hdb will detach the child of a fork is", set_detach,
	get_detach},
    {"disassembly-flavor", "att intel", "The disassembly flavor is", set_flavor, get_flavor},
    {"follow-fork-mode", "parent child", "Debugger response to a program call of fork or vfork is",
	set_follow, get_follow},
    {"non-stop", "off on", "Controlling the inferior in non-stop mode is", set_non_stop,
	get_non_stop},
    {"scheduler-locking", "off on step", "Mode for locking scheduler during execution is",
	set_scheduler, get_scheduler},
    {"stop-on-solib-events", "0 1", "Stopping for shared library events is", set_solib, get_solib},
};

/* ---- finding them --------------------------------------------------------------- */

/* The length of the name of s at the beginning of text, its words perhaps shortened; 0 =
 * it is another. */
static size_t matches(const struct setting *s, const char *text)
{
	const char *p = text, *name = s->name;

	while (*name) {
		size_t word = strcspn(name, " "), typed = strcspn(p, " \t=");

		if (!typed || typed > word || strncmp(name, p, typed) != 0)
			return 0;
		p += typed;
		p += strspn(p, " \t");
		name += word + (name[word] == ' ');
	}
	return (size_t)(p - text);
}

static const struct setting *find(const char *text, size_t *n)
{
	const struct setting *found = NULL;

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		size_t len = matches(&settings[i], text);

		if (!len)
			continue;
		if (found)
			return NULL;
		found = &settings[i];
		*n = len;
	}
	return found;
}

/* Which of words is word: its number, or -1. */
static int value_of(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (int i = 0; *words && len; i++) {
		size_t n = strcspn(words, " ");

		if (n == len && strncmp(words, word, n) == 0)
			return i;
		words += n + strspn(words + n, " ");
	}
	return -1;
}

static int unknown(struct hdb *h, const char *what, const char *args)
{
	char list[512] = "";
	size_t at = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings) && at < sizeof(list); i++)
		at += (size_t)snprintf(
		    list + at, sizeof(list) - at, "%s%s", i ? ", " : "", settings[i].name);
	if (!*args)
		return fail(h, "%s needs a setting: %s", what, list);
	return fail(h, "%.40s is not a setting; there are %s", args, list);
}

int cmd_set(struct hdb *h, const char *args)
{
	size_t n = 0;
	const struct setting *s = find(args, &n);
	int value;

	if (!s)
		return unknown(h, "set", args);
	value = value_of(s->values, args + n);
	/* A switch that is only named is turned on. */
	if (!args[n] && strcmp(s->values, "off on") == 0)
		value = 1;
	if (value < 0)
		return fail(h, "set %s takes one of: %s", s->name, s->values);
	return s->set(h, (unsigned)value);
}

static void say(struct hdb *h, const struct setting *s)
{
	const char *words = s->values;

	for (unsigned i = s->get(h); i; i--)
		words += strcspn(words, " ") + 1;
	fprintf(h->out, "%s \"%.*s\".\n", s->says, (int)strcspn(words, " "), words);
}

int cmd_show(struct hdb *h, const char *args)
{
	size_t n = 0;
	const struct setting *s = find(args, &n);

	if (!*args) {
		for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
			fprintf(h->out, "%s:  ", settings[i].name);
			say(h, &settings[i]);
		}
		return 0;
	}
	if (!s || args[n])
		return unknown(h, "show", args);
	say(h, s);
	return 0;
}
