/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the scripted engine's targets consist of: memory, registers, stacks, symbols, lines,
 * instructions and sources.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "fake_engine.h"

/* ---- memory and registers --------------------------------------------------------------- */

struct he_error *he_read(struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got)
{
	uint8_t memory[64] = "hello";
	struct he_error *e;

	(void)t;
	for (uint8_t i = 6; i < sizeof(memory); i++)
		memory[i] = i;
	*got = 0;
	if (addr >= FAKE_MEMORY && addr < FAKE_MEMORY + sizeof(memory)) {
		size_t there = FAKE_MEMORY + sizeof(memory) - addr;

		*got = len < there ? len : there;
		memcpy(buf, memory + (addr - FAKE_MEMORY), *got);
	}
	if (*got == len)
		return NULL;
	e = fake_error(
	    E_FAULT, "memory at 0x%llx cannot be read.", (unsigned long long)(addr + *got));
	e->addr = addr + *got;
	return e;
}

struct he_error *he_registers(
    struct he_target *t, uint64_t tid, unsigned frame, struct he_registers **ret)
{
	static const struct he_register all[] = {
	    {"rip", "general", 64, {0x10, 0x10, 0x40, [7] = 0}},
	    {"rsp", "general", 64, {0x00, 0x10, [7] = 0}},
	    {"eflags", "general", 32, {0x46, 0x02, 0, 0}},
	    {"rax", "general", 64, {0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
	    {"xmm0", "vector", 128, {1, 2, [15] = 0xf0}},
	};
	size_t n = frame ? 2 : sizeof(all) / sizeof(all[0]);
	struct he_registers *r = calloc(1, sizeof(*r));

	(void)t;
	(void)tid;
	if (!r || !(r->v = calloc(n, sizeof(*r->v))))
		abort();
	memcpy(r->v, all, n * sizeof(all[0]));
	r->v[0].value[1] = (uint8_t)(r->v[0].value[1] + frame);
	r->n = n;
	*ret = r;
	return NULL;
}

void he_registers_free(struct he_registers *p)
{
	if (p)
		free(p->v);
	free(p);
}

/* ---- symbols ------------------------------------------------------------------------------ */

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"

static const struct he_frame main_frames[] = {
    {.pc = 0x7f0000001010, .function = "epoll_wait", .module = LIBC, .build_id = "aa"},
    {.pc = 0x401204,
	.inlined = true,
	.function = "aeApiPoll",
	.file = "ae_epoll.c",
	.line = 113,
	.module = FAKE_EXE},
    {.pc = 0x401204,
	.function = "aeProcessEvents",
	.file = "ae.c",
	.line = 404,
	.module = FAKE_EXE},
    {.pc = 0x401010, .function = "main", .file = "server.c", .line = 12, .module = FAKE_EXE},
};
static const struct he_frame bio_frames[] = {
    {.pc = 0x7f0000002020, .function = "on_alarm", .module = FAKE_EXE},
    {.pc = 0x7f0000003030, .signal = true, .module = LIBC},
    {.pc = 0x7f0000004040, .module = LIBC},
};
static const struct he_frame evil_frames[] = {
    {.pc = 0x10, .function = "\033[2Jgotcha", .module = "/tmp/\nlib"},
};

static const struct {
	const struct he_frame *v;
	size_t n;
	enum he_end end;
	const char *text;
} stacks[] = {
    {main_frames, 4, HE_END_OUTERMOST, "outermost"},
    {bio_frames, 3, HE_END_NO_CFI, "no unwind information for 0x7f0000004040"},
    {evil_frames, 1, HE_END_FAULT, "memory at 0x10\033 cannot be read"},
};

struct he_error *he_backtrace(
    struct he_target *t, uint64_t tid, unsigned max, struct he_stack **ret)
{
	size_t which = tid - FAKE_PID, physical = 0;
	struct he_stack *s;

	(void)t;
	if (which >= 3)
		return fake_error(E_NO_THREAD, "box: no thread %llu.", (unsigned long long)tid);
	s = calloc(1, sizeof(*s));
	if (!s || !(s->v = calloc(stacks[which].n, sizeof(*s->v))))
		abort();
	s->end = stacks[which].end;
	for (; s->n < stacks[which].n; s->n++) {
		if (max && physical == max) {
			s->end = HE_END_MAX;
			break;
		}
		s->v[s->n] = stacks[which].v[s->n];
		physical += !s->v[s->n].inlined;
	}
	s->end_text = strdup(s->end == HE_END_MAX ? "as many as asked for" : stacks[which].text);
	*ret = s;
	return NULL;
}

void he_stack_free(struct he_stack *s)
{
	if (!s)
		return;
	free(s->v);
	free(s->end_text);
	free(s);
}

struct he_error *he_modules(struct he_target *t, struct he_modules **ret)
{
	static const struct he_module all[] = {
	    {0x400000, 0x500000, FAKE_EXE, "bb", "debug file /usr/lib/debug/x", true},
	    {0x7f0000000000, 0x7f0000100000, LIBC, "aa", "local file " LIBC, false},
	    {0x7f0000200000, 0x7f0000300000, "/tmp/\033lib", NULL, "none: no such file", false},
	};
	struct he_modules *m = calloc(1, sizeof(*m));

	(void)t;
	if (!m || !(m->v = calloc(3, sizeof(*m->v))))
		abort();
	memcpy(m->v, all, sizeof(all));
	m->n = 3;
	*ret = m;
	return NULL;
}

void he_modules_free(struct he_modules *p)
{
	if (p)
		free(p->v);
	free(p);
}

static const struct {
	const char *name;
	uint64_t addr, size;
	bool function;
} symbols[] = {{"table", FAKE_MEMORY, 64, false}, {"main", FAKE_MAIN, 64, true},
    {"ns::f(int)", 0x402000, 16, true}};

static struct he_error *symbol(size_t i, struct he_symbol **ret)
{
	struct he_symbol *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	*s = (struct he_symbol){.name = strdup(symbols[i].name),
	    .addr = symbols[i].addr,
	    .size = symbols[i].size,
	    .module = strdup(FAKE_EXE),
	    .function = symbols[i].function};
	*ret = s;
	return NULL;
}

struct he_error *he_symbol_at(struct he_target *t, uint64_t addr, struct he_symbol **ret)
{
	(void)t;
	for (size_t i = 0; i < 3; i++)
		if (addr >= symbols[i].addr && addr < symbols[i].addr + symbols[i].size)
			return symbol(i, ret);
	return fake_error(E_NO_FILE, "no symbol at 0x%llx.", (unsigned long long)addr);
}

struct he_error *he_symbol_named(struct he_target *t, const char *name, struct he_symbol **ret)
{
	(void)t;
	for (size_t i = 0; i < 3; i++)
		if (strcmp(symbols[i].name, name) == 0)
			return symbol(i, ret);
	return fake_error(E_NO_FILE, "no symbol %s.", name);
}

void he_symbol_free(struct he_symbol *s)
{
	if (!s)
		return;
	free(s->name);
	free(s->module);
	free(s);
}

static struct he_error *line(unsigned n, struct he_line **ret)
{
	struct he_line *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	*l = (struct he_line){.file = strdup("server.c"),
	    .directory = strdup("/src"),
	    .function = strdup("main"),
	    .line = n,
	    .lo = FAKE_MAIN + n,
	    .hi = FAKE_MAIN + n + 1};
	*ret = l;
	return NULL;
}

struct he_error *he_line_at(struct he_target *t, uint64_t addr, struct he_line **ret)
{
	(void)t;
	if (addr < FAKE_MAIN || addr >= FAKE_MAIN + 64)
		return fake_error(E_NO_FILE, "no line at 0x%llx.", (unsigned long long)addr);
	return line(addr == FAKE_MAIN ? 12 : (unsigned)(addr - FAKE_MAIN), ret);
}

struct he_error *he_line_named(
    struct he_target *t, const char *file, unsigned n, struct he_line **ret)
{
	(void)t;
	if (strcmp(file, "server.c") != 0)
		return fake_error(E_NO_FILE, "no source file %s.", file);
	/* Even lines have no code. */
	return line(n | 1, ret);
}

void he_line_free(struct he_line *l)
{
	if (!l)
		return;
	free(l->file);
	free(l->directory);
	free(l->function);
	free(l);
}

/* Instructions of four bytes, up to FAKE_MAIN + 64; each jumps back to main. */
struct he_error *he_disassemble(struct he_target *t, uint64_t lo, uint64_t hi, size_t max,
    enum he_syntax syntax, struct he_insns **ret)
{
	struct he_insns *p = calloc(1, sizeof(*p));

	(void)t;
	if (!p)
		abort();
	p->v = calloc(64, sizeof(*p->v));
	for (; lo >= FAKE_MAIN && lo < FAKE_MAIN + 64 && lo < hi && p->n < max; lo += 4)
		p->v[p->n++] = (struct he_insn){.addr = lo,
		    .len = 4,
		    .bytes = {0xeb, (uint8_t)lo, 0, 0x90},
		    .has_target = true,
		    .target = FAKE_MAIN,
		    .text = syntax == HE_INTEL ? "jmp near" : "jmp"};
	*ret = p;
	return lo < hi && p->n < max
		   ? fake_error(E_FAULT, "memory at 0x%llx cannot be read.", (unsigned long long)lo)
		   : NULL;
}

void he_insns_free(struct he_insns *p)
{
	if (!p)
		return;
	free(p->v);
	free(p);
}

struct he_error *he_function_at(struct he_target *t, uint64_t addr, struct he_function **ret)
{
	struct he_function *f;

	(void)t;
	if (addr < FAKE_MAIN || addr >= FAKE_MAIN + 16)
		return fake_error(E_NO_FILE, "no function at 0x%llx.", (unsigned long long)addr);
	f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	f->v = calloc(2, sizeof(*f->v));
	*f = (struct he_function){.name = strdup("main"), .entry = FAKE_MAIN, .v = f->v, .n = 2};
	f->v[0] = (struct he_range){FAKE_MAIN, FAKE_MAIN + 8};
	f->v[1] = (struct he_range){FAKE_MAIN + 32, FAKE_MAIN + 36};
	*ret = f;
	return NULL;
}

void he_function_free(struct he_function *f)
{
	if (!f)
		return;
	free(f->name);
	free(f->v);
	free(f);
}

struct he_error *he_source(
    struct he_target *t, const char *file, const char *directory, char **text, char **path)
{
	size_t size;
	FILE *f;

	(void)t;
	(void)directory;
	if (strcmp(file, "server.c") != 0)
		return fake_error(E_NO_FILE, "%s is not on this machine.", file);
	f = open_memstream(text, &size);
	for (unsigned i = 1; f && i <= 30; i++)
		fprintf(f, "\ttext %u%s\n", i, i == 30 ? "\033[2J" : "");
	if (f)
		fclose(f);
	*path = strdup("/src/server.c");
	return NULL;
}

struct he_error *he_source_dir(struct he_engine *e, const char *dir)
{
	(void)e;
	return *dir == '/' ? NULL : fake_error(E_NOT_DIR, "%s is not a directory.", dir);
}
