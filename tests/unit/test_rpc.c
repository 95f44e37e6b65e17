/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link against a scripted agent that keeps to the protocol (test_rpc_lies.c has the
 * others); its credit is test_rpc_credit.c's.
 */
#include "rpc_fix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/credit.h"
#include "common/err.h"
#include "host/link/inbox.h"

/* ---- opening -------------------------------------------------------------------- */

static void what_the_box_says_of_itself_is_known_and_printable(void **state)
{
	struct fix f;
	const struct rpc_peer *p;

	(void)state;
	fix_open(&f, agent_open, NULL);
	p = rpc_peer(f.r);
	assert_string_equal(p->user, "alice");
	assert_string_equal(p->host, "box\\x1b[31m");
	assert_int_equal(p->version, 1);
	assert_int_equal(p->rights, 6);
	assert_int_equal(p->yama, 1);
	assert_int_equal(p->max_read, 1024 * 1024);
	fix_finish(&f);
}

/* Everything that stands in the socket at once must be the whole flight. */
static void play_flight(struct agent *a)
{
	struct pollfd p = {.fd = a->fd, .events = POLLIN};
	uint8_t all[4096];
	ssize_t n;

	agent_hello(a);
	poll(&p, 1, -1);
	n = recv(a->fd, all, sizeof(all), MSG_PEEK);
	agent_expect(a, WIRE_hello);
	n -= WIRE_HEAD + (ssize_t)a->m.h.len;
	agent_expect(a, WIRE_open);
	n -= WIRE_HEAD + (ssize_t)a->m.h.len;
	agent_expect(a, WIRE_threads);
	agent_expect(a, WIRE_threads);
	if (n != 2 * WIRE_HEAD)
		agent_wrong(a, "the requests did not travel with the opening");
}

static void requests_queued_before_the_session_travel_with_its_opening(void **state)
{
	struct rpc_call *c[2];
	struct fix f;

	(void)state;
	fix_start(&f, play_flight, NULL);
	assert_null(rpc_greeted(f.r));
	c[0] = fix_ask(f.r);
	c[1] = fix_ask(f.r);
	fix_error(rpc_ready(f.r), E_LOST, "after hello");
	fix_error(rpc_wait(c[0], NULL), E_LOST, "closed");
	fix_error(rpc_wait(c[1], NULL), E_LOST, "closed");
	fix_finish(&f);
}

static void play_refuse(struct agent *a)
{
	struct wire_error w = {.code = E_SESSIONS, .detail = span_str("16 of 16")};
	uint8_t room[256];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	agent_hello(a);
	agent_expect(a, WIRE_hello);
	agent_expect(a, WIRE_open);
	wire_encode_error(&b, &w);
	agent_say(a, WIRE_error, a->m.h.id, &b);
}

static void a_refused_session_is_a_sentence(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f, play_refuse, NULL);
	assert_null(rpc_greeted(f.r));
	fix_error(rpc_ready(f.r), E_SESSIONS, "16 of 16");
	assert_int_equal(rpc_state(f.r), E_SESSIONS);
	assert_null(inbox_take(f.inbox, 0));
	fix_finish(&f);
}

static void play_old(struct agent *a)
{
	a->hello.version_min = 7;
	a->hello.version_max = 9;
	a->hello.build = span_str("procsrv 4.2");
	agent_hello(a);
	agent_expect(a, WIRE_goodbye);
}

static void versions_that_do_not_meet_are_both_named(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f, play_old, NULL);
	fix_error(rpc_greeted(f.r), E_VERSION, "procsrv 4.2, which speaks versions 7 to 9");
	fix_finish(&f);
}

static void play_ssh_banner(struct agent *a)
{
	agent_raw(a, "SSH-2.0-OpenSSH_9.2p1 Debian\r\n", 30);
}

static void something_else_that_answers_is_quoted(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f, play_ssh_banner, NULL);
	fix_error(rpc_greeted(f.r), E_PROTOCOL, "begins with \"SSH-2.0");
	fix_finish(&f);
}

/* ---- calls ------------------------------------------------------------------------ */

static void play_calls(struct agent *a)
{
	agent_open(a);
	while (agent_get(a) && a->m.h.type == WIRE_threads)
		fix_say_threads(a, a->m.h.id);
}

