/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Modules, where their symbols come from, and symbols and lines by address and name.
 */
#include <errno.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/module.h"
#include "local_target.h"

/* ---- the test itself as target --------------------------------------------------- */

static int data_symbol = 7;
static char behind_the_file[1 << 20];
static int ether_aton = 8; /* libc has a function of that name */

static __attribute__((noinline)) int known_function(int n)
{
	return n + data_symbol + behind_the_file[n] + ether_aton; /* known_line */
}
enum { KNOWN_LINE = __LINE__ - 2 };

static uint64_t address_of(int (*f)(int))
{
	return (uint64_t)(uintptr_t)f;
}

static int setup_self(void **state)
{
	static struct local_target t;

	known_function(1);
	local_self(&t);
	local_symbols(&t);
	*state = &t;
	return 0;
}

static int teardown_self(void **state)
{
	local_end(*state);
	return 0;
}

static const struct he_module *module_named(const struct he_modules *m, const char *tail)
{
	for (size_t i = 0; i < m->n; i++) {
		size_t n = strlen(m->v[i].name), k = strlen(tail);

		if (n >= k && !strcmp(m->v[i].name + n - k, tail))
			return &m->v[i];
	}
	return NULL;
}

static void modules_follow_the_mappings(void **state)
{
	struct local_target *t = *state;
	const struct he_module *self, *libc, *vdso;
	struct he_modules *m;

	assert_null(symbols_modules(t->symbols, &m));
	self = module_named(m, "/test_symbols");
	libc = module_named(m, "/libc.so.6");
	vdso = module_named(m, "[vdso]");
	assert_non_null(self);
	assert_non_null(libc);
	assert_non_null(vdso);
	assert_null(module_named(m, "[stack]"));
	assert_true(
	    address_of(known_function) >= self->lo && address_of(known_function) < self->hi);
	assert_true(self->debug_info);
	assert_non_null(strstr(self->symbols_from, "local file /"));
	assert_int_equal(strlen(self->build_id), 40);
	assert_string_equal(vdso->symbols_from, "target memory");
	he_modules_free(m);
}

static void a_function_is_found_by_name_and_address(void **state)
{
	struct local_target *t = *state;
	struct he_symbol *s;

	assert_null(symbols_named(t->symbols, "known_function", &s));
	assert_int_equal(s->addr, address_of(known_function));
	assert_true(s->function);
	assert_true(s->size > 0);
	he_symbol_free(s);
	assert_null(symbols_at(t->symbols, address_of(known_function) + 1, &s));
	assert_string_equal(s->name, "known_function");
	he_symbol_free(s);
}

static void data_is_found_by_name_and_address(void **state)
{
	struct local_target *t = *state;
	struct he_symbol *s;

	assert_null(symbols_named(t->symbols, "data_symbol", &s));
	assert_int_equal(s->addr, (uintptr_t)&data_symbol);
	assert_false(s->function);
	he_symbol_free(s);
	assert_null(symbols_at(t->symbols, (uintptr_t)&data_symbol, &s));
	assert_string_equal(s->name, "data_symbol");
	he_symbol_free(s);
}

static void what_is_zero_behind_a_file_is_part_of_it(void **state)
{
	struct local_target *t = *state;
	struct he_symbol *s;

	assert_null(symbols_named(t->symbols, "behind_the_file", &s));
	assert_int_equal(s->addr, (uintptr_t)behind_the_file);
	he_symbol_free(s);
	assert_null(symbols_at(t->symbols, (uintptr_t)behind_the_file + 1000000, &s));
	assert_string_equal(s->name, "behind_the_file");
	assert_non_null(strstr(s->module, "/test_symbols"));
	he_symbol_free(s);
}

static void what_lies_behind_a_symbol_of_known_size_is_not_its(void **state)
{
	struct local_target *t = *state;
	struct he_symbol *s, *next;
	struct he_error *e;

	assert_null(symbols_named(t->symbols, "known_function", &s));
	e = symbols_at(t->symbols, s->addr + s->size, &next);
	assert_true(e ? e->code == E_NO_FILE : next->addr >= s->addr + s->size);
	if (!e)
		he_symbol_free(next);
	he_error_free(e);
	he_symbol_free(s);
}

static void a_name_that_all_files_see_goes_before_one_of_a_file_alone(void **state)
{
	struct local_target *t = *state;
	struct he_symbol *s;

	assert_null(symbols_named(t->symbols, "ether_aton", &s));
	assert_non_null(strstr(s->module, "/libc.so.6"));
	he_symbol_free(s);
	assert_null(symbols_at(t->symbols, (uintptr_t)&ether_aton, &s));
	assert_string_equal(s->name, "ether_aton");
	he_symbol_free(s);
}

