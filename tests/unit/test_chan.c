/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/chan.h"

/* One end is a channel, the other (far) a plain blocking socket. */
struct world {
	struct event_base *base;
	struct chan *c;
	int far;
	unsigned readable, writable, closed;
	int why;
	bool free_when_readable;
};

static void on_readable(struct chan *c, void *arg)
{
	struct world *w = arg;

	w->readable++;
	if (w->free_when_readable) {
		chan_free(c);
		w->c = NULL;
	}
}

static void on_writable(struct chan *c, void *arg)
{
	(void)c;
	((struct world *)arg)->writable++;
}

static void on_closed(struct chan *c, int why, void *arg)
{
	struct world *w = arg;

	(void)c;
	w->closed++;
	w->why = why;
}

static const struct chan_cb cb = {on_readable, on_writable, on_closed};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	int pair[2];

	if (!w || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	w->base = event_base_new();
	w->c = chan_new(w->base, pair[0], pair[0], &cb, w);
	w->far = pair[1];
	fcntl(w->far, F_SETFL, O_NONBLOCK);
	*state = w;
	return w->c ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	chan_free(w->c);
	event_base_free(w->base);
	if (w->far >= 0)
		close(w->far);
	free(w);
	return 0;
}

static void turn(struct world *w)
{
	event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void say(struct world *w, const char *text)
{
	assert_int_equal(write(w->far, text, strlen(text)), (ssize_t)strlen(text));
}

static void hang_up(struct world *w)
{
	close(w->far);
	w->far = -1;
}

static void bytes_arrive_once_and_stay_until_drained(void **state)
{
	struct world *w = *state;
	char got[8] = "";

	say(w, "abc");
	turn(w);
	turn(w);
	assert_int_equal(w->readable, 1);
	say(w, "de");
	turn(w);
	assert_int_equal(w->readable, 2);
	assert_int_equal(evbuffer_remove(chan_in(w->c), got, 8), 5);
	assert_string_equal(got, "abcde");
	assert_int_equal(chan_bytes_in(w->c), 5);
}

static void what_is_added_and_flushed_is_sent(void **state)
{
	struct world *w = *state;
	char got[8] = "";

	evbuffer_add(chan_out(w->c), "xyz", 3);
	assert_int_equal(read(w->far, got, 8), -1);
	chan_flush(w->c);
	assert_int_equal(read(w->far, got, 8), 3);
	assert_int_equal(chan_bytes_out(w->c), 3);
	assert_int_equal(chan_pending(w->c), 0);
}

static void the_end_is_told_once_and_unread_bytes_survive_it(void **state)
{
	struct world *w = *state;

	say(w, "last");
	hang_up(w);
	for (int i = 0; i < 5; i++)
		turn(w);
	assert_int_equal(w->closed, 1);
	assert_int_equal(w->why, 0);
	assert_int_equal(evbuffer_get_length(chan_in(w->c)), 4);
}

static void a_broken_descriptor_is_reported_from_the_loop_not_from_flush(void **state)
{
	struct world *w = *state;

	chan_pause(w->c, true);
	hang_up(w);
	evbuffer_add(chan_out(w->c), "xyz", 3);
	chan_flush(w->c);
	assert_int_equal(w->closed, 0);
	turn(w);
	turn(w);
	assert_int_equal(w->closed, 1);
	assert_int_equal(w->why, EPIPE);
	chan_flush(w->c);
	turn(w);
	assert_int_equal(w->closed, 1);
}

static void what_was_said_before_a_write_failed_is_heard(void **state)
{
	struct world *w = *state;

	say(w, "goodbye");
	hang_up(w);
	evbuffer_add(chan_out(w->c), "xyz", 3);
	chan_flush(w->c);
	assert_int_equal(w->readable, 0);
	turn(w);
	assert_int_equal(w->readable, 1);
	assert_int_equal(evbuffer_get_length(chan_in(w->c)), 7);
	assert_int_equal(w->closed, 1);
	assert_int_equal(w->why, EPIPE);
	turn(w);
	assert_int_equal(w->closed, 1);
}

static void a_channel_may_be_freed_by_what_was_said_last(void **state)
{
	struct world *w = *state;

	w->free_when_readable = true;
	say(w, "goodbye");
	chan_break(w->c);
	turn(w);
	turn(w);
	assert_int_equal(w->readable, 1);
	assert_int_equal(w->closed, 0);
	assert_null(w->c);
}

static void a_channel_may_be_freed_while_it_reads(void **state)
{
	struct world *w = *state;

	w->free_when_readable = true;
	say(w, "abc");
	hang_up(w);
	turn(w);
	turn(w);
	assert_int_equal(w->readable, 1);
	assert_int_equal(w->closed, 0);
	assert_null(w->c);
}

static void reading_stops_at_the_high_mark_and_goes_on_after_draining(void **state)
{
	struct world *w = *state;
	size_t held;

	chan_set_high(w->c, 10);
	say(w, "0123456789ab");
	turn(w);
	held = evbuffer_get_length(chan_in(w->c));
	say(w, "more");
	turn(w);
	assert_int_equal(evbuffer_get_length(chan_in(w->c)), held);
	evbuffer_drain(chan_in(w->c), held);
	chan_more(w->c);
	turn(w);
	assert_int_equal(evbuffer_get_length(chan_in(w->c)), 4);
}

static void a_paused_channel_does_not_read(void **state)
{
	struct world *w = *state;

	chan_pause(w->c, true);
	say(w, "abc");
	turn(w);
	assert_int_equal(w->readable, 0);
	chan_pause(w->c, false);
	turn(w);
	assert_int_equal(w->readable, 1);
}

static void the_low_mark_is_told_when_a_slow_reader_catches_up(void **state)
{
	static char big[1024 * 1024], sink[1024 * 1024];
	struct world *w = *state;
	size_t got = 0;

	chan_set_low(w->c, 100 * 1000);
	evbuffer_add(chan_out(w->c), big, sizeof(big));
	chan_flush(w->c);
	assert_true(chan_pending(w->c) > 100 * 1000);
	for (int i = 0; i < 10000 && got < sizeof(big); i++) {
		ssize_t n = read(w->far, sink, sizeof(sink));

		got += n > 0 ? (size_t)n : 0;
		turn(w);
	}
	assert_int_equal(got, sizeof(big));
	assert_int_equal(w->writable, 1);
}

/* ---- a filter: every byte is turned round by xor ------------------------- */

struct xor {
	bool broken;
	bool saw_eof;
};

static void xor_move(struct evbuffer *from, struct evbuffer *to)
{
	uint8_t byte;

	while (evbuffer_remove(from, &byte, 1) == 1) {
		byte ^= 0x20;
		evbuffer_add(to, &byte, 1);
	}
}

static int xor_pump(void *f, struct evbuffer *raw_in, struct evbuffer *raw_out, struct evbuffer *in,
    struct evbuffer *out, bool eof)
{
	struct xor *x = f;

	x->saw_eof |= eof;
	if (x->broken) {
		evbuffer_add(raw_out, "alert", 5);
		return -1;
	}
	xor_move(raw_in, in);
	xor_move(out, raw_out);
	return 0;
}

static const struct chan_filter xor_filter = {xor_pump};

static void a_filter_turns_bytes_round_both_ways(void **state)
{
	struct world *w = *state;
	struct xor x = {0};
	char got[8] = "";

	chan_set_filter(w->c, &xor_filter, &x);
	say(w, "ABC");
	turn(w);
	assert_int_equal(evbuffer_remove(chan_in(w->c), got, 8), 3);
	assert_string_equal(got, "abc");
	evbuffer_add(chan_out(w->c), "xyz", 3);
	chan_flush(w->c);
	assert_int_equal(read(w->far, got, 8), 3);
	assert_memory_equal(got, "XYZ", 3);
}

static void a_filter_has_what_was_said_before_a_write_failed(void **state)
{
	struct world *w = *state;
	struct xor x = {0};

	chan_set_filter(w->c, &xor_filter, &x);
	say(w, "GOODBYE");
	chan_break(w->c);
	turn(w);
	assert_int_equal(w->closed, 1);
	assert_int_equal(evbuffer_get_length(chan_in(w->c)), 7);
	assert_memory_equal(evbuffer_pullup(chan_in(w->c), 7), "goodbye", 7);
}

static void the_last_words_of_a_filter_that_fails_are_sent(void **state)
{
	struct world *w = *state;
	struct xor x = {.broken = true};
	char got[8] = "";

	chan_set_filter(w->c, &xor_filter, &x);
	say(w, "ABC");
	turn(w);
	turn(w);
	assert_int_equal(w->closed, 1);
	assert_int_equal(w->why, -1);
	assert_int_equal(read(w->far, got, 8), 5);
	assert_string_equal(got, "alert");
}

static void a_filter_learns_of_the_end(void **state)
{
	struct world *w = *state;
	struct xor x = {0};

	chan_set_filter(w->c, &xor_filter, &x);
	hang_up(w);
	turn(w);
	turn(w);
	assert_true(x.saw_eof);
	assert_int_equal(w->closed, 1);
}

static void two_descriptors_make_one_channel(void **state)
{
	struct world w = {.base = event_base_new(), .far = -1};
	int in[2], out[2];
	char got[8] = "";

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	w.c = chan_new(w.base, in[0], out[1], &cb, &w);
	assert_int_equal(write(in[1], "in", 2), 2);
	evbuffer_add(chan_out(w.c), "out", 3);
	chan_flush(w.c);
	turn(&w);
	assert_int_equal(evbuffer_get_length(chan_in(w.c)), 2);
	assert_int_equal(read(out[0], got, 8), 3);
	chan_free(w.c);
	/* Both ends were closed with it. */
	assert_int_equal(read(out[0], got, 8), 0);
	assert_int_equal(write(in[1], "in", 2), -1);
	close(in[1]);
	close(out[0]);
	event_base_free(w.base);
}

int main(void)
{
#define WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WORLD(bytes_arrive_once_and_stay_until_drained),
	    WORLD(what_is_added_and_flushed_is_sent),
	    WORLD(the_end_is_told_once_and_unread_bytes_survive_it),
	    WORLD(a_broken_descriptor_is_reported_from_the_loop_not_from_flush),
	    WORLD(what_was_said_before_a_write_failed_is_heard),
	    WORLD(a_channel_may_be_freed_by_what_was_said_last),
	    WORLD(a_channel_may_be_freed_while_it_reads),
	    WORLD(reading_stops_at_the_high_mark_and_goes_on_after_draining),
	    WORLD(a_paused_channel_does_not_read),
	    WORLD(the_low_mark_is_told_when_a_slow_reader_catches_up),
	    WORLD(a_filter_turns_bytes_round_both_ways),
	    WORLD(a_filter_has_what_was_said_before_a_write_failed),
	    WORLD(the_last_words_of_a_filter_that_fails_are_sent),
	    WORLD(a_filter_learns_of_the_end),
	    cmocka_unit_test(two_descriptors_make_one_channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
