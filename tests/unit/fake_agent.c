/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_agent.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "fake_link.h"
#include "host/errtext.h"

struct fake fake;

static uint32_t held_target; /* whose stop is held back */

/* ---- the process ------------------------------------------------------------------ */

static uint64_t stack_top(unsigned i)
{
	return FAKE_MEM + (uint64_t)(i + 1) * FAKE_STACK;
}

uint64_t fake_sp(unsigned i)
{
	return stack_top(i) - (uint64_t)fake.depth * fake.frame_size;
}

uint64_t fake_pc(unsigned i, unsigned frame)
{
	return 0x400000 + i * 256 + frame;
}

/* A frame is {address of the next, its pc}; the last one's next is 0. */
static uint8_t byte_at(uint64_t addr)
{
	unsigned i = (unsigned)((addr - FAKE_MEM) / FAKE_STACK);
	uint64_t at = addr - fake_sp(i), word;
	unsigned frame = (unsigned)(at / fake.frame_size), in = (unsigned)(at % fake.frame_size);

	if (addr < fake_sp(i) || in >= 16)
		return fake.salt;
	word =
	    in < 8 ? fake_sp(i) + (uint64_t)(frame + 1) * fake.frame_size : fake_pc(i, frame + 1);
	if (in < 8 && frame + 1 == fake.depth)
		word = 0;
	return (uint8_t)(word >> (8 * (in % 8)));
}

static bool mapped(uint64_t addr)
{
	return addr >= FAKE_MEM && addr < stack_top(fake.threads - 1);
}

/* ---- pieces of replies and events --------------------------------------------------- */

static void put_thread(struct buf *list, unsigned i, uint8_t state)
{
	struct wire_rec_thread r = {.tid = FAKE_PID + i,
	    .state = state,
	    .kernel = 't',
	    .name = span_str(i ? "worker" : "main")};

	wire_put_thread(list, &r);
}

static void put_regs(struct buf *list, uint64_t tid, uint32_t note)
{
	unsigned i = (unsigned)(tid - FAKE_PID);
	uint8_t gpr[216] = {0}, fx[512] = {0}, xstate[832] = {[464] = 7};
	struct wire_rec_regset r = {.tid = tid, .arch = AUDIT_ARCH_X86_64, .note = note};
	uint64_t pc = fake_pc(i, 0), sp = fake_sp(i);

	if (note == NT_PRSTATUS) {
		memcpy(gpr + 16 * 8, &pc, 8);
		memcpy(gpr + 19 * 8, &sp, 8);
		memset(gpr + 10 * 8, fake.salt, 8);
		r.data = (struct span){gpr, sizeof(gpr)};
	} else if (note == NT_X86_XSTATE && fake.xstate) {
		r.data = (struct span){xstate, sizeof(xstate)};
	} else if (note == NT_PRFPREG) {
		memset(fx + 160, 0x5a, 16);
		r.data = (struct span){fx, sizeof(fx)};
	} else {
		r.err = E_OS;
	}
	wire_put_regset(list, &r);
}

static void put_chunk(struct buf *list, uint64_t addr, uint64_t len)
{
	struct wire_rec_chunk c = {
	    .addr = addr, .len = len, .kind = WIRE_UNREADABLE, .os_errno = EIO};
	uint8_t *bytes = malloc(len + 1);

	if (mapped(addr)) {
		c.kind = WIRE_BYTES;
		c.data = (struct span){bytes, (uint32_t)len};
		for (uint64_t i = 0; i < len; i++)
			bytes[i] = byte_at(addr + i);
	}
	wire_put_chunk(list, &c);
	free(bytes);
}

void fake_stopped(uint32_t target, uint64_t generation)
{
	struct wire_stopped q = {.generation = generation, .all = 1};
	struct buf stops, threads, regs, chunks, body;

	buf_init(&stops, WIRE_PIECE);
	buf_init(&threads, 65536);
	buf_init(&regs, 65536);
	buf_init(&chunks, 65536);
	buf_init(&body, 4 * 65536);
	wire_put_stop(&stops, &(struct wire_rec_stop){.tid = FAKE_PID, .signal = 0});
	q.stops = span_buf(&stops);
	for (unsigned i = 0; i < fake.threads;) {
		threads.len = regs.len = chunks.len = 0;
		for (unsigned n = 0; n < 100 && i < fake.threads; n++, i++) {
			put_thread(
			    &threads, i, fake.late && i == 1 ? WIRE_T_STOPPING : WIRE_T_STOPPED);
			if (!fake.no_bundle && !(fake.late && i == 1))
				put_regs(&regs, FAKE_PID + i, NT_PRSTATUS);
			if (!fake.no_bundle && i == 0)
				put_chunk(&chunks, fake_sp(0) - 128, 4096);
		}
		q.threads = span_buf(&threads);
		q.regs = span_buf(&regs);
		q.chunks = span_buf(&chunks);
		body.len = 0;
		wire_encode_stopped(&body, &q);
		fake_event(
		    WIRE_stopped, target, (i - 1) / 100, i < fake.threads ? WIRE_MORE : 0, &body);
	}
	buf_free(&stops);
	buf_free(&threads);
	buf_free(&regs);
	buf_free(&chunks);
	buf_free(&body);
}

