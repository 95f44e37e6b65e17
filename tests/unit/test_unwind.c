/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Backtraces of programs, frame by frame against GDB's.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/errtext.h"
#include "local_target.h"

enum { LINE = 16384, TIDS = 64 };

/* ---- what GDB says --------------------------------------------------------------- */

/* Frames that GDB concludes from tail calls are left out: nothing of them is on the stack.
 * One line a frame: tid, pc, kind, line, file, function; tabs between. */
static const char gdb_script[] =
    "import gdb\n"
    "for t in sorted(gdb.selected_inferior().threads(), key=lambda t: t.ptid[1]):\n"
    "    t.switch()\n"
    "    f = gdb.newest_frame()\n"
    "    while f is not None:\n"
    "        if f.type() == gdb.TAILCALL_FRAME:\n"
    "            f = f.older()\n"
    "            continue\n"
    "        s = f.find_sal()\n"
    "        kind = {gdb.SIGTRAMP_FRAME: 'signal', gdb.INLINE_FRAME: 'inlined'}.get(f.type(), "
    "'normal')\n"
    "        print('FRAME\\t%d\\t%d\\t%s\\t%d\\t%s\\t%s' % (t.ptid[1], f.pc(), kind,\n"
    "            s.line if s.symtab else 0, s.symtab.filename if s.symtab else '-', f.name() or "
    "'-'))\n"
    "        try:\n"
    "            f = f.older()\n"
    "        except gdb.error:\n"
    "            break\n";

static FILE *run_gdb(pid_t pid, char *script, size_t size)
{
	char command[PATH_MAX + 256];
	FILE *f;
	int fd;

	snprintf(script, size, "/tmp/test_unwind.XXXXXX");
	fd = mkstemp(script);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, gdb_script, sizeof(gdb_script) - 1), sizeof(gdb_script) - 1);
	close(fd);
	snprintf(command, sizeof(command),
	    "DEBUGINFOD_URLS= gdb -nx -q -batch -ex 'set backtrace past-main on' "
	    "-ex 'set backtrace past-entry on' -ex 'set auto-load off' -p %d "
	    "-ex 'python exec(open(\"%s\").read())' 2>/dev/null",
	    pid, script);
	f = popen(command, "re");
	assert_non_null(f);
	return f;
}

static const char *or_dash(const char *s)
{
	return s && s[0] ? s : "-";
}

static void ours(char *line, size_t size, pid_t tid, const struct he_frame *f)
{
	const char *kind = f->signal ? "signal" : f->inlined ? "inlined" : "normal";

	snprintf(line, size, "FRAME\t%d\t%" PRIu64 "\t%s\t%u\t%s\t%s", tid, f->pc, kind, f->line,
	    or_dash(f->line ? f->file : NULL), f->signal ? "-" : or_dash(f->function));
}

/* What a trampoline is called is nobody's business: it prints as <signal handler
 * called>. */
static void blank_signal(char *line)
{
	char *p = strstr(line, "\tsignal\t");

	if (p)
		sprintf(p, "\tsignal\t0\t-\t-");
}

struct expectation {
	char **line;
	size_t n;
};

static void ask_gdb(pid_t pid, struct expectation *e)
{
	char script[64], line[LINE];
	FILE *f = run_gdb(pid, script, sizeof(script));

	*e = (struct expectation){.n = 0};
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "FRAME\t", 6) != 0)
			continue;
		blank_signal(line);
		e->line = reallocarray(e->line, e->n + 1, sizeof(e->line[0]));
		assert_non_null(e->line);
		e->line[e->n++] = strdup(line);
	}
	pclose(f);
	unlink(script);
}

/* ---- comparing ----------------------------------------------------------------------- */

struct stacks {
	struct he_stack *v[TIDS];
	pid_t tid[TIDS];
	size_t n;
};

static void take_stacks(struct local_target *t, struct stacks *s)
{
	s->n = local_threads(t, s->tid, TIDS);
	for (size_t i = 0; i < s->n; i++)
		s->v[i] = local_backtrace(t, s->tid[i], 0);
}

