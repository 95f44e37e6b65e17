/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine over a made-up agent: what it caches, what it asks, and what it believes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "fake_agent.h"

static struct he_engine *engine;
static struct he_server *server;
static struct he_target *target;

static void attach(enum he_how how)
{
	assert_null(he_attach(server, FAKE_PID, 0, how, &target));
}

static int setup(void **state)
{
	struct he_config config = {.config_dir = "/nonexistent", .cache_dir = "/nonexistent"};

	(void)state;
	fake_reset();
	target = NULL;
	return he_new(&config, &engine) || he_connect(engine, "box", &server);
}

static int teardown(void **state)
{
	(void)state;
	he_free(engine);
	return 0;
}

static int code_of(struct he_error *e)
{
	int code = e ? e->code : 0;

	he_error_free(e);
	return code;
}

static size_t frames(uint64_t tid, enum he_end *end)
{
	struct he_stack *s;
	size_t n;

	assert_null(he_backtrace(target, tid, 0, &s));
	n = s->n;
	*end = s->end;
	he_stack_free(s);
	return n;
}

static enum he_state state_of(void)
{
	struct he_target_info i;

	he_target_info(target, &i);
	return i.state;
}

static unsigned count_events(enum he_event_kind kind)
{
	struct he_event ev;
	unsigned n = 0;

	do {
		assert_null(he_wait(engine, 0, &ev));
		n += ev.kind == kind;
	} while (ev.kind);
	return n;
}

/* ---- round trips ------------------------------------------------------------------ */

static void attach_and_detach_take_two_flights_however_many_threads(void **state)
{
	struct he_threads *th;

	(void)state;
	fake.threads = 1001;
	attach(HE_STOP);
	assert_int_equal(fake.flights, 1);
	assert_int_equal(state_of(), HE_STOPPED);
	assert_null(he_threads(target, &th));
	assert_int_equal(th->n, 1001);
	assert_int_equal(th->v[0].tid, FAKE_PID);
	assert_string_equal(th->v[1].name, "worker");
	he_threads_free(th);
	assert_null(he_detach(target));
	assert_int_equal(fake.flights, 2);
}

static void backtrace_of_the_thread_that_stopped_needs_no_request(void **state)
{
	enum he_end end;

	(void)state;
	attach(HE_STOP);
	assert_int_equal(frames(FAKE_PID, &end), 12);
	assert_int_equal(end, HE_END_OUTERMOST);
	assert_int_equal(fake.flights, 1);
}

static void all_stacks_of_1001_threads_come_in_one_flight(void **state)
{
	enum he_end end;

	(void)state;
	fake.threads = 1001;
	attach(HE_STOP);
	assert_null(he_prefetch_stacks(target));
	for (unsigned i = 0; i < fake.threads; i++) {
		assert_int_equal(frames(FAKE_PID + i, &end), 12);
		assert_int_equal(end, HE_END_OUTERMOST);
	}
	assert_int_equal(fake.flights, 2);
}

static void deep_stacks_of_all_threads_take_few_more(void **state)
{
	enum he_end end;

	(void)state;
	fake.threads = 300;
	fake.depth = 400;
	fake.frame_size = 160;
	attach(HE_STOP);
	assert_null(he_prefetch_stacks(target));
	for (unsigned i = 0; i < fake.threads; i++)
		assert_int_equal(frames(FAKE_PID + i, &end), 400);
	assert_in_range(fake.flights, 2, 7);
	/* Asked for again, they are unwound again, from the cache. */
	assert_int_equal(frames(FAKE_PID + 7, &end), 400);
	assert_in_range(fake.flights, 2, 7);
}

static void one_deep_stack_is_fetched_in_growing_steps_and_never_cut(void **state)
{
	enum he_end end;

	(void)state;
	fake.depth = 4000;
	attach(HE_STOP);
	assert_int_equal(frames(FAKE_PID + 1, &end), 4000);
	assert_int_equal(end, HE_END_OUTERMOST);
	assert_in_range(fake.flights, 2, 7);
}

static void a_stop_without_a_bundle_is_made_up_for_in_three_flights(void **state)
{
	enum he_end end;

	(void)state;
	fake.threads = 100;
	fake.no_bundle = true;
	attach(HE_STOP);
	assert_null(he_prefetch_stacks(target));
	for (unsigned i = 0; i < fake.threads; i++)
		assert_int_equal(frames(FAKE_PID + i, &end), 12);
	assert_int_equal(fake.flights, 3);
	assert_int_equal(fake.requests[WIRE_regs_read], 1);
}

