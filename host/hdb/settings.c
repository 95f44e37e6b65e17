/* SPDX-License-Identifier: BSD-2-Clause
 *
 * set and show: one row a setting.
 */
#include <string.h>

#include "host/hdb/cmd.h"

enum { NUMBER_MAX = INT32_MAX, ELEMENTS = 200, LIST_SIZE = 10 };

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

/* Those of hdb itself. */
#define FLAG(name, field, inverted)                                                                \
	static int set_##name(struct hdb *h, unsigned value)                                       \
	{                                                                                          \
		h->field = inverted ? !value : value;                                              \
		return 0;                                                                          \
	}                                                                                          \
	static unsigned get_##name(struct hdb *h)                                                  \
	{                                                                                          \
		return inverted ? !h->field : h->field;                                            \
	}

FLAG(confirm, unconfirmed, true)
FLAG(pagination, screen.endless, true)
FLAG(style, colour, false)
FLAG(thread_events, thread_events, false)

static int set_columns(struct hdb *h, unsigned value)
{
	h->screen.columns = (int)value;
	return 0;
}

static int set_rows(struct hdb *h, unsigned value)
{
	h->screen.rows = (int)value;
	return 0;
}

/* 0 is what was never set. */
static int set_elements(struct hdb *h, unsigned value)
{
	h->elements = value ? value : NUMBER_MAX;
	return 0;
}

static unsigned get_elements(struct hdb *h)
{
	return h->elements == NUMBER_MAX ? 0 : h->elements ? h->elements : ELEMENTS;
}

static int set_list_size(struct hdb *h, unsigned value)
{
	h->list_size = value ? value : NUMBER_MAX;
	return 0;
}

static unsigned get_list_size(struct hdb *h)
{
	return h->list_size == NUMBER_MAX ? 0 : h->list_size ? h->list_size : LIST_SIZE;
}

static unsigned get_columns(struct hdb *h)
{
	return screen_columns(h);
}

static unsigned get_rows(struct hdb *h)
{
	return screen_rows(h);
}

static const char on_off[] = "off on";

/* values: words separated by blanks; the n-th stands for n.  NULL: a number, 0 without end.
 * says: what show writes in front of the value. */
static const struct setting {
	const char *name, *values, *says;
	int (*set)(struct hdb *h, unsigned value);
	unsigned (*get)(struct hdb *h);
} settings[] = {
    {"backtrace past-main", on_off, "Whether backtraces should continue past \"main\" is",
	set_past_main, get_past_main},
    {"breakpoint pending", "auto on off", "Debugger's behavior regarding pending breakpoints is",
	set_pending, get_pending},
    {"confirm", on_off, "Whether to confirm potentially dangerous operations is", set_confirm,
	get_confirm},
    {"detach-on-fork", on_off, "Whether hdb will detach the child of a fork is", set_detach,
	get_detach},
    {"disassembly-flavor", "att intel", "The disassembly flavor is", set_flavor, get_flavor},
    {"follow-fork-mode", "parent child", "Debugger response to a program call of fork or vfork is",
	set_follow, get_follow},
    {"height", NULL, "Number of lines hdb thinks are in a page is", set_rows, get_rows},
    {"listsize", NULL, "Number of source lines hdb will list by default is", set_list_size,
	get_list_size},
    {"non-stop", on_off, "Controlling the inferior in non-stop mode is", set_non_stop,
	get_non_stop},
    {"pagination", on_off, "State of pagination is", set_pagination, get_pagination},
    {"print elements", NULL, "Limit on string chars or array elements to print is", set_elements,
	get_elements},
    {"print thread-events", on_off, "Printing of thread events is", set_thread_events,
	get_thread_events},
    {"scheduler-locking", "off on step", "Mode for locking scheduler during execution is",
	set_scheduler, get_scheduler},
    {"stop-on-solib-events", "0 1", "Stopping for shared library events is", set_solib, get_solib},
    {"style enabled", on_off, "Whether output is coloured is", set_style, get_style},
    {"width", NULL, "Number of characters hdb thinks are in a line is", set_columns, get_columns},
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

/* GDB's other words for them. */
static int switch_of(const char *word)
{
	static const char *const off[] = {"off", "0", "no", "disable"};
	static const char *const on[] = {"on", "1", "yes", "enable", ""};

	for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++)
		if (strcmp(word, off[i]) == 0)
			return 0;
	for (size_t i = 0; i < sizeof(on) / sizeof(*on); i++)
		if (strcmp(word, on[i]) == 0)
			return 1;
	return -1;
}

static int number_of(const char *word)
{
	uint64_t n;

	if (strcmp(word, "unlimited") == 0)
		return 0;
	return cmd_number(&word, NUMBER_MAX - 1, &n) && !*word ? (int)n : -1;
}

/* Which of words is word: its number, or -1. */
static int word_of(const char *words, const char *word)
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

static int value_of(const struct setting *s, const char *word)
{
	if (!s->values)
		return number_of(word);
	return s->values == on_off ? switch_of(word) : word_of(s->values, word);
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

/* As GDB has it: what is no setting but has the looks of an assignment is one. */
static bool is_assignment(const char *args)
{
	return *args == '$' || strchr(args, '=');
}

int cmd_set(struct hdb *h, const char *args)
{
	size_t n = 0;
	const struct setting *s = find(args, &n);
	int value;

	if (!s && is_assignment(args))
		return cmd_lacks(h, NEED_MEMORY) ? 1 : cmd_set_variable(h, args);
	if (!s)
		return unknown(h, "set", args);
	value = value_of(s, args + n);
	if (value < 0 && !s->values)
		return fail(h, "set %s takes a number, or unlimited", s->name);
	if (value < 0)
		return fail(h, "set %s takes one of: %s", s->name, s->values);
	return s->set(h, (unsigned)value);
}

void settings_offer(const char *typed, void (*offer)(void *arg, const char *name), void *arg)
{
	size_t n = strlen(typed);

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strncmp(settings[i].name, typed, n) == 0)
			offer(arg, settings[i].name);
}

static void say(struct hdb *h, const struct setting *s)
{
	const char *words = s->values;
	unsigned value = s->get(h);

	fprintf(h->out, "%s ", s->says);
	if (!words && !value) {
		fputs("unlimited.\n", h->out);
	} else if (!words) {
		fprintf(h->out, "%u.\n", value);
	} else {
		const char *quote = words == on_off ? "" : "\"";

		for (; value; value--)
			words += strcspn(words, " ") + 1;
		fprintf(h->out, "%s%.*s%s.\n", quote, (int)strcspn(words, " "), words, quote);
	}
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
