/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names for people, and names made to harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/sym/demangle.h"

static void check(const char *name, const char *whole, const char *short_name)
{
	char *a = demangle(name, true), *b = demangle(name, false);

	assert_non_null(a);
	assert_non_null(b);
	assert_string_equal(a, whole);
	assert_string_equal(b, short_name);
	free(a);
	free(b);
}

static void parameters_can_be_left_out(void **state)
{
	(void)state;
	check("_ZN2ns1C1fEi", "ns::C::f(int)", "ns::C::f");
	check("_ZNK2ns1C1gEv", "ns::C::g() const", "ns::C::g");
	check("_Z4pickIiET_S0_", "pick<int>(int)", "pick<int>");
	check("_ZNKSt8functionIFviEEclEi", "std::function<void (int)>::operator()(int) const",
	    "std::function<void (int)>::operator()");
	check("_ZZ4mainENKUliE_clEi", "main::{lambda(int)#1}::operator()(int) const",
	    "main::{lambda(int)#1}::operator()");
	check("_ZN1CcviEv", "C::operator int()", "C::operator int");
	check("_ZTV1C", "vtable for C", "vtable for C");
}

static void rust_names_lose_their_hashes(void **state)
{
	(void)state;
	check("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write", "core::fmt::write");
	check("_RNvCs1234_7mycrate3foo", "mycrate::foo", "mycrate::foo");
}

static void what_is_not_mangled_stays_alone(void **state)
{
	static const char *const names[] = {
	    "main", "", "_", "_Z", "_start", "_ZN", "_R", "__libc_start_main", "_ZNSt"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(demangle(names[i], true));
}

/* pair<X, X> of the same, LEVELS deep: the name is short, its text has 2^LEVELS parts. */
static void a_name_that_prints_as_terabytes_is_refused(void **state)
{
	enum { LEVELS = 30 };
	static const char digit[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[16 * LEVELS] = "_Z1f4pairI", *p = name + strlen(name);

	(void)state;
	for (int i = 1; i < LEVELS; i++)
		p += sprintf(p, "S_I");
	p += sprintf(p, "1A");
	for (int i = 0; i < LEVELS; i++)
		p += sprintf(p, "S%c_E", digit[i]);
	assert_null(demangle(name, true));
}

static void a_name_too_long_or_too_deep_is_refused(void **state)
{
	char *name = malloc(2 * MANGLED_MAX);

	(void)state;
	memset(name, 'P', 2 * MANGLED_MAX);
	memcpy(name, "_Z1f", 4);
	name[2 * MANGLED_MAX - 1] = 0;
	assert_null(demangle(name, true));
	name[MANGLED_MAX - 2] = 'i'; /* f(int ******…) */
	name[MANGLED_MAX - 1] = 0;
	free(demangle(name, true));
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parameters_can_be_left_out),
	    cmocka_unit_test(rust_names_lose_their_hashes),
	    cmocka_unit_test(what_is_not_mangled_stays_alone),
	    cmocka_unit_test(a_name_that_prints_as_terabytes_is_refused),
	    cmocka_unit_test(a_name_too_long_or_too_deep_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
