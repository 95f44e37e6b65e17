/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link against agents that lie: each lie ends the link with a sentence, in
 * bounded time and memory, and every call with it.
 */
#include "scripted_agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "host/link/inbox.h"

/* ---- what they say --------------------------------------------------------------- */

static void say_bytes(struct agent *a, uint64_t id, uint32_t piece, bool more)
{
	struct wire_bytes m = {.data = span_str("data")};
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_bytes(&b, &m);
	agent_piece(a, WIRE_bytes, id, piece, more, &b);
}

static void say_event(
    struct agent *a, uint16_t type, uint64_t number, uint32_t target, uint32_t piece, bool more)
{
	struct wire_stopped m = {.generation = 1};
	struct wire_head h = {.type = type,
	    .id = number,
	    .target = target,
	    .piece = piece,
	    .flags = more ? WIRE_MORE : 0};
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_stopped(&b, &m);
	h.len = (uint32_t)b.len;
	agent_put(a, &h, b.p, b.len);
}

static void say_head(struct agent *a, uint32_t len, uint16_t type, uint16_t flags, uint64_t id)
{
	struct wire_head h = {.len = len, .type = type, .flags = flags, .id = id};

	agent_put(a, &h, "\0\0\0\0\0\0\0\0", 8);
}

static void say_ack(struct agent *a, uint64_t credit)
{
	struct wire_ack m = {.credit_bytes = credit};
	uint8_t room[32];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_ack(&b, &m);
	agent_say(a, WIRE_ack, 0, &b);
}

/* One request (auxv) is in flight, its id is a->m.h.id. */
static void unasked_reply(struct agent *a)
{
	say_bytes(a, a->m.h.id + 1, 0, false);
}

static void old_reply(struct agent *a)
{
	say_bytes(a, 1, 0, false);
}

static void reply_twice(struct agent *a)
{
	say_bytes(a, a->m.h.id, 0, false);
	say_bytes(a, a->m.h.id, 0, false);
}

static void huge_id(struct agent *a)
{
	say_bytes(a, UINT64_MAX, 0, false);
}

static void wrong_kind_of_reply(struct agent *a)
{
	agent_say(a, WIRE_ok, a->m.h.id, NULL);
}

static void second_piece_first(struct agent *a)
{
	say_bytes(a, a->m.h.id, 1, true);
}

static void piece_repeated(struct agent *a)
{
	say_bytes(a, a->m.h.id, 0, true);
	say_bytes(a, a->m.h.id, 0, true);
}

static void piece_left_out(struct agent *a)
{
	say_bytes(a, a->m.h.id, 0, true);
	say_bytes(a, a->m.h.id, 2, false);
}

static void error_in_pieces(struct agent *a)
{
	struct wire_error m = {.code = E_OS};
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_error(&b, &m);
	agent_piece(a, WIRE_error, a->m.h.id, 0, true, &b);
}

static void reply_without_end(struct agent *a)
{
	a->corked = true;
	for (uint32_t i = 0; i < 1000000; i++)
		say_bytes(a, a->m.h.id, i, true);
	agent_uncork(a);
}

static void unknown_type(struct agent *a)
{
	say_head(a, 8, 200, 0, 1);
}

static void request_of_ours(struct agent *a)
{
	say_head(a, 8, WIRE_auxv, 0, a->m.h.id);
}

static void unknown_flags(struct agent *a)
{
	say_head(a, 8, WIRE_bytes, 2, a->m.h.id);
}

static void reply_without_id(struct agent *a)
{
	say_head(a, 8, WIRE_bytes, 0, 0);
}

static void list_longer_than_its_message(struct agent *a)
{
	struct wire_head h = {.len = 4, .type = WIRE_bytes, .id = a->m.h.id};

	agent_put(a, &h, "\xff\xff\xff\xff", 4);
}

