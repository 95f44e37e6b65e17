/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/cmd.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ------------------------------------------------------------------ */

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

size_t cmd_word(const char **text)
{
	size_t n = 0;

	*text = skip_blanks(*text);
	if (**text == '!') /* needs no blank either */
		return 1;
	while (isalnum((unsigned char)(*text)[n]) || strchr("_-.", (*text)[n] ? (*text)[n] : ' '))
		n++;
	return n;
}

bool cmd_number(const char **text, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	const char *p = *text;

	for (; isdigit((unsigned char)*p); p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (v > (max - digit) / 10 || digit > max)
			return false;
		v = v * 10 + digit;
	}
	if (p == *text)
		return false;
	*text = skip_blanks(p);
	*ret = v;
	return true;
}

bool cmd_token(const char **text, char *buf, size_t size)
{
	size_t n = strcspn(*text, " \t");

	if (n == 0 || n >= size)
		return false;
	memcpy(buf, *text, n);
	buf[n] = 0;
	*text = skip_blanks(*text + n);
	return true;
}

/* ---- the table ----------------------------------------------------------------- */

/* Whole: word is one of the row's names. */
static bool is_name(const struct cmd *row, const char *word, size_t n)
{
	const char *also = row->also;

	if (strlen(row->name) == n && memcmp(row->name, word, n) == 0)
		return true;
	while (also && *also) {
		size_t len = strcspn(also, " ");

		if (len == n && memcmp(also, word, n) == 0)
			return true;
		also = skip_blanks(also + len);
	}
	return false;
}

static bool abbreviates(const struct cmd *row, const char *word, size_t n)
{
	enum { ALIAS_MIN = 3 };
	const char *also = row->also;

	if (n >= row->min && strncmp(row->name, word, n) == 0)
		return true;
	while (also && *also) {
		size_t len = strcspn(also, " ");

		if (n >= ALIAS_MIN && n < len && memcmp(also, word, n) == 0)
			return true;
		also = skip_blanks(also + len);
	}
	return false;
}

bool cmd_matches(const struct cmd *row, const char *word, size_t n)
{
	return n && (is_name(row, word, n) || abbreviates(row, word, n));
}

enum cmd_found cmd_find(const struct cmd *table, const char *word, size_t n, const struct cmd **ret)
{
	const struct cmd *one = NULL;

	for (const struct cmd *row = table; row->name && n; row++)
		if (is_name(row, word, n)) {
			*ret = row;
			return CMD_ONE;
		}
	for (const struct cmd *row = table; row->name && n; row++) {
		if (!abbreviates(row, word, n))
			continue;
		if (one)
			return CMD_MANY;
		one = row;
	}
	if (!one)
		return CMD_NONE;
	*ret = one;
	return CMD_ONE;
}

int cmd_unknown(struct hdb *h, const struct cmd *table, const char *parent, enum cmd_found why,
    const char *word, size_t n)
{
	char list[256] = "";
	size_t at = 0;

	if (n == 0)
		return fail(h, "\"%.20s\" is not a command; help lists them", word);
	if (why == CMD_NONE)
		return fail(h, "\"%s%.*s\" is not a command; help%s%.*s lists them", parent, (int)n,
		    word, *parent ? " " : "", *parent ? (int)strlen(parent) - 1 : 0, parent);
	for (const struct cmd *row = table; row->name; row++)
		if (cmd_matches(row, word, n) && at < sizeof(list))
			at += (size_t)snprintf(
			    list + at, sizeof(list) - at, "%s%s", at ? ", " : "", row->name);
	return fail(h, "\"%s%.*s\" could be %s", parent, (int)n, word, list);
}

/* ---- running -------------------------------------------------------------------- */

/* Ended, or out of reach because the link is: the engine knows the sentence. */
static int gone(struct hdb *h)
{
	struct he_threads *threads = NULL;
	struct he_error *e = he_threads(h->target, &threads);

	he_threads_free(threads);
	return e ? fail_error(h, e) : 0;
}

/* In non-stop one stands while others run. */
static bool thread_stands(const struct hdb *h)
{
	struct he_threads *threads = NULL;
	struct he_error *e = he_threads(h->target, &threads);
	bool stands = false;

	for (size_t i = 0; !e && i < threads->n; i++)
		stands |= threads->v[i].tid == h->tid && threads->v[i].state == HE_T_STOPPED;
	he_error_free(e);
	he_threads_free(threads);
	return stands;
}

int cmd_lacks(struct hdb *h, enum cmd_need need)
{
	char name[FRONT_NAME];
	enum he_state state;

	if (need == NEED_NOTHING)
		return 0;
	if (need == NEED_SERVER)
		return front_server(h) ? 0 : 1;
	if (!h->target)
		return fail(h, "no process is attached; attach PID does that, ps lists them");
	front_name(h, h->target, name);
	state = front_state(h->target);
	if (state == HE_GONE)
		return gone(h);
	if (need != NEED_STACK || state == HE_STOPPED || state == HE_FROZEN)
		return 0;
	if (state == HE_RUNNING && thread_stands(h))
		return 0;
	return state == HE_LOOKING
		   ? fail(h,
			 "%s was attached with -look, which sees no stacks; detach, then attach %s",
			 name, "without it")
		   : fail(h, "%s is running; interrupt stops it", name);
}

static int run_row(struct hdb *h, const struct cmd *row, const char *parent, const char *args)
{
	const char *word = skip_blanks(args);
	size_t n = cmd_word(&word);
	const struct cmd *sub = NULL;
	enum cmd_found found = row->sub && n ? cmd_find(row->sub, word, n, &sub) : CMD_NONE;
	char name[64];

	snprintf(name, sizeof(name), "%s%s ", parent, row->name);
	if (found == CMD_ONE)
		return run_row(h, sub, name, word + n);
	if (!row->run)
		return *word ? cmd_unknown(h, row->sub, name, found, word, n)
			     : cmd_help(h, row->name);
	if (cmd_lacks(h, row->need) != 0)
		return 1;
	return row->run(h, word);
}

static char *trimmed(const char *line)
{
	size_t n;

	line = skip_blanks(line);
	n = strlen(line);
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	return strndup(line, n);
}

int cmd_run(struct hdb *h, const char *line)
{
	char *text = trimmed(line);
	const char *word = text;
	const struct cmd *row;
	enum cmd_found found;
	size_t n;
	int ret = 0;

	if (!text)
		return fail(h, "out of memory");
	if (*text && *text != '#') {
		n = cmd_word(&word);
		found = cmd_find(cmd_table, word, n, &row);
		ret = found == CMD_ONE ? run_row(h, row, "", word + n)
				       : cmd_unknown(h, cmd_table, "", found, word, n);
	}
	free(text);
	return ret;
}

char *cmd_again(const char *line)
{
	const struct cmd *row;
	size_t n = cmd_word(&line);

	if (cmd_find(cmd_table, line, n, &row) != CMD_ONE || row->again == AGAIN_NO)
		return NULL;
	return row->again == AGAIN_SAME ? strdup(line) : strdup(row->name);
}
