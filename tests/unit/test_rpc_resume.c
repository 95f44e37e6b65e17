/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A link that broke and finds another agent where the first one was.
 */
#include "scripted_agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/link/inbox.h"

enum { PATIENCE_MS = 20000, PATIENCE_S = 60 };

static const uint8_t session[16] = {1, 2, 3}, another[16] = {4, 5, 6};

struct fix {
	struct inbox *inbox;
	struct agent first, second;
	script *then; /* of the second */
	unsigned came;
	struct rpc *r;
};

/* ---- agents -------------------------------------------------------------------------- */

static void say_opened(struct agent *a, const uint8_t id[16], bool resumed, uint64_t seen)
{
	struct wire_opened o = {.grace_ms = 30000,
	    .user = span_str("alice"),
	    .rights = 6,
	    .resumed = resumed,
	    .last_reply = seen};
	uint8_t room[256];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	memcpy(o.session, id, sizeof(o.session));
	wire_encode_opened(&b, &o);
	agent_say(a, WIRE_opened, a->m.h.id, &b);
}

static bool meet(struct agent *a)
{
	agent_hello(a);
	return agent_expect(a, WIRE_hello) && agent_expect(a, WIRE_open);
}

static void say_bytes(struct agent *a, uint64_t id, uint32_t piece, bool more)
{
	struct wire_bytes m = {.data = span_str("data")};
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_bytes(&b, &m);
	agent_piece(a, WIRE_bytes, id, piece, more, &b);
}

static void cut(struct agent *a)
{
	shutdown(a->fd, SHUT_RDWR);
}

static void cut_at_once(struct agent *a)
{
	if (meet(a))
		say_opened(a, session, false, 0);
	cut(a);
}

static void cut_in_an_answer(struct agent *a)
{
	if (meet(a))
		say_opened(a, session, false, 0);
	agent_expect(a, WIRE_auxv);
	say_bytes(a, a->m.h.id, 0, true);
	say_bytes(a, a->m.h.id, 1, true);
	cut(a);
}

static void goodbye_and_more(struct agent *a)
{
	struct wire_goodbye g = {.code = E_LOST};
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	if (meet(a))
		say_opened(a, session, false, 0);
	wire_encode_goodbye(&b, &g);
	a->corked = true;
	agent_say(a, WIRE_goodbye, 0, &b);
	agent_hello(a);
	agent_uncork(a);
}

static void takes_it_up(struct agent *a)
{
	if (meet(a))
		say_opened(a, session, true, 1);
	if (agent_expect(a, WIRE_auxv))
		say_bytes(a, a->m.h.id, 0, false);
}

static void takes_it_up_in_the_answer(struct agent *a)
{
	if (meet(a))
		say_opened(a, session, true, 2);
	for (uint32_t i = 0; i < 3; i++)
		say_bytes(a, 2, i, i < 2);
}

static void answers_shorter(struct agent *a)
{
	if (meet(a))
		say_opened(a, session, true, 2);
	say_bytes(a, 2, 0, false);
}

static void has_another_session(struct agent *a)
{
	if (meet(a))
		say_opened(a, another, true, 1);
}

static void begins_anew(struct agent *a)
{
	if (meet(a))
		say_opened(a, session, false, 0);
}

static void speaks_another_version(struct agent *a)
{
	a->hello.version_min = 90;
	a->hello.version_max = 91;
	agent_hello(a);
}

/* As who does not know our key. */
static void hangs_up(struct agent *a)
{
	cut(a);
}

/* ---- the link -------------------------------------------------------------------------- */

static int on_again(void *arg, void **filter_arg)
{
	struct fix *f = arg;

	(void)filter_arg;
	return f->came++ ? -1 : agent_start(&f->second, f->then, NULL);
}

static struct he_error *on_closed(void *arg, int os_errno, bool hello)
{
	(void)arg;
	(void)os_errno;
	return he_error_new(hello ? E_LOST : E_NO_KEY, "closed");
}

static void start(struct fix *f, script *play, script *then)
{
	struct rpc_via via;

	*f = (struct fix){.inbox = inbox_new(), .then = then};
	assert_non_null(f->inbox);
	via = agent_via(agent_start(&f->first, play, NULL));
	via.again = on_again;
	via.closed = on_closed;
	via.arg = f;
	f->r = rpc_new(f->inbox, &via);
	assert_non_null(f->r);
	alarm(PATIENCE_S);
	assert_null(rpc_greeted(f->r));
	assert_null(rpc_ready(f->r));
}

