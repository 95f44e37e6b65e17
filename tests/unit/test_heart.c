/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The heartbeat, with the clock moved instead of waited for; and credit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/credit.h"
#include "common/heart.c"

struct count {
	unsigned asked, lost;
};

static void ask(void *arg)
{
	((struct count *)arg)->asked++;
}

static void lost(void *arg)
{
	((struct count *)arg)->lost++;
}

struct world {
	struct event_base *base;
	struct heart h;
	struct count n;
};

static void start(struct world *w)
{
	*w = (struct world){.base = event_base_new()};
	assert_non_null(w->base);
	assert_int_equal(heart_start(&w->h, w->base, HEART_INTERVAL_MS, ask, lost, &w->n), 0);
}

static void stop(struct world *w)
{
	heart_stop(&w->h);
	event_base_free(w->base);
}

/* As if the last byte had come in ms ago, and the timer went off now. */
static void silent_for(struct world *w, uint64_t ms)
{
	w->h.heard_ms = now_ms() - ms;
	on_tick(-1, EV_TIMEOUT, &w->h);
}

/* Milliseconds until the timer goes off again; UINT64_MAX = never. */
static uint64_t due(struct world *w)
{
	struct timeval at, now;

	if (!event_pending(w->h.timer, EV_TIMEOUT, &at))
		return UINT64_MAX;
	evutil_gettimeofday(&now, NULL);
	evutil_timersub(&at, &now, &at);
	return at.tv_sec < 0 ? 0 : (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_usec / 1000;
}

static void a_talking_peer_is_not_asked(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	silent_for(&w, 10);
	assert_int_equal(w.n.asked, 0);
	stop(&w);
}

static void a_silent_peer_is_asked_and_not_yet_given_up(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	silent_for(&w, HEART_INTERVAL_MS);
	assert_int_equal(w.n.asked, 1);
	silent_for(&w, 13 * 1000);
	assert_int_equal(w.n.lost, 0);
	stop(&w);
}

static void a_peer_silent_for_fourteen_seconds_is_lost_once(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	silent_for(&w, 14 * 1000);
	assert_int_equal(w.n.lost, 1);
	assert_true(due(&w) == UINT64_MAX);
	stop(&w);
}

static void time_in_which_we_did_not_run_is_nobodys_silence(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	/* Heard of 3 s before the timer was due, which was 60 s ago. */
	w.h.due_ms = running_ms() - 60 * 1000;
	silent_for(&w, 63 * 1000);
	assert_int_equal(w.n.lost, 0);
	assert_int_equal(w.n.asked, 1);
	/* From then on it counts. */
	silent_for(&w, 14 * 1000);
	assert_int_equal(w.n.lost, 1);
	stop(&w);
}

static void a_timer_that_is_a_little_late_forgives_nothing(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.h.due_ms = running_ms() - HEART_LATE_MS / 2;
	silent_for(&w, 14 * 1000);
	assert_int_equal(w.n.lost, 1);
	stop(&w);
}

/* Whenever the timer happens to go off, it goes off again before 15 s of silence are over. */
static void silence_is_noticed_within_fifteen_seconds(void **state)
{
	(void)state;
	for (uint64_t ms = 0; ms < 14 * 1000; ms += 100) {
		struct world w;

		start(&w);
		silent_for(&w, ms);
		assert_int_equal(w.n.lost, 0);
		assert_true(ms + due(&w) <= 15 * 1000);
		stop(&w);
	}
}

static void a_heard_byte_starts_the_count_anew(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.h.heard_ms = now_ms() - 20 * 1000;
	heart_heard(&w.h);
	on_tick(-1, EV_TIMEOUT, &w.h);
	assert_int_equal(w.n.lost, 0);
	assert_int_equal(w.n.asked, 0);
	stop(&w);
}

static void stopping_twice_or_unstarted_is_harmless(void **state)
{
	struct heart h = {0};
	struct world w;

	(void)state;
	heart_stop(&h);
	start(&w);
	heart_stop(&w.h);
	heart_stop(&w.h);
	event_base_free(w.base);
}

/* ---- credit --------------------------------------------------------------- */

static void a_sender_stops_when_its_credit_is_used_up(void **state)
{
	struct credit_out c = {0};

	(void)state;
	assert_false(credit_may_send(&c));
	assert_true(credit_granted(&c, 100));
	assert_true(credit_may_send(&c));
	credit_sent(&c, 99);
	assert_true(credit_may_send(&c));
	/* One frame may overdraw, or a window smaller than a frame would lock up. */
	credit_sent(&c, 65536);
	assert_false(credit_may_send(&c));
	assert_true(credit_granted(&c, 65536));
	assert_true(credit_may_send(&c));
}

static void a_grant_that_overflows_is_refused(void **state)
{
	struct credit_out c = {0};

	(void)state;
	assert_false(credit_granted(&c, UINT64_MAX));
	assert_false(credit_granted(&c, (uint64_t)1 << 63));
	assert_true(credit_granted(&c, INT64_MAX / 2));
	assert_true(credit_granted(&c, INT64_MAX / 2));
	assert_false(credit_granted(&c, INT64_MAX / 2));
}

static void a_receiver_refuses_what_it_gave_no_credit_for(void **state)
{
	struct credit_in c;

	(void)state;
	credit_open(&c, 100);
	assert_true(credit_arrived(&c, 99));
	assert_true(credit_arrived(&c, 50));
	assert_false(credit_arrived(&c, 1));
}

static void a_grant_is_due_at_half_a_window_and_given_once(void **state)
{
	struct credit_in c;

	(void)state;
	credit_open(&c, 100);
	assert_true(credit_arrived(&c, 60));
	credit_consumed(&c, 49);
	assert_false(credit_due(&c));
	credit_consumed(&c, 11);
	assert_true(credit_due(&c));
	assert_int_equal(credit_take(&c), 60);
	assert_false(credit_due(&c));
	assert_int_equal(credit_take(&c), 0);
	assert_int_equal(c.left, 100);
}

static void both_ends_agree_over_a_long_exchange(void **state)
{
	struct credit_out out = {0};
	struct credit_in in;
	uint64_t x = 7;

	(void)state;
	credit_open(&in, CREDIT_REPLY_BYTES);
	assert_true(credit_granted(&out, CREDIT_REPLY_BYTES));
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t n = 28 + (x = x * 6364136223846793005u + 1) % 65536;

		assert_true(credit_may_send(&out));
		credit_sent(&out, n);
		assert_true(credit_arrived(&in, n));
		credit_consumed(&in, n);
		if (credit_due(&in))
			assert_true(credit_granted(&out, credit_take(&in)));
		assert_int_equal(out.bytes, in.left);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_talking_peer_is_not_asked),
	    cmocka_unit_test(a_silent_peer_is_asked_and_not_yet_given_up),
	    cmocka_unit_test(a_peer_silent_for_fourteen_seconds_is_lost_once),
	    cmocka_unit_test(time_in_which_we_did_not_run_is_nobodys_silence),
	    cmocka_unit_test(a_timer_that_is_a_little_late_forgives_nothing),
	    cmocka_unit_test(silence_is_noticed_within_fifteen_seconds),
	    cmocka_unit_test(a_heard_byte_starts_the_count_anew),
	    cmocka_unit_test(stopping_twice_or_unstarted_is_harmless),
	    cmocka_unit_test(a_sender_stops_when_its_credit_is_used_up),
	    cmocka_unit_test(a_grant_that_overflows_is_refused),
	    cmocka_unit_test(a_receiver_refuses_what_it_gave_no_credit_for),
	    cmocka_unit_test(a_grant_is_due_at_half_a_window_and_given_once),
	    cmocka_unit_test(both_ends_agree_over_a_long_exchange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
