/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The box and its processes, as LLDB's platform packets ask for them.
 */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>

#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"

/* lldb-server's numbers for "no". */
enum {
	BAD_PID = 1,
	BAD_KEY = 2,
	NONE_MATCHES = 3,
	END_OF_LIST = 4,
	NO_USER = 5,
	NO_GROUP = 6,
	NOTHING_TO_DEBUG = 0x44
};

/* Seconds LLDB shall wait for an answer: its own 5 are few for a slow link. */
enum { PATIENCE = 30 };

enum name_match { ANY_NAME, EQUALS, STARTS, ENDS, CONTAINS, REGEX };

struct lldb_list {
	struct he_processes *all;
	size_t next;
	enum name_match how;
	char *name; /* NULL: any */
	regex_t regex;
	bool has_regex;
	bool foreign;                /* of an architecture that no box has */
	int64_t pid, ppid, uid, gid; /* -1: any */
};

/* ---- the box ------------------------------------------------------------------- */

static void put_hex_field(struct buf *b, const char *key, const char *text)
{
	rsp_putf(b, "%s:", key);
	rsp_put_hexstr(b, text ? text : "");
	rsp_put_char(b, ';');
}

/* "6.1.0" out of "Linux 6.1.0-18-amd64 ...". */
static void put_version(struct buf *b, const char *os)
{
	size_t from = strcspn(os, "0123456789"), n = strspn(os + from, "0123456789.");

	if (n && os[from + n - 1] != '.')
		rsp_putf(b, "os_version:%.*s;", (int)n, os + from);
}

static void host_info(struct rsp *r, struct rd *args)
{
	const struct he_server_info *i = he_server_info(r->server);
	struct buf *b = &r->reply;

	(void)args;
	if (!rsp_lldb_on(r))
		return;
	put_hex_field(b, "triple", lldb_triple(0));
	rsp_put(b, "ptrsize:8;watchpoint_exceptions_received:after;endian:little;"
		   "vm-page-size:4096;");
	if (i->os) {
		put_version(b, i->os);
		put_hex_field(b, "os_kernel", i->os);
	}
	if (i->host)
		put_hex_field(b, "hostname", i->host);
	rsp_putf(b, "default_packet_timeout:%d;", PATIENCE);
}

/* ---- the process that is debugged --------------------------------------------------- */

static void process_info(struct rsp *r, struct rd *args)
{
	struct rsp_process *p = rsp_current(r);
	struct he_facts *f;
	struct he_target_info i;
	struct he_error *e;

	(void)args;
	if (!p) {
		buf_reset(&r->reply);
		rsp_fail_errno(r, NOTHING_TO_DEBUG);
		return;
	}
	if (!rsp_lldb_on(r))
		return;
	e = he_facts(p->t, 0, &f);
	if (e) {
		rsp_fail(r, e);
		return;
	}
	he_target_info(p->t, &i);
	rsp_putf(&r->reply,
	    "pid:%x;parent-pid:%x;real-uid:%x;real-gid:%x;effective-uid:%x;effective-gid:%x;",
	    p->pid, f->process.ppid, f->process.uid, f->process.gid, f->process.uid,
	    f->process.gid);
	put_hex_field(&r->reply, "triple", lldb_triple(i.arch));
	rsp_putf(&r->reply, "ostype:linux;endian:little;ptrsize:%u;", i.address_bytes);
	he_facts_free(f);
}

/* ---- all processes ------------------------------------------------------------------ */

static const char *base_name(const struct he_process *p)
{
	const char *exe = p->exe && *p->exe ? p->exe : p->comm;
	const char *slash = strrchr(exe, '/');

	return slash ? slash + 1 : exe;
}

/* Arguments come joined by blanks, and those inside one cannot be told from these. */
static void put_args(struct buf *b, const char *args)
{
	rsp_put(b, "args:");
	while (*args) {
		size_t n = strcspn(args, " ");

		rsp_put_hex(b, args, n);
		args += n;
		if (*args++ != ' ')
			break;
		rsp_put_char(b, '-');
	}
	rsp_put_char(b, ';');
}

static void put_process(struct buf *b, const struct he_process *p)
{
	rsp_putf(b, "pid:%u;ppid:%u;uid:%u;gid:%u;euid:%u;egid:%u;", p->pid, p->ppid, p->uid,
	    p->gid, p->uid, p->gid);
	put_hex_field(b, "name", p->exe && *p->exe ? p->exe : p->comm);
	put_args(b, p->args ? p->args : "");
	put_hex_field(b, "triple", lldb_triple(0));
}