static void a_read_larger_than_max_read_is_several_requests_in_one_flight(void **state)
{
	static uint8_t buf[300 * 1024], small[300 * 1024];
	size_t got = 0;

	(void)state;
	fake.max_read = 65536;
	fake.threads = 8;
	attach(HE_STOP);
	assert_null(he_read(target, FAKE_MEM, buf, sizeof(buf), &got));
	assert_int_equal(got, sizeof(buf));
	assert_int_equal(fake.requests[WIRE_mem_read], 5);
	assert_int_equal(fake.flights, 2);
	for (size_t at = 0; at < sizeof(small); at += 1000)
		assert_null(he_read(target, FAKE_MEM + at, small + at,
		    sizeof(small) - at < 1000 ? sizeof(small) - at : 1000, &got));
	assert_memory_equal(buf, small, sizeof(buf));
}

/* ---- the cache ------------------------------------------------------------------------ */

static void memory_is_asked_for_once_a_stop_and_never_served_stale(void **state)
{
	uint8_t before, after;
	struct he_event ev;

	(void)state;
	attach(HE_STOP);
	assert_null(he_read(target, FAKE_MEM + 64, &before, 1, NULL));
	assert_null(he_read(target, FAKE_MEM + 64, &before, 1, NULL));
	assert_null(he_read(target, FAKE_MEM + 500, &before, 1, NULL));
	assert_int_equal(fake.requests[WIRE_mem_read], 1);
	assert_null(he_continue(target, 0));
	assert_int_equal(state_of(), HE_RUNNING);
	assert_null(he_interrupt(target, 0));
	assert_null(he_wait(engine, -1, &ev));
	assert_int_equal(ev.kind, HE_E_STOPPED);
	assert_ptr_equal(ev.target, target);
	assert_null(he_read(target, FAKE_MEM + 64, &after, 1, NULL));
	assert_int_not_equal(before, after);
	assert_int_equal(fake.requests[WIRE_mem_read], 2);
}

static void registers_after_a_resume_are_those_of_the_new_stop(void **state)
{
	struct he_registers *a, *b;

	(void)state;
	attach(HE_STOP);
	assert_null(he_registers(target, FAKE_PID + 2, 0, &a));
	assert_null(he_continue(target, 0));
	assert_int_equal(code_of(he_registers(target, FAKE_PID + 2, 0, &b)), E_RUNNING);
	assert_null(he_interrupt(target, 0));
	assert_null(he_registers(target, FAKE_PID + 2, 0, &b));
	assert_string_equal(a->v[0].name, "rax");
	assert_string_equal(a->v[0].group, "general");
	assert_int_not_equal(a->v[0].value[0], b->v[0].value[0]);
	he_registers_free(a);
	he_registers_free(b);
}

static void while_it_runs_every_read_asks_anew(void **state)
{
	uint8_t byte;

	(void)state;
	attach(HE_RUN);
	assert_int_equal(state_of(), HE_RUNNING);
	for (int i = 0; i < 3; i++)
		assert_null(he_read(target, FAKE_MEM + 64, &byte, 1, NULL));
	assert_int_equal(fake.requests[WIRE_mem_read], 3);
}

static void what_cannot_be_read_is_remembered_too(void **state)
{
	uint8_t buf[64];
	size_t got = 1;
	struct he_error *err;

	(void)state;
	attach(HE_STOP);
	for (int i = 0; i < 3; i++) {
		err = he_read(target, 0x1000, buf, sizeof(buf), &got);
		assert_int_equal(err->code, E_FAULT);
		assert_int_equal(err->addr, 0x1000);
		assert_int_equal(got, 0);
		he_error_free(err);
	}
	assert_int_equal(fake.requests[WIRE_mem_read], 1);
}

static void outer_frames_have_only_what_the_unwinder_recovers(void **state)
{
	struct he_registers *r;

	(void)state;
	attach(HE_STOP);
	assert_null(he_registers(target, FAKE_PID, 1, &r));
	assert_int_equal(r->n, 2);
	he_registers_free(r);
}

static void vector_registers_are_fetched_when_asked_for(void **state)
{
	struct he_registers *r;
	unsigned seen = 0;

	(void)state;
	attach(HE_STOP);
	assert_null(he_registers(target, FAKE_PID, 0, &r));
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].name, "xmm0") == 0) {
			seen = r->v[i].value[15];
			assert_int_equal(r->v[i].bits, 128);
		}
	assert_int_equal(seen, 0x5a);
	he_registers_free(r);
}