static void bytes_left_over(struct agent *a)
{
	struct wire_head h = {.len = 5, .type = WIRE_bytes, .id = a->m.h.id};

	agent_put(a, &h, "\0\0\0\0\0", 5);
}

static void second_hello(struct agent *a)
{
	agent_hello(a);
}

static void challenge_for_no_key(struct agent *a)
{
	struct wire_challenge m = {.proof_version = 1};
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_challenge(&b, &m);
	agent_say(a, WIRE_challenge, 0, &b);
}

static void event_numbers_that_fall(struct agent *a)
{
	say_event(a, WIRE_stopped, 2, 1, 0, false);
	say_event(a, WIRE_stopped, 1, 1, 0, false);
}

static void event_number_repeated(struct agent *a)
{
	say_event(a, WIRE_stopped, 1, 1, 0, false);
	say_event(a, WIRE_stopped, 1, 1, 0, false);
}

static void event_inside_another(struct agent *a)
{
	say_event(a, WIRE_stopped, 1, 1, 0, true);
	say_event(a, WIRE_stopped, 2, 1, 0, false);
}

static void event_changes_its_target(struct agent *a)
{
	say_event(a, WIRE_stopped, 1, 1, 0, true);
	say_event(a, WIRE_stopped, 1, 2, 1, false);
}

static void event_pieces_out_of_order(struct agent *a)
{
	say_event(a, WIRE_stopped, 1, 1, 0, true);
	say_event(a, WIRE_stopped, 1, 1, 2, false);
}

static void event_without_end(struct agent *a)
{
	a->corked = true;
	for (uint32_t i = 0; i < 1000000; i++)
		say_event(a, WIRE_stopped, 1, 1, i, true);
	agent_uncork(a);
}

static void credit_without_end(struct agent *a)
{
	say_ack(a, UINT64_MAX);
}

static void credit_that_overflows(struct agent *a)
{
	for (int i = 0; i < 4; i++)
		say_ack(a, INT64_MAX / 2);
}

static void noise(struct agent *a)
{
	uint8_t random[4096];
	uint32_t x = 12345;

	for (size_t i = 0; i < sizeof(random); i++) {
		x = x * 1664525 + 1013904223;
		random[i] = (uint8_t)(x >> 24);
	}
	agent_raw(a, random, sizeof(random));
}

static void play_lie(struct agent *a)
{
	script *const *lie = a->arg;

	agent_open(a);
	if (agent_expect(a, WIRE_auxv))
		(*lie)(a);
}

/* The first thing said is no hello. */
static void reply_before_hello(struct agent *a)
{
	say_bytes(a, 1, 0, false);
}

static void event_before_session(struct agent *a)
{
	agent_hello(a);
	agent_expect(a, WIRE_hello);
	agent_expect(a, WIRE_open);
	say_event(a, WIRE_stopped, 1, 1, 0, false);
}

static void ack_before_hello(struct agent *a)
{
	say_ack(a, 1);
}

static void opened_of_another_kind(struct agent *a)
{
	agent_hello(a);
	agent_expect(a, WIRE_hello);
	agent_expect(a, WIRE_open);
	say_bytes(a, a->m.h.id, 0, false);
}

/* ---- how it ends --------------------------------------------------------------------- */

struct fix {
	struct inbox *inbox;
	struct agent agent;
	struct rpc *r;
};

static void start(struct fix *f, script *play, const void *arg)
{
	struct rpc_via via;

	f->inbox = inbox_new();
	via = agent_via(agent_start(&f->agent, play, arg));
	f->r = rpc_new(f->inbox, &via);
	assert_non_null(f->r);
}

static void finish(struct fix *f)
{
	rpc_free(f->r);
	f->agent.wrong[0] = 0; /* liars do not complain */
	agent_join(&f->agent);
	inbox_free(f->inbox);
}

static struct rpc_call *ask(struct rpc *r)
{
	struct wire_auxv body = {.pid = 1};
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_auxv(&b, &body);
	return rpc_send(r, WIRE_auxv, 0, &b, 0);
}