/* ---- requests -------------------------------------------------------------------------- */

static void put_proc(struct buf *list, uint32_t pid, uint32_t ppid, const char *unit)
{
	struct wire_rec_proc p = {.pid = pid,
	    .ppid = ppid,
	    .threads = fake.threads,
	    .start = 77,
	    .state = 'S',
	    .user = span_str("redis"),
	    .unit = span_str(unit),
	    .comm = span_str("redis-server"),
	    .exe = span_str("/usr/bin/redis-server"),
	    .args = {(const uint8_t *)"redis-server\0-x\0", 16}};

	wire_put_proc(list, &p);
}

static void answer_attached(struct rpc_call *c)
{
	struct wire_attached r = {
	    .pid = FAKE_PID, .start = 77, .arch = AUDIT_ARCH_X86_64, .threads = fake.threads};
	struct buf list, out;

	buf_init(&list, WIRE_PIECE);
	buf_init(&out, WIRE_PIECE);
	put_proc(&list, FAKE_PID, 1, "redis.service");
	r.procs = span_buf(&list);
	wire_encode_attached(&out, &r);
	fake_reply(c, &out, false);
	buf_free(&list);
	buf_free(&out);
}

static void on_attach(struct rpc_call *c, struct span body)
{
	struct wire_attach q;

	wire_decode_attach(body, &q);
	answer_attached(c);
	if (q.how == WIRE_ATTACH_STOP && !fake.silent)
		fake_stopped(c->target, ++fake.generation);
}

static void on_maps(struct rpc_call *c, struct span body)
{
	struct buf list, out;

	(void)body;
	buf_init(&list, WIRE_PIECE);
	buf_init(&out, WIRE_PIECE);
	wire_put_map(&list,
	    &(struct wire_rec_map){
		.lo = 0x400000, .hi = 0x500000, .prot = 5, .ino = 9, .name = span_str("/bin/x")});
	wire_put_map(&list,
	    &(struct wire_rec_map){.lo = FAKE_MEM, .hi = stack_top(fake.threads - 1), .prot = 3});
	wire_encode_map_list(&out, &(struct wire_map_list){.maps = span_buf(&list)});
	for (uint64_t i = 0; fake.lie == FAKE_ENDLESS_MAPS && i < 100; i++)
		fake_reply(c, &out, true);
	fake_reply(c, &out, false);
	buf_free(&list);
	buf_free(&out);
}

static void on_auxv(struct rpc_call *c, struct span body)
{
	struct buf out;

	(void)body;
	buf_init(&out, WIRE_PIECE);
	wire_encode_bytes(&out, &(struct wire_bytes){.data = span_str("0123456789abcdef")});
	fake_reply(c, &out, false);
	buf_free(&out);
}

static void on_ok(struct rpc_call *c, struct span body)
{
	struct buf out;

	(void)body;
	buf_init(&out, WIRE_PIECE);
	fake_reply(c, &out, false);
}

static void on_resume(struct rpc_call *c, struct span body)
{
	fake.salt++;
	on_ok(c, body);
}

static void on_interrupt(struct rpc_call *c, struct span body)
{
	on_ok(c, body);
	if (fake.held_event)
		held_target = c->target;
	else
		fake_stopped(c->target, ++fake.generation);
}

static void on_threads(struct rpc_call *c, struct span body)
{
	struct buf list, out;

	(void)body;
	buf_init(&list, WIRE_PIECE);
	buf_init(&out, WIRE_PIECE);
	for (unsigned i = 0; i < fake.threads; i++)
		put_thread(&list, i, WIRE_T_RUNNING);
	wire_encode_thread_list(&out, &(struct wire_thread_list){.threads = span_buf(&list)});
	fake_reply(c, &out, false);
	buf_free(&list);
	buf_free(&out);
}

/* A piece of the reply, when the list is about to be too long for one. */
static void flush_regs(struct rpc_call *c, struct buf *list)
{
	struct buf out;

	if (list->len < 50000)
		return;
	buf_init(&out, WIRE_PIECE);
	wire_encode_regs(&out, &(struct wire_regs){.regs = span_buf(list)});
	fake_reply(c, &out, true);
	buf_free(&out);
	buf_reset(list);
}

