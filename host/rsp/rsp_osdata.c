/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_osdata.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

/* ---- items --------------------------------------------------------------------------- */

void osdata_begin(struct osdata *o)
{
	rsp_put(o->out, "<item>");
}

void osdata_end(struct osdata *o)
{
	rsp_put(o->out, "</item>\n");
}

void osdata_text(struct osdata *o, const char *column, const char *value)
{
	rsp_put(o->out, "<column name=\"");
	rsp_put_xml(o->out, column);
	rsp_put(o->out, "\">");
	rsp_put_xml(o->out, value);
	rsp_put(o->out, "</column>");
}

void osdata_number(struct osdata *o, const char *column, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	osdata_text(o, column, text);
}

void osdata_user(struct osdata *o, const char *column, uint32_t uid)
{
	for (size_t i = 0; o->processes && i < o->processes->n; i++)
		if (o->processes->v[i].uid == uid) {
			osdata_text(o, column, o->processes->v[i].user);
			return;
		}
	osdata_number(o, column, uid);
}

static const struct he_process *process_of(const struct osdata *o, int64_t pid)
{
	for (size_t i = 0; o->processes && i < o->processes->n; i++)
		if (o->processes->v[i].pid == pid)
			return &o->processes->v[i];
	return NULL;
}

void osdata_command(struct osdata *o, const char *column, int64_t pid)
{
	const struct he_process *p = process_of(o, pid);

	if (p)
		osdata_text(o, column, p->comm);
	else
		osdata_number(o, column, pid);
}

/* ---- proc_pid_stat(5) ------------------------------------------------------------------ */

enum { STAT_PGRP = 5, STAT_CPU = 39 };

