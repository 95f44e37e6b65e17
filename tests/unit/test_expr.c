/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Expressions about a sleeping debuggee: values, what is wrong with a text, and the bytecode
 * of conditions, which has to come to the value that evaluating gives.
 */
#include <errno.h>
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <cmocka.h>

#include "common/arch.h"
#include "common/bytecode.h"
#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/expr.h"
#include "local_target.h"

struct world {
	struct local_target t;
	struct sym_regs first;
	struct sym_frame frame;
	struct expr_env env;
	struct value_store *values;
};

/* ---- the target ------------------------------------------------------------ */

static bool peek(struct world *w, uint64_t addr, void *buf, size_t len)
{
	struct iovec to = {buf, len}, from = {(void *)(uintptr_t)addr, len};

	return process_vm_readv(w->t.pid, &to, 1, &from, 1, 0) == (ssize_t)len;
}

static struct he_error *read_memory(void *arg, uint64_t addr, void *buf, size_t len)
{
	return peek(arg, addr, buf, len)
		   ? NULL
		   : he_error_fault(
			 addr, EFAULT, "memory at %#llx cannot be read.", (unsigned long long)addr);
}

static struct he_error *write_memory(void *arg, uint64_t addr, const void *buf, size_t len)
{
	struct world *w = arg;
	struct iovec from = {(void *)(uintptr_t)buf, len}, to = {(void *)(uintptr_t)addr, len};

	assert_int_equal(process_vm_writev(w->t.pid, &from, 1, &to, 1, 0), len);
	return NULL;
}

static struct he_error *the_frame(void *arg, const struct sym_frame **ret)
{
	*ret = &((struct world *)arg)->frame;
	return NULL;
}

static struct he_error *get_register(
    void *arg, const char *name, unsigned dwarf, struct expr_register *ret)
{
	struct world *w = arg;
	const struct arch_reg *r = name ? NULL : arch_by_dwarf(&arch_x86_64, dwarf);

	for (unsigned i = 0; name && i < arch_x86_64.n_regs; i++)
		if (!strcmp(arch_x86_64.regs[i].name, name))
			r = &arch_x86_64.regs[i];
	if (!r)
		return he_error_new(E_NO_FILE, "no such register");
	if (r->dwarf < 0 || r->dwarf > 16 || !(w->frame.regs.valid >> r->dwarf & 1))
		return he_error_new(E_STATE, "not known");
	*ret = (struct expr_register){.size = 8};
	memcpy(ret->value, &w->frame.regs.reg[r->dwarf], 8);
	return NULL;
}

static struct he_error *get_variable(void *arg, const char *name, struct value **ret)
{
	return value_store_get(((struct world *)arg)->values, name, ret);
}

static struct he_error *set_variable(void *arg, const char *name, const struct value *v)
{
	return value_store_set(((struct world *)arg)->values, name, v);
}

static const struct expr_ops ops = {
    .read = read_memory,
    .write = write_memory,
    .frame = the_frame,
    .get_register = get_register,
    .get_variable = get_variable,
    .set_variable = set_variable,
};

/* Select the frame of a function. */
static void select_frame(struct world *w, const char *function)
{
	struct he_stack *s = local_backtrace(&w->t, w->t.pid, 0);
	unsigned i = 0;

	while (i < s->n && !(s->v[i].function && !strcmp(s->v[i].function, function)))
		i++;
	assert_true(i < s->n);
	he_stack_free(s);
	assert_null(symbols_frame(w->t.symbols, &w->first, i, &w->frame));
	w->env.scope = (struct sym_scope){true, w->frame.pc, w->frame.level};
	w->env.cplus = symbols_is_cplus(w->t.symbols, &w->env.scope);
}

static void start(struct world *w, const char *debuggee, const char *function)
{
	char *argv[] = {(char *)(uintptr_t)local_debuggee(debuggee), NULL};

	*w = (struct world){.values = value_store_new()};
	local_start(&w->t, argv, false);
	local_stop(&w->t);
	local_symbols(&w->t);
	local_regs(&w->t, w->t.pid, &w->first);
	w->env = (struct expr_env){.symbols = w->t.symbols,
	    .types = symbols_types(w->t.symbols),
	    .arch = AUDIT_ARCH_X86_64,
	    .ops = &ops,
	    .arg = w};
	select_frame(w, function);
}

