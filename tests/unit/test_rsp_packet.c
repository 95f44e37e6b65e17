/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "host/rsp/rsp_features.h"
#include "host/rsp/rsp_packet.h"
#include "host/rsp/rsp_signal.h"

static struct rd of(const char *text)
{
	return rd_init(text, strlen(text));
}

/* ---- taking ------------------------------------------------------------------------ */

static void numbers_end_where_their_digits_do(void **state)
{
	struct rd a = of("1aF,2"), b = of("42;");

	(void)state;
	assert_int_equal(rsp_take_hex(&a), 0x1af);
	assert_true(rsp_take_char(&a, ','));
	assert_int_equal(rsp_take_hex(&a), 2);
	assert_true(rd_done(&a));
	assert_int_equal(rsp_take_dec(&b), 42);
	assert_int_equal(rsp_peek(&b), ';');
}

static void numbers_of_more_than_64_bits_are_bad(void **state)
{
	struct rd a = of("ffffffffffffffff"), b = of("10000000000000000"),
		  c = of("18446744073709551616");

	(void)state;
	assert_true(rsp_take_hex(&a) == UINT64_MAX && rd_done(&a));
	assert_int_equal(rsp_take_hex(&b), 0);
	assert_true(b.bad);
	assert_int_equal(rsp_take_dec(&c), 0);
	assert_true(c.bad);
}

static void no_digit_is_no_number(void **state)
{
	struct rd a = of(""), b = of(",1"), c = of("-");

	(void)state;
	rsp_take_hex(&a);
	rsp_take_hex(&b);
	rsp_take_signed_hex(&c);
	assert_true(a.bad && b.bad && c.bad);
}

static void what_is_bad_stays_bad(void **state)
{
	struct rd a = of(",12");

	(void)state;
	rsp_take_hex(&a);
	assert_false(rsp_take_char(&a, ','));
	assert_int_equal(rsp_take_hex(&a), 0);
	assert_int_equal(rsp_take_until(&a, ";").n, 0);
	assert_int_equal(rsp_peek(&a), 0);
	assert_true(a.bad);
}

static struct rsp_id id_of(const char *text, bool *good)
{
	struct rd a = of(text);
	struct rsp_id id = rsp_take_id(&a);

	*good = rd_done(&a);
	return id;
}

static void thread_ids_come_in_six_forms(void **state)
{
	static const struct {
		const char *text;
		int64_t pid, tid;
	} rows[] = {
	    {"1f", 0, 0x1f},
	    {"-1", 0, -1},
	    {"0", 0, 0},
	    {"p10.11", 0x10, 0x11},
	    {"p10.-1", 0x10, -1},
	    {"p10", 0x10, -1},
	    {"p-1.-1", -1, -1},
	    {"p0.0", 0, 0},
	};
	bool good;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rsp_id id = id_of(rows[i].text, &good);

		assert_true(good);
		assert_int_equal(id.pid, rows[i].pid);
		assert_int_equal(id.tid, rows[i].tid);
	}
}

static void other_thread_ids_are_bad(void **state)
{
	static const char *const bad[] = {
	    "",
	    "p",
	    "p.",
	    "p1.",
	    "-2",
	    "p-2.1",
	    "x",
	    "ffffffffffffffffff",
	    "p1.2.3",
	    "8000000000000000",
	};
	bool good;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		id_of(bad[i], &good);
		assert_false(good);
	}
}

static void a_digit_alone_is_no_byte(void **state)
{
	struct rd a = of("0a1"), b = of("0g");
	struct buf out;

	(void)state;
	buf_init(&out, 16);
	rsp_take_pairs(&a, &out);
	assert_true(a.bad);
	rsp_take_byte(&b);
	assert_true(b.bad);
	buf_free(&out);
}

static void texts_have_a_longest_length_and_no_zero(void **state)
{
	struct rd a = of("6162;"), b = of("616263"), c = of("610062"), d = of("");
	char *text = rsp_take_hexstr(&a, 2), *empty = rsp_take_hexstr(&d, 2);

	(void)state;
	assert_string_equal(text, "ab");
	assert_int_equal(rsp_peek(&a), ';');
	assert_string_equal(empty, "");
	assert_null(rsp_take_hexstr(&b, 2));
	assert_null(rsp_take_hexstr(&c, 8));
	assert_true(b.bad && c.bad);
	free(text);
	free(empty);
}

static void words_are_taken_whole_or_not_at_all(void **state)
{
	struct rd a = of("read:x;y");

	(void)state;
	assert_false(rsp_take_word(&a, "reading"));
	assert_true(rsp_take_word(&a, "read"));
	rsp_want_char(&a, ':');
	assert_int_equal(rsp_take_until(&a, ";,").n, 1);
	assert_true(rsp_take_char(&a, ';'));
	assert_int_equal(rsp_take_rest(&a).n, 1);
	assert_true(rd_done(&a));
	rsp_want_char(&a, ':');
	assert_true(a.bad);
}

/* ---- putting ------------------------------------------------------------------------- */

static void assert_buf(const struct buf *b, const char *want)
{
	assert_false(b->bad);
	assert_int_equal(b->len, strlen(want));
	assert_memory_equal(b->p, want, b->len);
}

