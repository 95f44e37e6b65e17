/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Debug information apart from its program: .gnu_debuglink, dwz, debuginfod, none.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/errtext.h"
#include "local_target.h"

static char dir[64];

/* A shell command in the directory of this test. */
static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
	char command[3 * PATH_MAX];
	int n = snprintf(command, sizeof(command), "cd %s && ", dir);
	va_list ap;

	va_start(ap, format);
	vsnprintf(command + n, sizeof(command) - (size_t)n, format, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	char path[PATH_MAX];
	char template[] = "/tmp/test_debugfiles.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(template));
	snprintf(dir, sizeof(dir), "%s", template);
	snprintf(path, sizeof(path), "%s/cache", dir);
	setenv("DEBUGINFOD_CACHE_PATH", path, 1);
	unsetenv("DEBUGINFOD_URLS");
	run("cp %s whole", local_debuggee("sleepers"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	run("rm -rf %s", dir);
	return 0;
}

struct seen {
	bool lines;
	unsigned frames;
	char *from;
	unsigned progressed;
};

/* What a backtrace of `program` in the directory knows. */
static struct seen look(const char *program)
{
	char path[PATH_MAX], *argv[] = {path, NULL};
	struct seen seen = {.lines = false};
	struct he_modules *m;
	struct local_target t;
	struct he_stack *s;

	snprintf(path, sizeof(path), "%s/%s", dir, program);
	local_start(&t, argv, false);
	local_stop(&t);
	local_symbols(&t);
	/* As attaching does: what is listed first must not settle what is known later. */
	assert_null(symbols_modules(t.symbols, &m));
	he_modules_free(m);
	s = local_backtrace(&t, t.pid, 0);
	assert_int_equal(s->end, HE_END_OUTERMOST);
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].module && !strcmp(s->v[i].module, path) && seen.frames++ == 0)
			seen.lines = s->v[i].line > 0; /* from the first frame on */
	he_stack_free(s);
	assert_null(symbols_modules(t.symbols, &m));
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].name, path)) {
			seen.from = strdup(m->v[i].symbols_from);
			assert_int_equal(m->v[i].debug_info, seen.lines);
		}
	he_modules_free(m);
	seen.progressed = t.progressed;
	local_end(&t);
	assert_non_null(seen.from);
	return seen;
}

static void check(const char *program, bool lines, const char *from)
{
	struct seen seen = look(program);

	if (!strstr(seen.from, from))
		print_error("from %s, not %s\n", seen.from, from);
	assert_int_equal(seen.lines, lines);
	assert_non_null(strstr(seen.from, from));
	free(seen.from);
}

static void a_debug_link_is_followed(void **state)
{
	(void)state;
	run("cp whole linked && objcopy --only-keep-debug linked linked.debug && "
	    "strip linked && objcopy --add-gnu-debuglink=linked.debug linked");
	check("linked", true, "/linked.debug");
	run("mkdir .debug && mv linked.debug .debug");
	check("linked", true, "/.debug/linked.debug");
}

static void a_debug_link_to_another_build_is_not_believed(void **state)
{
	(void)state;
	run("cp whole wrong && strip wrong && objcopy --only-keep-debug %s wrong.debug && "
	    "objcopy --add-gnu-debuglink=wrong.debug wrong",
	    local_debuggee("inlined"));
	check("wrong", false, "local file");
}

static void without_build_ids_the_checksum_decides(void **state)
{
	(void)state;
	run("objcopy --remove-section=.note.gnu.build-id whole noid && "
	    "objcopy --only-keep-debug noid noid.debug && strip noid && "
	    "objcopy --add-gnu-debuglink=noid.debug noid");
	check("noid", true, "/noid.debug");
	run("printf x >> noid.debug");
	check("noid", false, "local file");
}

static void a_file_shared_by_dwz_is_found(void **state)
{
	(void)state;
	if (system("command -v dwz >/dev/null 2>&1") != 0)
		skip();
	run("cp whole one && cp %s two && dwz -m shared.debug -M %s/shared.debug one two",
	    local_debuggee("sleepers-nopie"), dir);
	check("one", true, "local file");
}

static void debuginfod_is_asked_when_there_are_servers(void **state)
{
	struct seen seen;

	(void)state;
	run("cp whole asked && strip asked && "
	    "id=$(readelf -n asked | sed -n 's/.*Build ID: //p') && mkdir -p served/buildid/$id && "
	    "objcopy --only-keep-debug whole served/buildid/$id/debuginfo");
	check("asked", false, "local file");
	{
		char url[PATH_MAX + 32];

		snprintf(url, sizeof(url), "file://%s/served", dir);
		setenv("DEBUGINFOD_URLS", url, 1);
	}
	seen = look("asked");
	unsetenv("DEBUGINFOD_URLS");
	assert_true(seen.lines);
	assert_non_null(strstr(seen.from, "debuginfod "));
	free(seen.from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_debug_link_is_followed),
	    cmocka_unit_test(a_debug_link_to_another_build_is_not_believed),
	    cmocka_unit_test(without_build_ids_the_checksum_decides),
	    cmocka_unit_test(a_file_shared_by_dwz_is_found),
	    cmocka_unit_test(debuginfod_is_asked_when_there_are_servers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