static void end(struct world *w)
{
	value_store_free(w->values);
	local_end(&w->t);
}

/* ---- evaluating ------------------------------------------------------------ */

static struct he_error *evaluate(struct world *w, const char *text, struct value **ret)
{
	struct expr *x;
	struct he_error *e = expr_parse(&w->env, text, &x);

	if (e)
		return e;
	e = expr_evaluate(&w->env, x, ret);
	expr_free(x);
	return e;
}

static void shows(struct world *w, const char *text, const char *want)
{
	struct value_format f = {.top = true};
	struct value *v = NULL;
	char *got = NULL;
	struct he_error *e = evaluate(w, text, &v);

	if (e)
		fail_msg("%s: %s", text, e->message);
	assert_null(value_text(&w->env, v, &f, &got));
	assert_string_equal(got, want);
	free(got);
	value_free(v);
}

static void fails(struct world *w, const char *text, int code, const char *part)
{
	struct value *v = NULL;
	const uint8_t *bytes;
	size_t n;
	struct he_error *e = evaluate(w, text, &v);

	if (!e)
		e = value_bytes(&w->env, v, &bytes, &n);
	value_free(v);
	if (!e)
		fail_msg("%s: is no error", text);
	if (e->code != code || !strstr(e->message, part))
		fail_msg("%s: %d %s", text, e->code, e->message);
	he_error_free(e);
}

static void what_is_wrong_is_said(void **state)
{
	struct world w;

	(void)state;
	start(&w, "values", "inner");
	fails(&w, "counter / 0", E_DIVIDED, "division by zero");
	fails(&w, "counter % (hidden - 7)", E_DIVIDED, "division by zero");
	fails(&w, "*(int *)16", E_FAULT, "0x10");
	fails(&w, "((struct line *)0)->next", E_FAULT, "0x18");
	fails(&w, "nosuch", E_NO_FILE, "nosuch");
	fails(&w, "struct nosuch *", E_NO_FILE, "nosuch");
	fails(&w, "first.nosuch", E_NO_FILE, "nosuch");
	fails(&w, "counter.x", E_MALFORMED, "member");
	fails(&w, "*nothing", E_MALFORMED, "dereferenced");
	fails(&w, "&bits.low", E_MALFORMED, "bit-field");
	fails(&w, "&5", E_MALFORMED, "in memory");
	fails(&w, "1 +", E_MALFORMED, "too early");
	fails(&w, "(1", E_MALFORMED, "parenthesis");
	fails(&w, "numbers[1", E_MALFORMED, "bracket");
	fails(&w, "1 2", E_MALFORMED, "operator");
	fails(&w, "'ab", E_MALFORMED, "quote");
	fails(&w, "0x", E_MALFORMED, "number");
	fails(&w, "12z", E_MALFORMED, "number");
	fails(&w, "18446744073709551616", E_MALFORMED, "64 bits");
	fails(&w, "called(1)", E_MALFORMED, "called");
	fails(&w, "first + 1", E_MALFORMED, "number");
	fails(&w, "1 << -1", E_MALFORMED, "negative");
	fails(&w, "1.5 % 2", E_MALFORMED, "floating");
	fails(&w, "5 = 6", E_MALFORMED, "assigned");
	fails(&w, "(struct point)5", E_MALFORMED, "cast");
	fails(&w, "letters@0", E_MALFORMED, "at least 1");
	fails(&w, "numbers[0]@1000000", E_TOO_BIG, "larger");
	fails(&w, "", E_MALFORMED, "value");
	fails(&w, "unsigned float", E_MALFORMED, "no type");
	fails(&w, "int", E_MALFORMED, "type");
	fails(&w, "$nosuch + 1", E_MALFORMED, "number");
	fails(&w, "$99", E_NO_FILE, "history");
	end(&w);
}

