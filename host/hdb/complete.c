/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the Tab key offers, from the command table and what the engine knows.  Nothing here
 * connects, asks or complains: without an answer there are no candidates.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "host/hdb/cmd.h"

struct offer {
	const char *prefix;
	size_t n;
	cmd_add *add;
	void *arg;
};

static void offer(const struct offer *o, const char *candidate)
{
	if (strncmp(candidate, o->prefix, o->n) == 0)
		o->add(o->arg, candidate);
}

static void offer_number(const struct offer *o, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	offer(o, text);
}

static void offer_table(const struct offer *o, const struct cmd *table)
{
	for (const struct cmd *row = table; row->name; row++) {
		char also[32];
		const char *p = row->also ? row->also : "";

		offer(o, row->name);
		while (o->n && cmd_token(&p, also, sizeof(also)))
			offer(o, also);
	}
}

/* A name that would need quoting on the line cannot be offered. */
static void offer_word(const struct offer *o, const char *s)
{
	for (const char *p = s; *p; p++)
		if (!isgraph((unsigned char)*p))
			return;
	if (*s)
		offer(o, s);
}

static void offer_processes(struct hdb *h, const struct offer *o)
{
	struct he_processes *p;
	struct he_error *e = h->server ? he_ps(h->server, NULL, &p) : NULL;

	if (e || !h->server) {
		he_error_free(e);
		return;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].kernel_thread)
			continue;
		if (isdigit((unsigned char)o->prefix[0]))
			offer_number(o, p->v[i].pid);
		else
			offer_word(o, p->v[i].comm);
	}
	he_processes_free(p);
}

static void offer_threads(struct hdb *h, const struct offer *o)
{
	struct he_target_info i;
	struct he_threads *p;
	struct he_error *e = h->target ? he_threads(h->target, &p) : NULL;

	if (e || !h->target) {
		he_error_free(e);
		return;
	}
	he_target_info(h->target, &i);
	numbers_see(&h->numbers, i.number, i.pid, p);
	for (size_t n = 0; n < p->n; n++)
		offer_number(o, numbers_of(h->numbers, i.number, p->v[n].tid));
	he_threads_free(p);
}

static void offer_targets(struct hdb *h, const struct offer *o)
{
	for (struct he_target *t = NULL; (t = he_target_next(h->engine, t));) {
		struct he_target_info i;

		he_target_info(t, &i);
		offer_number(o, i.number);
	}
}

static void offer_registers(struct hdb *h, const struct offer *o)
{
	static const char *const groups[] = {"all", "general", "float", "vector", "system"};
	struct he_registers *r;
	struct he_error *e = h->target && h->tid ? he_registers(h->target, h->tid, 0, &r) : NULL;

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		offer(o, groups[i]);
	if (e || !h->target || !h->tid) {
		he_error_free(e);
		return;
	}
	for (size_t i = 0; i < r->n; i++)
		offer(o, r->v[i].name);
	he_registers_free(r);
}

static void offer_files(struct hdb *h, const struct offer *o)
{
	const char *slash = memrchr(o->prefix, '/', o->n);
	int len = slash ? (int)(slash - o->prefix) + 1 : 0;
	char path[1024];
	struct dirent *d;
	DIR *dir;

	(void)h;
	snprintf(path, sizeof(path), "%.*s", len, o->prefix);
	dir = opendir(len ? path : ".");
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "%.*s%.255s%s", len, o->prefix, d->d_name,
		    d->d_type == DT_DIR ? "/" : "");
		if (d->d_name[0] != '.')
			offer_word(o, path);
	}
	if (dir)
		closedir(dir);
}

static void offer_args(struct hdb *h, enum cmd_args kind, const struct offer *o)
{
	static void (*const by_kind[])(struct hdb *, const struct offer *) = {
	    [ARGS_PROCESS] = offer_processes,
	    [ARGS_THREAD] = offer_threads,
	    [ARGS_TARGET] = offer_targets,
	    [ARGS_REGISTER] = offer_registers,
	    [ARGS_FILE] = offer_files,
	};

	if ((size_t)kind < sizeof(by_kind) / sizeof(by_kind[0]) && by_kind[kind])
		by_kind[kind](h, o);
}

static void add_setting(void *arg, const char *name)
{
	offer(arg, name);
}

/* "thread apply 1-3 all" goes before the command. */
static bool is_thread_list(const char *word)
{
	return isdigit((unsigned char)*word) || *word == '-' || strcmp(word, "all") == 0;
}

void cmd_complete(struct hdb *h, const char *text, size_t n, size_t *start, cmd_add *add, void *arg)
{
	const struct cmd *table = cmd_table, *row = NULL;
	char *line = strndup(text, n);
	const char *p = line ? line + strspn(line, " \t") : "";
	struct offer o = {.add = add, .arg = arg};
	char word[64];

	while (strpbrk(p, " \t") && cmd_token(&p, word, sizeof(word))) {
		if (row && row->args == ARGS_COMMAND && is_thread_list(word))
			continue;
		if (row && row->args == ARGS_COMMAND)
			table = cmd_table;
		if (table && cmd_find(table, word, strlen(word), &row) != CMD_ONE)
			row = NULL;
		else if (table)
			table = row->sub;
		if (!row)
			table = NULL;
	}
	o.prefix = p;
	o.n = strlen(p);
	*start = line ? (size_t)(p - line) : n;
	if (row && row->args == ARGS_COMMAND && !table)
		offer_table(&o, cmd_table);
	else if (table)
		offer_table(&o, table);
	if (row && (row->run == cmd_set || row->run == cmd_show))
		settings_offer(p, add_setting, &o);
	if (row)
		offer_args(h, row->args, &o);
	free(line);
}
