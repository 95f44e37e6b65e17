/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every row of the wire table, there and back.  With -record VERSION it prints what
 * stands in wire-vVERSION.txt: when a row is new, add its line there; never change one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/err.h"
#include "tests/wire_gen.h"

static struct gen gen;

/* A copy of exactly n bytes on the heap, so that the sanitizer sees a read past them. */
static struct span exactly(const void *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	if (n)
		memcpy(copy, p, n);
	return (struct span){copy, (uint32_t)n};
}

static void release(struct span s)
{
	free((void *)(uintptr_t)s.p);
}

static void survives(const struct gen_row *row, enum gen_mode mode, uint64_t seed)
{
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	gen.mode = mode;
	gen.seed = seed;
	if (!row->round_trip(&gen, &body))
		fail_msg("%s: mode %d seed %llu did not survive", row->name, mode,
		    (unsigned long long)seed);
	assert_in_range(body.len, wire_row(row->type)->min, wire_row(row->type)->max);
	buf_free(&body);
}

static void every_row_survives_the_round_trip(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GEN_ROWS; i++) {
		survives(&gen_rows[i], GEN_ZERO, 0);
		survives(&gen_rows[i], GEN_ONES, 0);
		survives(&gen_rows[i], GEN_NAMED, 0);
		for (uint64_t seed = 1; seed <= 200; seed++)
			survives(&gen_rows[i], GEN_RANDOM, seed);
	}
}

static bool refused(const struct gen_row *row, const void *p, size_t n)
{
	struct span s = exactly(p, n);
	bool valid = wire_valid(row->type, s);

	release(s);
	return !valid;
}

static void check_lengths(const struct gen_row *row, enum gen_mode mode, uint64_t seed)
{
	size_t step;
	struct buf body;

	buf_init(&body, WIRE_PIECE + 1);
	gen.mode = mode;
	gen.seed = seed;
	row->make(&gen, &body);
	/* All of them where that is cheap; some of the largest bodies' otherwise. */
	step = body.len > 4096 ? body.len / 97 : 1;
	for (size_t n = 0; n < body.len; n += step)
		if (!refused(row, body.p, n))
			fail_msg("%s cut to %zu of %zu bytes was accepted", row->name, n, body.len);
	buf_u8(&body, 0);
	assert_false(body.bad);
	if (!refused(row, body.p, body.len))
		fail_msg("%s with a byte too many was accepted", row->name);
	buf_free(&body);
}

static void every_truncation_and_extension_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GEN_ROWS; i++) {
		check_lengths(&gen_rows[i], GEN_ZERO, 0);
		check_lengths(&gen_rows[i], GEN_ONES, 0);
		check_lengths(&gen_rows[i], GEN_NAMED, 0);
		for (uint64_t seed = 1; seed <= 20; seed++)
			check_lengths(&gen_rows[i], GEN_RANDOM, seed);
	}
}

/* Whatever bytes arrive: decoding and dumping them reads nothing but them. */
static void damaged_bodies_are_refused_or_decoded_within_bounds(void **state)
{
	FILE *sink = fopen("/dev/null", "w");
	struct buf body;

	(void)state;
	assert_non_null(sink);
	buf_init(&body, WIRE_PIECE);
	for (unsigned i = 0; i < GEN_ROWS; i++)
		for (uint64_t seed = 1; seed <= 100; seed++) {
			struct span s;

			buf_reset(&body);
			gen.mode = GEN_RANDOM;
			gen.seed = seed;
			gen_rows[i].make(&gen, &body);
			for (unsigned n = 0; body.len && n < 1 + seed % 4; n++)
				body.p[gen_next(&gen) % body.len] = (uint8_t)gen_next(&gen);
			s = exactly(body.p, body.len);
			wire_dump_fields(sink, wire_row(gen_rows[i].type), s);
			release(s);
		}
	buf_free(&body);
	fclose(sink);
}

/* ---- the recorded bytes of each version --------------------------------- */

enum { NEWEST = 2 };

static struct wire_head fixed_head(const struct gen_row *row, size_t len)
{
	bool counted = wire_needs_credit(wire_row(row->type)->kind);

	return (struct wire_head){.len = (uint32_t)len,
	    .type = row->type,
	    .target = 0x01020304,
	    .piece = 0x05060708,
	    .epoch = 0x090a0b0c,
	    .id = counted ? 0x1112131415161718 : 0};
}