static void process_by_pid(struct rsp *r, struct rd *args)
{
	uint64_t pid = rsp_take_dec(args);
	struct he_processes *all;
	struct he_error *e;

	if (!rd_done(args)) {
		rsp_fail_errno(r, BAD_PID);
		return;
	}
	e = he_ps(r->server, NULL, &all);
	if (e) {
		rsp_fail(r, e);
		return;
	}
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].pid == pid)
			put_process(&r->reply, &all->v[i]);
	if (!r->reply.len)
		rsp_fail_errno(r, BAD_PID);
	he_processes_free(all);
}

void lldb_list_free(struct lldb_list *l)
{
	if (!l)
		return;
	he_processes_free(l->all);
	free(l->name);
	if (l->has_regex)
		regfree(&l->regex);
	free(l);
}

static bool name_matches(const struct lldb_list *l, const struct he_process *p)
{
	const char *name = base_name(p);
	size_t n = strlen(name), k = l->name ? strlen(l->name) : 0;

	if (!l->name)
		return true;
	switch (l->how) {
	case EQUALS:
		return strcmp(name, l->name) == 0;
	case STARTS:
		return strncmp(name, l->name, k) == 0;
	case ENDS:
		return n >= k && strcmp(name + n - k, l->name) == 0;
	case CONTAINS:
		return strstr(name, l->name) != NULL;
	case REGEX:
		return regexec(&l->regex, name, 0, NULL, 0) == 0;
	default:
		return true;
	}
}

static bool matches(const struct lldb_list *l, const struct he_process *p)
{
	return !l->foreign && (l->pid < 0 || l->pid == p->pid) &&
	       (l->ppid < 0 || l->ppid == p->ppid) && (l->uid < 0 || l->uid == p->uid) &&
	       (l->gid < 0 || l->gid == p->gid) && !p->kernel_thread && name_matches(l, p);
}

static void next_process(struct rsp *r, int at_end)
{
	struct lldb_list *l = r->lldb->list;

	while (l && l->all && l->next < l->all->n) {
		const struct he_process *p = &l->all->v[l->next++];

		if (matches(l, p)) {
			put_process(&r->reply, p);
			return;
		}
	}
	rsp_fail_errno(r, at_end);
}

static void take_how(struct lldb_list *l, struct span word, struct rd *args)
{
	static const struct {
		const char *word;
		enum name_match how;
	} hows[] = {{"equals", EQUALS}, {"starts_with", STARTS}, {"ends_with", ENDS},
	    {"contains", CONTAINS}, {"regex", REGEX}};

	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++)
		if (span_eq(word, span_str(hows[i].word))) {
			l->how = hows[i].how;
			return;
		}
	args->bad = true;
}

/* Which of its two architectures a program is of a list of processes does not say. */
static void take_triple(struct lldb_list *l, struct rd *value)
{
	static const char *const ours[] = {"", "unknown", "x86_64", "i386", "i486", "i586", "i686"};
	char *text = rsp_take_hexstr(value, RSP_PACKET);
	bool known = false;

	if (!text)
		return;
	text[strcspn(text, "-")] = 0;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		known |= strcmp(text, ours[i]) == 0;
	l->foreign = !known;
	free(text);
}

/* One "key:value;" */
static void take_condition(struct rsp *r, struct lldb_list *l, struct rd *args)
{
	const struct {
		const char *key;
		int64_t *value;
	} numbers[] = {{"pid", &l->pid}, {"parent_pid", &l->ppid}, {"uid", &l->uid},
	    {"gid", &l->gid}, {"euid", &l->uid}, {"egid", &l->gid}};
	struct span key = rsp_take_until(args, ":"), value;

	rsp_want_char(args, ':');
	value = rsp_take_until(args, ";");
	rsp_take_char(args, ';');
	struct rd v = rd_init(value.p, value.n);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (span_eq(key, span_str(numbers[i].key)))
			*numbers[i].value = (int64_t)(uint32_t)rsp_take_dec(&v);
	if (span_eq(key, span_str("name")) && !l->name)
		l->name = rsp_take_hexstr(&v, RSP_PACKET);
	else if (span_eq(key, span_str("triple")))
		take_triple(l, &v);
	else if (span_eq(key, span_str("name_match")))
		take_how(l, value, args);
	else if (span_eq(key, span_str("all_users")) &&
		 (rsp_take_word(&v, "0") || rsp_take_word(&v, "false")))
		l->uid = he_server_info(r->server)->uid;
	args->bad |= v.bad;
}