static void expect_code(struct he_error *e, int code)
{
	assert_non_null(e);
	if (e->code != code)
		fail_msg("error %d: %s", e->code, e->message);
	he_error_free(e);
}

static void expect_lie_found(script *lie, bool reply_is_fine)
{
	struct rpc_call *c[2];
	struct he_error *e;
	struct fix f;

	start(&f, play_lie, &lie);
	assert_null(rpc_greeted(f.r));
	assert_null(rpc_ready(f.r));
	c[0] = ask(f.r);
	c[1] = NULL;
	e = rpc_wait(c[0], NULL);
	if (reply_is_fine) {
		assert_null(e);
		c[1] = ask(f.r);
		e = rpc_wait(c[1], NULL);
	}
	expect_code(e, E_PROTOCOL);
	assert_int_equal(rpc_state(f.r), E_PROTOCOL);
	finish(&f);
}

static void every_lie_about_replies_ends_the_link(void **state)
{
	static script *const lies[] = {unasked_reply, old_reply, huge_id, wrong_kind_of_reply,
	    second_piece_first, piece_repeated, piece_left_out, error_in_pieces, unknown_type,
	    request_of_ours, unknown_flags, reply_without_id, list_longer_than_its_message,
	    bytes_left_over, second_hello, challenge_for_no_key, credit_without_end,
	    credit_that_overflows, noise};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		expect_lie_found(lies[i], false);
	expect_lie_found(reply_twice, true);
}

static void every_lie_about_events_ends_the_link(void **state)
{
	static script *const lies[] = {event_numbers_that_fall, event_number_repeated,
	    event_inside_another, event_changes_its_target, event_pieces_out_of_order};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		expect_lie_found(lies[i], false);
}

static void what_has_no_end_is_cut_off(void **state)
{
	(void)state;
	expect_lie_found(reply_without_end, false);
	expect_lie_found(event_without_end, false);
}

static void every_lie_before_the_session_ends_the_link(void **state)
{
	static script *const lies[] = {
	    reply_before_hello, event_before_session, ack_before_hello, opened_of_another_kind};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct he_error *e;
		struct fix f;

		start(&f, lies[i], NULL);
		e = rpc_greeted(f.r);
		if (!e)
			e = rpc_ready(f.r);
		expect_code(e, E_PROTOCOL);
		finish(&f);
	}
}

/* ---- lengths ------------------------------------------------------------------------- */

static const uint32_t lengths[] = {
    0, WIRE_PIECE - 1, WIRE_PIECE + 1, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff};

static void play_length(struct agent *a)
{
	agent_open(a);
	if (agent_expect(a, WIRE_auxv))
		say_head(a, *(const uint32_t *)a->arg, WIRE_bytes, 0, a->m.h.id);
}

static void no_claimed_length_makes_us_allocate(void **state)
{
	size_t before = mallinfo2().uordblks;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct he_error *e;
		struct fix f;

		start(&f, play_length, &lengths[i]);
		assert_null(rpc_greeted(f.r));
		assert_null(rpc_ready(f.r));
		e = rpc_wait(ask(f.r), NULL);
		assert_non_null(e); /* PROTOCOL, or LOST where more was promised than came */
		he_error_free(e);
		assert_true(mallinfo2().uordblks < before + 2 * 1024 * 1024);
		finish(&f);
	}
}

static const uint64_t figures[][3] = {
    /* page_size, max_read, credit_bytes */
    {0, 1 << 20, 1 << 20},
    {4095, 1 << 20, 1 << 20},
    {0xffffffff, 1 << 20, 1 << 20},
    {4096, 0, 1 << 20},
    {4096, 1, 1 << 20},
    {4096, 1 << 20, 0},
    {4096, 1 << 20, UINT64_MAX},
    {4096, 1 << 20, 1ull << 63},
};