/* ---- states and events ----------------------------------------------------------------- */

static void a_running_thread_has_a_stack_that_says_so(void **state)
{
	enum he_end end;

	(void)state;
	attach(HE_LOOK);
	assert_int_equal(state_of(), HE_LOOKING);
	assert_int_equal(frames(FAKE_PID, &end), 0);
	assert_int_equal(end, HE_END_RUNNING);
	assert_int_equal(code_of(he_continue(target, 0)), E_STATE);
	assert_int_equal(code_of(he_interrupt(target, 0)), E_STATE);
}

static void a_thread_that_did_not_stop_in_time_is_no_obstacle(void **state)
{
	enum he_end end;

	(void)state;
	fake.late = true;
	attach(HE_STOP);
	assert_int_equal(state_of(), HE_STOPPED);
	assert_int_equal(frames(FAKE_PID + 1, &end), 0);
	assert_int_equal(end, HE_END_RUNNING);
	assert_int_equal(frames(FAKE_PID + 2, &end), 12);
	fake.late = false;
	fake_stopped(1, ++fake.generation);
	assert_int_equal(frames(FAKE_PID + 1, &end), 12);
	assert_int_equal(count_events(HE_E_STOPPED), 0);
}

static void a_thread_nobody_knows_is_an_error_that_names_it(void **state)
{
	struct he_stack *s;
	struct he_error *err;

	(void)state;
	attach(HE_STOP);
	err = he_backtrace(target, 99, 0, &s);
	assert_int_equal(err->code, E_NO_THREAD);
	assert_non_null(strstr(err->message, "redis-server (4242)"));
	assert_non_null(strstr(err->message, "99"));
	he_error_free(err);
}

static void the_end_of_the_process_is_one_event_and_then_an_error(void **state)
{
	struct wire_exited q = {.status = 9};
	struct he_target_info i;
	struct he_threads *th;
	struct buf body;

	(void)state;
	attach(HE_STOP);
	buf_init(&body, WIRE_PIECE);
	wire_encode_exited(&body, &q);
	fake_event(WIRE_exited, 1, 0, 0, &body);
	fake_event(WIRE_exited, 1, 0, 0, &body);
	buf_free(&body);
	assert_int_equal(code_of(he_threads(target, &th)), E_GONE);
	he_target_info(target, &i);
	assert_int_equal(i.state, HE_GONE);
	assert_int_equal(i.exit_status, 9);
	assert_int_equal(count_events(HE_E_EXITED), 1);
	assert_null(he_detach(target));
	assert_int_equal(fake.requests[WIRE_detach], 0);
}

static void a_lost_link_is_one_event_and_every_call_says_that_the_target_runs_on(void **state)
{
	struct he_threads *th;
	struct he_error *err;
	struct he_event ev;
	uint8_t byte;

	(void)state;
	attach(HE_STOP);
	fake_lose("no answer for 14 s");
	err = he_threads(target, &th);
	assert_int_equal(err->code, E_LOST);
	assert_non_null(strstr(err->message, "no answer for 14 s"));
	assert_non_null(strstr(err->message, "redis-server (4242) runs on"));
	he_error_free(err);
	assert_int_equal(code_of(he_read(target, FAKE_MEM, &byte, 1, NULL)), E_LOST);
	assert_null(he_wait(engine, 0, &ev));
	assert_int_equal(ev.kind, HE_E_LINK_LOST);
	assert_ptr_equal(ev.server, server);
	assert_null(ev.target);
	assert_int_equal(count_events(HE_E_LINK_LOST), 0);
	assert_null(he_detach(target));
}

static void many(enum wire_type type, uint32_t handle, unsigned n)
{
	struct wire_signalled q = {.tid = FAKE_PID, .signal = 10};
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	wire_encode_signalled(&body, &q);
	while (n--)
		fake_event(type, handle, 0, 0, &body);
	buf_free(&body);
}

static void exit_of(uint32_t handle)
{
	struct wire_exited q = {.status = 9};
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	wire_encode_exited(&body, &q);
	fake_event(WIRE_exited, handle, 0, 0, &body);
	buf_free(&body);
}