static void the_executable_is_searched_before_libraries(void **state)
{
	struct local_target *t = *state;
	struct he_symbol *s;

	assert_null(symbols_named(t->symbols, "main", &s));
	assert_non_null(strstr(s->module, "/test_symbols"));
	he_symbol_free(s);
	assert_null(symbols_named(t->symbols, "qsort", &s));
	assert_non_null(strstr(s->module, "/libc.so.6"));
	he_symbol_free(s);
}

static void what_does_not_exist_is_an_error(void **state)
{
	struct local_target *t = *state;
	struct he_symbol *s;
	struct he_line *l;
	struct he_error *e = symbols_named(t->symbols, "no_such_symbol_anywhere", &s);

	assert_int_equal(e->code, E_NO_FILE);
	he_error_free(e);
	e = symbols_at(t->symbols, 1, &s);
	assert_int_equal(e->code, E_NO_FILE);
	he_error_free(e);
	e = symbols_line_named(t->symbols, "no_such_file.c", 1, &l);
	assert_int_equal(e->code, E_NO_FILE);
	he_error_free(e);
	e = symbols_line_named(t->symbols, "test_symbols.c", 1000000, &l);
	assert_int_equal(e->code, E_NO_FILE);
	he_error_free(e);
}

static void the_vdso_has_symbols(void **state)
{
	struct local_target *t = *state;
	struct he_symbol *s;

	assert_null(symbols_named(t->symbols, "__vdso_clock_gettime", &s));
	assert_string_equal(s->module, "[vdso]");
	he_symbol_free(s);
}

static void an_address_has_its_line(void **state)
{
	struct local_target *t = *state;
	struct he_line *l;

	assert_null(symbols_line_at(t->symbols, address_of(known_function), &l));
	assert_string_equal(l->file, "tests/unit/test_symbols.c");
	assert_string_equal(l->function, "known_function");
	assert_in_range(l->line, KNOWN_LINE - 3, KNOWN_LINE);
	assert_true(l->lo <= address_of(known_function) && l->hi > address_of(known_function));
	he_line_free(l);
}

static void check_line(struct local_target *t, const char *file, unsigned line, unsigned want)
{
	struct he_line *l;

	assert_null(symbols_line_named(t->symbols, file, line, &l));
	assert_int_equal(l->line, want);
	assert_string_equal(l->function, "known_function");
	assert_true(l->lo >= address_of(known_function) && l->lo < l->hi);
	he_line_free(l);
}

static void a_line_is_found_by_any_trailing_part_of_its_path(void **state)
{
	struct local_target *t = *state;
	struct he_line *l;
	struct he_error *e;

	check_line(t, "test_symbols.c", KNOWN_LINE, KNOWN_LINE);
	check_line(t, "unit/test_symbols.c", KNOWN_LINE, KNOWN_LINE);
	check_line(t, "tests/unit/test_symbols.c", KNOWN_LINE, KNOWN_LINE);
	e = symbols_line_named(t->symbols, "est_symbols.c", KNOWN_LINE, &l);
	assert_int_equal(e->code, E_NO_FILE);
	he_error_free(e);
}

static void a_line_without_code_gives_the_next_that_has_some(void **state)
{
	check_line(*state, "test_symbols.c", KNOWN_LINE - 3, KNOWN_LINE - 1);
}

static void the_link_map_gives_names_and_order(void **state)
{
	struct local_target *t = *state;
	struct he_modules *m;
	struct he_symbol *s;
	const struct he_module *libc;
	struct sym_link links[2] = {{.name = "/other/name/of/libc.so.6"}, {.name = ""}};

	assert_null(symbols_modules(t->symbols, &m));
	libc = module_named(m, "/libc.so.6");
	links[0].dynamic = libc->hi - 1;
	links[1].dynamic = module_named(m, "/test_symbols")->hi - 1;
	/* With libc before it the executable no longer comes first. */
	assert_null(symbols_set_links(t->symbols, links, 2));
	assert_null(symbols_named(t->symbols, "_init", &s));
	assert_non_null(strstr(s->module, "/test_symbols"));
	he_symbol_free(s);
	he_modules_free(m);
	local_symbols(t);
}