static void fixed_message(const struct gen_row *row, struct buf *out)
{
	struct wire_head h;
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	gen.mode = GEN_NAMED;
	row->make(&gen, &body);
	h = fixed_head(row, body.len);
	wire_put_head(out, &h);
	buf_raw(out, body.p, body.len);
	buf_free(&body);
}

static void to_hex(const struct buf *b, char *text)
{
	for (size_t i = 0; i < b->len; i++)
		sprintf(text + 2 * i, "%02x", b->p[i]);
	text[2 * b->len] = 0;
}

static FILE *open_recorded(unsigned version)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%.*s/wire-v%u.txt", (int)(strrchr(__FILE__, '/') - __FILE__),
	    __FILE__, version);
	f = fopen(path, "r");
	if (!f)
		fail_msg("cannot open %s: run from the top of the source tree", path);
	return f;
}

enum { HEX_MAX = 8192 };

/* The recorded message of a row, in hex; empty when there is none. */
static void recorded(const char *name, unsigned version, char *text)
{
	char line[HEX_MAX + 64], row[64];
	FILE *f = open_recorded(version);

	text[0] = 0;
	while (!text[0] && fgets(line, sizeof(line), f)) {
		char hex[HEX_MAX];

		if (sscanf(line, "%63s %8191s", row, hex) == 2 && strcmp(row, name) == 0)
			strcpy(text, hex);
	}
	fclose(f);
}

static void every_version_is_still_what_was_recorded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GEN_ROWS; i++) {
		unsigned since = wire_row(gen_rows[i].type)->since;
		char now[HEX_MAX], then[HEX_MAX];
		struct buf b;

		buf_init(&b, HEX_MAX / 2 - 1);
		fixed_message(&gen_rows[i], &b);
		assert_false(b.bad);
		to_hex(&b, now);
		recorded(gen_rows[i].name, since, then);
		if (!then[0])
			fail_msg("%s has no line in wire-v%u.txt; it would be:\n%s %s",
			    gen_rows[i].name, since, gen_rows[i].name, now);
		if (strcmp(now, then) != 0)
			fail_msg("%s is not what version %u sent:\n now %s\nthen %s",
			    gen_rows[i].name, since, now, then);
		buf_free(&b);
	}
}

static size_t from_hex(const char *text, uint8_t *p, size_t max)
{
	size_t n = 0;
	unsigned v;

	for (; n < max && sscanf(text + 2 * n, "%2x", &v) == 1; n++)
		p[n] = (uint8_t)v;
	return n;
}

static const struct gen_row *gen_row_named(const char *name)
{
	for (unsigned i = 0; i < GEN_ROWS; i++)
		if (strcmp(gen_rows[i].name, name) == 0)
			return &gen_rows[i];
	return NULL;
}

static void check_recorded(const char *name, const char *hex)
{
	const struct gen_row *row = gen_row_named(name);
	uint8_t bytes[HEX_MAX / 2];
	size_t n = from_hex(hex, bytes, sizeof(bytes));
	struct rd r = rd_init(bytes, n);
	struct wire_head h;
	struct buf again;

	if (!row)
		fail_msg("%s was sent by an older version and is gone", name);
	assert_true(wire_get_head(&r, &h));
	assert_int_equal(h.type, row->type);
	assert_int_equal(h.len, n - WIRE_HEAD);
	buf_init(&again, WIRE_PIECE);
	if (!row->recode((struct span){bytes + WIRE_HEAD, h.len}, &again))
		fail_msg("%s as an older version sent it is refused", name);
	assert_int_equal(again.len, h.len);
	if (h.len)
		assert_memory_equal(again.p, bytes + WIRE_HEAD, h.len);
	buf_free(&again);
}

/* How many messages of that version there are. */
static unsigned check_version(unsigned version)
{
	char line[HEX_MAX + 64], name[64], hex[HEX_MAX];
	FILE *f = open_recorded(version);
	unsigned lines = 0;

	while (fgets(line, sizeof(line), f))
		if (line[0] != '#' && sscanf(line, "%63s %8191s", name, hex) == 2) {
			check_recorded(name, hex);
			lines++;
		}
	fclose(f);
	return lines;
}

