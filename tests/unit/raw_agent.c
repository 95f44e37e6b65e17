/* SPDX-License-Identifier: BSD-2-Clause */
#include "raw_agent.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <elf.h>
#include <linux/audit.h>
#include <signal.h>
#include <string.h>

#include "common/err.h"

struct he_engine *engine;
struct he_server *server;
struct he_target *target;
struct seen seen;

/* ---- the agent ---------------------------------------------------------------------- */

static void take_patches(struct span body, struct buf *out)
{
	struct wire_patch_set q;
	struct wire_rec_patch r;
	struct buf list;

	wire_decode_patch_set(body, &q);
	buf_init(&list, WIRE_PIECE);
	seen.sets++;
	while (wire_next_patch(&q.patches, &r) && seen.n_set < MOST) {
		bool refuse = r.addr == seen.refused && seen.refusals;
		struct wire_rec_patch_result one = {
		    .id = r.id, .err = refuse ? seen.refused_as : (uint16_t)E_OK};

		seen.refusals -= refuse;
		seen.missing = seen.missing || (refuse && (r.flags & WIRE_PATCH_NEEDED));
		seen.set[seen.n_set++] = r;
		wire_put_patch_result(&list, &one);
	}
	wire_encode_patch_results(out, &(struct wire_patch_results){.results = span_buf(&list)});
	buf_free(&list);
}

static void take_clear(struct span body)
{
	struct wire_patch_clear q;
	struct wire_rec_patch_id r;

	wire_decode_patch_clear(body, &q);
	while (wire_next_patch_id(&q.ids, &r) && seen.n_cleared < MOST)
		seen.cleared[seen.n_cleared++] = r.id;
}

static enum wire_type take_go(struct wire_go q, uint64_t generation, int *code)
{
	void (*meanwhile)(void) = seen.meanwhile;
	struct wire_rec_go r;

	seen.meanwhile = NULL;
	if (meanwhile)
		meanwhile();
	if (seen.missing || generation < fake.generation) {
		*code = seen.missing ? seen.refused_as : E_NEWER;
		seen.missing = false;
		return WIRE_none;
	}
	seen.goes++;
	seen.stop = (uint8_t)(q.stop & ~WIRE_GO_HITS);
	seen.hits = q.stop & WIRE_GO_HITS;
	for (seen.n_go = 0; wire_next_go(&q.threads, &r) && seen.n_go < MOST;) {
		seen.go[seen.n_go++] = r;
		seen.standing &= r.tid ? ~(UINT64_C(1) << (r.tid - FAKE_PID)) : 0;
	}
	fake.salt++;
	return WIRE_ok;
}

static enum wire_type take_either(enum wire_type type, struct span body, int *code)
{
	struct wire_go_after after;
	struct wire_go q;

	if (type == WIRE_go) {
		wire_decode_go(body, &q);
		return take_go(q, UINT64_MAX, code);
	}
	wire_decode_go_after(body, &after);
	return take_go(
	    (struct wire_go){.threads = after.threads, .stop = after.stop}, after.generation, code);
}

static void list_threads(struct buf *out)
{
	struct buf list;

	buf_init(&list, WIRE_PIECE);
	for (unsigned i = 0; i < fake.threads; i++) {
		struct wire_rec_thread t = {.tid = FAKE_PID + i,
		    .state = seen.standing >> i & 1 ? WIRE_T_STOPPED : WIRE_T_RUNNING,
		    .name = span_str("x")};

		wire_put_thread(&list, &t);
	}
	wire_encode_thread_list(out, &(struct wire_thread_list){.threads = span_buf(&list)});
	buf_free(&list);
}

static void put_auxv(struct buf *out)
{
	const uint64_t words[] = {AT_BASE, seen.base, AT_NULL, 0};

	wire_encode_bytes(
	    out, &(struct wire_bytes){.data = {(const uint8_t *)words, sizeof(words)}});
}

static enum wire_type answer(
    enum wire_type type, uint32_t handle, struct span body, struct buf *out, int *code)
{
	struct wire_signals signals;
	struct wire_siginfo_write info;
	struct wire_regs_write regs;
	struct wire_rec_regset r;

	(void)handle;
	switch (type) {
	case WIRE_interrupt:
		return seen.quiet ? WIRE_ok : WIRE_none;
	case WIRE_threads:
		list_threads(out);
		return seen.lists ? WIRE_thread_list : WIRE_none;
	case WIRE_auxv:
		put_auxv(out);
		return seen.base ? WIRE_bytes : WIRE_none;
	case WIRE_patch_set:
		take_patches(body, out);
		return WIRE_patch_results;
	case WIRE_patch_clear:
		take_clear(body);
		return WIRE_ok;
	case WIRE_go:
	case WIRE_go_after:
		return take_either(type, body, code);
	case WIRE_signals:
		wire_decode_signals(body, &signals);
		seen.signals = signals.stop;
		return WIRE_ok;
	case WIRE_catch:
		wire_decode_catch(body, &seen.caught);
		return WIRE_ok;
	case WIRE_siginfo_write:
		wire_decode_siginfo_write(body, &info);
		memcpy(seen.siginfo, info.siginfo.p, sizeof(seen.siginfo));
		return WIRE_ok;
	case WIRE_regs_write:
		wire_decode_regs_write(body, &regs);
		for (seen.written = 0; wire_next_regset(&regs.regs, &r); seen.written++)
			;
		return WIRE_ok;
	default:
		return WIRE_none;
	}
}

