/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"

static const int codes[] = {
#define ERR(number, name, text) number,
#include "common/err.def"
};

static void expect(struct he_error *e, const char *text)
{
	assert_non_null(e);
	assert_string_equal(e->message, text);
	he_error_free(e);
}

static void facts_stand_where_they_belong(void **state)
{
	struct errtext_where where = {.box = "box", .user = "alice", .keyed = true};
	struct wire_error w = {.code = E_OTHER_USER,
	    .pid = 4242,
	    .subject = span_str("redis-server"),
	    .detail = span_str("redis")};

	(void)state;
	expect(he_error_at(&where, "attach to 4242", &w),
	    "box: cannot attach to 4242 (redis-server): it runs as redis, your key is mapped to "
	    "alice");
	where.keyed = false;
	expect(he_error_at(&where, "attach to 4242", &w),
	    "box: cannot attach to 4242 (redis-server): it runs as redis, you are alice");
	w = (struct wire_error){.code = E_TRACED,
	    .pid = 77,
	    .subject = span_str("redis-server"),
	    .detail = span_str("procsrv-tracer: session 3 (bob@desk, since 10:42)")};
	expect(he_error_at(&where, "attach to 4242", &w),
	    "box: cannot attach to 4242 (redis-server): it is already being debugged by "
	    "session 3 (bob@desk, since 10:42). Let that one detach first");
	w.detail = span_str("gdb -p 4242");
	expect(he_error_at(&where, "attach to 4242", &w),
	    "box: cannot attach to 4242 (redis-server): it is already being debugged by "
	    "gdb -p 4242 (process 77). Let that one detach first");
}

static void a_missing_fact_leaves_no_hole(void **state)
{
	struct wire_error w = {.code = E_TRACED};

	(void)state;
	expect(he_error_wire("box", "attach to 1", &w),
	    "box: cannot attach to 1: it is already being debugged. Let that one detach first");
	w.code = E_OS;
	w.os_errno = ENOSPC;
	expect(he_error_wire("box", "read memory", &w),
	    "box: cannot read memory: No space left on device");
}

static void every_code_has_a_whole_sentence(void **state)
{
	struct wire_error w = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct he_error *e;

		w.code = (uint16_t)codes[i];
		e = he_error_wire("box", "do it", &w);
		assert_int_equal(e->code, codes[i]);
		assert_non_null(strstr(e->message, "box"));
		if (strpbrk(e->message, "{}[]") || strstr(e->message, "()") ||
		    strstr(e->message, "  ") || strstr(e->message, " ,") ||
		    strstr(e->message, " ."))
			fail_msg("code %d: %s", codes[i], e->message);
		he_error_free(e);
	}
}

static void a_code_nobody_knows_is_a_sentence_too(void **state)
{
	struct wire_error w = {.code = 60000, .detail = span_str("what")};

	(void)state;
	expect(he_error_wire("box", "do it", &w), "box: cannot do it: unknown error (what)");
}

static void yama_says_what_each_scope_leaves(void **state)
{
	static const char *const part[] = {
	    "ptrace_scope=0", "PR_SET_PTRACER", "allow-root", "next boot", "ptrace_scope=0"};

	(void)state;
	for (uint64_t scope = 0; scope < 5; scope++) {
		struct wire_error w = {.code = E_YAMA, .addr = scope};
		struct he_error *e = he_error_wire("box", "attach to 1", &w);

		if (!strstr(e->message, part[scope]))
			fail_msg("scope %d: %s", (int)scope, e->message);
		he_error_free(e);
	}
}

static void what_a_stranger_wrote_is_escaped(void **state)
{
	struct wire_error w = {
	    .code = E_ZOMBIE, .subject = {(const uint8_t *)"a\033[2J\n{box}[x]", 14}};

	(void)state;
	expect(he_error_wire("box", "attach to 1", &w),
	    "box: cannot attach to 1 (a\\x1b[2J\\x0a{box}[x]): it has ended already and only waits "
	    "for its parent to take note");
}

static void long_facts_are_cut_not_overrun(void **state)
{
	uint8_t text[512];
	struct wire_error w = {
	    .code = E_TRACED, .subject = {text, 256}, .detail = {text, sizeof(text)}};
	struct he_error *e;

	(void)state;
	memset(text, 1, sizeof(text)); /* four characters each when escaped */
	e = he_error_wire("box", "attach to 1", &w);
	assert_true(strlen(e->message) < 4096);
	he_error_free(e);
}

static void the_facts_of_an_error_stay_with_it(void **state)
{
	struct wire_error w = {.code = E_FAULT, .addr = 0xdeadbeef, .os_errno = EFAULT};
	struct he_error *e = he_error_wire("box", "read memory", &w), *copy = he_error_copy(e);

	(void)state;
	assert_int_equal(copy->code, E_FAULT);
	assert_int_equal(copy->addr, 0xdeadbeef);
	assert_int_equal(copy->os_errno, EFAULT);
	assert_string_equal(copy->message,
	    "box: cannot read memory: memory at 0xdeadbeef cannot be read (Bad address)");
	he_error_free(e);
	he_error_free(copy);
	he_error_free(NULL);
}

static void a_request_says_what_it_was_for(void **state)
{
	static const uint8_t pid[12] = {0x92, 0x10};
	char text[64];

	(void)state;
	assert_string_equal(
	    he_doing(text, sizeof(text), WIRE_attach, (struct span){pid, 12}), "attach to 4242");
	assert_string_equal(he_doing(text, sizeof(text), WIRE_maps, (struct span){NULL, 0}),
	    "read the memory map of the target");
	assert_string_equal(
	    he_doing(text, sizeof(text), WIRE_ps, (struct span){pid, 12}), "list processes");
	assert_string_equal(he_doing(text, sizeof(text), 9999, (struct span){0}), "do that");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(facts_stand_where_they_belong),
	    cmocka_unit_test(a_missing_fact_leaves_no_hole),
	    cmocka_unit_test(every_code_has_a_whole_sentence),
	    cmocka_unit_test(a_code_nobody_knows_is_a_sentence_too),
	    cmocka_unit_test(yama_says_what_each_scope_leaves),
	    cmocka_unit_test(what_a_stranger_wrote_is_escaped),
	    cmocka_unit_test(long_facts_are_cut_not_overrun),
	    cmocka_unit_test(the_facts_of_an_error_stay_with_it),
	    cmocka_unit_test(a_request_says_what_it_was_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
