/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The modes that LLDB switches on, and what its packets have in common.
 */
#include "host/rsp/rsp_lldb.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>

#include "host/rsp/rsp_parts.h"
#include "host/rsp/rsp_run.h"

bool rsp_lldb_on(struct rsp *r)
{
	if (!r->lldb)
		r->lldb = calloc(1, sizeof(*r->lldb));
	if (!r->lldb)
		rsp_fail_errno(r, ENOMEM);
	return r->lldb != NULL;
}

const char *lldb_triple(uint32_t arch)
{
	return arch == AUDIT_ARCH_I386 ? "i386-pc-linux-gnu" : "x86_64-pc-linux-gnu";
}

/* ---- which thread ------------------------------------------------------------------ */

struct rsp_process *lldb_thread(struct rsp *r, struct rd *args, uint64_t *tid)
{
	struct rsp_process *p;
	struct rsp_id id;

	if (!rsp_take_word(args, ";thread:"))
		return rsp_current_thread(r, tid);
	id = rsp_take_id(args);
	rsp_take_char(args, ';');
	if (args->bad || id.tid <= 0) {
		rsp_bad(r);
		return NULL;
	}
	if (!id.pid)
		id.pid = r->general.pid > 0 ? r->general.pid : 0;
	p = rsp_resolve(r, id, tid);
	if (!p)
		rsp_fail_errno(r, ESRCH);
	return p;
}

enum { NO_THREAD = 0x15, NO_PROCESS = 0xff, NOTHING_TO_DEBUG = 0x44 }; /* lldb-server's */

static void select_thread(struct rsp *r, struct rd *args)
{
	uint8_t what = rd_u8(args);
	bool names_process = rsp_peek(args) == 'p';
	struct rsp_id id = rsp_take_id(args);
	struct rsp_process *p;
	uint64_t tid;

	if (what != 'g' && what != 'c') {
		rsp_bad(r);
		return;
	}
	p = names_process ? rsp_process_find(r, (uint64_t)id.pid) : r->processes;
	if (!rd_done(args) || !p || id.pid < 0) {
		rsp_fail_text(r, NO_PROCESS, "no such process is being debugged.");
		return;
	}
	if (id.tid > 0 && !rsp_resolve(r, id, &tid)) {
		rsp_fail_errno(r, NO_THREAD);
		return;
	}
	*(what == 'g' ? &r->general : &r->resume) = id;
	rsp_ok(r);
}

static void current_thread(struct rsp *r, struct rd *args)
{
	uint64_t tid;

	(void)args;
	if (!rsp_current_thread(r, &tid)) {
		buf_reset(&r->reply);
		rsp_fail_errno(r, NOTHING_TO_DEBUG);
		return;
	}
	rsp_putf(&r->reply, "QC%llx", (unsigned long long)tid);
}

/* ---- with nothing to debug yet ------------------------------------------------------- */

/* "l" would make it ask what has become of the process that there is not. */
static void first_threads(struct rsp *r, struct rd *args)
{
	struct rsp_process *p = r->processes;

	(void)args;
	if (!p)
		rsp_ok(r);
	for (; p; p = p->next)
		rsp_put_threads(r, p);
}

/* Of an end that nobody saw it would make the end of a process that is attached to next. */
static void why(struct rsp *r, struct rd *args)
{
	(void)args;
	if (!r->processes) {
		rsp_ok(r);
		return;
	}
	rsp_run_quiet(r);
	rsp_run_why(r);
}

/* ---- modes ---------------------------------------------------------------------- */

static void no_ack(struct rsp *r, struct rd *args)
{
	(void)args;
	if (!r->knows && !rsp_lldb_on(r))
		return;
	r->frame.no_ack = true;
	r->frame.unsummed = r->lldb != NULL; /* its tests write 00 */
	rsp_ok(r);
}

/* What it did not say it knows must not be offered: its own tests hold that to be an
 * error. */
static void supported(struct rsp *r, struct rd *args)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = {
	    {"multiprocess+", RSP_MULTIPROCESS},
	    {"fork-events+", RSP_FORK_EVENTS | RSP_MULTIPROCESS},
	    {"vfork-events+", RSP_VFORK_EVENTS | RSP_MULTIPROCESS},
	};
	unsigned knows = 0;

	while (args->left) {
		struct span word;

		rd_u8(args); /* : or ; */
		word = rsp_take_until(args, ";");
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (span_eq(word, span_str(words[i].word)))
				knows |= words[i].bit & ~(i ? RSP_MULTIPROCESS : 0U);
	}
	if (!(knows & RSP_MULTIPROCESS))
		knows = 0;
	r->knows = knows | RSP_VCONT | (r->knows & RSP_ERROR_HEX);
	for (struct rsp_process *p = r->processes; p; p = p->next)
		rsp_run_catch(r, p); /* events of what was there before */
	rsp_putf(&r->reply,
	    "PacketSize=%x;QStartNoAckMode+;QThreadSuffixSupported+;QListThreadsInStopReply+;"
	    "qEcho+;native-signals+;QPassSignals+;qXfer:features:read+;qXfer:auxv:read+;"
	    "qXfer:libraries-svr4:read+;qXfer:siginfo:read+",
	    RSP_PACKET);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((knows & words[i].bit) == words[i].bit)
			rsp_putf(&r->reply, ";%s", words[i].word);
}