/* GDB leaves the parameters of a C++ function in where it cannot parse the name. */
static bool same(const char *ours, const char *gdb)
{
	size_t n = strlen(ours);

	return !strncmp(ours, gdb, n) && (!gdb[n] || gdb[n] == '(');
}

static size_t compare(const struct stacks *s, const struct expectation *e)
{
	size_t k = 0, wrong = 0;
	char line[LINE];

	for (size_t i = 0; i < s->n; i++)
		for (size_t j = 0; j < s->v[i]->n; j++, k++) {
			ours(line, sizeof(line), s->tid[i], &s->v[i]->v[j]);
			blank_signal(line);
			if (k < e->n && same(line, e->line[k]))
				continue;
			if (wrong++ < 5)
				print_error("#%zu\n  ours %s\n  gdb  %s\n", j, line,
				    k < e->n ? e->line[k] : "(no frame)");
		}
	if (k != e->n)
		print_error("%zu frames, gdb has %zu\n", k, e->n);
	return wrong + (k != e->n);
}

static void drop(struct stacks *s, struct expectation *e)
{
	for (size_t i = 0; i < s->n; i++)
		he_stack_free(s->v[i]);
	for (size_t i = 0; i < e->n; i++)
		free(e->line[i]);
	free(e->line);
}

/* Every frame of every thread as GDB has it, and every stack with a proper end. */
static void like_gdb(char *const argv[], bool crashes, enum he_end end)
{
	struct local_target t;
	struct expectation e;
	struct stacks s;

	local_start(&t, argv, crashes);
	if (!crashes)
		local_stop(&t);
	local_symbols(&t);
	take_stacks(&t, &s);
	if (crashes) {
		int status;

		/* It stands where the signal found it, for gdb to attach. */
		assert_return_code(ptrace(PTRACE_DETACH, t.pid, 0, SIGSTOP), errno);
		assert_int_equal(waitpid(t.pid, &status, WUNTRACED), t.pid);
		t.stopped = false;
	} else {
		local_release(&t);
	}
	ask_gdb(t.pid, &e);
	assert_true(e.n > 0);
	for (size_t i = 0; i < s.n; i++)
		assert_int_equal(s.v[i]->end, end);
	assert_int_equal(compare(&s, &e), 0);
	drop(&s, &e);
	local_end(&t);
}

static void debuggee_like_gdb(const char *name, const char *argument)
{
	char *path = strdup(local_debuggee(name)), *arg = argument ? strdup(argument) : NULL;
	char *argv[] = {path, arg, NULL};

	like_gdb(argv, false, HE_END_OUTERMOST);
	free(path);
	free(arg);
}

/* ---- programs of the corpus ------------------------------------------------------------ */

static void threads_of_an_unoptimised_program_match(void **state)
{
	(void)state;
	debuggee_like_gdb("sleepers", "3");
}

static void optimised_frames_match(void **state)
{
	(void)state;
	debuggee_like_gdb("sleepers-O2", "3");
	debuggee_like_gdb("sleepers-dwarf4", "1");
}

static void frames_without_frame_pointer_match(void **state)
{
	(void)state;
	debuggee_like_gdb("sleepers-nofp", "1");
}

static void frames_of_a_program_at_a_fixed_address_match(void **state)
{
	(void)state;
	debuggee_like_gdb("sleepers-nopie", "1");
}

static void frames_of_static_programs_match(void **state)
{
	(void)state;
	debuggee_like_gdb("sleepers-static", "1");
	debuggee_like_gdb("sleepers-static-pie", "1");
}

static void frames_of_a_stripped_program_match(void **state)
{
	(void)state;
	debuggee_like_gdb("sleepers-stripped", "1");
}

static void inlined_frames_match(void **state)
{
	(void)state;
	debuggee_like_gdb("inlined", NULL);
	debuggee_like_gdb("inlined-O3", NULL);
}

static void frames_below_a_signal_handler_on_its_own_stack_match(void **state)
{
	(void)state;
	debuggee_like_gdb("sigframe", NULL);
	debuggee_like_gdb("sigframe-O2", NULL);
}