static void put_why(const struct why *w, struct buf *stops, struct buf *causes)
{
	static const uint8_t info[128] = {SIGUSR1};
	struct wire_rec_stop s = {
	    .tid = FAKE_PID + w->thread, .reason = (uint8_t)w->reason, .signal = w->signal};
	struct wire_rec_cause c = {
	    .tid = s.tid, .patch = w->patch, .addr = w->addr, .hits = 1, .value = w->value};

	if (w->signal)
		s.siginfo = (struct span){info, sizeof(info)};
	wire_put_stop(stops, &s);
	if (w->patch || w->value)
		wire_put_cause(causes, &c);
}

static void put_thread(unsigned i, bool stands, uint64_t pc, struct buf *threads, struct buf *regs)
{
	struct wire_rec_thread t = {.tid = FAKE_PID + i,
	    .state = stands ? WIRE_T_STOPPED : WIRE_T_RUNNING,
	    .kernel = 't',
	    .name = span_str("x")};
	uint8_t gpr[216] = {0};
	uint64_t sp = fake_sp(i);
	struct wire_rec_regset r = {.tid = t.tid,
	    .arch = AUDIT_ARCH_X86_64,
	    .note = NT_PRSTATUS,
	    .data = {gpr, sizeof(gpr)}};

	memcpy(gpr + 16 * 8, &pc, 8);
	memcpy(gpr + 19 * 8, &sp, 8);
	wire_put_thread(threads, &t);
	if (pc)
		wire_put_regset(regs, &r);
}

/* 0: its registers do not come along. */
static uint64_t pc_of(unsigned i, uint64_t standing, const struct why *w, size_t n)
{
	bool cause = false;

	if (n && w[0].thread == i && seen.pc)
		return seen.pc;
	for (size_t k = 0; k < n; k++)
		cause = cause || w[k].thread == i;
	return (standing >> i & 1) && (cause || !seen.crossed) ? fake_pc(i, 0) : 0;
}

void stop(uint64_t standing, const struct why *w, size_t n)
{
	struct wire_stopped q = {.generation = ++fake.generation};
	struct wire_causes k = {.generation = q.generation};
	struct buf stops, causes, threads, missing, regs, body;

	buf_init(&missing, WIRE_PIECE);
	buf_init(&stops, WIRE_PIECE);
	buf_init(&causes, WIRE_PIECE);
	buf_init(&threads, WIRE_PIECE);
	buf_init(&regs, WIRE_PIECE);
	buf_init(&body, WIRE_PIECE);
	seen.standing = standing;
	for (size_t i = 0; i < n; i++)
		put_why(&w[i], &stops, &causes);
	for (unsigned i = 0; i < fake.threads; i++)
		put_thread(i, standing >> i & 1, pc_of(i, standing, w, n), &threads, &regs);
	for (unsigned i = 0; i < fake.threads && seen.early; i++)
		if (!(standing >> i & 1))
			wire_put_tid(&missing, &(struct wire_rec_tid){FAKE_PID + i});
	k.causes = span_buf(&causes);
	wire_encode_causes(&body, &k);
	if (causes.len)
		fake_event(WIRE_causes, 1, 0, 0, &body);
	buf_reset(&body);
	q.stops = span_buf(&stops);
	q.threads = span_buf(&threads);
	q.missing = span_buf(&missing);
	q.regs = span_buf(&regs);
	wire_encode_stopped(&body, &q);
	fake_event(WIRE_stopped, 1, 0, 0, &body);
	buf_free(&stops);
	buf_free(&causes);
	buf_free(&threads);
	buf_free(&missing);
	buf_free(&regs);
	buf_free(&body);
}

/* ---- the front end --------------------------------------------------------------------- */

static int begin(bool raw)
{
	struct he_config config = {
	    .config_dir = "/nonexistent", .cache_dir = "/nonexistent", .raw = raw};

	fake_reset();
	memset(&seen, 0, sizeof(seen));
	fake.more = answer;
	fake.version = WIRE_VERSION;
	seen.standing = UINT64_MAX;
	seen.lists = !raw;
	fake.rights = HE_RIGHT_LOOK | HE_RIGHT_STOP | HE_RIGHT_WRITE;
	fake.xstate = true;
	target = NULL;
	return he_new(&config, &engine) || he_connect(engine, "box", &server);
}

int setup(void **state)
{
	(void)state;
	return begin(true);
}

int setup_person(void **state)
{
	(void)state;
	return begin(false);
}

int teardown(void **state)
{
	(void)state;
	he_free(engine);
	return 0;
}

void attach(void)
{
	assert_null(he_attach(server, FAKE_PID, 0, HE_STOP, &target));
}

int code_of(struct he_error *e)
{
	int code = e ? e->code : 0;

	he_error_free(e);
	return code;
}

uint32_t patch(enum he_patch_kind kind, uint64_t addr, uint32_t len)
{
	struct he_patch q = {.kind = kind, .addr = addr, .len = len};
	uint32_t id = 0;

	assert_null(he_patch(target, &q, &id));
	assert_int_not_equal(id, 0);
	return id;
}

struct he_error *go(uint64_t tid, enum he_action action, int32_t signal)
{
	struct he_go v = {.tid = tid, .action = action, .signal = signal};

	return he_go(target, &v, 1, false);
}

void run_on(void)
{
	assert_null(go(0, HE_GO_CONT, 0));
}

struct he_event next(void)
{
	struct he_event ev;

	assert_null(he_wait(engine, 0, &ev));
	return ev;
}

struct he_event told(unsigned thread, enum he_reason reason)
{
	struct he_event ev = next();

	assert_int_equal(ev.kind, HE_E_STOPPED);
	assert_int_equal(ev.tid, FAKE_PID + thread);
	assert_int_equal(ev.reason, reason);
	return ev;
}

void nothing_told(void)
{
	assert_int_equal(next().kind, HE_E_NONE);
}
