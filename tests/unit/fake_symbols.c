/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The symbol side made up for tests: a frame is {address of the next, its pc}.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/sym.h"
#include "host/sym/type.h"

/* A test may have its own. */
#define OWN __attribute__((weak))

struct symbols {
	struct sym_source src;
};

struct he_error *symbols_new(const struct sym_source *src, struct symbols **ret)
{
	*ret = calloc(1, sizeof(**ret));
	(*ret)->src = *src;
	return NULL;
}

void symbols_free(struct symbols *s)
{
	free(s);
}

struct he_error *symbols_set_maps(struct symbols *s, const struct he_mapping *maps, size_t n)
{
	(void)s;
	(void)maps;
	(void)n;
	return NULL;
}

struct he_error *symbols_set_links(struct symbols *s, const struct sym_link *v, size_t n)
{
	(void)s;
	(void)v;
	(void)n;
	return NULL;
}

uint64_t symbols_r_debug(struct symbols *s, uint64_t phdr, uint64_t phnum, uint64_t entry)
{
	(void)s;
	(void)phdr;
	(void)phnum;
	(void)entry;
	return 0;
}

struct he_stack *symbols_no_stack(enum he_end end, const char *text)
{
	struct he_stack *s = calloc(1, sizeof(*s));

	s->end = end;
	s->end_text = strdup(text);
	return s;
}

void he_stack_free(struct he_stack *s)
{
	if (!s)
		return;
	free(s->v);
	free(s->end_text);
	free(s);
}

struct he_error *symbols_backtrace(struct symbols *s, const struct sym_regs *regs, unsigned max,
    enum he_end fault_end, struct he_stack **ret)
{
	struct he_stack *st = symbols_no_stack(HE_END_OUTERMOST, "outermost");
	uint64_t at = regs->sp, pc = regs->pc;

	for (;;) {
		uint64_t word[2];

		st->v = realloc(st->v, (st->n + 1) * sizeof(*st->v));
		st->v[st->n++] = (struct he_frame){.pc = pc, .cfa = at};
		if (max && st->n == max) {
			st->end = HE_END_MAX;
			break;
		}
		if (s->src.read(s->src.arg, at, word, sizeof(word)) < sizeof(word)) {
			st->end = fault_end;
			break;
		}
		if (!word[0])
			break;
		at = word[0];
		pc = word[1];
	}
	*ret = st;
	return NULL;
}

struct he_error *symbols_frame_regs(
    struct symbols *s, const struct sym_regs *regs, unsigned n, struct sym_regs *ret)
{
	(void)s;
	(void)n;
	*ret = *regs;
	ret->valid = UINT64_C(1) << 16 | UINT64_C(1) << 7;
	return NULL;
}

static struct he_error *none(void)
{
	return he_error_new(E_NO_FILE, "none");
}

struct he_error *symbols_modules(struct symbols *s, struct he_modules **ret)
{
	(void)s;
	(void)ret;
	return none();
}

struct he_error *symbols_at(struct symbols *s, uint64_t addr, struct he_symbol **ret)
{
	(void)s;
	(void)addr;
	(void)ret;
	return none();
}

struct he_error *symbols_named(struct symbols *s, const char *name, struct he_symbol **ret)
{
	(void)s;
	(void)name;
	(void)ret;
	return none();
}

struct he_error *symbols_line_at(struct symbols *s, uint64_t addr, struct he_line **ret)
{
	(void)s;
	(void)addr;
	(void)ret;
	return none();
}

struct he_error *symbols_function_at(struct symbols *s, uint64_t addr, struct he_function **ret)
{
	(void)s;
	(void)ret;
	return he_error_new(E_NO_FILE, "no function contains 0x%llx.", (unsigned long long)addr);
}

void he_function_free(struct he_function *f)
{
	free(f);
}

struct he_error *symbols_line_named(
    struct symbols *s, const char *file, unsigned line, struct he_line **ret)
{
	(void)s;
	(void)file;
	(void)line;
	(void)ret;
	return none();
}

void he_modules_free(struct he_modules *p)
{
	free(p);
}

void he_symbol_free(struct he_symbol *p)
{
	free(p);
}

void he_line_free(struct he_line *p)
{
	free(p);
}

OWN size_t symbols_code(struct symbols *s, uint64_t addr, void *buf, size_t len)
{
	(void)s;
	(void)addr;
	(void)buf;
	(void)len;
	return 0;
}

/* Names and lines that are not there. */
static struct he_error *nowhere(struct he_places **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return NULL;
}

void he_places_free(struct he_places *p)
{
	if (p)
		free(p->v);
	free(p);
}

OWN struct he_error *symbols_names(
    struct symbols *s, enum he_names_of what, const char *regex, struct he_names **ret)
{
	(void)s;
	(void)what;
	(void)regex;
	*ret = calloc(1, sizeof(**ret));
	return NULL;
}

void he_names_free(struct he_names *p)
{
	free(p);
}

OWN struct he_error *symbols_locate_function(
    struct symbols *s, const char *name, const char *file, struct he_places **ret, bool *expected)
{
	(void)s;
	(void)name;
	(void)file;
	*expected = false;
	return nowhere(ret);
}

struct he_error *symbols_locate_line(
    struct symbols *s, const char *file, unsigned line, struct he_places **ret)
{
	(void)s;
	(void)file;
	(void)line;
	return nowhere(ret);
}

OWN struct he_error *symbols_locate_regex(
    struct symbols *s, const char *regex, const char *file, struct he_places **ret)
{
	(void)s;
	(void)regex;
	(void)file;
	return nowhere(ret);
}

struct he_error *symbols_locate_address(struct symbols *s, uint64_t addr, struct he_places **ret)
{
	(void)s;
	*ret = calloc(1, sizeof(**ret));
	(*ret)->v = calloc(1, sizeof(*(*ret)->v));
	(*ret)->v[0].addr = addr;
	(*ret)->n = 1;
	return NULL;
}

OWN struct he_error *symbols_named_near(
    struct symbols *s, uint64_t addr, const char *name, uint64_t *ret)
{
	(void)s;
	(void)addr;
	(void)name;
	*ret = 0;
	return NULL;
}

void symbols_chose(struct symbols *s, uint64_t resolver, uint64_t target)
{
	(void)s;
	(void)resolver;
	(void)target;
}