static void the_dynamic_linkers_structure_is_found(void **state)
{
	struct local_target *t = *state;
	uint64_t phdr = getauxval(AT_PHDR), phnum = getauxval(AT_PHNUM),
		 entry = getauxval(AT_ENTRY);

	const struct r_debug *found =
	    (const void *)(uintptr_t)symbols_r_debug(t->symbols, phdr, phnum, entry);

	assert_non_null(found);
	assert_ptr_equal(found->r_map, _r_debug.r_map); /* _r_debug may be a copy of it */
	assert_int_equal(symbols_r_debug(t->symbols, 8, phnum, entry), 0);
	assert_int_equal(symbols_r_debug(t->symbols, phdr, UINT64_MAX, entry), 0);
}

/* ---- where files come from ------------------------------------------------------------ */

/* A debuggee in a place of its own, so that it can be deleted or hidden. */
struct place {
	char dir[64], program[128], hidden[128], cache[128];
	struct local_target t;
};

static void copy_file(const char *from, const char *to)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static void start_at_place(struct place *p, const char *debuggee)
{
	char *argv[] = {p->program, NULL};

	*p = (struct place){.dir = "/tmp/test_symbols.XXXXXX"};
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->program, sizeof(p->program), "%s/program", p->dir);
	snprintf(p->hidden, sizeof(p->hidden), "%s/hidden", p->dir);
	snprintf(p->cache, sizeof(p->cache), "%s/cache", p->dir);
	copy_file(local_debuggee(debuggee), p->program);
	local_start(&p->t, argv, false);
	local_stop(&p->t);
}

static void end_at_place(struct place *p)
{
	char command[256];

	local_end(&p->t);
	snprintf(command, sizeof(command), "rm -rf %s", p->dir);
	assert_int_equal(system(command), 0);
}

/* The file is on the box but not here, where another lies at its path. */
static void make_remote(struct place *p)
{
	assert_return_code(rename(p->program, p->hidden), errno);
	copy_file("/bin/true", p->program);
	p->t.remote = true;
	p->t.cache_dir = p->cache;
	p->t.other_file = p->hidden;
	/* The kernel shows the mapped file's new name. */
	p->t.alias = p->program;
	p->t.aliased = p->hidden;
	local_symbols(&p->t);
}

static char *from_of(struct place *p)
{
	struct he_modules *m;
	const struct he_module *v;
	char *from;

	assert_null(symbols_modules(p->t.symbols, &m));
	v = module_named(m, "/program");
	assert_non_null(v);
	from = strdup(v->symbols_from);
	he_modules_free(m);
	return from;
}

static void assert_from(struct place *p, const char *part)
{
	char *from = from_of(p);

	if (!strstr(from, part))
		print_error("symbols from %s, not %s\n", from, part);
	assert_non_null(strstr(from, part));
	free(from);
}

static void assert_has_main(struct place *p)
{
	struct he_stack *s = local_backtrace(&p->t, p->t.pid, 0);
	bool found = false;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].function && !strcmp(s->v[i].function, "main"))
			found = s->v[i].line > 0;
	assert_true(found);
	assert_int_equal(s->end, HE_END_OUTERMOST);
	he_stack_free(s);
}

