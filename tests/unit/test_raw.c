/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine under a front end that is a debugger itself, over a made-up agent: what goes
 * when, what is told, and what comes along.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <elf.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "fake_agent.h"

enum { CODE = 0x400100, MOST = 16, XSTATE = 832 };

static struct he_engine *engine;
static struct he_server *server;
static struct he_target *target;

/* What the agent was told in its last requests, and how it answers. */
static struct {
	struct wire_rec_patch set[MOST];
	uint32_t cleared[MOST];
	unsigned n_set, n_cleared;
	struct wire_rec_go go[MOST];
	unsigned n_go, goes, sets;
	uint8_t stop;
	uint64_t signals;
	struct wire_catch caught;
	uint64_t refused; /* address of a patch, 0 = none ... */
	uint16_t refused_as;
	unsigned refusals; /* ... so many times */
	bool missing;
	bool quiet; /* an interrupt is answered, no stop follows */
	unsigned written; /* regsets, at once */
	uint8_t siginfo[128];
} seen;

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

static enum wire_type take_go(struct span body, int *code)
{
	struct wire_go q;
	struct wire_rec_go r;

	wire_decode_go(body, &q);
	if (seen.missing) {
		seen.missing = false;
		*code = seen.refused_as;
		return WIRE_none;
	}
	seen.goes++;
	seen.stop = (uint8_t)(q.stop & ~WIRE_GO_HITS);
	for (seen.n_go = 0; wire_next_go(&q.threads, &r) && seen.n_go < MOST;)
		seen.go[seen.n_go++] = r;
	fake.salt++;
	return WIRE_ok;
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
	case WIRE_patch_set:
		take_patches(body, out);
		return WIRE_patch_results;
	case WIRE_patch_clear:
		take_clear(body);
		return WIRE_ok;
	case WIRE_go:
		return take_go(body, code);
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

/* Why a thread stands. */
struct why {
	unsigned thread;
	enum wire_reason reason;
	uint32_t signal, patch;
	uint64_t addr;
	int64_t value;
};

static void put_why(const struct why *w, struct buf *stops, struct buf *causes)
{
	static const uint8_t info[128] = {SIGUSR1};
	struct wire_rec_stop s = {
	    .tid = FAKE_PID + w->thread, .reason = w->reason, .signal = w->signal};
	struct wire_rec_cause c = {
	    .tid = s.tid, .patch = w->patch, .addr = w->addr, .hits = 1, .value = w->value};

	if (w->signal)
		s.siginfo = (struct span){info, sizeof(info)};
	wire_put_stop(stops, &s);
	if (w->patch || w->value)
		wire_put_cause(causes, &c);
}

static void put_thread(unsigned i, bool stands, struct buf *threads, struct buf *regs)
{
	struct wire_rec_thread t = {.tid = FAKE_PID + i,
	    .state = stands ? WIRE_T_STOPPED : WIRE_T_RUNNING,
	    .kernel = 't',
	    .name = span_str("x")};
	uint8_t gpr[216] = {0};
	uint64_t pc = fake_pc(i, 0), sp = fake_sp(i);
	struct wire_rec_regset r = {.tid = t.tid,
	    .arch = AUDIT_ARCH_X86_64,
	    .note = NT_PRSTATUS,
	    .data = {gpr, sizeof(gpr)}};

	memcpy(gpr + 16 * 8, &pc, 8);
	memcpy(gpr + 19 * 8, &sp, 8);
	wire_put_thread(threads, &t);
	if (stands)
		wire_put_regset(regs, &r);
}

/* Threads (bits) stand, some of them for a reason. */
static void stop(uint64_t standing, const struct why *w, size_t n)
{
	struct wire_stopped q = {.generation = ++fake.generation};
	struct wire_causes k = {.generation = q.generation};
	struct buf stops, causes, threads, regs, body;

	buf_init(&stops, WIRE_PIECE);
	buf_init(&causes, WIRE_PIECE);
	buf_init(&threads, WIRE_PIECE);
	buf_init(&regs, WIRE_PIECE);
	buf_init(&body, WIRE_PIECE);
	for (size_t i = 0; i < n; i++)
		put_why(&w[i], &stops, &causes);
	for (unsigned i = 0; i < fake.threads; i++)
		put_thread(i, standing >> i & 1, &threads, &regs);
	k.causes = span_buf(&causes);
	wire_encode_causes(&body, &k);
	if (causes.len)
		fake_event(WIRE_causes, 1, 0, 0, &body);
	buf_reset(&body);
	q.stops = span_buf(&stops);
	q.threads = span_buf(&threads);
	q.regs = span_buf(&regs);
	wire_encode_stopped(&body, &q);
	fake_event(WIRE_stopped, 1, 0, 0, &body);
	buf_free(&stops);
	buf_free(&causes);
	buf_free(&threads);
	buf_free(&regs);
	buf_free(&body);
}

#define STOP(standing, ...)                                                                        \
	stop(standing, (struct why[]){__VA_ARGS__},                                                \
	    sizeof((struct why[]){__VA_ARGS__}) / sizeof(struct why))

/* ---- the front end --------------------------------------------------------------------- */

static int setup(void **state)
{
	struct he_config config = {
	    .config_dir = "/nonexistent", .cache_dir = "/nonexistent", .raw = true};

	(void)state;
	fake_reset();
	memset(&seen, 0, sizeof(seen));
	fake.more = answer;
	fake.version = WIRE_VERSION;
	fake.rights = HE_RIGHT_LOOK | HE_RIGHT_STOP | HE_RIGHT_WRITE;
	fake.xstate = true;
	target = NULL;
	return he_new(&config, &engine) || he_connect(engine, "box", &server);
}

static int teardown(void **state)
{
	(void)state;
	he_free(engine);
	return 0;
}

static void attach(void)
{
	assert_null(he_attach(server, FAKE_PID, 0, HE_STOP, &target));
}

static int code_of(struct he_error *e)
{
	int code = e ? e->code : 0;

	he_error_free(e);
	return code;
}

static uint32_t patch(enum he_patch_kind kind, uint64_t addr, uint32_t len)
{
	struct he_patch q = {.kind = kind, .addr = addr, .len = len};
	uint32_t id = 0;

	assert_null(he_patch(target, &q, &id));
	assert_int_not_equal(id, 0);
	return id;
}

static struct he_error *go(uint64_t tid, enum he_action action, int32_t signal)
{
	struct he_go v = {.tid = tid, .action = action, .signal = signal};