static void the_end_of_a_process_or_a_link_is_told_even_where_nobody_took_the_events(void **state)
{
	unsigned seen[HE_E_RELEASED + 1] = {0};
	struct he_target *other;
	struct he_threads *th;
	struct he_event ev;

	(void)state;
	attach(HE_STOP);
	assert_null(he_attach(server, FAKE_PID, 0, HE_STOP, &other));
	many(WIRE_signalled, 1, 6000);
	for (int i = 0; i < 8; i++) {
		assert_null(he_threads(other, &th));
		he_threads_free(th);
	}
	exit_of(1);
	assert_int_equal(code_of(he_threads(target, &th)), E_GONE);
	fake_lose("gone");
	assert_int_equal(code_of(he_threads(other, &th)), E_LOST);
	do {
		assert_null(he_wait(engine, 0, &ev));
		seen[ev.kind]++;
	} while (ev.kind);
	assert_int_equal(seen[HE_E_SIGNALLED], 4096);
	assert_int_equal(seen[HE_E_EXITED], 1);
	assert_int_equal(seen[HE_E_LINK_LOST], 1);
}

static void the_last_events_of_what_is_freed_are_not_told(void **state)
{
	struct he_threads *th;

	(void)state;
	attach(HE_STOP);
	exit_of(1);
	assert_int_equal(code_of(he_threads(target, &th)), E_GONE);
	assert_null(he_detach(target));
	assert_int_equal(count_events(HE_E_EXITED), 0);
	attach(HE_STOP);
	fake_lose("gone");
	assert_int_equal(code_of(he_threads(target, &th)), E_LOST);
	he_disconnect(server);
	assert_int_equal(count_events(HE_E_LINK_LOST), 0);
}

static void a_flood_that_is_not_worth_telling_does_not_keep_who_wanted_a_look(void **state)
{
	struct timeval none = {0};
	struct he_threads *th;
	struct he_event ev;
	fd_set set;

	(void)state;
	attach(HE_STOP);
	many(WIRE_signalled, 77, 4000); /* no such handle */
	assert_null(he_wait(engine, 0, &ev));
	assert_int_equal(ev.kind, HE_E_NONE);
	FD_ZERO(&set);
	FD_SET(he_event_fd(engine), &set);
	assert_int_equal(select(he_event_fd(engine) + 1, &set, NULL, NULL, &none), 1);
	assert_null(he_threads(target, &th));
	he_threads_free(th);
	FD_SET(he_event_fd(engine), &set);
	assert_int_equal(select(he_event_fd(engine) + 1, &set, NULL, NULL, &none), 1);
}

static void a_process_that_ended_before_the_link_does_not_run_on(void **state)
{
	struct he_target_info i;
	struct he_threads *th;
	struct he_error *err;

	(void)state;
	attach(HE_STOP);
	exit_of(1);
	fake_lose("gone");
	err = he_threads(target, &th);
	assert_int_equal(err->code, E_GONE);
	assert_null(strstr(err->message, "runs on"));
	he_error_free(err);
	he_target_info(target, &i);
	assert_false(i.lost);
}

static void an_attach_that_is_broken_off_lets_go_again(void **state)
{
	(void)state;
	fake.silent = true;
	assert_int_equal(code_of(he_attach(server, FAKE_PID, 0, HE_STOP, &target)), E_CANCELLED);
	assert_int_equal(fake.requests[WIRE_detach], 1);
	assert_null(he_target_next(engine, NULL));
	/* The same before its answer has come. */
	fake.refuse = WIRE_attach;
	fake.refuse_as = E_CANCELLED;
	assert_int_equal(code_of(he_attach(server, FAKE_PID, 0, HE_STOP, &target)), E_CANCELLED);
	assert_int_equal(fake.requests[WIRE_detach], 2);
	assert_null(he_target_next(engine, NULL));
}

static void a_refused_attach_leaves_nothing(void **state)
{
	(void)state;
	fake.refuse = WIRE_attach;
	fake.refuse_as = E_TRACED;
	assert_int_equal(code_of(he_attach(server, FAKE_PID, 0, HE_STOP, &target)), E_TRACED);
	assert_int_equal(fake.requests[WIRE_detach], 0);
	assert_null(he_target_next(engine, NULL));
}