static void play_hello(struct agent *a)
{
	const uint64_t *n = a->arg;

	a->hello.page_size = (uint32_t)n[0];
	a->hello.max_read = (uint32_t)n[1];
	a->hello.credit_bytes = n[2];
	agent_hello(a);
}

static void figures_that_make_no_sense_are_not_computed_with(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		struct fix f;

		start(&f, play_hello, figures[i]);
		expect_code(rpc_greeted(f.r), E_PROTOCOL);
		finish(&f);
	}
}

static void play_greedy(struct agent *a)
{
	a->hello.max_read = 0xffffffff;
	a->hello.credit_requests = 0xffffffff;
	agent_open(a);
}

static void what_is_offered_too_generously_is_cut(void **state)
{
	struct fix f;

	(void)state;
	start(&f, play_greedy, NULL);
	assert_null(rpc_greeted(f.r));
	assert_null(rpc_ready(f.r));
	assert_true(rpc_peer(f.r)->max_read <= 16 * 1024 * 1024);
	finish(&f);
}

/* ---- floods --------------------------------------------------------------------------- */

static void play_flood(struct agent *a)
{
	agent_open(a);
	a->corked = true;
	for (uint64_t i = 1; i <= 600000; i++)
		say_event(a, WIRE_stopped, i, 1, 0, false);
	agent_uncork(a);
	agent_expect(a, WIRE_auxv);
	say_bytes(a, a->m.h.id, 0, false);
}

static void events_nobody_takes_are_bounded_and_their_loss_is_told(void **state)
{
	struct wire_events_lost lost = {0};
	uint64_t taken = 0;
	struct rpc_piece *p;
	struct fix f;

	(void)state;
	start(&f, play_flood, NULL);
	assert_null(rpc_greeted(f.r));
	assert_null(rpc_ready(f.r));
	assert_null(rpc_wait(ask(f.r), NULL)); /* answered after all of them */
	while ((p = inbox_take(f.inbox, 0))) {
		if (p->m.h.type == WIRE_events_lost)
			assert_true(wire_decode_events_lost(p->m.body, &lost));
		taken += p->m.h.type == WIRE_stopped;
		rpc_pieces_free(p);
	}
	assert_true(lost.count > 0);
	assert_int_equal(taken + lost.count, 600000);
	finish(&f);
}

static void play_asks_and_never_reads(struct agent *a)
{
	struct wire_heartbeat m = {.stamp = 1};
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	agent_open(a);
	wire_encode_heartbeat(&b, &m);
	a->corked = true;
	for (int i = 0; i < 200000; i++)
		agent_say(a, WIRE_heartbeat, 0, &b);
	agent_uncork(a);
	while (agent_get(a) && a->m.h.type != WIRE_auxv)
		;
	say_bytes(a, a->m.h.id, 0, false);
}

static void answers_nobody_reads_do_not_pile_up(void **state)
{
	size_t before = mallinfo2().uordblks;
	struct fix f;

	(void)state;
	start(&f, play_asks_and_never_reads, NULL);
	assert_null(rpc_greeted(f.r));
	assert_null(rpc_ready(f.r));
	assert_null(rpc_wait(ask(f.r), NULL));
	assert_true(mallinfo2().uordblks < before + 8 * 1024 * 1024);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_lie_about_replies_ends_the_link),
	    cmocka_unit_test(every_lie_about_events_ends_the_link),
	    cmocka_unit_test(every_lie_before_the_session_ends_the_link),
	    cmocka_unit_test(what_has_no_end_is_cut_off),
	    cmocka_unit_test(no_claimed_length_makes_us_allocate),
	    cmocka_unit_test(figures_that_make_no_sense_are_not_computed_with),
	    cmocka_unit_test(what_is_offered_too_generously_is_cut),
	    cmocka_unit_test(events_nobody_takes_are_bounded_and_their_loss_is_told),
	    cmocka_unit_test(answers_nobody_reads_do_not_pile_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
