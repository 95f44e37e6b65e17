/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/rsp/rsp_frame.h"

static int setup(void **state)
{
	struct rsp_frame *f = malloc(sizeof(*f));

	rsp_frame_init(f);
	*state = f;
	return f == NULL;
}

static int teardown(void **state)
{
	rsp_frame_free(*state);
	free(*state);
	return 0;
}

/* Takes text until something is there; what is left of it does not matter. */
static enum rsp_input take(struct rsp_frame *f, const char *text, struct rd *ret)
{
	struct rd in = rd_init(text, strlen(text));

	return rsp_frame_take(f, &in, ret);
}

static void assert_out(struct rsp_frame *f, const char *want)
{
	struct span s = rsp_frame_waiting(f);

	assert_int_equal(s.n, strlen(want));
	if (s.n)
		assert_memory_equal(s.p, want, s.n);
	rsp_frame_sent(f, s.n);
}

static void assert_packet(const struct rd *p, const char *want)
{
	assert_int_equal(p->left, strlen(want));
	assert_memory_equal(p->p, want, p->left);
}

static void reply(struct rsp_frame *f, const char *text)
{
	struct buf b;

	buf_init(&b, RSP_REPLY);
	buf_raw(&b, text, strlen(text));
	assert_true(rsp_frame_reply(f, &b));
	buf_free(&b);
}

static void packets_are_acknowledged(void **state)
{
	struct rd p;

	assert_int_equal(take(*state, "$g#67", &p), RSP_IN_PACKET);
	assert_packet(&p, "g");
	assert_out(*state, "+");
}

static void a_packet_may_come_byte_by_byte(void **state)
{
	static const char text[] = "noise+$m0,1#fa";
	struct rd p;

	for (size_t i = 0; text[i + 1]; i++)
		assert_int_equal(take(*state, (char[]){text[i], 0}, &p), RSP_IN_NONE);
	assert_int_equal(take(*state, "a", &p), RSP_IN_PACKET);
	assert_packet(&p, "m0,1");
}

static void a_wrong_checksum_asks_for_the_packet_again(void **state)
{
	struct rd p;

	assert_int_equal(take(*state, "$g#68", &p), RSP_IN_NONE);
	assert_out(*state, "-");
	assert_int_equal(take(*state, "$g#6x", &p), RSP_IN_NONE);
	assert_out(*state, "-");
	assert_int_equal(take(*state, "$g#67", &p), RSP_IN_PACKET);
	assert_out(*state, "+");
}

static void nothing_but_wrong_checksums_ends_it(void **state)
{
	enum rsp_input got = RSP_IN_NONE;
	struct rd p;

	for (int i = 0; i < 100 && got == RSP_IN_NONE; i++)
		got = take(*state, "$g#00", &p);
	assert_int_equal(got, RSP_IN_LOST);
}

static void without_acknowledgements_a_wrong_checksum_is_an_error(void **state)
{
	struct rsp_frame *f = *state;
	struct rd p;

	f->no_ack = true;
	assert_int_equal(take(f, "$g#68", &p), RSP_IN_BAD);
	assert_out(f, "");
	assert_int_equal(take(f, "$g#67", &p), RSP_IN_PACKET);
	assert_out(f, "");
}

static void escapes_are_undone(void **state)
{
	struct rd p;

	/* } is 0x7d; what follows it is xored with 0x20 */
	assert_int_equal(take(*state, "$X}\x03}\x04}]}\n#ba", &p), RSP_IN_PACKET);
	assert_packet(&p, "X#$}*");
}

static void an_escape_at_the_end_is_bad(void **state)
{
	struct rd p;

	assert_int_equal(take(*state, "$X}#d5", &p), RSP_IN_BAD);
}

static void ctrl_c_counts_outside_of_packets_only(void **state)
{
	struct rd p;

	assert_int_equal(take(*state, "\x03", &p), RSP_IN_BREAK);
	assert_int_equal(take(*state, "$X\x03#5b", &p), RSP_IN_PACKET);
	assert_packet(&p, "X\x03");
}

static void a_new_beginning_drops_what_had_no_end(void **state)
{
	struct rd p;

	assert_int_equal(take(*state, "$m123$g#67", &p), RSP_IN_PACKET);
	assert_packet(&p, "g");
}

static void a_reply_is_repeated_when_the_peer_asks(void **state)
{
	struct rsp_frame *f = *state;
	struct rd p;

	reply(f, "OK");
	assert_out(f, "$OK#9a");
	assert_int_equal(take(f, "-", &p), RSP_IN_NONE);
	assert_out(f, "$OK#9a");
	assert_int_equal(take(f, "+", &p), RSP_IN_NONE);
	assert_out(f, "");
}

static void without_acknowledgements_nothing_is_repeated(void **state)
{
	struct rsp_frame *f = *state;
	struct rd p;

	f->no_ack = true;
	reply(f, "OK");
	assert_out(f, "$OK#9a");
	assert_int_equal(take(f, "-", &p), RSP_IN_NONE);
	assert_out(f, "");
}

