/* SPDX-License-Identifier: BSD-2-Clause
 *
 * printf of breakpoint commands: every conversion beside printf(3)'s own, what is refused, and
 * strings of a program that are not what they should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/rsp/rsp_printf.h"

enum { AT = 0x1ff0, MEMORY = 0x10 + 8000 };

static char memory[MEMORY];
static char text[16384];
static size_t readable = MEMORY;

static size_t read_memory(void *arg, uint64_t addr, void *to, size_t n)
{
	(void)arg;
	if (addr < AT || addr >= AT + readable)
		return 0;
	if (n > AT + readable - addr)
		n = AT + readable - addr;
	memcpy(to, memory + (addr - AT), n);
	return n;
}

static bool print_on(bool narrow, const char *format, const uint64_t *args, unsigned n)
{
	const struct rsp_printf_env env = {.narrow = narrow, .read = read_memory};
	struct buf out;
	uint64_t addr = 0;
	bool done;

	assert_true(rsp_printf_allows(span_str(format), n));
	buf_init(&out, sizeof(text) - 1);
	done = rsp_printf(&out, span_str(format), args, &env, &addr);
	assert_false(out.bad);
	if (out.len)
		memcpy(text, out.p, out.len);
	text[out.len] = 0;
	if (!done)
		snprintf(text, sizeof(text), "%llx", (unsigned long long)addr);
	buf_free(&out);
	return done;
}

#define PRINTS(wanted, format, ...)                                                                \
	do {                                                                                       \
		const uint64_t args[] = {__VA_ARGS__};                                             \
		assert_true(print_on(false, format, args, sizeof(args) / sizeof(args[0])));        \
		assert_string_equal(text, wanted);                                                 \
	} while (0)

#define SAYS(wanted, format)                                                                       \
	do {                                                                                       \
		assert_true(print_on(false, format, NULL, 0));                                     \
		assert_string_equal(text, wanted);                                                 \
	} while (0)

/* ---- numbers -------------------------------------------------------------------------- */

static const uint64_t values[] = {
    0, 1, 7, 8, 42, 0x7fff, 0x8000, 0xffffffff, 0x80000000, UINT64_MAX, UINT64_C(1) << 63};

/* The compiler cannot check a format that is put together. */
static int (*const library)(char *, size_t, const char *, ...) = snprintf;

/* The same as the library's, of the same length. */
static void compare(const char *spec, const char *length, char letter, uint64_t v)
{
	char format[64], wanted[256];

	snprintf(format, sizeof(format), "%%%s%s%c", spec, length, letter);
	if (!*length)
		library(wanted, sizeof(wanted), format, (unsigned)v);
	else
		library(wanted, sizeof(wanted), format, (unsigned long)v);
	assert_true(print_on(false, format, &v, 1));
	if (strcmp(text, wanted) != 0)
		fail_msg(
		    "%s of %llx: \"%s\", not \"%s\"", format, (unsigned long long)v, text, wanted);
}

static void numbers_are_written_as_the_library_does(void **state)
{
	static const char *const specs[] = {"", "5", "-5", "05", ".3", "8.3", "-8.3", ".0", "#",
	    "#12", "#012", "#.0", "-#12", "+", " ", "+05", " .0", "0-7", "08.3"};
	static const char *const lengths[] = {"", "l", "ll", "z"};

	(void)state;
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
		for (size_t s = 0; s < sizeof(specs) / sizeof(specs[0]); s++)
			for (size_t k = 0; k < 4; k++)
				for (const char *c = "diuoxX"; *c; c++) {
					/* What means nothing there, means nothing here. */
					if (strchr("diu", *c) && strchr(specs[s], '#'))
						continue;
					compare(specs[s], lengths[k], *c, values[v]);
				}
}

static void short_ones_and_those_of_32_bits_are_cut(void **state)
{
	uint64_t v = UINT64_C(0x1234567890);

	(void)state;
	PRINTS("-32768 32768 8000", "%hd %hu %hx", 0x18000, 0x18000, 0x18000);
	assert_true(print_on(true, "%lx", &v, 1));
	assert_string_equal(text, "34567890");
	assert_true(print_on(true, "%llx", &v, 1));
	assert_string_equal(text, "1234567890");
}

static void pointers_and_characters(void **state)
{
	(void)state;
	PRINTS("0x401000|     (nil)|  0x10|0x10  |", "%p|%10p|%6p|%-6p|", 0x401000, 0, 16, 16);
	PRINTS("A|    b|c    |\\x00|\\x1b", "%c|%5c|%-5c|%c|%c", 'A', 'b', 'c', 0, 0x11b);
}