static void what_is_too_long_or_too_deep_is_refused(void **state)
{
	struct world w;
	char *text = malloc(EXPR_TEXT_MAX * 2);

	(void)state;
	start(&w, "values", "inner");
	memset(text, '(', 5000);
	text[5000] = 0;
	fails(&w, text, E_MALFORMED, "nested");
	memset(text, '-', 5000);
	fails(&w, text, E_MALFORMED, "");
	memset(text, '*', 5000);
	fails(&w, text, E_MALFORMED, "nested");
	for (size_t i = 0; i < 3000; i++)
		memcpy(text + 2 * i, "1+", 2);
	memcpy(text + 6000, "1", 2);
	fails(&w, text, E_MALFORMED, "too long");
	for (size_t i = 0; i < 400; i++)
		memcpy(text + 2 * i, "1+", 2);
	memcpy(text + 800, "1", 2);
	shows(&w, text, "401");
	for (size_t i = 0; i < 3000; i++)
		memcpy(text + 3 * i, "[0]", 4);
	fails(&w, text, E_MALFORMED, "");
	memset(text, '1', EXPR_TEXT_MAX * 2 - 1);
	text[EXPR_TEXT_MAX * 2 - 1] = 0;
	fails(&w, text, E_MALFORMED, "longer");
	free(text);
	end(&w);
}

static void the_target_is_changed(void **state)
{
	struct world w;

	(void)state;
	start(&w, "values", "inner");
	shows(&w, "counter = 5", "5");
	shows(&w, "counter", "5");
	shows(&w, "counter += 3", "8");
	shows(&w, "counter <<= 2", "32");
	shows(&w, "counter++", "32");
	shows(&w, "++counter", "34");
	shows(&w, "counter--", "34");
	shows(&w, "b8 = 300", "44 ','");
	shows(&w, "bits.middle = -1", "-1");
	shows(&w, "bits.low = 9", "1");
	shows(&w, "bits", "{low = 1, middle = -1, high = 78187493530, flag = true, last = 100}");
	shows(&w, "single = 1", "1");
	shows(&w, "single", "1");
	shows(&w, "corners[1] = corners[2]", "{x = 3, y = 4}");
	shows(&w, "corners[1].x", "3");
	shows(&w, "to_counter = &hidden, *to_counter", "7");
	shows(&w, "n = 17", "17");
	shows(&w, "n", "17");
	fails(&w, "changing++ + nosuch", E_NO_FILE, "nosuch");
	end(&w);
}

static void variables_and_the_history_are_kept(void **state)
{
	struct value *v = NULL;
	struct world w;

	(void)state;
	start(&w, "values", "inner");
	assert_null(evaluate(&w, "corners[2]", &v));
	assert_null(value_settle(&w.env, v));
	assert_int_equal(value_store_add(w.values, v), 1);
	value_free(v);
	shows(&w, "corners[2].x = 9", "9");
	shows(&w, "$1", "{x = 3, y = 4}");
	shows(&w, "$.x + $1.y", "7");
	shows(&w, "$$", "void");
	shows(&w, "$count", "void");
	shows(&w, "$count = 3", "3");
	shows(&w, "$count++ + 1", "4");
	shows(&w, "$count * 2", "8");
	shows(&w, "numbers[$count]", "2");
	end(&w);
}

static void a_member_of_a_base_needs_no_this(void **state)
{
	struct world w;

	(void)state;
	start(&w, "values_cc", "shapes::square::look");
	shows(&w, "id + side", "6");
	shows(&w, "this->id == id && tag == 77", "true");
	shows(&w, "count", "3");
	shows(&w, "shapes::count", "3");
	shows(&w, "sizeof(box<int,3>)", "12");
	end(&w);
}

/* ---- bytecode -------------------------------------------------------------- */

static bool agent_read(void *arg, uint64_t addr, void *to, size_t n)
{
	return peek(arg, addr, to, n);
}

static struct user_regs_struct block(const struct sym_regs *r)
{
	const uint64_t *v = r->reg;

	return (struct user_regs_struct){.rax = v[0],
	    .rdx = v[1],
	    .rcx = v[2],
	    .rbx = v[3],
	    .rsi = v[4],
	    .rdi = v[5],
	    .rbp = v[6],
	    .rsp = v[7],
	    .r8 = v[8],
	    .r9 = v[9],
	    .r10 = v[10],
	    .r11 = v[11],
	    .r12 = v[12],
	    .r13 = v[13],
	    .r14 = v[14],
	    .r15 = v[15],
	    .rip = v[16],
	    .cs = 0x33};
}

