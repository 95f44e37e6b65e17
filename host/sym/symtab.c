/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/symtab.h"

#include <elf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/sym/demangle.h"
#include "host/sym/plt.h"
#include "host/sym/symfile.h"

enum { PROT_X = 4, BACK_MAX = 64 };

void symtab_free(struct symtab *t)
{
	if (t)
		free(t->v);
	free(t);
}

/* ---- reading -------------------------------------------------------------- */

static bool in_code(const struct module *m, uint64_t addr)
{
	for (size_t i = 0; i < m->n_parts; i++)
		if (addr >= m->part[i].lo && addr < m->part[i].hi)
			return m->part[i].prot & PROT_X;
	return false;
}

static bool wanted(const struct symfile *f, const GElf_Sym *s, GElf_Addr addr, struct sym *ret)
{
	ret->bind = GELF_ST_BIND(s->st_info);
	switch (GELF_ST_TYPE(s->st_info)) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		ret->kind = SYM_FUNCTION;
		break;
	case STT_NOTYPE:
		ret->kind = in_code(f->module, addr) ? SYM_LABEL : SYM_DATA;
		break;
	case STT_OBJECT:
	case STT_COMMON:
		ret->kind = SYM_DATA;
		break;
	default:
		return false;
	}
	return s->st_shndx != SHN_UNDEF && s->st_shndx != SHN_ABS && addr >= f->module->lo &&
	       addr < f->module->end;
}

/* How well does it name its address?  A type and a size say more than none; else as GDB
 * has it: the last in the alphabet, which makes it read and not __read. */
static int compare_worth(const struct sym *a, const struct sym *b)
{
	if (a->kind != b->kind)
		return a->kind == SYM_FUNCTION ? 1 : b->kind == SYM_FUNCTION ? -1 : 0;
	if (!a->size != !b->size)
		return a->size ? 1 : -1;
	return strcmp(a->name, b->name);
}

static int by_address(const void *a, const void *b)
{
	const struct sym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return compare_worth(x, y);
}

static size_t read_symbols(struct symfile *f, struct sym *v, size_t max)
{
	size_t n = 0;

	for (size_t i = 1; i < max; i++) {
		GElf_Sym s;
		GElf_Addr addr;
		struct sym sym = {.size = 0};
		const char *name =
		    dwfl_module_getsym_info(f->mod, (int)i, &s, &addr, NULL, NULL, NULL);

		if (!name || !name[0] || !wanted(f, &s, addr, &sym))
			continue;
		sym.name = name;
		sym.addr = addr;
		sym.size = s.st_size;
		sym.ifunc = GELF_ST_TYPE(s.st_info) == STT_GNU_IFUNC;
		v[n++] = sym;
	}
	return n;
}

/* Where the file's last segment ends, in the target. */
static uint64_t end_of(const struct symfile *f)
{
	uint64_t end = 0;
	size_t n = 0;

	elf_getphdrnum(f->elf, &n);
	for (size_t i = 0; i < n && i < PN_XNUM; i++) {
		GElf_Phdr h;

		if (gelf_getphdr(f->elf, (int)i, &h) && h.p_type == PT_LOAD &&
		    h.p_vaddr + h.p_memsz > end)
			end = h.p_vaddr + h.p_memsz;
	}
	return end + f->bias;
}

static void read_table(struct symfile *f, struct symtab *t)
{
	int count = dwfl_module_getsymtab(f->mod);
	size_t max = count > 0 ? (size_t)count : 0, plt;

	if (max > SYMTAB_MAX)
		max = SYMTAB_MAX;
	t->end = end_of(f);
	plt = plt_count(f->elf);
	t->v = calloc(max + plt + 1, sizeof(t->v[0]));
	if (!t->v)
		return;
	t->n = read_symbols(f, t->v, max);
	t->n += plt_symbols(f->elf, f->bias, t->v + t->n, plt);
	qsort(t->v, t->n, sizeof(t->v[0]), by_address);
}

const struct symtab *symtab_of(struct symfile *f)
{
	static const struct symtab none;

	if (!f->symtab) {
		f->symtab = calloc(1, sizeof(*f->symtab));
		if (!f->symtab)
			return &none;
		read_table(f, f->symtab);
	}
	return f->symtab;
}

/* ---- questions --------------------------------------------------------------- */

/* Index after the last symbol at or before addr. */
static size_t upper(const struct symtab *t, uint64_t addr)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->v[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* GDB's rule: a symbol with a size that ends before addr does not name it; one without
 * a size does, unless a sized one around it does better. */
const struct sym *symtab_code(const struct symtab *t, uint64_t addr)
{
	const struct sym *label = NULL;
	size_t i = upper(t, addr);

	for (size_t k = 0; i-- > 0 && k < BACK_MAX; k++) {
		const struct sym *s = &t->v[i];

		if (s->kind == SYM_DATA)
			continue;
		if (s->size && addr - s->addr < s->size)
			return s;
		if (s->size)
			break;
		if (!label)
			label = s;
	}
	return label;
}

const struct sym *symtab_at(const struct symtab *t, uint64_t addr)
{
	size_t i = upper(t, addr);
	const struct sym *last = i ? &t->v[i - 1] : NULL;

	if (!last || last->kind != SYM_DATA)
		return symtab_code(t, addr);
	if (!last->size)
		return addr < t->end ? last : NULL;
	return addr - last->addr < last->size ? last : NULL;
}

char *symtab_text(const struct sym *s)
{
	char *text = demangle(s->name, true), *plt;

	if (!text)
		text = strdup(s->name);
	if (!text || !s->plt)
		return text;
	if (asprintf(&plt, "%s@plt", text) < 0)
		plt = NULL;
	free(text);
	return plt;
}

static bool demangles_to(const struct sym *s, const char *name)
{
	bool params = strchr(name, '(') != NULL;
	char *text = demangle(s->name, params);
	bool same = text && !strcmp(text, name);

	free(text);
	return same;
}

const struct sym *symtab_named(const struct symtab *t, const char *name, bool demangled)
{
	const struct sym *best = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct sym *s = &t->v[i];

		if (s->plt || !(demangled ? demangles_to(s, name) : !strcmp(s->name, name)))
			continue;
		if (!best || (best->bind == STB_LOCAL && s->bind != STB_LOCAL))
			best = s;
	}
	return best;
}