static void events_wake_whoever_sleeps_on_the_descriptor(void **state)
{
	struct he_event ev;
	enum he_end end;
	fd_set set;
	struct timeval none = {0};

	(void)state;
	attach(HE_STOP);
	assert_null(he_wait(engine, 0, &ev));
	FD_ZERO(&set);
	FD_SET(he_event_fd(engine), &set);
	assert_int_equal(select(he_event_fd(engine) + 1, &set, NULL, NULL, &none), 0);
	assert_null(he_interrupt(target, 0));
	frames(FAKE_PID, &end); /* takes the event up, and keeps it */
	FD_SET(he_event_fd(engine), &set);
	assert_int_equal(select(he_event_fd(engine) + 1, &set, NULL, NULL, &none), 1);
	assert_int_equal(count_events(HE_E_STOPPED), 1);
	FD_SET(he_event_fd(engine), &set);
	assert_int_equal(select(he_event_fd(engine) + 1, &set, NULL, NULL, &none), 0);
}

static void a_stop_that_a_resume_overtakes_is_not_taken_for_the_newest_state(void **state)
{
	(void)state;
	attach(HE_RUN);
	fake.held_event = true;
	assert_null(he_interrupt(target, 0));
	assert_null(he_continue(target, 0));
	assert_int_equal(count_events(HE_E_STOPPED), 1);
	assert_int_equal(state_of(), HE_RUNNING);
}

/* ---- a lying agent --------------------------------------------------------------------- */

static void memory_that_was_not_asked_for_is_not_believed(void **state)
{
	static const enum fake_lie lies[] = {
	    FAKE_OVERLAP, FAKE_GAP, FAKE_HUGE_CHUNK, FAKE_SHORT, FAKE_FOREIGN};
	uint8_t buf[4096];

	(void)state;
	attach(HE_STOP);
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		static uint8_t big[300 * 1024];
		size_t got = 0;

		fake.lie = lies[i];
		assert_int_not_equal(
		    code_of(he_read(target, FAKE_MEM + 8192 * i, buf, sizeof(buf), &got)), 0);
		assert_int_not_equal(code_of(he_read(target, FAKE_MEM, big, sizeof(big), &got)), 0);
	}
}

static void registers_of_unknown_threads_are_dropped(void **state)
{
	struct he_registers *r;

	(void)state;
	fake.no_bundle = true;
	fake.lie = FAKE_OTHER_REGS;
	attach(HE_STOP);
	assert_int_equal(code_of(he_registers(target, FAKE_PID, 0, &r)), E_NO_THREAD);
}

static void mappings_out_of_order_are_dropped(void **state)
{
	enum he_end end;

	(void)state;
	fake.lie = FAKE_ENDLESS_MAPS;
	attach(HE_STOP);
	assert_int_equal(frames(FAKE_PID + 1, &end), 12);
}

static void events_of_an_older_stop_or_of_nobody_change_nothing(void **state)
{
	struct wire_stopped q = {.generation = 99};
	struct wire_thread_exited x = {.tid = 12345};
	struct he_threads *th;
	struct buf body;

	(void)state;
	attach(HE_STOP);
	buf_init(&body, WIRE_PIECE);
	wire_encode_stopped(&body, &q);
	fake_event(WIRE_stopped, 77, 0, 0, &body); /* no such handle */
	fake_event(WIRE_stopped, 0, 0, 0, &body);
	fake_event(WIRE_stopped, 1, 3, 0, &body); /* a middle without a beginning */
	body.len = 0;
	q.generation = 1;
	wire_encode_stopped(&body, &q); /* the one we know already */
	fake_event(WIRE_stopped, 1, 0, 0, &body);
	body.len = 0;
	wire_encode_thread_exited(&body, &x);
	fake_event(WIRE_thread_exited, 1, 0, 0, &body);
	buf_free(&body);
	assert_null(he_threads(target, &th));
	assert_int_equal(th->n, 5);
	he_threads_free(th);
	assert_int_equal(count_events(HE_E_STOPPED), 0);
}

/* ---- snapshots -------------------------------------------------------------------------- */

static void a_snapshot_is_one_request_and_answers_from_itself(void **state)
{
	struct he_target_info i;
	enum he_end end;

	(void)state;
	assert_null(he_snapshot(server, FAKE_PID, 0, 0, 0, &target));
	for (unsigned n = 0; n < 5; n++) {
		assert_int_equal(frames(FAKE_PID + n, &end), 12);
		assert_int_equal(end, HE_END_OUTERMOST);
	}
	assert_int_equal(fake.flights, 1);
	he_target_info(target, &i);
	assert_int_equal(i.state, HE_FROZEN);
	assert_int_equal(i.stopped_ns, 1800000);
	assert_string_equal(i.comm, "redis-server");
	assert_int_equal(code_of(he_continue(target, 0)), E_STATE);
	assert_null(he_detach(target));
	assert_int_equal(fake.requests[WIRE_detach], 0);
}