static bool compiled(struct world *w, const char *text, struct buf *code, const char **why)
{
	struct expr *x;
	struct he_error *e = expr_parse(&w->env, text, &x);
	bool fine;

	if (e)
		fail_msg("%s: %s", text, e->message);
	fine = expr_compile(&w->env, x, code, why);
	expr_free(x);
	return fine;
}

/* As the agent evaluates it in the selected frame. */
static int run(struct world *w, const struct buf *code, uint64_t *value, uint64_t *addr)
{
	struct user_regs_struct regs = block(&w->frame.regs);
	struct bytecode_env env = {.arch = AUDIT_ARCH_X86_64,
	    .regs = (const uint8_t *)&regs,
	    .nregs = sizeof(regs),
	    .read = agent_read,
	    .arg = w};
	struct bytecode *b;
	int err = bytecode_new(span_buf(code), AUDIT_ARCH_X86_64, &b);

	if (err)
		return err;
	err = bytecode_eval(b, &env, value, addr);
	bytecode_free(b);
	return err;
}

static void compiles(struct world *w, const char *text)
{
	uint64_t here = 0, there = 0, addr = 0;
	struct value *v = NULL;
	struct he_error *e;
	const char *why = "";
	struct buf code;

	buf_init(&code, 4096);
	e = evaluate(w, text, &v);
	if (!e)
		e = value_number(&w->env, v, &here);
	if (e)
		fail_msg("%s: %s", text, e->message);
	value_free(v);
	if (!compiled(w, text, &code, &why))
		fail_msg("%s: is not compiled: %s", text, why);
	if (run(w, &code, &there, &addr) || here != there)
		fail_msg("%s: %#llx here, %#llx as bytecode", text, (unsigned long long)here,
		    (unsigned long long)there);
	buf_free(&code);
}

static void does_not(struct world *w, const char *text)
{
	const char *why = NULL;
	struct buf code;

	buf_init(&code, 4096);
	if (compiled(w, text, &code, &why))
		fail_msg("%s: is compiled", text);
	assert_non_null(why);
	assert_int_equal(code.len, 0);
	buf_free(&code);
}

static const char *const everywhere[] = {"counter", "hidden", "u32", "i64", "u64", "s16", "b8",
    "c8", "letter", "yes", "counter + 1", "counter - 100", "counter * -3", "counter / 5",
    "-counter / 5", "counter % 5", "-counter % 5", "u32 + u32", "u32 * 3", "u32 / 7", "u32 % 7",
    "i64 * 2", "i64 / 3", "i64 % 7", "u64 + 1", "u64 / 3", "s16 + b8", "b8 * b8", "c8 * c8", "-b8",
    "~b8", "~u32", "-u32", "!counter", "!!counter", "counter == 42", "counter != 42",
    "counter < 42", "counter <= 42", "counter > 41", "counter >= 43", "-1 < 1u", "s16 < u32",
    "s16 < i64", "c8 < b8", "u64 > -1", "u32 > -1", "counter & 6", "counter | 1", "counter ^ -1",
    "counter << 3", "counter << 31", "counter << 40", "s16 >> 1", "s16 >> 40", "u32 >> 5",
    "i64 >> 8", "u32 << 4", "c8 << u32", "counter && hidden", "counter && 0", "0 || counter",
    "0 || 0", "nothing && *to_counter", "counter ? hidden : u32", "0 ? counter : s16",
    "counter > 5 ? -1 : 1u", "counter, hidden", "(char)321", "(unsigned char)-1", "(short)70000",
    "(_Bool)counter", "(long)(int)u32", "(unsigned)-1", "(unsigned long)c8", "(byte)counter",
    "colour", "mode & 4", "no_mode", "odd", "minus", "minus < 0", "colour == BLUE", "GREEN",
    "sizeof counter", "sizeof(struct line)", "to_counter", "*to_counter", "**to_that",
    "to_counter == &counter", "&counter", "to_counter + 1", "to_counter - 3", "1 + to_counter",
    "&corners[3] - &corners[0]", "corners[2].x", "first.to.y", "second.next->from.x",
    "(*second.next).to.x", "second.name == 0", "text[1]", "*text", "text + 7", "text[2] == 'l'",
    "numbers[299]", "numbers[hidden]", "matrix[1][2]", "*matrix[1]", "names[1][0]", "bits.low",
    "bits.middle", "bits.high", "bits.flag", "bits.last", "bits.high + bits.middle", "nested.c",
    "nested.in.p[1].y", "nested.in.u.bytes[0]", "any.number", "typedefed.x", "changing",
    "function == called", "called", "&first.to.y", "&numbers[7]", "buffer", "buffer[1]",
    "*(unsigned short *)raw", "*(char *)&i64", "inner::calls", "'values.c'::hidden", "$rip", "$rsp",
    "$sp - $rsp", "$pc == $rip", "$bl", "$bh", "$bx", "$ebx", "$r12d", "$rbp", "*(long *)$sp",
    "(int)$rsp & 15", "counter > 0 && (hidden == 7 || u32 < 5) && text[0] == 'h'"};