static void ten_thousand_frames_match(void **state)
{
	(void)state;
	debuggee_like_gdb("deep", "10000");
}

static void frames_of_libraries_loaded_at_run_time_match(void **state)
{
	char library[PATH_MAX];

	(void)state;
	snprintf(library, sizeof(library), "%s", local_debuggee("libplugin.so"));
	debuggee_like_gdb("dlopened", library);
	snprintf(library, sizeof(library), "%s", local_debuggee("libnodebug.so"));
	debuggee_like_gdb("dlopened", library);
}

static void frames_called_through_the_plt_match(void **state)
{
	(void)state;
	debuggee_like_gdb("plt", NULL);
}

static void cxx_names_match(void **state)
{
	(void)state;
	debuggee_like_gdb("names", NULL);
	debuggee_like_gdb("names-O2", NULL);
}

static void the_caller_of_a_null_pointer_is_found(void **state)
{
	char *path = strdup(local_debuggee("nullcall")), wild[] = "wild";
	char *null_call[] = {path, NULL}, *wild_call[] = {path, wild, NULL};

	(void)state;
	like_gdb(null_call, true, HE_END_OUTERMOST);
	like_gdb(wild_call, true, HE_END_OUTERMOST);
	free(path);
}

/* As in a snapshot, which gathers stacks and no code. */
static void code_is_read_from_the_file_when_memory_has_none(void **state)
{
	char *path = strdup(local_debuggee("nullcall")), *argv[] = {path, NULL};
	struct local_target t;
	struct he_modules *m;
	struct he_stack *s;

	(void)state;
	local_start(&t, argv, true);
	local_symbols(&t);
	assert_null(symbols_modules(t.symbols, &m));
	assert_string_equal(m->v[0].name, path);
	t.hidden_lo = m->v[0].lo;
	t.hidden_hi = m->v[0].hi;
	he_modules_free(m);
	s = local_backtrace(&t, t.pid, 0);
	assert_int_equal(s->end, HE_END_OUTERMOST);
	assert_string_equal(s->v[1].function, "through_pointer");
	he_stack_free(s);
	local_end(&t);
	free(path);
}

static void callers_of_code_without_unwind_information_are_found(void **state)
{
	(void)state;
	debuggee_like_gdb("nocfi", "leaf");
	debuggee_like_gdb("nocfi", "framed");
}

static void a_trampoline_without_unwind_information_is_known_by_its_code(void **state)
{
	(void)state;
	debuggee_like_gdb("nocfi", "restorer");
	debuggee_like_gdb("nocfi", "restorer_rt");
}

static void a_call_that_never_returns_is_looked_up_in_its_own_function(void **state)
{
	(void)state;
	debuggee_like_gdb("noreturn", NULL);
}

/* The stub's address, looked for in all of the program's code. */
static uint64_t find_stub(struct local_target *t, const char *name)
{
	struct he_modules *m;
	uint64_t found = 0;

	assert_null(symbols_modules(t->symbols, &m));
	for (uint64_t pc = m->v[0].lo; pc < m->v[0].hi && !found; pc += 8) {
		struct he_symbol *s = NULL;

		he_error_free(symbols_at(t->symbols, pc, &s));
		if (s && !strcmp(s->name, name))
			found = pc;
		he_symbol_free(s);
	}
	he_modules_free(m);
	return found;
}