static void on_regs(struct rpc_call *c, struct span body)
{
	struct wire_regs_read q;
	struct wire_rec_note note;
	struct wire_rec_tid tid;
	struct buf list, out;

	wire_decode_regs_read(body, &q);
	buf_init(&list, WIRE_PIECE);
	buf_init(&out, WIRE_PIECE);
	while (wire_next_note(&q.notes, &note)) {
		struct span tids = q.tids;

		for (unsigned i = 0; !q.tids.n && i < fake.threads && i < 200; i++)
			put_regs(&list, FAKE_PID + i, note.note);
		while (wire_next_tid(&tids, &tid)) {
			put_regs(&list, fake.lie == FAKE_OTHER_REGS ? tid.tid + 50000 : tid.tid,
			    note.note);
			flush_regs(c, &list);
		}
	}
	wire_encode_regs(&out, &(struct wire_regs){.regs = span_buf(&list)});
	fake_reply(c, &out, false);
	buf_free(&list);
	buf_free(&out);
}

/* The chunks of one range, bent as the lie says. */
static void put_range(struct buf *list, const struct wire_rec_range *r)
{
	uint64_t addr = r->addr, len = r->len;

	if (fake.lie == FAKE_FOREIGN)
		addr += 4096;
	if (fake.lie == FAKE_HUGE_CHUNK)
		len += 64;
	if (fake.lie == FAKE_OVERLAP && len > 16) {
		put_chunk(list, addr, 16);
		put_chunk(list, addr + 8, len - 8);
	} else if (fake.lie == FAKE_GAP && len > 16) {
		put_chunk(list, addr, 8);
		put_chunk(list, addr + 16, len - 16);
	} else {
		put_chunk(list, addr, len);
	}
}

static void on_mem(struct rpc_call *c, struct span body)
{
	struct wire_rec_range r;
	struct wire_mem_read q;
	struct buf list, out;

	wire_decode_mem_read(body, &q);
	buf_init(&list, 1 << 24);
	buf_init(&out, 1 << 25);
	while (wire_next_range(&q.ranges, &r)) {
		bool last = q.ranges.n == 0;

		if (fake.lie == FAKE_SHORT && last)
			break;
		for (uint64_t done = 0; done < r.len;) {
			uint64_t n = r.len - done < 60000 ? r.len - done : 60000;

			if (list.len && list.len + n + 64 > 65000) {
				wire_encode_memory(
				    &out, &(struct wire_memory){.chunks = span_buf(&list)});
				fake_reply(c, &out, true);
				list.len = out.len = 0;
			}
			put_range(&list, &(struct wire_rec_range){.addr = r.addr + done, .len = n});
			done += n;
		}
	}
	wire_encode_memory(&out, &(struct wire_memory){.chunks = span_buf(&list)});
	fake_reply(c, &out, false);
	buf_free(&list);
	buf_free(&out);
}

static void on_launch_text(struct rpc_call *c, struct span body)
{
	struct wire_launch_text q;

	wire_decode_launch_text(body, &q);
	buf_raw(q.list ? &fake.env : &fake.args, q.data.p, q.data.n);
	on_ok(c, body);
}

static void on_launch(struct rpc_call *c, struct span body)
{
	struct wire_launch q;

	wire_decode_launch(body, &q);
	buf_raw(&fake.args, q.args.p, q.args.n);
	buf_raw(&fake.env, q.env.p, q.env.n);
	answer_attached(c);
	if (!fake.silent)
		fake_stopped(c->target, ++fake.generation);
}

static void on_input(struct rpc_call *c, struct span body)
{
	struct wire_input q;

	wire_decode_input(body, &q);
	buf_raw(&fake.input, q.data.p, q.data.n);
	fake.input_end = q.end;
	on_ok(c, body);
}

static void on_output_more(struct rpc_call *c, struct span body)
{
	struct wire_output_more q;

	wire_decode_output_more(body, &q);
	fake.output_more += q.bytes;
	on_ok(c, body);
}

void fake_output(uint32_t target, uint8_t stream, const char *text, bool end)
{
	struct wire_output e = {.stream = stream, .end = end, .data = span_str(text)};
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	wire_encode_output(&body, &e);
	fake_event(WIRE_output, target, 0, 0, &body);
	buf_free(&body);
}