static void what_was_recorded_decodes_and_encodes_to_the_same_bytes(void **state)
{
	static const unsigned least[NEWEST + 1] = {[1] = 50, [2] = 20};

	(void)state;
	for (unsigned version = 1; version <= NEWEST; version++)
		assert_true(check_version(version) >= least[version]);
}

/* ---- headers ------------------------------------------------------------ */

static enum wire_from sender(enum wire_kind kind)
{
	return kind == WIRE_LINK_H || kind == WIRE_REQ ? WIRE_FROM_HOST : WIRE_FROM_AGENT;
}

static struct wire_head good_head(const struct wire_row *row)
{
	return (struct wire_head){
	    .len = row->min, .type = row->type, .id = wire_needs_credit(row->kind) ? 7 : 0};
}

static void headers_are_judged_by_the_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GEN_ROWS; i++) {
		const struct wire_row *row = wire_row(gen_rows[i].type);
		enum wire_from from = sender(row->kind),
			       other = from == WIRE_FROM_HOST ? WIRE_FROM_AGENT : WIRE_FROM_HOST;
		struct wire_head h = good_head(row);

		assert_int_equal(wire_check_head(&h, from), E_OK);
		assert_int_equal(
		    wire_check_head(&h, other), row->kind == WIRE_LINK_B ? E_OK : E_PROTOCOL);
		h.len = row->max;
		assert_int_equal(wire_check_head(&h, from), E_OK);
		h.len = row->max + 1;
		assert_int_equal(
		    wire_check_head(&h, from), row->max == WIRE_PIECE ? E_TOO_BIG : E_MALFORMED);
		h.len = UINT32_MAX;
		assert_int_equal(wire_check_head(&h, from), E_TOO_BIG);
		if (row->min) {
			h.len = row->min - 1;
			assert_int_equal(wire_check_head(&h, from), E_MALFORMED);
		}
	}
}

static void ids_belong_to_requests_replies_and_events_only(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GEN_ROWS; i++) {
		const struct wire_row *row = wire_row(gen_rows[i].type);
		struct wire_head h = good_head(row);

		h.id = h.id ? 0 : 1;
		assert_int_equal(wire_check_head(&h, sender(row->kind)), E_PROTOCOL);
	}
}

static void only_replies_and_events_come_in_pieces(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GEN_ROWS; i++) {
		const struct wire_row *row = wire_row(gen_rows[i].type);
		bool may = row->kind == WIRE_REP || row->kind == WIRE_EVT;
		struct wire_head h = good_head(row);

		h.flags = WIRE_MORE;
		assert_int_equal(wire_check_head(&h, sender(row->kind)), may ? E_OK : E_PROTOCOL);
		h.flags = 2;
		assert_int_equal(wire_check_head(&h, sender(row->kind)), E_PROTOCOL);
		h.flags = 0x8000;
		assert_int_equal(wire_check_head(&h, sender(row->kind)), E_PROTOCOL);
	}
}

static void an_unknown_request_is_survivable_and_nothing_else_unknown_is(void **state)
{
	struct wire_head h = {.len = 10, .type = 200, .id = 3};

	(void)state;
	assert_null(wire_row(200));
	assert_int_equal(wire_check_head(&h, WIRE_FROM_HOST), E_UNKNOWN);
	assert_int_equal(wire_check_head(&h, WIRE_FROM_AGENT), E_PROTOCOL);
	h.id = 0;
	assert_int_equal(wire_check_head(&h, WIRE_FROM_HOST), E_PROTOCOL);
	h = (struct wire_head){.len = WIRE_PIECE + 1, .type = 200, .id = 3};
	assert_int_equal(wire_check_head(&h, WIRE_FROM_HOST), E_TOO_BIG);
	h = (struct wire_head){.type = UINT16_MAX, .id = 3};
	assert_int_equal(wire_check_head(&h, WIRE_FROM_HOST), E_UNKNOWN);
}

static void a_head_survives_the_round_trip(void **state)
{
	struct wire_head h = {1, 2, 1, 4, 5, 6, 0x8000000000000007}, w;
	struct buf b;
	struct rd r;

	(void)state;
	buf_init(&b, 100);
	wire_put_head(&b, &h);
	assert_int_equal(b.len, WIRE_HEAD);
	r = rd_init(b.p, b.len);
	assert_true(wire_get_head(&r, &w));
	/* Not the structs, which have padding: the bytes. */
	wire_put_head(&b, &w);
	assert_int_equal(b.len, 2 * WIRE_HEAD);
	assert_memory_equal(b.p, b.p + WIRE_HEAD, WIRE_HEAD);
	assert_int_equal(w.id, h.id);
	r = rd_init(b.p, WIRE_HEAD - 1);
	assert_false(wire_get_head(&r, &w));
	buf_free(&b);
}