static void a_thousand_calls_one_after_the_other(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, play_calls, NULL);
	for (int i = 0; i < 1000; i++) {
		struct rpc_piece *p;

		assert_null(rpc_do(f.r, WIRE_threads, 1, NULL, 0, &p));
		assert_int_equal(p->m.h.type, WIRE_thread_list);
		assert_null(p->next);
		rpc_pieces_free(p);
	}
	fix_finish(&f);
}

static void more_calls_than_there_is_credit_for_are_all_answered(void **state)
{
	enum { CALLS = 1000 };
	static struct rpc_call *c[CALLS];
	struct fix f;

	(void)state;
	fix_open(&f, play_calls, NULL);
	for (int i = 0; i < CALLS; i++)
		c[i] = fix_ask(f.r);
	for (int i = 0; i < CALLS; i++)
		assert_null(rpc_wait(c[i], NULL));
	fix_finish(&f);
}

static void play_two(struct agent *a)
{
	static const uint8_t letter[4] = {'a', 'b', 'c', 'd'};
	uint64_t first, second;
	struct buf b;

	agent_open(a);
	agent_expect(a, WIRE_auxv);
	first = a->m.h.id;
	agent_expect(a, WIRE_auxv);
	second = a->m.h.id;
	buf_init(&b, 64);
	for (uint32_t i = 0; i < 4; i++) {
		struct wire_bytes m = {.data = {letter + i, 1}};

		buf_reset(&b);
		wire_encode_bytes(&b, &m);
		agent_piece(a, WIRE_bytes, second, i, i < 3, &b);
		agent_piece(a, WIRE_bytes, first, i, i < 3, &b);
	}
	buf_free(&b);
}

static void pieces_of_two_replies_may_interleave(void **state)
{
	struct wire_auxv body = {.pid = 1};
	struct rpc_piece *p, *first;
	struct rpc_call *c[2];
	struct wire_bytes m;
	struct fix f;
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	wire_encode_auxv(&b, &body);
	fix_open(&f, play_two, NULL);
	c[0] = rpc_send(f.r, WIRE_auxv, 0, &b, 0);
	c[1] = rpc_send(f.r, WIRE_auxv, 0, &b, 0);
	buf_free(&b);
	assert_null(rpc_wait(c[0], &first));
	p = first;
	for (uint8_t letter = 'a'; letter <= 'd'; letter++, p = p->next) {
		assert_true(wire_decode_bytes(p->m.body, &m));
		assert_int_equal(m.data.p[0], letter);
	}
	assert_null(p);
	rpc_pieces_free(first);
	for (uint8_t letter = 'a'; letter <= 'd'; letter++) {
		assert_null(rpc_wait_piece(c[1], &p));
		assert_true(wire_decode_bytes(p->m.body, &m));
		assert_int_equal(m.data.p[0], letter);
		rpc_pieces_free(p);
	}
	assert_null(rpc_wait_piece(c[1], &p));
	assert_null(p);
	fix_finish(&f);
}

static void play_error(struct agent *a)
{
	struct wire_error w = {.code = E_OTHER_USER,
	    .pid = 4242,
	    .subject = span_str("redis-server"),
	    .detail = span_str("redis")};
	uint8_t room[256];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	agent_open(a);
	agent_expect(a, WIRE_attach);
	wire_encode_error(&b, &w);
	agent_say(a, WIRE_error, a->m.h.id, &b);
}

static void an_error_of_the_box_says_what_was_asked(void **state)
{
	struct wire_attach body = {.pid = 4242};
	struct fix f;
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	wire_encode_attach(&b, &body);
	fix_open(&f, play_error, NULL);
	fix_error(rpc_do(f.r, WIRE_attach, 1, &b, 0, NULL), E_OTHER_USER,
	    "box: cannot attach to 4242 (redis-server): it runs as redis, you are alice");
	buf_free(&b);
	fix_finish(&f);
}

/* ---- cancelling ----------------------------------------------------------------------- */

static void play_cancel(struct agent *a)
{
	uint64_t id;

	agent_open(a);
	agent_expect(a, WIRE_threads);
	id = a->m.h.id;
	inbox_cancel((struct inbox *)(uintptr_t)a->arg);
	agent_expect(a, WIRE_cancel);
	fix_say_threads(a, id);
	while (agent_get(a) && a->m.h.type == WIRE_threads)
		fix_say_threads(a, a->m.h.id);
}

