/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arch.h"
#include "common/err.h"
#include "host/sym/elf_class.h"
#include "host/sym/elf_image.h"
#include "host/errtext.h"
#include "host/sym/symfile.h"
#include "host/sym/symstate.h"
#include "host/sym/type_store.h"

enum { PAGE = 4096, DYNAMIC_MAX = 256 };

struct he_error *symbols_new(const struct sym_source *src, struct symbols **ret)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (s)
		s->pool = strpool_new();
	if (!s || !s->pool) {
		free(s);
		return he_error_new(E_NOMEM, "no memory for symbols");
	}
	s->src = *src;
	if (src->cache_dir) {
		s->cache_dir = strdup(src->cache_dir);
		s->src.cache_dir = s->cache_dir;
	}
	*ret = s;
	return NULL;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	modules_free(&s->modules); /* tells the types */
	types_end(s->types);
	strpool_drop(s->pool);
	free(s->chosen);
	free(s->cache_dir);
	free(s);
}

struct types *symbols_types(struct symbols *s)
{
	if (!s->types)
		s->types = types_new(s);
	return s->types;
}

struct he_error *symbols_set_maps(struct symbols *s, const struct he_mapping *maps, size_t n)
{
	return modules_update(&s->modules, maps, n);
}

struct he_error *symbols_set_links(struct symbols *s, const struct sym_link *v, size_t n)
{
	modules_links(&s->modules, v, n);
	return NULL;
}

/* ---- the dynamic linker's structure ------------------------------------------ */

static bool read_at(struct symbols *s, uint64_t addr, void *buf, size_t len)
{
	return s->src.read(s->src.arg, addr, buf, len) == len;
}

/* Load bias of the executable whose program headers lie at at_phdr: by PT_PHDR, which
 * names that address, else by the header's page, which the first segment maps. */
static bool phdr_bias(const struct elf_class *c, const Elf64_Phdr *p, size_t n, uint64_t at_phdr,
    uint64_t *bias)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].p_type == PT_PHDR) {
			*bias = at_phdr - p[i].p_vaddr;
			return true;
		}
	for (size_t i = 0; i < n; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_offset == 0) {
			*bias = at_phdr - c->ehdr - p[i].p_vaddr;
			return true;
		}
	return false;
}

static uint64_t debug_entry(
    struct symbols *s, const struct elf_class *c, uint64_t addr, uint64_t len)
{
	uint8_t raw[DYNAMIC_MAX * sizeof(Elf64_Dyn)];
	size_t n = len / c->dyn;
	Elf64_Dyn d;

	if (n > DYNAMIC_MAX)
		n = DYNAMIC_MAX;
	n = s->src.read(s->src.arg, addr, raw, n * c->dyn) / c->dyn;
	for (size_t i = 0; i < n; i++) {
		elf_get_dyn(c, raw + i * c->dyn, &d);
		if (d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_DEBUG)
			return d.d_un.d_ptr;
	}
	return 0;
}

/* The executable's class: the target's. */
static const struct elf_class *class_of(const struct symbols *s)
{
	const struct arch *a = arch_find(s->src.arch);

	return a ? elf_class_of(a->width) : NULL;
}

uint64_t symbols_r_debug(struct symbols *s, uint64_t at_phdr, uint64_t at_phnum, uint64_t at_entry)
{
	const struct elf_class *c = class_of(s);
	uint8_t raw[ELF_IMAGE_PHDRS * sizeof(Elf64_Phdr)];
	Elf64_Phdr p[ELF_IMAGE_PHDRS];
	uint64_t bias;

	(void)at_entry;
	if (!c || !at_phnum || at_phnum > ELF_IMAGE_PHDRS ||
	    !read_at(s, at_phdr, raw, (size_t)at_phnum * c->phdr))
		return 0;
	for (size_t i = 0; i < at_phnum; i++)
		elf_get_phdr(c, raw + i * c->phdr, &p[i]);
	if (!phdr_bias(c, p, (size_t)at_phnum, at_phdr, &bias))
		return 0;
	for (size_t i = 0; i < at_phnum; i++)
		if (p[i].p_type == PT_DYNAMIC)
			return debug_entry(s, c, bias + p[i].p_vaddr, p[i].p_memsz);
	return 0;
}

/* ---- the list of modules -------------------------------------------------------- */

/* What he_modules_free gets back. */
struct modules_object {
	struct he_modules list; /* first */
	struct strpool *pool;
};

void he_modules_free(struct he_modules *p)
{
	struct modules_object *o = (struct modules_object *)(void *)p;

	if (!o)
		return;
	free(o->list.v);
	strpool_drop(o->pool);
	free(o);
}

static struct he_error *no_memory(void)
{
	return he_error_new(E_NOMEM, "no memory for the list of modules");
}

static char *says(const struct module *m, const struct symfile *f, bool debug)
{
	const char *deleted = m->deleted ? " (the file was deleted)" : "";
	char *text = NULL;
	int n;

	if (!f && m->failed)
		n = asprintf(&text, "none: %s", m->why);
	else if (!f)
		n = asprintf(&text, "not read yet%s", deleted);
	else
		n = asprintf(&text, "%s%s",
		    debug && f->debug_from ? f->debug_from
		    : f->from              ? f->from
					   : "?",
		    deleted);
	return n < 0 ? NULL : text;
}

static struct he_error *describe(struct symbols *s, struct module *m, struct he_module *ret)
{
	struct symfile *f = NULL;
	struct he_error *e = symfile_get(&s->src, m, false, &f);
	char *from;

	if (e)
		return e;
	ret->lo = m->lo;
	ret->hi = m->hi;
	ret->debug_info = f && symfile_has_dwarf(f);
	ret->name = strpool_add(s->pool, m->name);
	ret->build_id = m->id.n ? strpool_add(s->pool, m->id.hex) : NULL;
	from = says(m, f, ret->debug_info);
	ret->symbols_from = strpool_add(s->pool, from);
	free(from);
	return ret->name && ret->symbols_from ? NULL : no_memory();
}

struct he_error *symbols_modules(struct symbols *s, struct he_modules **ret)
{
	struct modules_object *o = calloc(1, sizeof(*o));
	struct he_error *e = NULL;

	if (!o)
		return no_memory();
	o->pool = strpool_hold(s->pool);
	o->list.v = calloc(s->modules.n + 1, sizeof(o->list.v[0]));
	if (!o->list.v) {
		he_modules_free(&o->list);
		return no_memory();
	}
	for (size_t i = 0; !e && i < s->modules.n; i++)
		e = describe(s, s->modules.v[i], &o->list.v[o->list.n++]);
	if (e)
		he_modules_free(&o->list);
	else
		*ret = &o->list;
	return e;
}
