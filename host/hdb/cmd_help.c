/* SPDX-License-Identifier: BSD-2-Clause
 *
 * help and apropos: what the command table says of itself.
 */
#include <regex.h>
#include <string.h>

#include "host/hdb/cmd.h"

enum { NAME_ROOM = 64 };

static const struct {
	const char *name, *what;
} classes[] = {
    [CLASS_PROCESSES] = {"processes", "finding processes, attaching to them, letting them go"},
    [CLASS_RUNNING] = {"running", "starting programs, and how processes run"},
    [CLASS_BREAKPOINTS] = {"breakpoints", "where and when they stop"},
    [CLASS_STACK] = {"stack", "looking at the stack"},
    [CLASS_DATA] = {"data", "looking at values, memory and code, and changing them"},
    [CLASS_FILES] = {"files", "sources"},
    [CLASS_STATUS] = {"status", "asking how things are"},
    [CLASS_SUPPORT] = {"support", "hdb itself, and its scripts"},
};

/* ---- one row ------------------------------------------------------------------------ */

static void say_line(struct hdb *h, const struct cmd *row, const char *parent)
{
	char left[NAME_ROOM];

	snprintf(left, sizeof(left), "%s%s%s%s%s", parent, row->name, row->also ? " (" : "",
	    row->also ? row->also : "", row->also ? ")" : "");
	fprintf(h->out, "%-25s  %s\n", left, row->help);
}

static void say_rows(
    struct hdb *h, const struct cmd *table, const char *parent, enum cmd_class class)
{
	for (const struct cmd *row = table; row->name; row++)
		if (row->class == class)
			say_line(h, row, parent);
}

static void say_all_about(struct hdb *h, const struct cmd *row, const char *parent)
{
	char name[2 * NAME_ROOM];

	snprintf(name, sizeof(name), "%s%s ", parent, row->name);
	fprintf(h->out, "%s%s\n%s", name, row->usage, row->help);
	if (row->also)
		fprintf(h->out, "; also: %s", row->also);
	fputs(".\n", h->out);
	if (row->more)
		fprintf(h->out, "%s\n", row->more);
	if (row->sub)
		say_rows(h, row->sub, name, CLASS_NONE);
}

/* ---- help --------------------------------------------------------------------------- */

static void say_class(struct hdb *h, enum cmd_class class)
{
	fprintf(h->out, "%s -- %s:\n", classes[class].name, classes[class].what);
	say_rows(h, cmd_table, "", class);
}

static void say_everything(struct hdb *h)
{
	for (enum cmd_class c = CLASS_NONE + 1; c < CLASSES; c++) {
		say_class(h, c);
		fputc('\n', h->out);
	}
	fputs("help COMMAND tells more; a command may be shortened as in GDB.  apropos WORD "
	      "looks for one.\n",
	    h->out);
}

static bool is_class(const char *word, enum cmd_class *ret)
{
	for (enum cmd_class c = CLASS_NONE + 1; c < CLASSES; c++)
		if (strcmp(word, classes[c].name) == 0) {
			*ret = c;
			return true;
		}
	return false;
}

int cmd_help(struct hdb *h, const char *args)
{
	const struct cmd *table = cmd_table, *row = NULL;
	char parent[NAME_ROOM] = "";
	enum cmd_class class;
	size_t n, at;

	if (!*args || strcmp(args, "all") == 0) {
		say_everything(h);
		return 0;
	}
	if (is_class(args, &class)) {
		say_class(h, class);
		return 0;
	}
	while ((n = cmd_word(&args))) {
		enum cmd_found found = table ? cmd_find(table, args, n, &row) : CMD_NONE;

		if (found != CMD_ONE)
			return cmd_unknown(h, table, parent, found, args, n);
		args += n + strspn(args + n, " \t");
		if (!*args)
			break;
		at = strlen(parent);
		snprintf(parent + at, sizeof(parent) - at, "%s ", row->name);
		table = row->sub;
	}
	if (!row || *args)
		return cmd_unknown(h, table, parent, CMD_NONE, args, n);
	say_all_about(h, row, parent);
	return 0;
}

/* ---- apropos ------------------------------------------------------------------------ */

static bool speaks_of(const struct cmd *row, const regex_t *re)
{
	const char *const texts[] = {row->name, row->also, row->usage, row->help, row->more};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i] && regexec(re, texts[i], 0, NULL, 0) == 0)
			return true;
	return false;
}

static unsigned look_through(
    struct hdb *h, const struct cmd *table, const char *parent, const regex_t *re)
{
	char name[NAME_ROOM];
	unsigned n = 0;

	for (const struct cmd *row = table; row->name; row++) {
		snprintf(name, sizeof(name), "%s%s ", parent, row->name);
		if (speaks_of(row, re) || regexec(re, name, 0, NULL, 0) == 0) {
			say_line(h, row, parent);
			n++;
		}
		if (row->sub)
			n += look_through(h, row->sub, name, re);
	}
	return n;
}

int cmd_apropos(struct hdb *h, const char *args)
{
	unsigned found;
	char why[128];
	regex_t re;
	int code;

	if (!*args)
		return fail(h, "apropos needs a word, or a regular expression, to look for");
	code = regcomp(&re, args, REG_EXTENDED | REG_ICASE | REG_NOSUB);
	if (code) {
		regerror(code, &re, why, sizeof(why));
		return fail(h, "apropos %s: %s", args, why);
	}
	found = look_through(h, cmd_table, "", &re);
	regfree(&re);
	return found ? 0 : fail(h, "no command speaks of %s; help lists them", args);
}