static bool compile(struct lldb_list *l)
{
	if (l->how != REGEX || !l->name)
		return true;
	l->has_regex = regcomp(&l->regex, l->name, REG_EXTENDED | REG_NOSUB) == 0;
	return l->has_regex;
}

static void first_process(struct rsp *r, struct rd *args)
{
	struct lldb_list *l = calloc(1, sizeof(*l));
	struct he_error *e;

	if (!l || !rsp_lldb_on(r)) {
		free(l);
		rsp_fail_errno(r, ENOMEM);
		return;
	}
	l->pid = l->ppid = l->uid = l->gid = -1;
	lldb_list_free(r->lldb->list);
	r->lldb->list = l;
	rsp_take_char(args, ':');
	while (args->left && !args->bad)
		take_condition(r, l, args);
	if (args->bad || !compile(l)) {
		rsp_fail_errno(r, BAD_KEY);
		return;
	}
	e = he_ps(r->server, NULL, &l->all);
	if (e) {
		lldb_list_free(l);
		r->lldb->list = NULL;
		rsp_fail(r, e);
		return;
	}
	next_process(r, NONE_MATCHES);
}

static void another_process(struct rsp *r, struct rd *args)
{
	(void)args;
	if (rsp_lldb_on(r))
		next_process(r, END_OF_LIST);
}

/* ---- names of users and groups ------------------------------------------------------- */

enum { TABLE_MAX = 256 * 1024 };

/* "NAME:anything:NUMBER:..." of this number: how long the name is; 0: it is not. */
static size_t named(const char *line, uint64_t number)
{
	const char *name_end = strchr(line, ':');
	const char *at = name_end ? strchr(name_end + 1, ':') : NULL;
	struct rd rd;

	if (!at || name_end == line)
		return 0;
	rd = rd_init(at + 1, strlen(at + 1));
	if (rsp_take_dec(&rd) != number || !rsp_take_char(&rd, ':'))
		return 0;
	return (size_t)(name_end - line);
}

/* By a table of the box; LLDB asks for each number once. */
static void put_by_table(struct rsp *r, const char *path, uint64_t number)
{
	const struct he_root root = {.server = r->server};
	char *text = malloc(TABLE_MAX + 1), *rest = text, *line;
	struct he_error *e = NULL;
	size_t got = 0;

	if (text)
		e = he_file_pread(&root, path, 0, 0, 0, text, TABLE_MAX, &got);
	if (text)
		text[got] = 0;
	while (!e && !r->reply.len && (line = strsep(&rest, "\n")) != NULL)
		rsp_put_hex(&r->reply, line, named(line, number));
	he_error_free(e);
	free(text);
}

static bool put_user(struct buf *b, const struct he_processes *all, uint64_t uid)
{
	for (size_t i = 0; all && i < all->n; i++)
		if (all->v[i].uid == uid && all->v[i].user) {
			rsp_put_hexstr(b, all->v[i].user);
			return true;
		}
	return false;
}

/* Mostly one of the processes that were listed just now. */
static void user_name(struct rsp *r, struct rd *args)
{
	uint64_t uid = rsp_take_dec(args);

	if (!rd_done(args) || !rsp_lldb_on(r)) {
		rsp_fail_errno(r, NO_USER);
		return;
	}
	if (r->lldb->list && put_user(&r->reply, r->lldb->list->all, uid))
		return;
	put_by_table(r, "/etc/passwd", uid);
	if (!r->reply.len)
		rsp_fail_errno(r, NO_USER);
}

static void group_name(struct rsp *r, struct rd *args)
{
	uint64_t gid = rsp_take_dec(args);

	if (rd_done(args))
		put_by_table(r, "/etc/group", gid);
	if (!r->reply.len)
		rsp_fail_errno(r, NO_GROUP);
}

static const struct rsp_row rows[] = {
    {"qHostInfo", RSP_WHOLE, host_info, "lldb"},
    {"qProcessInfo", RSP_WHOLE, process_info, "lldb"},
    {"qProcessInfoPID:", RSP_PREFIX, process_by_pid, "lldb: platform process info"},
    {"qfProcessInfo", RSP_PREFIX, first_process, "lldb: platform process list"},
    {"qsProcessInfo", RSP_WHOLE, another_process, "lldb: platform process list"},
    {"qUserName:", RSP_PREFIX, user_name, "lldb: platform process list"},
    {"qGroupName:", RSP_PREFIX, group_name, "lldb: platform process list"},
    {0},
};

const struct rsp_part rsp_part_lldb_ps = {
    .rows = rows,
};
