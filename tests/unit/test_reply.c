/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Long replies fall into pieces, each a whole message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "procsrv/reply.h"

static size_t total;

static void encode(struct pack *p, struct buf *out)
{
	struct wire_memory m = {.chunks = pack_list(p, 0)};

	wire_encode_memory(out, &m);
}

static struct reply *packed(unsigned records, uint32_t size)
{
	static uint8_t data[61440];
	struct wire_rec_chunk c = {.len = size, .data = {data, size}};
	struct reply *r = reply_new(WIRE_memory, 1, 1, &total);
	struct pack p;

	pack_init(&p, r, 4, encode, NULL);
	for (unsigned i = 0; i < records; i++) {
		c.addr = i;
		wire_put_chunk(pack_room(&p, 0, 29 + (size_t)size), &c);
	}
	pack_flush(&p);
	pack_free(&p);
	reply_done(r);
	return r;
}

/* Take all pieces off and check them; how many records they held. */
static unsigned unpack(struct reply *r, unsigned *pieces)
{
	struct wire_rec_chunk c;
	struct wire_memory m;
	struct piece *p;
	unsigned n = 0;

	*pieces = 0;
	while ((p = reply_take(r))) {
		assert_true(p->n <= WIRE_PIECE);
		assert_true(wire_decode_memory((struct span){p->body, p->n}, &m));
		while (wire_next_chunk(&m.chunks, &c))
			assert_int_equal(c.addr, n++);
		++*pieces;
		free(p);
	}
	assert_int_equal(total, 0);
	return n;
}

static void records_are_packed_into_pieces_in_order(void **state)
{
	static const struct {
		unsigned records;
		uint32_t size;
		unsigned pieces;
	} rows[] = {{0, 0, 1}, {1, 0, 1}, {1, 61440, 1}, {2, 61440, 2}, {1000, 100, 2},
	    {2259, 0, 1}, {2260, 0, 2}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply *r = packed(rows[i].records, rows[i].size);
		unsigned pieces;

		assert_int_equal(unpack(r, &pieces), rows[i].records);
		assert_int_equal(pieces, rows[i].pieces);
		reply_free(r);
	}
}

static void a_failed_reply_is_one_error(void **state)
{
	struct fault f = {.code = E_FAULT, .addr = 5, .subject = "s"};
	struct reply *r = packed(100, 1000);
	struct wire_error e;
	struct piece *p;

	(void)state;
	reply_fail(r, &f);
	assert_int_equal(r->type, WIRE_error);
	assert_int_equal(r->pieces, 1);
	p = reply_take(r);
	assert_true(wire_decode_error((struct span){p->body, p->n}, &e));
	assert_int_equal(e.code, E_FAULT);
	assert_int_equal(e.addr, 5);
	free(p);
	reply_free(r);
	assert_int_equal(total, 0);
}

static void nothing_is_appended_after_the_end(void **state)
{
	struct reply *r = packed(1, 1);

	(void)state;
	reply_piece(r, (struct span){(const uint8_t *)"x", 1});
	assert_int_equal(r->pieces, 1);
	reply_free(r);
	assert_int_equal(total, 0);
}

static void a_body_that_is_not_whole_is_an_error_in_its_place(void **state)
{
	struct reply *r = packed(1, 1);
	struct buf body;
	struct wire_error e;
	struct piece *p;

	(void)state;
	r->done = false;
	buf_init(&body, 4);
	wire_encode_bytes(&body, &(struct wire_bytes){.data = span_str("more than fits")});
	reply_piece(r, span_whole(&body));
	buf_free(&body);
	assert_true(r->done);
	assert_int_equal(r->type, WIRE_error);
	assert_int_equal(r->pieces, 1);
	p = reply_take(r);
	assert_true(wire_decode_error((struct span){p->body, p->n}, &e));
	assert_int_equal(e.code, E_NOMEM);
	free(p);
	reply_free(r);
	assert_int_equal(total, 0);
}

static unsigned dropped;

static void on_drop(struct reply *r)
{
	(void)r;
	dropped++;
}

static void state_is_dropped_once(void **state)
{
	struct reply *r = packed(1, 1);

	(void)state;
	r->drop = on_drop;
	reply_fail_code(r, E_GONE);
	assert_int_equal(dropped, 0);
	reply_free(r);
	assert_int_equal(dropped, 1);
	reply_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_are_packed_into_pieces_in_order),
	    cmocka_unit_test(a_failed_reply_is_one_error),
	    cmocka_unit_test(nothing_is_appended_after_the_end),
	    cmocka_unit_test(a_body_that_is_not_whole_is_an_error_in_its_place),
	    cmocka_unit_test(state_is_dropped_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