static void compile_all(struct world *w)
{
	for (size_t i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++)
		compiles(w, everywhere[i]);
}

static void bytecode_comes_to_the_same_value(void **state)
{
	static const char *const locals[] = {"n", "b", "c", "flag", "big", "local", "local2",
	    "array[3]", "array[n & 3]", "p.x + p.y", "l->next->to.x", "l == &second", "moved.y",
	    "name[0]", "name != 0 && n > 5", "calls", "&local", "&array[2]", "local2 - local",
	    "big >> 7u"};
	struct world w;

	(void)state;
	start(&w, "values", "inner");
	compile_all(&w);
	for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++)
		compiles(&w, locals[i]);
	select_frame(&w, "outer");
	compiles(&w, "kept + argc");
	compiles(&w, "argv[0][0] + l->from.x");
	end(&w);
}

static void bytecode_finds_what_is_in_registers(void **state)
{
	struct world w;

	(void)state;
	start(&w, "values-dwarf4", "inner");
	compile_all(&w);
	compiles(&w, "local2 + local");
	compiles(&w, "array[2]");
	select_frame(&w, "outer");
	compiles(&w, "kept == 6 && sum == 1000");
	end(&w);
}

static void bytecode_of_methods_knows_this(void **state)
{
	struct world w;

	(void)state;
	start(&w, "values_cc", "shapes::square::look");
	compiles(&w, "side * factor");
	compiles(&w, "this->id == id && tag == 77");
	compiles(&w, "that.side + alias");
	compiles(&w, "*pointer");
	compiles(&w, "count + shapes::count");
	end(&w);
}

static void what_the_agent_cannot_do_is_not_compiled(void **state)
{
	static const char *const texts[] = {"single", "single > 1", "(double)counter", "1.5",
	    "huge", "\"text\"", "first", "corners[1]", "counter = 5", "counter++", "$1", "$name",
	    "nosuch", "counter << s16", "&bits.low", "of_thread", "d > 1", "$xmm0",
	    "$eflags + single"};
	struct world w;

	(void)state;
	start(&w, "values", "inner");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		does_not(&w, texts[i]);
	end(&w);
}

static void bytecode_meets_the_same_trouble(void **state)
{
	uint64_t value, addr = 0;
	const char *why;
	struct world w;
	struct buf code;

	(void)state;
	start(&w, "values", "inner");
	buf_init(&code, 4096);
	assert_true(compiled(&w, "counter / (hidden - 7)", &code, &why));
	assert_int_equal(run(&w, &code, &value, &addr), E_DIVIDED);
	buf_reset(&code);
	assert_true(compiled(&w, "bad_string[3] == 0", &code, &why));
	assert_int_equal(run(&w, &code, &value, &addr), E_FAULT);
	assert_int_equal(addr, 19);
	buf_free(&code);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_wrong_is_said),
	    cmocka_unit_test(what_is_too_long_or_too_deep_is_refused),
	    cmocka_unit_test(the_target_is_changed),
	    cmocka_unit_test(variables_and_the_history_are_kept),
	    cmocka_unit_test(a_member_of_a_base_needs_no_this),
	    cmocka_unit_test(bytecode_comes_to_the_same_value),
	    cmocka_unit_test(bytecode_finds_what_is_in_registers),
	    cmocka_unit_test(bytecode_of_methods_knows_this),
	    cmocka_unit_test(what_the_agent_cannot_do_is_not_compiled),
	    cmocka_unit_test(bytecode_meets_the_same_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
