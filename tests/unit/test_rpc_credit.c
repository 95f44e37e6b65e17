/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link and credit: what it may send, and what it grants.
 */
#include "rpc_fix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>

#include "common/credit.h"

static void play_one_at_a_time(struct agent *a)
{
	struct pollfd p = {.fd = a->fd, .events = POLLIN};

	a->hello.credit_requests = 1;
	agent_open(a);
	for (int i = 0; i < 3; i++) {
		agent_expect(a, WIRE_threads);
		if (poll(&p, 1, 50) != 0)
			agent_wrong(a, "more requests in flight than granted");
		fix_say_threads(a, a->m.h.id);
	}
}

static void requests_in_flight_stay_within_what_was_granted(void **state)
{
	struct rpc_call *c[3];
	struct fix f;

	(void)state;
	fix_open(&f, play_one_at_a_time, NULL);
	for (int i = 0; i < 3; i++)
		c[i] = fix_ask(f.r);
	for (int i = 0; i < 3; i++)
		assert_null(rpc_wait(c[i], NULL));
	fix_finish(&f);
}

static void play_byte_credit(struct agent *a)
{
	struct pollfd p = {.fd = a->fd, .events = POLLIN};
	struct wire_ack ack = {.credit_bytes = 1024};
	uint8_t room[32];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	a->hello.credit_bytes = WIRE_HEAD + 30; /* for open, and a little */
	agent_open(a);
	agent_expect(a, WIRE_threads); /* overdraws */
	fix_say_threads(a, a->m.h.id);
	if (poll(&p, 1, 50) != 0)
		agent_wrong(a, "more bytes than granted");
	wire_encode_ack(&b, &ack);
	agent_say(a, WIRE_ack, 0, &b);
	agent_expect(a, WIRE_threads);
	fix_say_threads(a, a->m.h.id);
}

static void bytes_of_requests_stay_within_what_was_granted(void **state)
{
	struct rpc_call *c[2];
	struct fix f;

	(void)state;
	fix_open(&f, play_byte_credit, NULL);
	c[0] = fix_ask(f.r);
	c[1] = fix_ask(f.r);
	assert_null(rpc_wait(c[0], NULL));
	assert_null(rpc_wait(c[1], NULL));
	fix_finish(&f);
}

/* 24 replies of 1 MB each: the window of 4 MiB needs granting anew. */
static void play_bulk(struct agent *a)
{
	uint64_t used = 0, window = 0;

	agent_open(a);
	window = CREDIT_REPLY_BYTES;
	while (agent_get(a) && a->m.h.type == WIRE_auxv) {
		used += 1000000;
		if (used > window + a->granted)
			agent_wrong(a, "credit was not granted in time");
		agent_bytes(a, a->m.h.id, 1000000);
	}
	if (a->granted < 24 * 1000000 - CREDIT_REPLY_BYTES - 1000000)
		agent_wrong(a, "less was granted than was used up");
	if (a->granted > 25 * 1000000)
		agent_wrong(a, "more was granted than was used up");
	if (a->acks > 50) /* with each request, and at half the window */
		agent_wrong(a, "acknowledgements without need");
}

static void credit_is_granted_anew_as_replies_arrive(void **state)
{
	struct wire_auxv body = {.pid = 1};
	struct fix f;
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	wire_encode_auxv(&b, &body);
	fix_open(&f, play_bulk, NULL);
	for (int i = 0; i < 24; i++) {
		struct rpc_piece *p;

		assert_null(rpc_do(f.r, WIRE_auxv, 0, &b, 0, &p));
		assert_true(fix_total(p) >= 1000000);
		rpc_pieces_free(p);
	}
	buf_free(&b);
	fix_finish(&f);
}

static void play_brings(struct agent *a)
{
	agent_open(a);
	for (int i = 0; i < 4; i++) {
		agent_expect(a, WIRE_auxv);
		if (a->granted < 8000000u * (unsigned)(i + 1))
			agent_wrong(a, "the request did not bring its credit");
		agent_bytes(a, a->m.h.id, 6000000);
	}
	agent_expect(a, WIRE_threads);
	fix_say_threads(a, a->m.h.id);
	/* The last three left 2 MB each: those replace grants, and are never given twice. */
	if (a->granted > 4 * 8000000 + 1000)
		agent_wrong(a, "credit that was brought was given again");
}

static void a_request_brings_the_credit_of_its_reply(void **state)
{
	struct wire_auxv body = {.pid = 1};
	struct fix f;
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	wire_encode_auxv(&b, &body);
	fix_open(&f, play_brings, NULL);
	for (int i = 0; i < 4; i++)
		assert_null(rpc_do(f.r, WIRE_auxv, 0, &b, 8000000, NULL));
	fix_no_error(rpc_wait(fix_ask(f.r), NULL));
	buf_free(&b);
	fix_finish(&f);
}

static void play_quiet_acks(struct agent *a)
{
	agent_open(a);
	while (agent_get(a) && a->m.h.type == WIRE_threads)
		fix_say_threads(a, a->m.h.id);
	if (a->acks > 20)
		agent_wrong(a, "an acknowledgement for next to nothing");
}

static void small_replies_are_acknowledged_in_passing(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, play_quiet_acks, NULL);
	for (int i = 0; i < 1000; i++)
		fix_no_error(rpc_wait(fix_ask(f.r), NULL));
	fix_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_in_flight_stay_within_what_was_granted),
	    cmocka_unit_test(bytes_of_requests_stay_within_what_was_granted),
	    cmocka_unit_test(credit_is_granted_anew_as_replies_arrive),
	    cmocka_unit_test(a_request_brings_the_credit_of_its_reply),
	    cmocka_unit_test(small_replies_are_acknowledged_in_passing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
