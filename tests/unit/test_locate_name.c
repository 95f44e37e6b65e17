/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/sym/locate.h"

static void names_fit_by_their_last_parts(void **state)
{
	(void)state;
	assert_true(locate_named("a::b::c(int)", "c"));
	assert_true(locate_named("a::b::c(int)", "b::c"));
	assert_true(locate_named("a::b::c(int)", "::a::b::c"));
	assert_false(locate_named("a::b::c(int)", "::b::c"));
	assert_false(locate_named("a::b::c(int)", "b"));
	assert_false(locate_named("a::b::cc(int)", "c"));
	assert_true(locate_named("main", "main"));
	assert_true(locate_named("(anonymous namespace)::hidden(int)", "hidden"));
}

static void parameters_count_where_they_are_given(void **state)
{
	(void)state;
	assert_true(locate_named("f(int, char const*)", "f(int,char const *)"));
	assert_false(locate_named("f(int)", "f(long)"));
	assert_true(locate_named("C::f() const", "f"));
	assert_true(locate_named("C::f(int) const", "C::f(int) const"));
}

static void template_arguments_may_be_left_out(void **state)
{
	(void)state;
	assert_true(locate_named("Box<int>::get(int)", "Box::get"));
	assert_true(locate_named("Box<int>::get(int)", "Box<int>::get"));
	assert_false(locate_named("Box<int>::get(int)", "Box<long>::get"));
	assert_true(locate_named("std::map<a::b, c<d> >::at(int)", "at"));
	assert_false(locate_named("Box<a::get>::put(int)", "get"));
}

static void operators_are_names(void **state)
{
	(void)state;
	assert_true(locate_named("operator+(A const&, A const&)", "operator+"));
	assert_true(locate_named("std::operator+<char>(A)", "operator+"));
	assert_true(locate_named("std::operator<<(A)", "operator<<"));
	assert_false(locate_named("std::operator<<(A)", "operator<"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_fit_by_their_last_parts),
	    cmocka_unit_test(parameters_count_where_they_are_given),
	    cmocka_unit_test(template_arguments_may_be_left_out),
	    cmocka_unit_test(operators_are_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