static void a_file_not_at_hand_is_fetched_once_and_kept(void **state)
{
	char path[PATH_MAX];
	struct he_modules *m;
	struct place p;
	struct stat st;

	(void)state;
	start_at_place(&p, "sleepers");
	make_remote(&p);
	assert_from(&p, "not read yet"); /* looking at the list fetches nothing */
	assert_int_equal(p.t.files_read, 0);
	assert_has_main(&p);
	assert_true(p.t.files_read > 0 && p.t.progressed > 0);
	assert_null(symbols_modules(p.t.symbols, &m));
	snprintf(path, sizeof(path), "%s/%s/elf", p.cache, module_named(m, "/program")->build_id);
	he_modules_free(m);
	assert_return_code(stat(path, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0600);
	*strrchr(path, '/') = 0;
	assert_return_code(stat(path, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0700);

	/* Another session finds it in the cache. */
	symbols_free(p.t.symbols);
	p.t.symbols = NULL;
	p.t.files_read = 0;
	local_symbols(&p.t);
	assert_has_main(&p);
	assert_int_equal(p.t.files_read, 0);
	assert_from(&p, "cache ");
	end_at_place(&p);
}

static void without_a_cache_a_fetched_file_leaves_nothing_behind(void **state)
{
	struct place p;
	struct stat st;

	(void)state;
	start_at_place(&p, "sleepers");
	make_remote(&p);
	symbols_free(p.t.symbols);
	p.t.symbols = NULL;
	p.t.cache_dir = NULL;
	local_symbols(&p.t);
	assert_has_main(&p);
	assert_from(&p, "target");
	assert_int_equal(stat(p.cache, &st), -1);
	end_at_place(&p);
}

static void cancelling_a_fetch_ends_the_call_and_can_be_tried_again(void **state)
{
	struct sym_regs regs;
	struct he_stack *s;
	struct he_error *e;
	struct place p;

	(void)state;
	start_at_place(&p, "sleepers");
	make_remote(&p);
	local_regs(&p.t, p.t.pid, &regs);
	p.t.cancelled = true;
	e = symbols_backtrace(p.t.symbols, &regs, 0, HE_END_FAULT, &s);
	assert_non_null(e);
	assert_int_equal(e->code, E_CANCELLED);
	he_error_free(e);
	p.t.cancelled = false;
	assert_has_main(&p);
	end_at_place(&p);
}

static void the_wrong_file_of_a_target_is_not_believed(void **state)
{
	struct place p;

	(void)state;
	start_at_place(&p, "inlined");
	make_remote(&p);
	p.t.other_file = "/bin/true";
	he_stack_free(local_backtrace(&p.t, p.t.pid, 0));
	assert_true(p.t.files_read > 0);
	assert_from(&p, "target memory");
	end_at_place(&p);
}

static void a_deleted_program_is_read_from_its_memory(void **state)
{
	struct he_stack *s;
	struct place p;

	(void)state;
	start_at_place(&p, "sleepers-O2");
	assert_return_code(unlink(p.program), errno);
	local_symbols(&p.t);
	s = local_backtrace(&p.t, p.t.pid, 0);
	assert_int_equal(s->end, HE_END_OUTERMOST);
	assert_true(s->n > 14);
	assert_string_equal(s->v[s->n - 1].module, p.program);
	he_stack_free(s);
	assert_from(&p, "target memory (the file was deleted)");
	end_at_place(&p);
}

static void a_file_that_was_replaced_is_not_taken_for_the_mapped_one(void **state)
{
	struct place p;

	(void)state;
	start_at_place(&p, "sleepers");
	assert_return_code(unlink(p.program), errno);
	copy_file("/bin/true", p.program);
	local_symbols(&p.t);
	he_stack_free(local_backtrace(&p.t, p.t.pid, 0));
	assert_from(&p, "target memory");
	end_at_place(&p);
}

static void symbols_outlive_changes_of_the_mappings(void **state)
{
	struct place p;

	(void)state;
	start_at_place(&p, "sleepers");
	make_remote(&p);
	assert_has_main(&p);
	p.t.files_read = 0;
	symbols_free(NULL);
	for (int i = 0; i < 3; i++)
		local_symbols(&p.t);
	assert_from(&p, "target");
	assert_int_equal(p.t.files_read, 0);
	assert_null(symbols_set_maps(p.t.symbols, NULL, 0));
	local_symbols(&p.t);
	assert_from(&p, "cache ");
	end_at_place(&p);
}

/* ---- mappings from hell ------------------------------------------------------------------- */

static void grouping(const struct he_mapping *maps, size_t n, size_t want)
{
	struct modules m = {.n = 0};

	assert_null(modules_update(&m, maps, n));
	assert_int_equal(m.n, want);
	modules_free(&m);
}

static void mappings_group_to_modules(void **state)
{
	enum { R = 1, W = 2, X = 4 };
	const struct he_mapping lib[] = {
	    {.lo = 0x1000, .hi = 0x2000, .offset = 0, .ino = 5, .prot = R, .name = "/lib/a"},
	    {.lo = 0x2000,
		.hi = 0x3000,
		.offset = 0x1000,
		.ino = 5,
		.prot = R | X,
		.name = "/lib/a"},
	    {.lo = 0x3000, .hi = 0x4000, .prot = R | W, .name = ""}, /* remapped */
	    {.lo = 0x4000,
		.hi = 0x5000,
		.offset = 0x2000,
		.ino = 5,
		.prot = R | W,
		.name = "/lib/a"},
	    /* loaded a second time */
	    {.lo = 0x6000, .hi = 0x7000, .offset = 0, .ino = 5, .prot = R, .name = "/lib/a"},
	    {.lo = 0x7000,
		.hi = 0x8000,
		.offset = 0x1000,
		.ino = 5,
		.prot = R | X,
		.name = "/lib/a"},
	    /* a file that is only read; code made at run time */
	    {.lo = 0x9000, .hi = 0xa000, .offset = 0, .ino = 6, .prot = R, .name = "/data"},
	    {.lo = 0xb000, .hi = 0xc000, .prot = R | W | X, .name = ""},
	    {.lo = 0xd000, .hi = 0xe000, .prot = R | W, .name = "[heap]"},
	    {.lo = 0xe000, .hi = 0xf000, .prot = R | X, .name = "[vdso]"},
	};
	const struct he_mapping bad[] = {
	    {.lo = 0x5000, .hi = 0x4000, .ino = 5, .prot = X, .name = "/lib/a"},
	    {.lo = 0x1000, .hi = 0x9000, .ino = 5, .prot = X, .name = "/lib/a"},
	    {.lo = 0x2000, .hi = 0x3000, .ino = 7, .prot = X, .name = "/lib/b"},
	    {.lo = 0, .hi = 0, .ino = 7, .prot = X, .name = "/lib/b"},
	    {.lo = UINT64_MAX - 4095, .hi = UINT64_MAX, .ino = 7, .prot = X, .name = NULL},
	};

	(void)state;
	grouping(lib, sizeof(lib) / sizeof(lib[0]), 3);
	grouping(bad, sizeof(bad) / sizeof(bad[0]), 1);
	grouping(NULL, 0, 0);
}

static void modules_that_come_or_go_are_counted(void **state)
{
	enum { R = 1, X = 4 };
	struct he_mapping v[] = {
	    {.lo = 0x1000, .hi = 0x2000, .ino = 5, .prot = R | X, .name = "/lib/a"},
	    {.lo = 0x3000, .hi = 0x4000, .ino = 6, .prot = R | X, .name = "/lib/b"},
	};
	struct modules m = {.n = 0};

	(void)state;
	assert_null(modules_update(&m, v, 0));
	assert_int_equal(m.changes, 0);
	assert_null(modules_update(&m, v, 2));
	assert_null(modules_update(&m, v, 2));
	assert_int_equal(m.changes, 1);
	/* Another in the place of one. */
	v[1].ino = 7;
	v[1].name = "/lib/c";
	assert_null(modules_update(&m, v, 2));
	assert_int_equal(m.changes, 2);
	assert_null(modules_update(&m, v, 1));
	assert_int_equal(m.changes, 3);
	assert_null(modules_update(&m, v, 2));
	assert_int_equal(m.changes, 4);
	modules_free(&m);
}

static void build_ids_are_parsed_strictly(void **state)
{
	struct build_id id;
	char longest[2 * BUILD_ID_MAX + 3];

	(void)state;
	build_id_parse("00fFa9", &id);
	assert_int_equal(id.n, 3);
	assert_string_equal(id.hex, "00ffa9");
	build_id_parse("00f", &id);
	assert_int_equal(id.n, 0);
	build_id_parse("../..", &id);
	assert_int_equal(id.n, 0);
	build_id_parse(NULL, &id);
	assert_int_equal(id.n, 0);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	build_id_parse(longest, &id);
	assert_int_equal(id.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(modules_follow_the_mappings),
	    cmocka_unit_test(a_function_is_found_by_name_and_address),
	    cmocka_unit_test(data_is_found_by_name_and_address),
	    cmocka_unit_test(what_is_zero_behind_a_file_is_part_of_it),
	    cmocka_unit_test(what_lies_behind_a_symbol_of_known_size_is_not_its),
	    cmocka_unit_test(a_name_that_all_files_see_goes_before_one_of_a_file_alone),
	    cmocka_unit_test(the_executable_is_searched_before_libraries),
	    cmocka_unit_test(what_does_not_exist_is_an_error),
	    cmocka_unit_test(the_vdso_has_symbols),
	    cmocka_unit_test(an_address_has_its_line),
	    cmocka_unit_test(a_line_is_found_by_any_trailing_part_of_its_path),
	    cmocka_unit_test(a_line_without_code_gives_the_next_that_has_some),
	    cmocka_unit_test(the_link_map_gives_names_and_order),
	    cmocka_unit_test(the_dynamic_linkers_structure_is_found),
	    cmocka_unit_test(a_file_not_at_hand_is_fetched_once_and_kept),
	    cmocka_unit_test(without_a_cache_a_fetched_file_leaves_nothing_behind),
	    cmocka_unit_test(cancelling_a_fetch_ends_the_call_and_can_be_tried_again),
	    cmocka_unit_test(the_wrong_file_of_a_target_is_not_believed),
	    cmocka_unit_test(a_deleted_program_is_read_from_its_memory),
	    cmocka_unit_test(a_file_that_was_replaced_is_not_taken_for_the_mapped_one),
	    cmocka_unit_test(symbols_outlive_changes_of_the_mappings),
	    cmocka_unit_test(mappings_group_to_modules),
	    cmocka_unit_test(modules_that_come_or_go_are_counted),
	    cmocka_unit_test(build_ids_are_parsed_strictly),
	};

	return cmocka_run_group_tests(tests, setup_self, teardown_self);
}