static void on_ps(struct rpc_call *c, struct span body)
{
	struct wire_processes r = {.more = 3};
	struct buf list, out;

	(void)body;
	buf_init(&list, WIRE_PIECE);
	buf_init(&out, WIRE_PIECE);
	put_proc(&list, FAKE_PID, 1, "redis.service");
	put_proc(&list, FAKE_PID + 1, FAKE_PID, "redis.service");
	r.procs = span_buf(&list);
	wire_encode_processes(&out, &r);
	fake_reply(c, &out, false);
	buf_free(&list);
	buf_free(&out);
}

static void on_snapshot(struct rpc_call *c, struct span body)
{
	struct wire_snapshot_data r = {.stopped_ns = 1800000};
	struct buf procs, threads, regs, chunks, cuts, out;
	struct wire_snapshot q;

	wire_decode_snapshot(body, &q);
	buf_init(&procs, WIRE_PIECE);
	buf_init(&threads, WIRE_PIECE);
	buf_init(&regs, WIRE_PIECE);
	buf_init(&chunks, WIRE_PIECE);
	buf_init(&cuts, WIRE_PIECE);
	buf_init(&out, 8 * WIRE_PIECE);
	put_proc(&procs, FAKE_PID, 1, "redis.service");
	for (unsigned i = 0; i < fake.threads && i < 10; i++) {
		uint64_t want = stack_top(i) - fake_sp(i),
			 got = fake.cut ? 3 * fake.frame_size : want;

		put_thread(&threads, i, WIRE_T_STOPPED);
		put_regs(&regs, FAKE_PID + i, NT_PRSTATUS);
		put_chunk(&chunks, fake_sp(i), got);
		if (fake.cut)
			wire_put_cut(&cuts,
			    &(struct wire_rec_cut){.tid = FAKE_PID + i, .want = want, .got = got});
	}
	r.procs = span_buf(&procs);
	r.threads = span_buf(&threads);
	r.regs = span_buf(&regs);
	r.chunks = span_buf(&chunks);
	r.cuts = span_buf(&cuts);
	wire_encode_snapshot_data(&out, &r);
	fake_reply(c, &out, false);
	buf_free(&procs);
	buf_free(&threads);
	buf_free(&regs);
	buf_free(&chunks);
	buf_free(&cuts);
	buf_free(&out);
}

static const struct {
	enum wire_type type, reply;
	void (*handle)(struct rpc_call *c, struct span body);
} handlers[] = {
    {WIRE_ps, WIRE_processes, on_ps},
    {WIRE_attach, WIRE_attached, on_attach},
    {WIRE_launch_text, WIRE_ok, on_launch_text},
    {WIRE_launch, WIRE_attached, on_launch},
    {WIRE_input, WIRE_ok, on_input},
    {WIRE_window, WIRE_ok, on_ok},
    {WIRE_output_more, WIRE_ok, on_output_more},
    {WIRE_kill, WIRE_ok, on_ok},
    {WIRE_maps, WIRE_map_list, on_maps},
    {WIRE_auxv, WIRE_bytes, on_auxv},
    {WIRE_detach, WIRE_ok, on_ok},
    {WIRE_resume, WIRE_ok, on_resume},
    {WIRE_interrupt, WIRE_ok, on_interrupt},
    {WIRE_threads, WIRE_thread_list, on_threads},
    {WIRE_regs_read, WIRE_regs, on_regs},
    {WIRE_mem_read, WIRE_memory, on_mem},
    {WIRE_snapshot, WIRE_snapshot_data, on_snapshot},
};

/* What the test answers itself. */
static bool answer_more(struct rpc_call *c, enum wire_type type, struct span body)
{
	int code = 0;
	struct buf out;

	if (!fake.more)
		return false;
	buf_init(&out, WIRE_PIECE);
	c->reply = (uint16_t)fake.more(type, c->target, body, &out, &code);
	if (c->reply)
		fake_reply(c, &out, false);
	else if (code)
		c->failed =
		    he_error_wire("box", "do that", &(struct wire_error){.code = (uint16_t)code});
	buf_free(&out);
	return c->reply || code;
}

void fake_answer(struct rpc_call *c, enum wire_type type, struct span body)
{
	if (fake.refuse == type) {
		c->failed =
		    he_error_wire("box", "do that", &(struct wire_error){.code = fake.refuse_as});
		return;
	}
	if (answer_more(c, type, body))
		return;
	for (size_t i = 0; i < sizeof(handlers) / sizeof(*handlers); i++)
		if (handlers[i].type == type) {
			c->reply = (uint16_t)handlers[i].reply;
			handlers[i].handle(c, body);
			return;
		}
	c->failed = he_error_wire("box", "do that", &(struct wire_error){.code = E_UNKNOWN});
}

void fake_tell_held(void)
{
	if (held_target)
		fake_stopped(held_target, ++fake.generation);
	held_target = 0;
}