static void a_cancelled_call_ends_at_once_and_the_link_goes_on(void **state)
{
	struct rpc_via via;
	struct fix f;

	(void)state;
	f.inbox = inbox_new();
	via = agent_via(agent_start(&f.agent, play_cancel, f.inbox));
	f.r = rpc_new(f.inbox, &via);
	assert_null(rpc_greeted(f.r));
	assert_null(rpc_ready(f.r));
	fix_error(rpc_wait(fix_ask(f.r), NULL), E_CANCELLED, "cancelled");
	fix_no_error(rpc_wait(fix_ask(f.r), NULL));
	fix_finish(&f);
}

static void play_silent_session(struct agent *a)
{
	agent_open(a);
	while (agent_get(a) && a->m.h.type != WIRE_goodbye)
		;
}

static void a_dropped_call_is_nobodys_business(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, play_silent_session, NULL);
	for (int i = 0; i < 200; i++) /* some of them never sent */
		rpc_drop(fix_ask(f.r));
	fix_finish(&f);
}

static void cancelling_ends_the_wait_for_an_event(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, play_silent_session, NULL);
	inbox_cancel(f.inbox);
	assert_null(inbox_take(f.inbox, -1));
	assert_null(inbox_take(f.inbox, 0));
	fix_finish(&f);
}

/* ---- events and the link by itself ------------------------------------------------------- */

static void say_born(struct agent *a, uint64_t number, uint64_t tid)
{
	struct wire_thread_born m = {.tid = tid};
	struct wire_head h = {.type = WIRE_thread_born, .target = 1, .id = number};
	uint8_t room[32];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_thread_born(&b, &m);
	h.len = (uint32_t)b.len;
	agent_put(a, &h, b.p, b.len);
}

static void play_events(struct agent *a)
{
	agent_open(a);
	for (uint64_t i = 1; i <= 100; i++)
		say_born(a, i, i);
	agent_expect(a, WIRE_goodbye);
}

static void events_come_in_order_without_any_call(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, play_events, NULL);
	for (uint64_t i = 1; i <= 100; i++) {
		struct rpc_piece *p = inbox_take(f.inbox, -1);
		struct wire_thread_born m;

		assert_non_null(p);
		assert_true(wire_decode_thread_born(p->m.body, &m));
		assert_int_equal(m.tid, i);
		assert_int_equal(p->m.h.target, 1);
		assert_ptr_equal(p->rpc, f.r);
		rpc_pieces_free(p);
	}
	assert_null(inbox_take(f.inbox, 0));
	fix_finish(&f);
}

static void play_heartbeats(struct agent *a)
{
	struct wire_heartbeat m = {.stamp = 0x1122334455667788};
	struct wire_heartbeat_ack back;
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	agent_open(a);
	wire_encode_heartbeat(&b, &m);
	for (int i = 0; i < 3; i++) {
		agent_say(a, WIRE_heartbeat, 0, &b);
		if (agent_expect(a, WIRE_heartbeat_ack) &&
		    (!wire_decode_heartbeat_ack(a->m.body, &back) || back.stamp != m.stamp))
			agent_wrong(a, "another stamp came back");
	}
	agent_raw(a, "", 0);
}

static void heartbeats_are_answered_while_the_engine_does_other_things(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, play_heartbeats, NULL);
	pthread_join(f.agent.thread, NULL); /* without one call into the link */
	assert_string_equal(f.agent.wrong, "");
	rpc_free(f.r);
	close(f.agent.fd);
	inbox_free(f.inbox);
}

static void play_cut(struct agent *a)
{
	agent_open(a);
	agent_expect(a, WIRE_threads);
	shutdown(a->fd, SHUT_RDWR);
}