static void suffix(struct rsp *r, struct rd *args)
{
	(void)args;
	if (!rsp_lldb_on(r))
		return;
	r->lldb->suffix = true;
	rsp_ok(r);
}

static void list_threads(struct rsp *r, struct rd *args)
{
	(void)args;
	if (!rsp_lldb_on(r))
		return;
	r->lldb->threads = true;
	rsp_ok(r);
}

static void error_strings(struct rsp *r, struct rd *args)
{
	(void)args;
	r->knows |= RSP_ERROR_HEX;
	rsp_ok(r);
}

/* Nothing to do: registers are never kept beyond a stop, and at the end everything that
 * was attached to is let go. */
static void as_it_is(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_ok(r);
}

static void echo(struct rsp *r, struct rd *args)
{
	struct span all = rsp_take_rest(args);

	rsp_put(&r->reply, "qEcho:");
	rsp_put_binary(&r->reply, all.p, all.n);
}

static void speed_test(struct rsp *r, struct rd *args)
{
	uint64_t n = rsp_take_dec(args);

	rsp_take_rest(args); /* ";data:" and as much as is to be carried there */
	if (args->bad || n > RSP_PACKET) {
		rsp_bad(r);
		return;
	}
	if (!n) {
		rsp_ok(r);
		return;
	}
	rsp_put(&r->reply, "data:");
	for (uint64_t i = 0; i < n; i++)
		rsp_put_char(&r->reply, (char)('A' + i % 26));
}

static void version(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_put(&r->reply, "name:hdb;version:1;");
}

/* ---- JSON ------------------------------------------------------------------------- */

void lldb_json_text(struct buf *b, const char *text)
{
	rsp_put_char(b, '"');
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			rsp_put_char(b, '\\');
		if (*c < 0x20 || *c > 0x7e)
			rsp_putf(b, "\\u%04x", *c);
		else
			rsp_put_char(b, (char)*c);
	}
	rsp_put_char(b, '"');
}

void lldb_json_reply(struct rsp *r, const struct buf *json)
{
	if (json->bad)
		rsp_fail_errno(r, ENOMEM);
	else
		rsp_put_binary(&r->reply, json->p, json->len);
}

/* ---- what is kept ---------------------------------------------------------------- */

static void forget(struct rsp *r, struct rsp_process *p)
{
	if (!r->lldb)
		return;
	lldb_saved_forget(r->lldb, p);
	lldb_stops_forget(r->lldb, p);
	lldb_memory_forget(r->lldb, p);
	if (r->lldb->regs_of == p)
		r->lldb->regs_of = NULL;
}

static void closed(struct rsp *r)
{
	if (!r->lldb)
		return;
	lldb_saved_forget(r->lldb, NULL);
	lldb_stops_forget(r->lldb, NULL);
	lldb_memory_forget(r->lldb, NULL);
	lldb_list_free(r->lldb->list);
	lldb_wait_free(r->lldb->wait);
	free(r->lldb->launch_error);
	free(r->lldb);
	r->lldb = NULL;
}

static const struct rsp_row rows[] = {
    {"QStartNoAckMode", RSP_WHOLE, no_ack, "gdb 7.0, lldb"},
    {"QThreadSuffixSupported", RSP_WHOLE, suffix, "lldb"},
    {"QListThreadsInStopReply", RSP_WHOLE, list_threads, "lldb"},
    {"QEnableErrorStrings", RSP_WHOLE, error_strings, "lldb"},
    {"QSetDetachOnError:", RSP_PREFIX, as_it_is, "lldb"},
    {"QSyncThreadState:", RSP_PREFIX, as_it_is, "lldb"},
    {"qEcho:", RSP_PREFIX, echo, "lldb"},
    {"qSpeedTest:response_size:", RSP_PREFIX, speed_test, "lldb"},
    {"qGDBServerVersion", RSP_WHOLE, version, "lldb"},
    {0},
};

static const struct rsp_row lldb[] = {
    {"qSupported", RSP_PREFIX, supported, "lldb"},
    {"H", RSP_PREFIX, select_thread, "lldb"},
    {"qC", RSP_WHOLE, current_thread, "lldb"},
    {"qfThreadInfo", RSP_WHOLE, first_threads, "lldb"},
    {"?", RSP_WHOLE, why, "lldb"},
    {0},
};

const struct rsp_part rsp_part_lldb = {
    .rows = rows,
    .lldb = lldb,
    .forget = forget,
    .closed = closed,
};