static void stub_is_named_and_left(const char *debuggee)
{
	char *path = strdup(local_debuggee(debuggee)), *argv[] = {path, NULL};
	struct sym_regs regs;
	struct local_target t;
	struct he_stack *s, *in_stub;
	size_t i = 0;

	local_start(&t, argv, false);
	local_stop(&t);
	local_symbols(&t);
	s = local_backtrace(&t, t.pid, 0);
	while (!s->v[i].function || strcmp(s->v[i].function, "plugin_enter") != 0)
		assert_true(++i < s->n);
	/* As it was at the call: the return address on top of the stack. */
	local_regs(&t, t.pid, &regs);
	regs.reg[t.arch->dwarf_pc] = regs.pc = find_stub(&t, "plugin_enter@plt");
	regs.reg[t.arch->dwarf_sp] = regs.sp = s->v[i].cfa - t.arch->width;
	assert_int_not_equal(regs.pc, 0);
	assert_null(symbols_backtrace(t.symbols, &regs, 0, HE_END_FAULT, &in_stub));
	assert_string_equal(in_stub->v[0].function, "plugin_enter@plt");
	assert_int_equal(in_stub->n, s->n - i);
	assert_string_equal(in_stub->v[1].function, "main");
	he_stack_free(in_stub);
	he_stack_free(s);
	local_end(&t);
	free(path);
}

static void a_stub_of_the_plt_is_named_and_left(void **state)
{
	(void)state;
	stub_is_named_and_left("plt");
}

static void a_stack_written_over_says_so(void **state)
{
	char *path = strdup(local_debuggee("smashed")), *argv[] = {path, NULL};
	struct local_target t;
	struct he_stack *s;

	(void)state;
	local_start(&t, argv, false);
	local_stop(&t);
	local_symbols(&t);
	s = local_backtrace(&t, t.pid, 0);
	assert_int_equal(s->end, HE_END_NO_CFI);
	assert_int_equal(s->v[s->n - 1].pc, 0x4242424242424242);
	assert_string_equal(s->v[s->n - 2].function, "victim");
	he_stack_free(s);
	local_end(&t);
	free(path);
}

static void unreadable_memory_ends_a_stack_with_its_address(void **state)
{
	char *path = strdup(local_debuggee("sleepers")), *argv[] = {path, NULL};
	struct local_target t;
	struct he_stack *s, *whole;

	(void)state;
	local_start(&t, argv, false);
	local_stop(&t);
	local_symbols(&t);
	whole = local_backtrace(&t, t.pid, 0);
	t.hidden_lo = whole->v[3].cfa - 16;
	t.hidden_hi = t.hidden_lo + 4096;
	s = local_backtrace(&t, t.pid, 0);
	assert_int_equal(s->end, HE_END_FAULT);
	assert_int_equal(s->n, 4);
	assert_non_null(strstr(s->end_text, "cannot be read (0x"));
	he_stack_free(s);
	he_stack_free(whole);
	local_end(&t);
	free(path);
}

static void no_more_frames_than_asked_for_come(void **state)
{
	char *path = strdup(local_debuggee("inlined")), *argv[] = {path, NULL};
	struct local_target t;
	struct he_stack *s;
	size_t real = 0;

	(void)state;
	local_start(&t, argv, false);
	local_stop(&t);
	local_symbols(&t);
	s = local_backtrace(&t, t.pid, 2);
	assert_int_equal(s->end, HE_END_MAX);
	for (size_t i = 0; i < s->n; i++)
		real += !s->v[i].inlined;
	assert_int_equal(real, 2);
	assert_true(s->n > 2);
	he_stack_free(s);
	local_end(&t);
	free(path);
}

static void registers_of_a_frame_are_those_at_its_call(void **state)
{
	char *path = strdup(local_debuggee("sleepers-O2")), *argv[] = {path, NULL};
	struct sym_regs first, regs;
	struct local_target t;
	struct he_stack *s;
	struct he_error *e;
	uint64_t below = 0;
	unsigned frame = 0;

	(void)state;
	local_start(&t, argv, false);
	local_stop(&t);
	local_symbols(&t);
	local_regs(&t, t.pid, &first);
	s = local_backtrace(&t, t.pid, 0);
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].inlined)
			continue;
		assert_null(symbols_frame_regs(t.symbols, &first, frame, &regs));
		assert_int_equal(regs.pc, s->v[i].pc);
		if (frame) /* the stack pointer of a caller is the CFA of what it called */
			assert_int_equal(regs.sp, below);
		below = s->v[i].cfa;
		frame++;
	}
	e = symbols_frame_regs(t.symbols, &first, frame, &regs);
	assert_non_null(e);
	he_error_free(e);
	he_stack_free(s);
	local_end(&t);
	free(path);
}