/* ---- text ----------------------------------------------------------------------------- */

static void what_was_typed_is_what_it_means(void **state)
{
	(void)state;
	SAYS("a\tb\n\"100%\\", "a\\tb\\n\\\"100%%\\\\");
	SAYS("\\x1b[31m\\x07\\x0d", "\\e[31m\\a\\r");
	SAYS("", "");
}

static void only_what_does_no_harm_comes_out_as_it_is(void **state)
{
	(void)state;
	strcpy(memory, "\033[2J f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x98\x80 \x9b \xc2\x9b \xc0\xaf"
		       "\xed\xa0\x80\x7f\xe2\x82");
	PRINTS("\\x1b[2J f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x98\x80 \\x9b \\xc2\\x9b \\xc0\\xaf"
	       "\\xed\\xa0\\x80\\x7f\\xe2\\x82",
	    "%s", AT);
}

static void strings_have_a_width_and_a_precision(void **state)
{
	(void)state;
	strcpy(memory, "three");
	PRINTS("[three] [   three] [three   ] [th]  [    th] []",
	    "[%s] [%8s] [%-8s] [%.2s]  [%6.2s] [%.0s]", AT, AT, AT, AT, AT, AT);
	PRINTS("(null) (n [  (null)]", "%s %.2s [%8s]", 0, 0, 0);
}

static void a_string_is_read_as_far_as_is_needed(void **state)
{
	uint64_t at = AT;

	(void)state;
	memset(memory, 'x', sizeof(memory));
	assert_true(print_on(false, "%s|", &at, 1));
	assert_int_equal(strlen(text), RSP_PRINTF_STRING + 4);
	assert_string_equal(text + RSP_PRINTF_STRING, "...|");
	/* The next page is not there, and nobody asks for it. */
	readable = 16;
	memory[15] = 0;
	assert_true(print_on(false, "%s", &at, 1));
	assert_string_equal(text, "xxxxxxxxxxxxxxx");
	memory[15] = 'y';
	PRINTS("xxxxxxxxxxxxxxxy", "%.16s", AT);
	assert_false(print_on(false, "%.17s", &at, 1));
	assert_string_equal(text, "2000");
	assert_false(print_on(false, "%s", &at, 1));
	assert_string_equal(text, "2000");
	at = 12;
	assert_false(print_on(false, "%s", &at, 1));
	assert_string_equal(text, "c");
	at = UINT64_MAX;
	assert_false(print_on(false, "%s", &at, 1));
	/* Of 32 bits are addresses, too. */
	at = AT | UINT64_C(5) << 32;
	assert_true(print_on(true, "%.3s", &at, 1));
	assert_string_equal(text, "xxx");
	readable = MEMORY;
}

/* ---- refused ---------------------------------------------------------------------------- */

static void what_it_cannot_write_is_refused(void **state)
{
	static const char *const bad[] = {"%", "%l", "%5", "%.", "%n", "%*d", "%.*d", "%f", "%5.2f",
	    "%g", "%a", "%Lf", "%ls", "%lc", "%hs", "%lp", "%lld%", "%hhd", "%jd", "%q", "%4097d",
	    "%.4097d", "%99999999999999999999d", "\\", "\\q%d", "\\x41%d", "%\\d", "% \xff"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (unsigned n = 0; n < 3; n++)
			if (rsp_printf_allows(span_str(bad[i]), n))
				fail_msg("\"%s\" with %u is taken", bad[i], n);
	assert_true(rsp_printf_allows(span_str("%4096d"), 1));
	assert_false(rsp_printf_allows(span_str("%d"), 0));
	assert_false(rsp_printf_allows(span_str("%d"), 2));
	assert_false(rsp_printf_allows(span_str("%%"), 1));
	assert_true(rsp_printf_allows(span_str("%%"), 0));
	assert_false(rsp_printf_allows((struct span){(const uint8_t *)"%\0d", 3}, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_are_written_as_the_library_does),
	    cmocka_unit_test(short_ones_and_those_of_32_bits_are_cut),
	    cmocka_unit_test(pointers_and_characters),
	    cmocka_unit_test(what_was_typed_is_what_it_means),
	    cmocka_unit_test(only_what_does_no_harm_comes_out_as_it_is),
	    cmocka_unit_test(strings_have_a_width_and_a_precision),
	    cmocka_unit_test(a_string_is_read_as_far_as_is_needed),
	    cmocka_unit_test(what_it_cannot_write_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
