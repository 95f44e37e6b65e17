/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What goes wrong below the symbols' questions, which themselves cannot pass it on.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "common/err.h"
#include "fake_agent.h"
#include "host/engine/target.h"
#include "host/errtext.h"

static struct he_engine *engine;
static struct he_target *target;

static int setup(void **state)
{
	struct he_config config = {.config_dir = "/nonexistent", .cache_dir = "/nonexistent"};
	struct he_server *server;

	(void)state;
	fake_reset();
	return he_new(&config, &engine) || he_connect(engine, "box", &server) ||
	       he_attach(server, FAKE_PID, 0, HE_STOP, &target);
}

static int teardown(void **state)
{
	(void)state;
	he_free(engine);
	return 0;
}

/* A list that is not whole, because something could not be read. */
struct he_error *symbols_names(
    struct symbols *s, enum he_names_of what, const char *regex, struct he_names **ret)
{
	(void)s;
	(void)what;
	(void)regex;
	target->trouble = he_error_new(E_CANCELLED, "cancelled.");
	*ret = calloc(1, sizeof(**ret));
	return NULL;
}

struct he_error *symbols_locate_regex(
    struct symbols *s, const char *regex, const char *file, struct he_places **ret)
{
	(void)s;
	(void)regex;
	(void)file;
	target->trouble = he_error_new(E_CANCELLED, "cancelled.");
	*ret = calloc(1, sizeof(**ret));
	return NULL;
}

static void is_told(struct he_error *e)
{
	assert_non_null(e);
	assert_int_equal(e->code, E_CANCELLED);
	he_error_free(e);
	assert_null(target->trouble);
}

static void a_list_that_is_not_whole_is_an_error(void **state)
{
	struct he_places *places = NULL;
	struct he_names *names = NULL;

	(void)state;
	is_told(he_names(target, HE_NAMES_FUNCTIONS, NULL, &names));
	assert_null(names);
	is_told(he_functions(target, "x", NULL, &places));
	assert_null(places);
}

static void the_next_question_has_nothing_of_it(void **state)
{
	struct he_names *names = NULL;
	struct he_stack *stack = NULL;

	(void)state;
	is_told(he_names(target, HE_NAMES_FUNCTIONS, NULL, &names));
	assert_null(he_backtrace(target, FAKE_PID, 0, &stack));
	he_stack_free(stack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_list_that_is_not_whole_is_an_error, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_next_question_has_nothing_of_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
