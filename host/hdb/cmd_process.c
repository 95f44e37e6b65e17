/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "host/hdb/cmd.h"
#include "host/hdb/processes.h"

int cmd_ps(struct hdb *h, const char *args)
{
	struct he_processes *p;
	struct he_error *e = he_ps(h->server, *args ? args : NULL, &p);

	if (e)
		return fail_error(h, e);
	processes_show(h->out, p, *args, front_width(h));
	he_processes_free(p);
	return 0;
}

int cmd_attach(struct hdb *h, const char *args)
{
	enum he_how how = HE_STOP;
	struct he_process found = {0};
	struct he_error *e;
	char word[256];
	uint64_t pid;
	const char *digits = word;

	if (strncmp(args, "-look", 5) == 0 && strchr(" \t", args[5])) {
		how = HE_LOOK;
		args += 5 + strspn(args + 5, " \t");
	}
	if (!cmd_token(&args, word, sizeof(word)))
		return fail(h, "attach needs a PID or a process's name; ps lists them");
	if (strcmp(args, "&") == 0 && how == HE_STOP)
		how = HE_RUN;
	else if (*args)
		return fail(h, "attach takes one process, then at most &");
	if (cmd_number(&digits, UINT32_MAX, &pid) && !*digits)
		return front_attach(h, (uint32_t)pid, 0, how);
	e = he_find_name(h->server, word, &found);
	return e ? fail_error(h, e) : front_attach(h, found.pid, found.start, how);
}

static struct he_target *target_numbered(struct hdb *h, uint64_t number)
{
	for (struct he_target *t = NULL; (t = he_target_next(h->engine, t));) {
		struct he_target_info i;

		he_target_info(t, &i);
		if (i.number == number)
			return t;
	}
	return NULL;
}

/* The target args names; NULL: said why. */
static struct he_target *target_arg(struct hdb *h, const char *args)
{
	struct he_target *t;
	uint64_t n;

	if (!cmd_number(&args, UINT32_MAX, &n) || *args) {
		fail(h, "the NUMBER of a target is wanted; targets lists them");
		return NULL;
	}
	t = target_numbered(h, n);
	if (!t)
		fail(h, "no target %llu; targets lists them", (unsigned long long)n);
	return t;
}

int cmd_detach(struct hdb *h, const char *args)
{
	struct he_target *t = *args ? target_arg(h, args) : h->target;
	char name[FRONT_NAME];
	bool gone;

	if (!t)
		return 1;
	front_name(h, t, name);
	gone = front_state(t) == HE_GONE;
	if (front_detach(h, t) != 0)
		return 1;
	if (!gone)
		fprintf(h->out, "%s detached; it runs on\n", name);
	return 0;
}

int cmd_targets(struct hdb *h, const char *args)
{
	static const char *const heads[] = {"", ">NUM", ">PID", "NAME", "STATE", "BOX"};
	static const char *const state[] = {
	    [HE_RUNNING] = "running",
	    [HE_STOPPED] = "stopped",
	    [HE_LOOKING] = "looked at",
	    [HE_FROZEN] = "snapshot",
	    [HE_GONE] = "gone",
	};
	struct show_table *table;

	if (*args)
		return fail(h, "targets takes no argument; target NUMBER selects one");
	if (!he_target_next(h->engine, NULL)) {
		fputs("No process is attached.\n", h->out);
		return 0;
	}
	table = table_new(heads, sizeof(heads) / sizeof(heads[0]));
	for (struct he_target *t = NULL; (t = he_target_next(h->engine, t));) {
		struct he_target_info i;

		he_target_info(t, &i);
		table_cell(table, "%s", t == h->target ? "*" : "");
		table_cell(table, "%u", i.number);
		table_cell(table, "%u", i.pid);
		table_cell(table, "%s", i.comm);
		table_cell(table, "%s", state[i.state]);
		table_cell(table, "%s", he_server_info(i.server)->name);
	}
	table_end(table, h->out, front_width(h));
	return 0;
}

int cmd_target(struct hdb *h, const char *args)
{
	struct he_target *t = target_arg(h, args);
	char name[FRONT_NAME];

	if (!t)
		return 1;
	front_select(h, t);
	fprintf(h->out, "now looking at %s\n", front_name(h, t, name));
	return 0;
}
