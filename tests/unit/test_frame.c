/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/frame.h"

static void put_cancel(struct evbuffer *out, uint64_t request)
{
	struct wire_cancel v = {.request = request};
	struct buf b;

	buf_init(&b, 64);
	wire_encode_cancel(&b, &v);
	assert_int_equal(
	    frame_put(out, (struct wire_head){.type = WIRE_cancel}, span_buf(&b)), E_OK);
	buf_free(&b);
}

static void put_head(struct evbuffer *out, struct wire_head h)
{
	struct buf b;

	buf_init(&b, WIRE_HEAD);
	wire_put_head(&b, &h);
	evbuffer_add(out, b.p, b.len);
	buf_free(&b);
}

static void a_message_arriving_byte_by_byte_is_seen_once_it_is_whole(void **state)
{
	struct evbuffer *all = evbuffer_new(), *in = evbuffer_new();
	struct wire_msg m;
	struct wire_cancel v;
	uint8_t byte;

	(void)state;
	put_cancel(all, 77);
	while (evbuffer_get_length(all) > 0) {
		assert_int_equal(frame_next(in, WIRE_FROM_HOST, &m), FRAME_WAIT);
		evbuffer_remove(all, &byte, 1);
		evbuffer_add(in, &byte, 1);
	}
	assert_int_equal(frame_next(in, WIRE_FROM_HOST, &m), E_OK);
	assert_int_equal(m.h.type, WIRE_cancel);
	assert_true(wire_decode_cancel(m.body, &v));
	assert_int_equal(v.request, 77);
	frame_drop(in, &m);
	assert_int_equal(evbuffer_get_length(in), 0);
	evbuffer_free(all);
	evbuffer_free(in);
}

static void messages_back_to_back_come_in_order(void **state)
{
	struct evbuffer *in = evbuffer_new();
	struct wire_cancel v;
	struct wire_msg m;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		put_cancel(in, i);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(frame_next(in, WIRE_FROM_HOST, &m), E_OK);
		assert_true(wire_decode_cancel(m.body, &v));
		assert_int_equal(v.request, i);
		frame_drop(in, &m);
	}
	assert_int_equal(frame_next(in, WIRE_FROM_HOST, &m), FRAME_WAIT);
	evbuffer_free(in);
}

static void a_bad_header_is_refused_before_its_body_is_waited_for(void **state)
{
	static const struct {
		struct wire_head h;
		int err;
	} cases[] = {
	    {{.type = WIRE_cancel, .len = UINT32_MAX}, E_TOO_BIG},
	    {{.type = WIRE_cancel, .len = WIRE_PIECE + 1}, E_TOO_BIG},
	    {{.type = WIRE_cancel, .len = 9}, E_MALFORMED},
	    {{.type = WIRE_cancel, .len = 7}, E_MALFORMED},
	    {{.type = WIRE_cancel, .len = 8, .flags = 2}, E_PROTOCOL},
	    {{.type = WIRE_cancel, .len = 8, .id = 1}, E_PROTOCOL},
	    {{.type = WIRE_opened, .len = 100, .id = 1}, E_PROTOCOL},
	    {{.type = 255, .len = 8}, E_PROTOCOL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct evbuffer *in = evbuffer_new();
		struct wire_msg m;

		put_head(in, cases[i].h);
		assert_int_equal(frame_next(in, WIRE_FROM_HOST, &m), cases[i].err);
		evbuffer_free(in);
	}
}

static void an_unknown_request_can_be_answered_and_passed_over(void **state)
{
	static const uint8_t body[100];
	struct evbuffer *in = evbuffer_new();
	struct wire_msg m;

	(void)state;
	frame_put(in, (struct wire_head){.type = 255, .id = 9}, (struct span){body, sizeof(body)});
	put_cancel(in, 1);
	assert_int_equal(frame_next(in, WIRE_FROM_HOST, &m), E_UNKNOWN);
	assert_int_equal(m.h.id, 9);
	frame_drop(in, &m);
	assert_int_equal(frame_next(in, WIRE_FROM_HOST, &m), E_OK);
	evbuffer_free(in);
}

static void a_body_that_does_not_decode_is_malformed(void **state)
{
	/* A goodbye whose text claims one byte more than there is. */
	static const uint8_t body[] = {0, 0, 3, 0, 'a', 'b'};
	struct evbuffer *in = evbuffer_new();
	struct wire_msg m;

	(void)state;
	frame_put(in, (struct wire_head){.type = WIRE_goodbye}, (struct span){body, sizeof(body)});
	assert_int_equal(frame_next(in, WIRE_FROM_HOST, &m), E_MALFORMED);
	evbuffer_free(in);
}

static void a_body_larger_than_a_piece_is_not_sent(void **state)
{
	uint8_t *body = calloc(1, WIRE_PIECE + 1);
	struct evbuffer *out = evbuffer_new();
	struct wire_head h = {.type = WIRE_memory, .id = 1};

	(void)state;
	assert_non_null(body);
	assert_int_equal(frame_put(out, h, (struct span){body, WIRE_PIECE + 1}), E_TOO_BIG);
	assert_int_equal(evbuffer_get_length(out), 0);
	assert_int_equal(frame_put(out, h, (struct span){body, WIRE_PIECE}), E_OK);
	assert_int_equal(evbuffer_get_length(out), WIRE_HEAD + WIRE_PIECE);
	evbuffer_free(out);
	free(body);
}

/* Any bytes at all: an answer, and never more than one piece waited for. */
static void random_bytes_end_in_a_verdict(void **state)
{
	uint64_t x = 1;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		struct evbuffer *in = evbuffer_new();
		struct wire_msg m;

		for (unsigned i = 0; i < 64; i++) {
			uint8_t byte;

			x = x * 6364136223846793005u + 1442695040888963407u;
			byte = (uint8_t)(x >> 56);
			/* Mostly small lengths and known types, or all would end at once. */
			byte = (uint8_t)(i < 8 && i != 4 && round % 4 ? 0 : byte);
			evbuffer_add(in, &byte, 1);
		}
		for (int n = 0; n < 8; n++) {
			int err = frame_next(in, round & 1 ? WIRE_FROM_HOST : WIRE_FROM_AGENT, &m);

			if (err != E_OK && err != E_UNKNOWN)
				break;
			assert_true(m.h.len <= WIRE_PIECE);
			frame_drop(in, &m);
		}
		evbuffer_free(in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_message_arriving_byte_by_byte_is_seen_once_it_is_whole),
	    cmocka_unit_test(messages_back_to_back_come_in_order),
	    cmocka_unit_test(a_bad_header_is_refused_before_its_body_is_waited_for),
	    cmocka_unit_test(an_unknown_request_can_be_answered_and_passed_over),
	    cmocka_unit_test(a_body_that_does_not_decode_is_malformed),
	    cmocka_unit_test(a_body_larger_than_a_piece_is_not_sent),
	    cmocka_unit_test(random_bytes_end_in_a_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
