/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What both sides can, which thread is meant, and who is there.
 */
#include "host/rsp/rsp_parts.h"

/* ---- what both sides can ------------------------------------------------------------- */

static const struct {
	const char *word;
	unsigned bit;
} words[] = {
    {"multiprocess+", RSP_MULTIPROCESS},
    {"swbreak+", RSP_SWBREAK},
    {"hwbreak+", RSP_HWBREAK},
    {"fork-events+", RSP_FORK_EVENTS},
    {"vfork-events+", RSP_VFORK_EVENTS},
    {"exec-events+", RSP_EXEC_EVENTS},
    {"no-resumed+", RSP_NO_RESUMED},
    {"vContSupported+", RSP_VCONT},
    {"error-message+", RSP_ERROR_MESSAGE},
};

static void take_word(struct rsp *r, struct span word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_eq(word, span_str(words[i].word)))
			r->knows |= words[i].bit;
}

static void supported(struct rsp *r, struct rd *args)
{
	r->knows = 0;
	if (rsp_take_char(args, ':'))
		while (args->left && !args->bad) {
			take_word(r, rsp_take_until(args, ";"));
			rsp_take_char(args, ';');
		}
	rsp_putf(&r->reply, "PacketSize=%x", RSP_PACKET);
	for (size_t i = 0; rsp_parts[i]; i++)
		if (rsp_parts[i]->offers)
			rsp_putf(&r->reply, ";%s", rsp_parts[i]->offers);
}

static void no_ack(struct rsp *r, struct rd *args)
{
	(void)args;
	r->frame.no_ack = true;
	rsp_ok(r);
}

static void extend(struct rsp *r, struct rd *args)
{
	(void)args;
	r->extended = true;
	rsp_ok(r);
}

/* ---- which thread -------------------------------------------------------------------- */

static void select_thread(struct rsp *r, struct rd *args)
{
	uint8_t what = rd_u8(args);
	struct rsp_id id = rsp_take_id(args);
	uint64_t tid;

	if (!rd_done(args) || (what != 'g' && what != 'c')) {
		rsp_bad(r);
	} else if (id.tid > 0 && !rsp_resolve(r, id, &tid)) {
		/* Any one is fine also when none is there: GDB asks so before it attaches. */
		rsp_fail_errno(r, ESRCH);
	} else {
		*(what == 'g' ? &r->general : &r->resume) = id;
		rsp_ok(r);
	}
}

static const struct rsp_row rows[] = {
    {"qSupported", RSP_PREFIX, supported, "gdb 6.6, lldb"},
    {"QStartNoAckMode", RSP_WHOLE, no_ack, "gdb 7.0, lldb"},
    {"!", RSP_WHOLE, extend, "gdb: target extended-remote"},
    {"H", RSP_PREFIX, select_thread, "gdb, lldb"},
    {0},
};

const struct rsp_part rsp_part_general = {
    .rows = rows,
    .offers = "QStartNoAckMode+;multiprocess+",
};