	return he_go(target, &v, 1, false);
}

static void run_on(void)
{
	assert_null(go(0, HE_GO_CONT, 0));
}

static struct he_event next(void)
{
	struct he_event ev;

	assert_null(he_wait(engine, 0, &ev));
	return ev;
}

static struct he_event told(unsigned thread, enum he_reason reason)
{
	struct he_event ev = next();

	assert_int_equal(ev.kind, HE_E_STOPPED);
	assert_int_equal(ev.tid, FAKE_PID + thread);
	assert_int_equal(ev.reason, reason);
	return ev;
}

static void nothing_told(void)
{
	assert_int_equal(next().kind, HE_E_NONE);
}

/* ---- patches ---------------------------------------------------------------------------- */

static void patches_go_in_one_flight_with_what_lets_it_run(void **state)
{
	unsigned before;

	(void)state;
	attach();
	patch(HE_PATCH_SOFT, CODE, 0);
	patch(HE_PATCH_HARD, CODE + 16, 0);
	assert_int_equal(seen.sets, 0);
	before = fake.flights;
	run_on();
	/* The instruction there was read, being known from nowhere. */
	assert_int_equal(fake.flights, before + 2);
	assert_int_equal(seen.n_set, 2);
	assert_int_equal(seen.goes, 1);
	assert_true(seen.set[0].flags & WIRE_PATCH_NEEDED);
	assert_int_equal(seen.signals, ~UINT64_C(0));
}

static void what_is_cleared_and_set_again_before_it_runs_has_never_left(void **state)
{
	uint32_t id;

	(void)state;
	attach();
	id = patch(HE_PATCH_SOFT, CODE, 0);
	run_on();
	STOP(0x1f, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	assert_true(he_unpatch_at(target, HE_PATCH_SOFT, CODE, 1));
	assert_false(he_unpatch_at(target, HE_PATCH_SOFT, CODE, 1));
	assert_int_equal(patch(HE_PATCH_SOFT, CODE, 0), id);
	seen.n_set = 0;
	run_on();
	assert_int_equal(seen.n_set, 0);
	assert_int_equal(seen.n_cleared, 0);
	assert_int_equal(seen.goes, 2);
}

static void what_is_cleared_goes_with_the_next_flight(void **state)
{
	(void)state;
	attach();
	he_unpatch(target, patch(HE_PATCH_SOFT, CODE + 64, 0));
	he_unpatch(target, 4711);
	he_unpatch(target, patch(HE_PATCH_WRITE, 0x7000, 8));
	patch(HE_PATCH_SOFT, CODE, 0);
	run_on();
	assert_int_equal(seen.n_set, 1);
	STOP(0x1f, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	assert_true(he_unpatch_at(target, HE_PATCH_SOFT, CODE, 0));
	assert_int_equal(seen.n_cleared, 0);
	run_on();
	assert_int_equal(seen.n_cleared, 1);
	assert_int_equal(seen.cleared[0], seen.set[0].id);
}

static void each_condition_is_a_patch_of_the_agents_and_one_is_hit(void **state)
{
	static const uint8_t yes[] = {0x22, 1, 0x27}, no[] = {0x22, 0, 0x27};
	const struct he_code code[] = {{no, sizeof(no)}, {yes, sizeof(yes)}};
	struct he_patch q = {.addr = CODE, .conditions = code, .n_conditions = 2};
	struct he_event ev;
	uint32_t id;

	(void)state;
	attach();
	assert_null(he_patch(target, &q, &id));
	run_on();
	assert_int_equal(seen.n_set, 2);
	assert_int_equal(seen.set[0].condition.n, sizeof(no));
	STOP(0x1f, {1, WIRE_STOP_PATCH, 0, seen.set[1].id, 0, 0});
	ev = told(1, HE_R_BREAKPOINT);
	assert_int_equal(ev.n_patches, 1);
	assert_int_equal(ev.patches[0], id);
	/* Without one it is another. */
	seen.n_set = 0;
	assert_int_equal(patch(HE_PATCH_SOFT, CODE, 0), id);
	run_on();
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.n_cleared, 1);
}

static void data_of_any_size_is_cut_into_what_the_processor_watches(void **state)
{
	struct he_patch many = {.kind = HE_PATCH_ACCESS, .addr = 0x9001, .len = 7};
	struct he_event ev;
	uint32_t id;

	(void)state;
	attach();
	id = patch(HE_PATCH_WRITE, 0x8004, 12);
	/* One, two and four bytes would be five registers in all. */
	assert_int_equal(code_of(he_patch(target, &many, &id)), E_NO_DEBUG_REGISTER);
	run_on();
	assert_int_equal(seen.n_set, 2);
	assert_true(seen.set[0].addr == 0x8004 && seen.set[0].len == 4);
	assert_true(seen.set[1].addr == 0x8008 && seen.set[1].len == 8);
	STOP(0x1f, {2, WIRE_STOP_PATCH, 0, seen.set[1].id, 0x8008, 0});
	ev = told(2, HE_R_WATCH);
	assert_int_equal(ev.data_addr, 0x8008);
	assert_int_equal(ev.break_kind, HE_BREAK_WATCH);
}

static void a_patch_where_nothing_is_mapped_is_refused_at_once(void **state)
{
	struct he_patch q = {.addr = 0x10};
	uint32_t id;

	(void)state;
	attach();
	assert_int_equal(code_of(he_patch(target, &q, &id)), E_FAULT);
	run_on();
	assert_int_equal(seen.n_set, 0);
}

static void where_no_code_is_nothing_is_needed(void **state)
{
	(void)state;
	attach();
	seen.refused = FAKE_MEM + 64;
	seen.refused_as = E_NO_CODE;
	seen.refusals = 99;
	patch(HE_PATCH_SOFT, FAKE_MEM + 64, 0);
	run_on();
	assert_int_equal(seen.goes, 1);
	assert_false(seen.set[0].flags & WIRE_PATCH_NEEDED);
	STOP(0x1f, {0, WIRE_STOP_SIGNAL, SIGSEGV, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	/* There may be some by now. */
	run_on();
	assert_int_equal(seen.n_set, 2);
}

static void nothing_runs_without_a_patch_that_cannot_be_planted(void **state)
{
	struct he_target_info info;
	struct he_error *err;

	(void)state;
	attach();
	seen.refused = CODE;
	seen.refused_as = E_INSIDE;
	seen.refusals = 99;
	patch(HE_PATCH_SOFT, CODE, 0);
	err = go(0, HE_GO_CONT, 0);
	assert_non_null(err);
	assert_int_equal(err->addr, CODE);
	assert_int_equal(code_of(err), E_INSIDE);
	assert_int_equal(seen.goes, 0);
	he_target_info(target, &info);
	assert_int_equal(info.state, HE_STOPPED);
	seen.refusals = 0;
	run_on();
	assert_int_equal(seen.goes, 1);
}

static void code_that_was_remembered_and_is_another_now_is_read_again(void **state)
{
	(void)state;
	attach();
	seen.refused = CODE;
	seen.refused_as = E_BAD_CONDITION;
	seen.refusals = 1;
	patch(HE_PATCH_SOFT, CODE, 0);
	run_on();
	assert_int_equal(seen.goes, 1);
	assert_int_equal(seen.n_set, 2);
}

static void without_the_right_to_write_patches_are_refused(void **state)
{
	struct he_patch q = {.addr = CODE};
	uint32_t id;

	(void)state;
	he_disconnect(server);
	fake.rights = HE_RIGHT_LOOK | HE_RIGHT_STOP;
	assert_null(he_connect(engine, "box", &server));
	attach();
	assert_int_equal(code_of(he_patch(target, &q, &id)), E_RIGHT);
	fake.rights |= HE_RIGHT_WRITE;
}

/* ---- several at once ------------------------------------------------------------------------ */

static uint32_t two_hit_at_once(void)
{
	uint32_t id;

	attach();
	id = patch(HE_PATCH_SOFT, CODE, 0);
	run_on();
	STOP(0x1f, {1, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0},
	    {3, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0});
	told(1, HE_R_BREAKPOINT);
	nothing_told();
	return id;
}

static void one_is_told_and_the_other_when_it_would_run(void **state)
{
	(void)state;
	two_hit_at_once();
	/* One that stays where it is has no say. */
	assert_null(go(FAKE_PID + 1, HE_GO_STEP, 0));
	assert_int_equal(seen.goes, 2);
	STOP(0x1f, {1, WIRE_STOP_STEP, 0, 0, 0, 0});
	told(1, HE_R_STEP);
	run_on();
	assert_int_equal(seen.goes, 2);
	told(3, HE_R_BREAKPOINT);
	nothing_told();
	run_on();
	assert_int_equal(seen.goes, 3);
}

static void what_waits_is_dropped_when_its_patch_is_gone(void **state)
{
	(void)state;
	he_unpatch(target, two_hit_at_once());
	run_on();
	assert_int_equal(seen.goes, 2);
	nothing_told();
}

static void what_waits_is_dropped_when_its_thread_was_moved(void **state)
{
	const struct he_register pc = {.name = "rip", .bits = 64, .value = {0x50}};
	const struct he_register ax = {.name = "rax", .bits = 64, .value = {1}};

	(void)state;
	two_hit_at_once();
	assert_null(he_write_registers(target, FAKE_PID + 3, &ax, 1));
	run_on();
	told(3, HE_R_BREAKPOINT);
	teardown(state);
	setup(state);
	two_hit_at_once();
	assert_null(he_write_registers(target, FAKE_PID + 3, &pc, 1));
	run_on();
	assert_int_equal(seen.goes, 2);
	nothing_told();
}

static void signals_of_a_go_that_told_something_instead_are_kept(void **state)
{
	(void)state;
	two_hit_at_once();
	assert_null(go(0, HE_GO_CONT, 0));
	told(3, HE_R_BREAKPOINT);
	teardown(state);
	setup(state);
	two_hit_at_once();
	{
		const struct he_go v[] = {
		    {.tid = FAKE_PID + 1, .signal = SIGUSR1}, {.tid = 0, .signal = 0}};

		assert_null(he_go(target, v, 2, false));
	}
	told(3, HE_R_BREAKPOINT);
	run_on();
	assert_int_equal(seen.n_go, 2);
	assert_int_equal(seen.go[0].tid, FAKE_PID + 1);
	assert_int_equal(seen.go[0].signal, SIGUSR1);
	assert_int_equal(seen.go[1].tid, 0);
}

static void those_that_want_all_get_all(void **state)
{
	struct he_event ev;

	(void)state;
	two_hit_at_once();
	assert_true(he_also_stopped(target, &ev));
	assert_int_equal(ev.tid, FAKE_PID + 3);
	assert_false(he_also_stopped(target, &ev));
	run_on();
	assert_int_equal(seen.goes, 2);
}

static void a_hit_of_what_was_cleared_is_not_told_and_it_runs_on(void **state)
{
	(void)state;
	attach();
	assert_null(go(FAKE_PID, HE_GO_CONT, 0));
	STOP(0x1f, {0, WIRE_STOP_PATCH, 0, 77, 0, 0});
	nothing_told();
	assert_int_equal(seen.goes, 2);
	assert_int_equal(seen.go[0].tid, FAKE_PID);
	assert_int_equal(seen.go[0].signal, -1);
}

static void a_stop_that_was_asked_for_is_told_once(void **state)
{
	(void)state;
	attach();
	run_on();
	assert_null(he_interrupt(target, 0));
	told(0, HE_R_REQUEST);
	/* One that was late. */
	STOP(0x1f, {2, WIRE_STOP_REQUEST, 0, 0, 0, 0});
	nothing_told();
	assert_int_equal(seen.goes, 1);
}

/* ---- alone ---------------------------------------------------------------------------------- */

static void alone_each_is_told_and_only_the_told_run_on(void **state)
{
	const struct he_go all = {.signal = 0};

	(void)state;
	attach();
	patch(HE_PATCH_SOFT, CODE, 0);
	assert_null(he_go(target, &all, 1, true));
	assert_int_equal(seen.stop, WIRE_STOPS_THREAD);
	assert_int_equal(seen.set[0].stop, WIRE_STOPS_THREAD);
	STOP(0x0a, {1, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0},
	    {3, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(1, HE_R_BREAKPOINT);
	told(3, HE_R_SIGNAL);
	nothing_told();
	/* Another has stopped meanwhile, which nobody was told. */
	STOP(0x1a, {4, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	assert_null(he_go(target, &all, 1, true));
	assert_int_equal(seen.n_go, 2);
	assert_int_equal(seen.go[0].tid + seen.go[1].tid, 2 * FAKE_PID + 4);
	told(4, HE_R_SIGNAL);
}

static void alone_threads_that_are_asked_to_stand_are_told_one_by_one(void **state)
{
	const struct he_go all = {.signal = 0};

	(void)state;
	attach();
	assert_null(he_go(target, &all, 1, true));
	seen.quiet = true;
	assert_null(he_interrupt(target, 0));
	STOP(0x05, {2, WIRE_STOP_REQUEST, 0, 0, 0, 0});
	told(0, HE_R_REQUEST);
	told(2, HE_R_REQUEST);
	STOP(0x07, {1, WIRE_STOP_REQUEST, 0, 0, 0, 0});
	told(1, HE_R_REQUEST);
	nothing_told();
}

/* ---- events ------------------------------------------------------------------------------------
 */

static void what_is_asked_for_is_told_with_its_number(void **state)
{
	const uint32_t numbers[] = {39};
	const struct he_catches q = {.events = 1u << HE_CATCH_CLONE | 1u << HE_CATCH_EXIT,
	    .follow = HE_FOLLOW_BOTH,
	    .syscalls = true,
	    .numbers = numbers,
	    .n_numbers = 1};
	struct he_event ev;

	(void)state;
	attach();
	assert_null(he_catch_events(target, &q));
	run_on();
	assert_int_equal(
	    seen.caught.events, WIRE_CATCH_CLONE | WIRE_CATCH_EXIT | WIRE_CATCH_SYSCALL);
	assert_int_equal(seen.caught.follow, WIRE_FOLLOW_BOTH);
	STOP(0x1f, {1, WIRE_STOP_SYSRET, 0, 0, 0, 39});
	ev = told(1, HE_R_CATCH);
	assert_int_equal(ev.caught, HE_CATCH_SYSCALL);
	assert_true(ev.returned && ev.number == 39);
	run_on();
	STOP(0x1f, {1, WIRE_STOP_CLONE, 0, 0, 0, FAKE_PID + 9});
	ev = told(1, HE_R_CATCH);
	assert_true(ev.caught == HE_CATCH_CLONE && ev.number == FAKE_PID + 9);
}

static void signals_that_pass_are_not_asked_for(void **state)
{
	(void)state;
	attach();
	assert_null(he_pass_signals(target, 1u << (SIGALRM - 1), 1u << (SIGTRAP - 1)));
	run_on();
	assert_int_equal(seen.signals, ~(UINT64_C(1) << (SIGALRM - 1)));
}

static void what_came_with_a_signal_can_be_read_and_written(void **state)
{
	uint8_t info[200] = {0};
	size_t len = sizeof(info);

	(void)state;
	attach();
	assert_int_equal(code_of(he_siginfo(target, FAKE_PID, info, &len)), E_STATE);
	run_on();
	STOP(0x1f, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	assert_null(he_siginfo(target, FAKE_PID, info, &len));
	assert_int_equal(len, 128);
	assert_int_equal(info[0], SIGUSR1);
	info[0] = SIGUSR2;
	assert_null(he_set_siginfo(target, FAKE_PID, info, len));
	assert_int_equal(seen.siginfo[0], SIGUSR2);
	assert_int_equal(code_of(he_set_siginfo(target, FAKE_PID, info, 12)), E_MALFORMED);
	run_on();
	assert_int_equal(code_of(he_siginfo(target, FAKE_PID, info, &len)), E_STATE);
}

/* ---- few round trips
 * ------------------------------------------------------------------------------ */

static void ask_thread(uint64_t tid, size_t bytes)
{
	struct he_registers *r;
	uint8_t word[8];
	size_t got;

	assert_null(he_registers(target, tid, 0, &r));
	assert_string_equal(r->v[r->n - 1].name, "orig_rax");
	he_registers_free(r);
	for (size_t at = 0; at < bytes; at += sizeof(word))
		assert_null(he_read(
		    target, fake_sp((unsigned)(tid - FAKE_PID)) + at, word, sizeof(word), &got));
}

static void stacks_and_registers_of_1001_threads_come_in_batches_that_double(void **state)
{
	(void)state;
	fake.threads = 1001;
	attach();
	assert_int_equal(fake.flights, 1);
	for (unsigned i = fake.threads; i-- > 0;)
		ask_thread(FAKE_PID + i, (size_t)fake.depth * fake.frame_size);
	assert_in_range(fake.flights, 2, 1 + 7);
}

static void deeper_stacks_of_all_threads_take_few_more(void **state)
{
	(void)state;
	fake.threads = 300;
	fake.depth = 100;
	fake.frame_size = 128;
	attach();
	for (unsigned i = 0; i < fake.threads; i++)
		ask_thread(FAKE_PID + i, (size_t)fake.depth * fake.frame_size);
	assert_in_range(fake.flights, 2, 20);
}

static void general_registers_come_with_the_stop(void **state)
{
	struct he_registers *r;

	(void)state;
	attach();
	assert_null(he_general_registers(target, FAKE_PID + 4, &r));
	assert_string_equal(r->v[0].name, "rax");
	he_registers_free(r);
	assert_int_equal(fake.flights, 1);
}

static void several_registers_are_written_in_one_request(void **state)
{
	const struct he_register v[] = {
	    {.name = "rbx", .bits = 64, .value = {7}},
	    {.name = "xmm3", .bits = 128, .value = {9}},
	    {.name = "ftag", .bits = 16, .value = {0xff, 0xff}},
	    {.name = "orig_rax", .bits = 64, .value = {0xff}},
	};
	const struct he_register none = {.name = "zmm20", .bits = 512};
	struct he_registers *r;
	unsigned found = 0;

	(void)state;
	attach();
	assert_null(he_write_registers(target, FAKE_PID + 2, v, 4));
	assert_int_equal(fake.requests[WIRE_regs_write], 1);
	assert_int_equal(seen.written, 2);
	assert_null(he_registers(target, FAKE_PID + 2, 0, &r));
	for (size_t i = 0; i < r->n; i++) {
		found += strcmp(r->v[i].name, "rbx") == 0 && r->v[i].value[0] == 7;
		found += strcmp(r->v[i].name, "xmm3") == 0 && r->v[i].value[0] == 9;
		found += strcmp(r->v[i].name, "ftag") == 0 && r->v[i].value[1] == 0xff;
	}
	assert_int_equal(found, 3);
	he_registers_free(r);
	assert_int_equal(code_of(he_write_registers(target, FAKE_PID, &none, 1)), E_STATE);
}

static void a_page_comes_for_a_word_and_nothing_of_it_survives_a_run(void **state)
{
	uint64_t at = FAKE_MEM + 3 * FAKE_STACK + 8192;
	uint8_t before, after;
	unsigned flights;
	size_t got;

	(void)state;
	attach();
	assert_null(he_read(target, at, &before, 1, &got));
	flights = fake.flights;
	assert_null(he_read(target, at + 4000, &before, 1, &got));
	assert_int_equal(fake.flights, flights);
	run_on();
	STOP(0x1f, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	assert_null(he_read(target, at, &after, 1, &got));
	assert_int_not_equal(before, after);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(patches_go_in_one_flight_with_what_lets_it_run),
	    T(what_is_cleared_and_set_again_before_it_runs_has_never_left),
	    T(what_is_cleared_goes_with_the_next_flight),
	    T(each_condition_is_a_patch_of_the_agents_and_one_is_hit),
	    T(data_of_any_size_is_cut_into_what_the_processor_watches),
	    T(a_patch_where_nothing_is_mapped_is_refused_at_once),
	    T(where_no_code_is_nothing_is_needed),
	    T(nothing_runs_without_a_patch_that_cannot_be_planted),
	    T(code_that_was_remembered_and_is_another_now_is_read_again),
	    T(without_the_right_to_write_patches_are_refused),
	    T(one_is_told_and_the_other_when_it_would_run),
	    T(what_waits_is_dropped_when_its_patch_is_gone),
	    T(what_waits_is_dropped_when_its_thread_was_moved),
	    T(signals_of_a_go_that_told_something_instead_are_kept),
	    T(those_that_want_all_get_all),
	    T(a_hit_of_what_was_cleared_is_not_told_and_it_runs_on),
	    T(a_stop_that_was_asked_for_is_told_once),
	    T(alone_each_is_told_and_only_the_told_run_on),
	    T(alone_threads_that_are_asked_to_stand_are_told_one_by_one),
	    T(what_is_asked_for_is_told_with_its_number),
	    T(signals_that_pass_are_not_asked_for),
	    T(what_came_with_a_signal_can_be_read_and_written),
	    T(stacks_and_registers_of_1001_threads_come_in_batches_that_double),
	    T(deeper_stacks_of_all_threads_take_few_more),
	    T(general_registers_come_with_the_stop),
	    T(several_registers_are_written_in_one_request),
	    T(a_page_comes_for_a_word_and_nothing_of_it_survives_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