static void a_cut_link_fails_its_calls_and_is_told_once(void **state)
{
	struct wire_goodbye g;
	struct rpc_piece *p;
	struct fix f;

	(void)state;
	fix_open(&f, play_cut, NULL);
	fix_error(rpc_wait(fix_ask(f.r), NULL), E_LOST, "link to box lost: cut");
	fix_error(rpc_wait(fix_ask(f.r), NULL), E_LOST, "link to box lost: cut");
	assert_int_equal(rpc_state(f.r), E_LOST);
	p = inbox_take(f.inbox, -1);
	assert_non_null(p);
	assert_int_equal(p->m.h.type, WIRE_goodbye);
	assert_true(wire_decode_goodbye(p->m.body, &g));
	assert_memory_equal(g.text.p, "cut", 3);
	rpc_pieces_free(p);
	assert_null(inbox_take(f.inbox, 0));
	fix_finish(&f);
}

static void play_goodbye(struct agent *a)
{
	agent_open(a);
	agent_expect(a, WIRE_goodbye);
}

static void the_end_is_said(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, play_goodbye, NULL);
	fix_finish(&f);
}

/* ---- several callers ------------------------------------------------------------------------ */

static void *many_calls(void *arg)
{
	struct rpc *r = arg;

	for (int i = 0; i < 300; i++) {
		struct he_error *e = rpc_wait(fix_ask(r), NULL);

		if (e)
			return e;
	}
	return NULL;
}

/* Whoever says goodbye listens until the other has closed: a reset would overtake it. */
static void play_goodbye_heard(struct agent *a)
{
	static const uint8_t more[256 * 1024];
	uint8_t byte;

	agent_open(a);
	agent_expect(a, WIRE_goodbye);
	if (recv(a->fd, &byte, 1, 0) != 0)
		agent_wrong(a, "no end of file behind the goodbye");
	if (send(a->fd, more, sizeof(more), MSG_NOSIGNAL) != sizeof(more))
		agent_wrong(a, "nobody listens any more");
	shutdown(a->fd, SHUT_RDWR);
}

static void who_says_goodbye_listens_until_it_was_heard(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, play_goodbye_heard, NULL);
	fix_finish(&f);
}

static void a_wait_can_be_broken_off_while_events_keep_coming(void **state)
{
	struct inbox *b = inbox_new();
	struct rpc_piece *p;

	(void)state;
	assert_non_null(b);
	for (int i = 0; i < 2; i++) {
		p = calloc(1, sizeof(*p));
		assert_non_null(p);
		inbox_put(b, p);
	}
	inbox_cancel(b);
	assert_null(inbox_take(b, -1));
	rpc_pieces_free(inbox_take(b, -1));
	p = inbox_take(b, 0);
	assert_non_null(p);
	rpc_pieces_free(p);
	inbox_free(b);
}

static void several_threads_may_call(void **state)
{
	pthread_t t[3];
	struct fix f;

	(void)state;
	fix_open(&f, play_calls, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, many_calls, f.r), 0);
	for (int i = 0; i < 3; i++) {
		void *e;

		pthread_join(t[i], &e);
		assert_null(e);
	}
	fix_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_box_says_of_itself_is_known_and_printable),
	    cmocka_unit_test(requests_queued_before_the_session_travel_with_its_opening),
	    cmocka_unit_test(a_refused_session_is_a_sentence),
	    cmocka_unit_test(versions_that_do_not_meet_are_both_named),
	    cmocka_unit_test(something_else_that_answers_is_quoted),
	    cmocka_unit_test(a_thousand_calls_one_after_the_other),
	    cmocka_unit_test(more_calls_than_there_is_credit_for_are_all_answered),
	    cmocka_unit_test(pieces_of_two_replies_may_interleave),
	    cmocka_unit_test(an_error_of_the_box_says_what_was_asked),
	    cmocka_unit_test(a_cancelled_call_ends_at_once_and_the_link_goes_on),
	    cmocka_unit_test(a_dropped_call_is_nobodys_business),
	    cmocka_unit_test(cancelling_ends_the_wait_for_an_event),
	    cmocka_unit_test(events_come_in_order_without_any_call),
	    cmocka_unit_test(heartbeats_are_answered_while_the_engine_does_other_things),
	    cmocka_unit_test(a_cut_link_fails_its_calls_and_is_told_once),
	    cmocka_unit_test(the_end_is_said),
	    cmocka_unit_test(who_says_goodbye_listens_until_it_was_heard),
	    cmocka_unit_test(several_threads_may_call),
	    cmocka_unit_test(a_wait_can_be_broken_off_while_events_keep_coming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