static void a_cut_stack_of_a_snapshot_names_the_bound(void **state)
{
	struct he_stack *s;

	(void)state;
	fake.cut = true;
	fake.frame_size = 1024;
	assert_null(he_snapshot(server, FAKE_PID, 0, 0, 0, &target));
	assert_null(he_backtrace(target, FAKE_PID, 0, &s));
	assert_int_equal(s->end, HE_END_WINDOW);
	assert_int_equal(s->n, 4);
	assert_non_null(strstr(s->end_text, "3 KiB of 12 KiB"));
	he_stack_free(s);
}

/* ---- processes ---------------------------------------------------------------------------- */

static void a_name_that_several_have_lists_them(void **state)
{
	struct he_process p;
	struct he_error *err;

	(void)state;
	err = he_find_name(server, "redis-server", &p);
	assert_int_equal(err->code, E_LIMIT);
	assert_non_null(strstr(err->message, "4242"));
	assert_non_null(strstr(err->message, "4243"));
	he_error_free(err);
	assert_int_equal(code_of(he_find_name(server, "nosuch", &p)), E_NO_PROCESS);
}

static void the_main_process_of_a_unit_is_the_one_whose_parent_is_outside(void **state)
{
	struct he_process p;

	(void)state;
	assert_null(he_find_unit(server, "redis", &p));
	assert_int_equal(p.pid, 4242);
	assert_string_equal(p.args, "redis-server -x");
	assert_null(he_find_unit(server, "redis.service", &p));
	assert_int_equal(code_of(he_find_unit(server, "red", &p)), E_NO_PROCESS);
}

static void what_was_left_out_of_a_process_list_is_counted(void **state)
{
	struct he_processes *ps;

	(void)state;
	assert_null(he_ps(server, NULL, &ps));
	assert_int_equal(ps->n, 2);
	assert_int_equal(ps->truncated, 3);
	he_processes_free(ps);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(attach_and_detach_take_two_flights_however_many_threads),
	    T(backtrace_of_the_thread_that_stopped_needs_no_request),
	    T(all_stacks_of_1001_threads_come_in_one_flight),
	    T(deep_stacks_of_all_threads_take_few_more),
	    T(one_deep_stack_is_fetched_in_growing_steps_and_never_cut),
	    T(a_stop_without_a_bundle_is_made_up_for_in_three_flights),
	    T(a_read_larger_than_max_read_is_several_requests_in_one_flight),
	    T(memory_is_asked_for_once_a_stop_and_never_served_stale),
	    T(registers_after_a_resume_are_those_of_the_new_stop),
	    T(while_it_runs_every_read_asks_anew),
	    T(what_cannot_be_read_is_remembered_too),
	    T(outer_frames_have_only_what_the_unwinder_recovers),
	    T(vector_registers_are_fetched_when_asked_for),
	    T(a_running_thread_has_a_stack_that_says_so),
	    T(a_thread_that_did_not_stop_in_time_is_no_obstacle),
	    T(a_thread_nobody_knows_is_an_error_that_names_it),
	    T(the_end_of_the_process_is_one_event_and_then_an_error),
	    T(a_lost_link_is_one_event_and_every_call_says_that_the_target_runs_on),
	    T(the_end_of_a_process_or_a_link_is_told_even_where_nobody_took_the_events),
	    T(the_last_events_of_what_is_freed_are_not_told),
	    T(a_flood_that_is_not_worth_telling_does_not_keep_who_wanted_a_look),
	    T(a_process_that_ended_before_the_link_does_not_run_on),
	    T(an_attach_that_is_broken_off_lets_go_again),
	    T(a_refused_attach_leaves_nothing),
	    T(events_wake_whoever_sleeps_on_the_descriptor),
	    T(a_stop_that_a_resume_overtakes_is_not_taken_for_the_newest_state),
	    T(memory_that_was_not_asked_for_is_not_believed),
	    T(registers_of_unknown_threads_are_dropped),
	    T(mappings_out_of_order_are_dropped),
	    T(events_of_an_older_stop_or_of_nobody_change_nothing),
	    T(a_snapshot_is_one_request_and_answers_from_itself),
	    T(a_cut_stack_of_a_snapshot_names_the_bound),
	    T(a_name_that_several_have_lists_them),
	    T(the_main_process_of_a_unit_is_the_one_whose_parent_is_outside),
	    T(what_was_left_out_of_a_process_list_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