static void binary_data_hides_the_marks_of_a_frame(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	rsp_put_binary(&b, "a#$}*b", 6);
	assert_buf(&b, "a}\x03}\x04}]}\nb");
	buf_free(&b);
}

static void binary_data_is_cut_between_bytes(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	assert_int_equal(rsp_put_binary_cut(&b, "ab#d", 4, 3), 2);
	assert_buf(&b, "ab");
	buf_free(&b);
}

static void numbers_are_put_without_zeros_in_front(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	rsp_put_u64(&b, 0);
	rsp_put_u64(&b, 0x1f0);
	rsp_put_id(&b, true, 0xab, 0xc);
	rsp_put_id(&b, false, 0xab, 0xc);
	assert_buf(&b, "01f0pab.cc");
	buf_free(&b);
}

static void xml_is_escaped(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	rsp_put_xml(&b, "a<&\"\x01\xff");
	assert_buf(&b, "a&lt;&amp;&quot;?&#255;");
	buf_free(&b);
}

/* ---- signals -------------------------------------------------------------------------- */

static void signals_have_one_number_on_each_side(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= 64; n++)
		if (n != 16) /* SIGSTKFLT: GDB has none */
			assert_int_equal(rsp_signal_to_linux(rsp_signal_to_gdb(n)), n);
	assert_int_equal(rsp_signal_to_gdb(16), RSP_SIGNAL_UNKNOWN);
	assert_int_equal(rsp_signal_to_gdb(10), 30); /* SIGUSR1 */
	assert_int_equal(rsp_signal_to_gdb(34), 46);
	assert_int_equal(rsp_signal_to_linux(0), 0);
	assert_int_equal(rsp_signal_to_linux(7), 0); /* SIGEMT */
	assert_int_equal(rsp_signal_to_linux(UINT64_MAX), 0);
}

/* ---- descriptions ---------------------------------------------------------------------- */

static struct rsp_regs *described(uint32_t arch, const char *const *names, size_t n)
{
	struct he_register v[8] = {0};
	struct he_registers sample = {v, n};

	for (size_t i = 0; i < n; i++)
		v[i].name = names[i];
	return rsp_regs_new(arch, &sample);
}

#define X86_64 0xc000003eu
#define I386 0x40000003u

static void registers_have_the_numbers_that_gdb_gives_them(void **state)
{
	static const char *const names[] = {"rax", "ymm0"};
	struct rsp_regs *d = described(X86_64, names, 2);

	(void)state;
	assert_string_equal(d->v[0].name, "rax");
	assert_string_equal(d->v[8].name, "r8");
	assert_string_equal(d->v[16].name, "rip");
	assert_string_equal(d->v[40].name, "xmm0");
	assert_string_equal(d->v[57].name, "orig_rax");
	assert_string_equal(d->v[60].name, "ymm0h");
	assert_string_equal(d->v[60].source, "ymm0");
	assert_int_equal(d->v[60].piece, 16);
	assert_int_equal(d->n, 76);
	rsp_regs_free(d);
	d = described(I386, names, 0);
	assert_string_equal(d->v[8].name, "eip");
	assert_string_equal(d->v[41].name, "orig_eax");
	assert_int_equal(d->n, 42);
	rsp_regs_free(d);
}

static void what_the_processor_has_not_is_not_described(void **state)
{
	static const char *const names[] = {"rax", "zmm16", "pkru"};
	struct rsp_regs *d = described(X86_64, names, 1);

	(void)state;
	assert_null(memmem(d->xml.p, d->xml.len, "avx", 3));
	rsp_regs_free(d);
	d = described(X86_64, names, 3);
	assert_non_null(memmem(d->xml.p, d->xml.len, "i386.avx512", 11));
	assert_non_null(memmem(d->xml.p, d->xml.len, "i386.pkeys", 10));
	rsp_regs_free(d);
	assert_null(described(0xc00000b7, names, 1)); /* aarch64 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_end_where_their_digits_do),
	    cmocka_unit_test(numbers_of_more_than_64_bits_are_bad),
	    cmocka_unit_test(no_digit_is_no_number),
	    cmocka_unit_test(what_is_bad_stays_bad),
	    cmocka_unit_test(thread_ids_come_in_six_forms),
	    cmocka_unit_test(other_thread_ids_are_bad),
	    cmocka_unit_test(a_digit_alone_is_no_byte),
	    cmocka_unit_test(texts_have_a_longest_length_and_no_zero),
	    cmocka_unit_test(words_are_taken_whole_or_not_at_all),
	    cmocka_unit_test(binary_data_hides_the_marks_of_a_frame),
	    cmocka_unit_test(binary_data_is_cut_between_bytes),
	    cmocka_unit_test(numbers_are_put_without_zeros_in_front),
	    cmocka_unit_test(xml_is_escaped),
	    cmocka_unit_test(signals_have_one_number_on_each_side),
	    cmocka_unit_test(registers_have_the_numbers_that_gdb_gives_them),
	    cmocka_unit_test(what_the_processor_has_not_is_not_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