static void finish(struct fix *f)
{
	rpc_free(f->r);
	agent_join(&f->first);
	if (f->came)
		agent_join(&f->second);
	inbox_free(f->inbox);
	alarm(0);
}

static struct he_error *ask(struct fix *f, unsigned *pieces)
{
	struct wire_auxv m = {0};
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct rpc_piece *got = NULL;
	struct he_error *e;

	wire_encode_auxv(&b, &m);
	e = rpc_do(f->r, WIRE_auxv, 1, &b, 0, &got);
	*pieces = 0;
	for (const struct rpc_piece *p = got; p; p = p->next)
		++*pieces;
	rpc_pieces_free(got);
	return e;
}

static void expect_told(struct fix *f, uint16_t type)
{
	struct rpc_piece *p = inbox_take(f->inbox, PATIENCE_MS);

	assert_non_null(p);
	assert_int_equal(p->m.h.type, type);
	rpc_pieces_free(p);
}

static void expect_answer(struct fix *f, unsigned pieces)
{
	struct he_error *e;
	unsigned n;

	e = ask(f, &n);
	if (e)
		fail_msg("%s", e->message);
	assert_int_equal(n, pieces);
	expect_told(f, WIRE_hello);
	expect_told(f, WIRE_opened);
	finish(f);
}

/* It ends: every call with that, and who waits for events hears of it, once.  back: after it
 * was there again. */
static void expect_end(struct fix *f, int code, bool back)
{
	struct he_error *e;
	unsigned n;

	e = ask(f, &n);
	assert_non_null(e);
	if (e->code != code)
		fail_msg("%s", e->message);
	he_error_free(e);
	expect_told(f, WIRE_hello);
	if (back)
		expect_told(f, WIRE_opened);
	expect_told(f, WIRE_goodbye);
	assert_null(inbox_take(f->inbox, 0));
	finish(f);
}

/* ---- tests ------------------------------------------------------------------------------ */

static void a_request_goes_on_over_the_next_link(void **state)
{
	struct fix f;

	(void)state;
	start(&f, cut_at_once, takes_it_up);
	expect_answer(&f, 1);
}

static void an_answer_begins_anew_and_comes_once(void **state)
{
	struct fix f;

	(void)state;
	start(&f, cut_in_an_answer, takes_it_up_in_the_answer);
	expect_answer(&f, 3);
}

static void what_comes_behind_the_end_of_a_channel_does_not_count(void **state)
{
	struct fix f;

	(void)state;
	start(&f, goodbye_and_more, takes_it_up);
	expect_answer(&f, 1);
}

static void an_answer_shorter_than_it_was_ends_the_link(void **state)
{
	struct fix f;

	(void)state;
	start(&f, cut_in_an_answer, answers_shorter);
	expect_end(&f, E_PROTOCOL, true);
}

static void another_session_is_not_taken_for_ours(void **state)
{
	struct fix f;

	(void)state;
	start(&f, cut_at_once, has_another_session);
	expect_end(&f, E_PROTOCOL, false);
	start(&f, cut_at_once, begins_anew);
	expect_end(&f, E_PROTOCOL, false);
}

static void whoever_waits_for_events_hears_that_another_server_is_there_now(void **state)
{
	struct fix f;

	(void)state;
	start(&f, cut_at_once, speaks_another_version);
	expect_end(&f, E_VERSION, false);
}

static void a_key_that_is_not_known_any_more_is_not_tried_for_the_whole_grace(void **state)
{
	struct he_error *e;
	struct fix f;
	unsigned n;

	(void)state;
	start(&f, cut_at_once, hangs_up);
	e = ask(&f, &n);
	assert_non_null(e);
	if (!strstr(e->message, "cannot be taken up again"))
		fail_msg("%s", e->message);
	assert_int_equal(f.came, 1);
	he_error_free(e);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_goes_on_over_the_next_link),
	    cmocka_unit_test(an_answer_begins_anew_and_comes_once),
	    cmocka_unit_test(what_comes_behind_the_end_of_a_channel_does_not_count),
	    cmocka_unit_test(an_answer_shorter_than_it_was_ends_the_link),
	    cmocka_unit_test(another_session_is_not_taken_for_ours),
	    cmocka_unit_test(whoever_waits_for_events_hears_that_another_server_is_there_now),
	    cmocka_unit_test(a_key_that_is_not_known_any_more_is_not_tried_for_the_whole_grace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