static void a_notification_has_its_own_mark(void **state)
{
	struct buf b;

	buf_init(&b, 16);
	buf_raw(&b, "Stop:", 5);
	assert_true(rsp_frame_notify(*state, &b));
	buf_free(&b);
	assert_out(*state, "%Stop:#e0");
}

/* n bytes 'a' as one packet with the right checksum. */
static char *long_packet(size_t n)
{
	char *text = malloc(n + 5);

	text[0] = '$';
	memset(text + 1, 'a', n);
	snprintf(text + 1 + n, 4, "#%02x", (unsigned)(n * 'a') & 0xff);
	return text;
}

/* What GDB's read_frame makes of it. */
static void expand(struct rsp_frame *f, uint8_t *to, size_t *n)
{
	struct span s = rsp_frame_waiting(f);

	*n = 0;
	for (uint32_t i = 1; i + 3 < s.n; i++) {
		if (s.p[i] != '*') {
			to[(*n)++] = s.p[i];
			continue;
		}
		assert_true(s.p[i + 1] >= ' ' && s.p[i + 1] <= '~' && !strchr("#$+-", s.p[i + 1]));
		for (int k = s.p[++i] - 29; k > 0; k--, ++*n)
			to[*n] = to[*n - 1];
	}
	rsp_frame_sent(f, s.n);
}

static void long_replies_say_how_often_a_byte_comes(void **state)
{
	struct rsp_frame *f = *state;
	uint8_t text[4096], got[4096];
	struct buf b = {.p = text, .cap = sizeof(text), .max = sizeof(text)};
	size_t n;

	/* Runs of every length, and none. */
	for (unsigned run = 1, at = 0; run < 120 && at + run <= sizeof(text); at += run++)
		memset(text + at, 'a' + (int)(run % 2), run);
	b.len = 4000;
	assert_true(rsp_frame_reply(f, &b));
	assert_true(rsp_frame_waiting(f).n < 1000);
	expand(f, got, &n);
	assert_int_equal(n, b.len);
	assert_memory_equal(got, text, n);
	/* LLDB gets what is there. */
	f->unsummed = true;
	assert_true(rsp_frame_reply(f, &b));
	assert_int_equal(rsp_frame_waiting(f).n, b.len + 4);
}

static void a_packet_as_long_as_announced_is_taken(void **state)
{
	char *text = long_packet(RSP_PACKET);
	struct rd p;

	assert_int_equal(take(*state, text, &p), RSP_IN_PACKET);
	assert_int_equal(p.left, RSP_PACKET);
	free(text);
}

static void a_longer_one_is_refused_and_the_next_is_taken(void **state)
{
	char *text = long_packet(200000);
	struct rd p;

	assert_int_equal(take(*state, text, &p), RSP_IN_BAD);
	assert_int_equal(take(*state, "$g#67", &p), RSP_IN_PACKET);
	free(text);
}

static void a_packet_without_end_ends_it(void **state)
{
	char *text = malloc(1 << 20);
	enum rsp_input got;
	struct rd p;

	memset(text, 'a', 1 << 20);
	text[(1 << 20) - 1] = 0;
	got = take(*state, "$", &p);
	for (int i = 0; i < 100 && got == RSP_IN_NONE; i++)
		got = take(*state, text, &p);
	assert_int_equal(got, RSP_IN_LOST);
	free(text);
}

static void a_peer_that_reads_nothing_is_not_served_for_ever(void **state)
{
	struct buf b;
	bool taken = true;

	buf_init(&b, RSP_REPLY);
	for (int i = 0; i < RSP_PACKET; i++)
		buf_u8(&b, i % 2 ? 'a' : 'b');
	for (int i = 0; i < 1000 && taken; i++)
		taken = rsp_frame_reply(*state, &b);
	assert_false(taken);
	buf_free(&b);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(packets_are_acknowledged),
	    T(a_packet_may_come_byte_by_byte),
	    T(a_wrong_checksum_asks_for_the_packet_again),
	    T(nothing_but_wrong_checksums_ends_it),
	    T(without_acknowledgements_a_wrong_checksum_is_an_error),
	    T(escapes_are_undone),
	    T(an_escape_at_the_end_is_bad),
	    T(ctrl_c_counts_outside_of_packets_only),
	    T(a_new_beginning_drops_what_had_no_end),
	    T(a_reply_is_repeated_when_the_peer_asks),
	    T(without_acknowledgements_nothing_is_repeated),
	    T(a_notification_has_its_own_mark),
	    T(long_replies_say_how_often_a_byte_comes),
	    T(a_packet_as_long_as_announced_is_taken),
	    T(a_longer_one_is_refused_and_the_next_is_taken),
	    T(a_packet_without_end_ends_it),
	    T(a_peer_that_reads_nothing_is_not_served_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