static void every_request_names_a_reply_that_exists(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GEN_ROWS; i++) {
		const struct wire_row *row = wire_row(gen_rows[i].type);
		const struct wire_row *reply = wire_row(row->reply);

		if (row->kind != WIRE_REQ) {
			assert_int_equal(row->reply, WIRE_none);
			continue;
		}
		assert_non_null(reply);
		assert_true(wire_is_reply_to(reply->type, row->type));
		assert_true(wire_is_reply_to(WIRE_error, row->type));
		assert_false(wire_is_reply_to(row->type, row->type));
		assert_false(wire_is_reply_to(WIRE_stopped, row->type));
	}
}

static void texts_too_long_for_the_table_are_cut_not_sent(void **state)
{
	static const uint8_t letters[4096];
	struct wire_error v = {.subject = {letters, sizeof(letters)}}, w;
	struct buf b;

	(void)state;
	buf_init(&b, WIRE_PIECE);
	wire_encode_error(&b, &v);
	assert_true(wire_decode_error(span_buf(&b), &w));
	assert_int_equal(w.subject.n, 256);
	buf_free(&b);
}

static void a_dump_escapes_what_a_terminal_would_obey(void **state)
{
	struct wire_goodbye v = {.code = E_LOST, .text = span_str("\033[2J\r\n\"x\xff")};
	struct wire_msg m = {.h = {.type = WIRE_goodbye}};
	char text[512] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");
	struct buf b;

	(void)state;
	assert_non_null(f);
	buf_init(&b, WIRE_PIECE);
	wire_encode_goodbye(&b, &v);
	m.body = span_buf(&b);
	wire_dump(f, "<", &m);
	fclose(f);
	assert_non_null(strstr(text, "goodbye"));
	assert_non_null(strstr(text, "\\x1b[2J\\x0d\\x0a\\x22x\\xff"));
	for (const char *p = text; *p; p++)
		assert_true(*p == '\n' ? p[1] == 0 : *p >= ' ' && *p < 0x7f);
	buf_free(&b);
}

static int record(unsigned version)
{
	printf(
	    "# One message per row as version %u of the wire sends it: name, header and body in "
	    "hex.\n# Recorded once (test_wire -record %u); a line is never changed, a new row adds "
	    "one.\n",
	    version, version);
	for (unsigned i = 0; i < GEN_ROWS; i++) {
		char hex[HEX_MAX];
		struct buf b;

		if (wire_row(gen_rows[i].type)->since != version)
			continue;
		buf_init(&b, HEX_MAX / 2 - 1);
		fixed_message(&gen_rows[i], &b);
		to_hex(&b, hex);
		printf("%s %s\n", gen_rows[i].name, hex);
		buf_free(&b);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_survives_the_round_trip),
	    cmocka_unit_test(every_truncation_and_extension_is_refused),
	    cmocka_unit_test(damaged_bodies_are_refused_or_decoded_within_bounds),
	    cmocka_unit_test(every_version_is_still_what_was_recorded),
	    cmocka_unit_test(what_was_recorded_decodes_and_encodes_to_the_same_bytes),
	    cmocka_unit_test(headers_are_judged_by_the_table),
	    cmocka_unit_test(ids_belong_to_requests_replies_and_events_only),
	    cmocka_unit_test(only_replies_and_events_come_in_pieces),
	    cmocka_unit_test(an_unknown_request_is_survivable_and_nothing_else_unknown_is),
	    cmocka_unit_test(a_head_survives_the_round_trip),
	    cmocka_unit_test(every_request_names_a_reply_that_exists),
	    cmocka_unit_test(texts_too_long_for_the_table_are_cut_not_sent),
	    cmocka_unit_test(a_dump_escapes_what_a_terminal_would_obey),
	};
	int status;

	if (!gen_init(&gen))
		return 1;
	status = argc > 2 && strcmp(argv[1], "-record") == 0
		     ? record((unsigned)strtoul(argv[2], NULL, 10))
		     : cmocka_run_group_tests(tests, NULL, NULL);
	gen_free(&gen);
	return status;
}