/* ---- the same for i386 ---------------------------------------------------------------- */

static void need_i386(void)
{
	if (access(local_debuggee("sleepers-i386"), X_OK) != 0)
		skip();
}

static void frames_of_programs_for_i386_match(void **state)
{
	static const struct {
		const char *name, *argument;
	} corpus[] = {{"sleepers-i386", "3"}, {"sleepers-O2-i386", "3"},
	    {"sleepers-nofp-i386", "1"}, {"sleepers-nopie-i386", "1"},
	    {"sleepers-static-i386", "1"}, {"sleepers-static-pie-i386", "1"},
	    {"sleepers-stripped-i386", "1"}, {"sleepers-dwarf4-i386", "1"}, {"inlined-i386", NULL},
	    {"sigframe-i386", NULL}, {"sigframe-O2-i386", NULL}, {"deep-i386", "1000"},
	    {"plt-i386", NULL}, {"noreturn-i386", NULL}};

	(void)state;
	need_i386();
	for (size_t i = 0; i < sizeof(corpus) / sizeof(*corpus); i++)
		debuggee_like_gdb(corpus[i].name, corpus[i].argument);
}

static void callers_are_guessed_on_i386_as_gdb_guesses(void **state)
{
	static const char *const ways[] = {"leaf", "framed", "restorer", "restorer_rt"};

	(void)state;
	need_i386();
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		debuggee_like_gdb("nocfi-i386", ways[i]);
}

static void the_caller_of_a_null_pointer_is_found_on_i386(void **state)
{
	char *path = strdup(local_debuggee("nullcall-i386")), *argv[] = {path, NULL};

	(void)state;
	need_i386();
	like_gdb(argv, true, HE_END_OUTERMOST);
	free(path);
}

static void a_stub_of_i386_is_named_and_left(void **state)
{
	(void)state;
	need_i386();
	stub_is_named_and_left("plt-i386"); /* counts from ebx */
	stub_is_named_and_left("plt-nopie-i386");
	stub_is_named_and_left("plt-ibt-i386");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(threads_of_an_unoptimised_program_match),
	    cmocka_unit_test(optimised_frames_match),
	    cmocka_unit_test(frames_without_frame_pointer_match),
	    cmocka_unit_test(frames_of_a_program_at_a_fixed_address_match),
	    cmocka_unit_test(frames_of_static_programs_match),
	    cmocka_unit_test(frames_of_a_stripped_program_match),
	    cmocka_unit_test(inlined_frames_match),
	    cmocka_unit_test(frames_below_a_signal_handler_on_its_own_stack_match),
	    cmocka_unit_test(ten_thousand_frames_match),
	    cmocka_unit_test(frames_of_libraries_loaded_at_run_time_match),
	    cmocka_unit_test(frames_called_through_the_plt_match),
	    cmocka_unit_test(cxx_names_match),
	    cmocka_unit_test(the_caller_of_a_null_pointer_is_found),
	    cmocka_unit_test(code_is_read_from_the_file_when_memory_has_none),
	    cmocka_unit_test(callers_of_code_without_unwind_information_are_found),
	    cmocka_unit_test(a_trampoline_without_unwind_information_is_known_by_its_code),
	    cmocka_unit_test(a_call_that_never_returns_is_looked_up_in_its_own_function),
	    cmocka_unit_test(a_stub_of_the_plt_is_named_and_left),
	    cmocka_unit_test(a_stack_written_over_says_so),
	    cmocka_unit_test(unreadable_memory_ends_a_stack_with_its_address),
	    cmocka_unit_test(no_more_frames_than_asked_for_come),
	    cmocka_unit_test(registers_of_a_frame_are_those_at_its_call),
	    cmocka_unit_test(frames_of_programs_for_i386_match),
	    cmocka_unit_test(callers_are_guessed_on_i386_as_gdb_guesses),
	    cmocka_unit_test(the_caller_of_a_null_pointer_is_found_on_i386),
	    cmocka_unit_test(a_stub_of_i386_is_named_and_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