/* A field behind the name, counted as the manual does; -1 = it is not there. */
static int64_t stat_field(const char *text, unsigned field)
{
	const char *at = strrchr(text, ')');

	for (unsigned i = 2; at && i < field; i++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	return at ? strtoll(at, NULL, 10) : -1;
}

/* ---- processes, groups, threads, files --------------------------------------------------- */

static struct he_error *each_text(struct osdata *o, enum he_text text, he_text_sink *sink)
{
	return he_proc_texts(o->server, o->processes, text, sink, o);
}

/* Numbers without repetition, as text with commas. */
struct cores {
	bool used[1024];
};

static void put_cores(struct osdata *o, const struct cores *c)
{
	char text[4096] = "";
	size_t at = 0;

	for (unsigned i = 0; i < sizeof(c->used) && at + 8 < sizeof(text); i++)
		if (c->used[i])
			at += (size_t)snprintf(
			    text + at, sizeof(text) - at, "%s%u", at ? "," : "", i);
	osdata_text(o, "cores", text);
}

static void one_process(void *arg, const struct he_process *p, const char *text, size_t len)
{
	struct osdata *o = arg;
	struct cores cores = {0};
	char name[80];

	for (const char *end = text + len; text < end; text += strlen(text) + 1) {
		int64_t cpu = stat_field(text, STAT_CPU);

		if (cpu >= 0 && (size_t)cpu < sizeof(cores.used))
			cores.used[cpu] = true;
	}
	snprintf(name, sizeof(name), "[%s]", p->comm);
	osdata_begin(o);
	osdata_number(o, "pid", p->pid);
	osdata_text(o, "user", p->user);
	osdata_text(o, "command", *p->args ? p->args : name);
	put_cores(o, &cores);
	osdata_end(o);
}

static struct he_error *processes(struct osdata *o)
{
	return each_text(o, HE_TEXT_TASKS, one_process);
}

struct member {
	int64_t pgid;
	const struct he_process *p;
};

struct groups {
	struct osdata *o;
	struct member *v;
	size_t n;
};

/* Group by group, its leader first. */
static int by_group(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	bool x_leads = x->pgid == x->p->pid, y_leads = y->pgid == y->p->pid;

	if (x->pgid != y->pgid)
		return x->pgid < y->pgid ? -1 : 1;
	if (x_leads != y_leads)
		return x_leads ? -1 : 1;
	return x->p->pid < y->p->pid ? -1 : x->p->pid > y->p->pid;
}

static void one_member(void *arg, const struct he_process *p, const char *text, size_t len)
{
	struct groups *g = arg;
	int64_t pgid = stat_field(text, STAT_PGRP);

	(void)len;
	if (pgid > 0)
		g->v[g->n++] = (struct member){pgid, p};
}

static struct he_error *groups(struct osdata *o)
{
	struct groups g = {.o = o, .v = calloc(o->processes->n + 1, sizeof(*g.v))};
	struct he_error *err;

	if (!g.v) {
		o->out->bad = true;
		return NULL;
	}
	err = he_proc_texts(o->server, o->processes, HE_TEXT_STAT, one_member, &g);
	qsort(g.v, g.n, sizeof(*g.v), by_group);
	for (size_t i = 0; !err && i < g.n; i++) {
		osdata_begin(o);
		osdata_number(o, "pgid", g.v[i].pgid);
		osdata_command(o, "leader command", g.v[i].pgid);
		osdata_number(o, "pid", g.v[i].p->pid);
		osdata_text(o, "command line", g.v[i].p->args);
		osdata_end(o);
	}
	free(g.v);
	return err;
}

static void one_process_threads(void *arg, const struct he_process *p, const char *text, size_t len)
{
	struct osdata *o = arg;

	for (const char *end = text + len; text < end; text += strlen(text) + 1) {
		osdata_begin(o);
		osdata_number(o, "pid", p->pid);
		osdata_text(o, "command", p->comm);
		osdata_number(o, "tid", strtoll(text, NULL, 10));
		osdata_number(o, "core", stat_field(text, STAT_CPU));
		osdata_end(o);
	}
}

static struct he_error *threads(struct osdata *o)
{
	return each_text(o, HE_TEXT_TASKS, one_process_threads);
}

static void one_process_files(void *arg, const struct he_process *p, const char *text, size_t len)
{
	const char *end = text + len;
	struct osdata *o = arg;

	while (text < end) {
		const char *link = text + strlen(text) + 1;

		if (link >= end)
			break;
		osdata_begin(o);
		osdata_number(o, "pid", p->pid);
		osdata_text(o, "command", p->comm);
		osdata_text(o, "file descriptor", text);
		osdata_text(o, "name", link);
		osdata_end(o);
		text = link + strlen(link) + 1;
	}
}

static struct he_error *files(struct osdata *o)
{
	return each_text(o, HE_TEXT_FDS, one_process_files);
}

/* ---- lines of fields ------------------------------------------------------------------------ */

enum shape { AS_IS, HEX, USER, COMMAND, TIME };

struct column {
	const char *name; /* NULL ends a table */
	uint8_t field;    /* from 0 */
	uint8_t shape;    /* enum shape */
};

static const struct column shm_columns[] = {
    {"key", 0, AS_IS},
    {"shmid", 1, AS_IS},
    {"permissions", 2, AS_IS},
    {"size", 3, AS_IS},
    {"creator command", 4, COMMAND},
    {"last op. command", 5, COMMAND},
    {"num attached", 6, AS_IS},
    {"user", 7, USER},
    {"group", 8, AS_IS},
    {"creator user", 9, USER},
    {"creator group", 10, AS_IS},
    {"last shmat() time", 11, TIME},
    {"last shmdt() time", 12, TIME},
    {"last shmctl() time", 13, TIME},
    {0},
};

static const struct column sem_columns[] = {
    {"key", 0, AS_IS},
    {"semid", 1, AS_IS},
    {"permissions", 2, AS_IS},
    {"num semaphores", 3, AS_IS},
    {"user", 4, USER},
    {"group", 5, AS_IS},
    {"creator user", 6, USER},
    {"creator group", 7, AS_IS},
    {"last semop() time", 8, TIME},
    {"last semctl() time", 9, TIME},
    {0},
};

static const struct column msg_columns[] = {
    {"key", 0, AS_IS},
    {"msqid", 1, AS_IS},
    {"permissions", 2, AS_IS},
    {"num used bytes", 3, AS_IS},
    {"num messages", 4, AS_IS},
    {"last msgsnd() command", 5, COMMAND},
    {"last msgrcv() command", 6, COMMAND},
    {"user", 7, USER},
    {"group", 8, AS_IS},
    {"creator user", 9, USER},
    {"creator group", 10, AS_IS},
    {"last msgsnd() time", 11, TIME},
    {"last msgrcv() time", 12, TIME},
    {"last msgctl() time", 13, TIME},
    {0},
};

static const struct column module_columns[] = {
    {"name", 0, AS_IS},
    {"size", 1, AS_IS},
    {"num uses", 2, AS_IS},
    {"dependencies", 3, AS_IS},
    {"status", 4, AS_IS},
    {"address", 5, HEX},
    {0},
};

static void put_time(struct osdata *o, const char *column, const char *seconds)
{
	time_t t = (time_t)strtoll(seconds, NULL, 10);
	char text[32] = "";

	if (t && ctime_r(&t, text))
		text[strcspn(text, "\n")] = 0;
	osdata_text(o, column, text);
}

static void put_field(struct osdata *o, const struct column *c, const char *field)
{
	switch (c->shape) {
	case USER:
		osdata_user(o, c->name, (uint32_t)strtoul(field, NULL, 10));
		break;
	case COMMAND:
		osdata_command(o, c->name, strtoll(field, NULL, 10));
		break;
	case TIME:
		put_time(o, c->name, field);
		break;
	case HEX:
		osdata_text(o, c->name, strncmp(field, "0x", 2) == 0 ? field + 2 : field);
		break;
	default:
		osdata_text(o, c->name, field);
	}
}

enum { FIELDS = 32 };

static void put_line(struct osdata *o, const struct column *columns, char *line)
{
	const char *fields[FIELDS];
	unsigned n = 0, last = 0;
	char *save;

	for (char *f = strtok_r(line, " \t", &save); f && n < FIELDS;
	     f = strtok_r(NULL, " \t", &save))
		fields[n++] = f;
	for (const struct column *c = columns; c->name; c++)
		last = c->field > last ? c->field : last;
	if (n <= last)
		return;
	osdata_begin(o);
	for (const struct column *c = columns; c->name; c++)
		put_field(o, c, fields[c->field]);
	osdata_end(o);
}

static struct he_error *lines(
    struct osdata *o, enum he_text text, const struct column *columns, bool heading)
{
	const struct he_root machine = {.server = o->server};
	struct he_error *err;
	char *all, *save;
	size_t len;

	err = he_proc_text(&machine, text, &all, &len);
	if (err)
		return err;
	for (char *line = strtok_r(all, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!heading)
			put_line(o, columns, line);
		heading = false;
	}
	free(all);
	return NULL;
}

static struct he_error *shared_memory(struct osdata *o)
{
	return lines(o, HE_TEXT_SYSV_SHM, shm_columns, true);
}

static struct he_error *semaphores(struct osdata *o)
{
	return lines(o, HE_TEXT_SYSV_SEM, sem_columns, true);
}

static struct he_error *messages(struct osdata *o)
{
	return lines(o, HE_TEXT_SYSV_MSG, msg_columns, true);
}

static struct he_error *modules(struct osdata *o)
{
	return lines(o, HE_TEXT_MODULES, module_columns, false);
}

/* ---- cpus ------------------------------------------------------------------------------------ */

/* "key<tab>: value"; an item begins with the key "processor". */
static void put_cpu_line(struct osdata *o, char *line, bool *open)
{
	char *value = strchr(line, ':');

	if (!value)
		return;
	*value++ = 0;
	line[strcspn(line, "\t")] = 0;
	if (strcmp(line, "processor") == 0) {
		if (*open)
			osdata_end(o);
		osdata_begin(o);
		*open = true;
	}
	if (*open)
		osdata_text(o, line, value + strspn(value, " "));
}

static struct he_error *cpus(struct osdata *o)
{
	const struct he_root machine = {.server = o->server};
	struct he_error *err;
	bool open = false;
	char *all, *save;
	size_t len;

	err = he_proc_text(&machine, HE_TEXT_CPUINFO, &all, &len);
	if (err)
		return err;
	for (char *line = strtok_r(all, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		put_cpu_line(o, line, &open);
	if (open)
		osdata_end(o);
	free(all);
	return NULL;
}

/* ---- the tables --------------------------------------------------------------------------------
 */

static struct he_error *types(struct osdata *o);

static const struct table {
	const char *type;
	const char *document; /* as the document calls it */
	const char *title, *description;
	struct he_error *(*fill)(struct osdata *o);
	bool processes; /* needs their list */
} tables[] = {
    {"", "types", NULL, NULL, types, false},
    {"types", "types", NULL, NULL, types, false},
    {"cpus", "cpus", "CPUs", "Listing of all cpus/cores on the system", cpus, false},
    {"files", "files", "File descriptors", "Listing of all file descriptors", files, true},
    {"modules", "modules", "Kernel modules", "Listing of all loaded kernel modules", modules,
	false},
    {"msg", "message queues", "Message queues", "Listing of all message queues", messages, true},
    {"processes", "processes", "Processes", "Listing of all processes", processes, true},
    {"procgroups", "process groups", "Process groups", "Listing of all process groups", groups,
	true},
    {"semaphores", "semaphores", "Semaphores", "Listing of all semaphores", semaphores, true},
    {"shm", "shared memory", "Shared-memory regions", "Listing of all shared-memory regions",
	shared_memory, true},
    {"sockets", "I sockets", "Sockets", "Listing of all internet-domain sockets", osdata_sockets,
	true},
    {"threads", "threads", "Threads", "Listing of all threads", threads, true},
};

enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static struct he_error *types(struct osdata *o)
{
	for (size_t i = 0; i < TABLES; i++) {
		if (!tables[i].title)
			continue;
		osdata_begin(o);
		osdata_text(o, "Type", tables[i].type);
		osdata_text(o, "Description", tables[i].description);
		osdata_text(o, "Title", tables[i].title);
		osdata_end(o);
	}
	return NULL;
}

static struct he_error *fill(struct osdata *o, const struct table *t)
{
	struct he_error *err = t->processes ? he_ps(o->server, NULL, &o->processes) : NULL;

	if (err)
		return err;
	rsp_putf(o->out, "<osdata type=\"%s\">\n", t->document);
	err = t->fill(o);
	rsp_put(o->out, "</osdata>\n");
	he_processes_free(o->processes);
	return err;
}

struct he_error *rsp_osdata(struct he_server *s, struct span type, struct buf *out)
{
	struct osdata o = {.server = s, .out = out};

	for (size_t i = 0; i < TABLES; i++)
		if (span_eq(type, span_str(tables[i].type)))
			return fill(&o, &tables[i]);
	return NULL;
}
