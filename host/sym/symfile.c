/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/symfile.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "host/sym/cfi.h"
#include "host/sym/dwarf_index.h"
#include "host/sym/elf_image.h"
#include "host/errtext.h"
#include "host/sym/name_index.h"
#include "host/sym/symfind.h"
#include "host/sym/symtab.h"
#include "host/sym/type_store.h"

/* libdwfl asks for the ELF once, with what symfile_get found. */
struct opening {
	struct symfile *file;
	struct found *found;
};

static int find_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
    char **file_name, Elf **elf)
{
	struct opening *o = *userdata;
	int fd = o->found->fd;

	(void)mod;
	(void)name;
	(void)base;
	*file_name = o->found->path ? strdup(o->found->path) : NULL;
	*elf = o->found->elf;
	o->found->elf = NULL; /* libdwfl's from here on */
	o->found->fd = -1;
	return fd;
}

/* For the module's own debug file, and then for the file shared by dwz. */
static int find_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
    const char *file_name, const char *link, GElf_Word crc, char **debug_name)
{
	struct symfile *f = *userdata;
	struct debug_wanted w = {
	    .id = &f->module->id, .path = f->path, .link = link, .crc = crc, .far = f->far};
	char *path = NULL;
	int fd;

	(void)mod;
	(void)name;
	(void)base;
	(void)file_name;
	if (!f->alt_next) {
		f->alt_next = true;
		free(f->debug_from);
		f->debug_from = NULL;
		fd = symfind_debug(f->src, &w, &path, &f->debug_from, &f->far_missed);
		f->debug_path = fd >= 0 && path ? strdup(path) : NULL;
	} else {
		const char *debug = f->debug_path ? f->debug_path : f->path;

		fd = debug ? symfind_alt(debug, &path) : -1;
	}
	if (fd >= 0)
		*debug_name = path;
	else
		free(path);
	return fd;
}

static const Dwfl_Callbacks callbacks = {.find_elf = find_elf, .find_debuginfo = find_debuginfo};

/* libdwfl takes a module's start for its first segment's address rounded down to the
 * segment's own alignment, which may lie below what is mapped. */
static bool first_segment(Elf *elf, uint64_t *start)
{
	size_t n;
	GElf_Phdr p;

	if (elf_getphdrnum(elf, &n) != 0)
		return false;
	for (size_t i = 0; i < n && i < UINT16_MAX; i++)
		if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_LOAD) {
			*start = p.p_vaddr & -p.p_align;
			return true;
		}
	return false;
}

static bool report(struct symfile *f, struct found *found)
{
	struct opening o = {.file = f, .found = found};
	uint64_t start;
	GElf_Addr bias;
	void **userdata;

	if (!elf_image_bias(found->elf, f->module, &f->bias) ||
	    !first_segment(found->elf, &start) || start + f->bias >= f->module->hi)
		return false;
	f->dwfl = dwfl_begin(&callbacks);
	if (!f->dwfl)
		return false;
	dwfl_report_begin(f->dwfl);
	f->mod = dwfl_report_module(f->dwfl, "module", start + f->bias, f->module->hi);
	if (dwfl_report_end(f->dwfl, NULL, NULL) != 0 || !f->mod)
		return false;
	dwfl_module_info(f->mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = &o;
	f->elf = dwfl_module_getelf(f->mod, &bias);
	*userdata = f;
	return f->elf && bias == f->bias;
}

void symfile_free(struct symfile *f)
{
	if (!f)
		return;
	pcmap_clear(&f->places, free);
	pcmap_clear(&f->rules, cfi_rules_free);
	symtab_free(f->symtab);
	dwarf_index_free(f->dwarf_index);
	name_index_free(f->name_index);
	type_module_gone(f->types);
	if (f->dwfl)
		dwfl_end(f->dwfl);
	free(f->image);
	free(f->from);
	free(f->debug_from);
	free(f->debug_path);
	free(f->path);
	free(f);
}

static struct symfile *make(
    const struct sym_source *src, struct module *m, bool far, struct found *found)
{
	struct symfile *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->src = src;
	f->module = m;
	f->far = far;
	f->image = found->image;
	f->from = found->from;
	f->path = found->path;
	found->image = NULL;
	found->from = found->path = NULL;
	if (report(f, found))
		return f;
	symfile_free(f);
	return NULL;
}

static struct he_error *failed(struct module *m, char *why)
{
	free(m->why);
	m->why = why;
	m->failed = why != NULL;
	return NULL;
}

struct he_error *symfile_get(
    const struct sym_source *src, struct module *m, bool far, struct symfile **ret)
{
	struct found found;
	struct he_error *e;
	char *why;

	if (m->file && far && m->file->far_missed) {
		symfile_free(m->file); /* this time with the network */
		m->file = NULL;
	}
	*ret = m->file;
	if (m->file)
		m->file->far |= far;
	if (m->file || m->failed)
		return NULL;
	elf_version(EV_CURRENT);
	e = symfind_elf(src, m, far, &found, &why);
	if (e)
		return e;
	if (!found.elf)
		return failed(m, why);
	m->file = make(src, m, far, &found);
	if (!m->file && asprintf(&why, "%s: its file does not fit its mappings", m->name) >= 0)
		failed(m, why);
	found_drop(&found);
	*ret = m->file;
	return NULL;
}

Dwarf *symfile_dwarf(struct symfile *f, uint64_t *bias)
{
	Dwarf_Addr b = 0;
	Dwarf *dw = dwfl_module_getdwarf(f->mod, &b);

	*bias = b;
	return dw;
}

bool symfile_code(struct symfile *f, uint64_t addr, void *buf, size_t len)
{
	uint64_t at = addr - f->bias;
	size_t n, size;
	const char *file = elf_rawfile(f->elf, &size);
	GElf_Phdr p;

	if (!file || elf_getphdrnum(f->elf, &n) != 0)
		return false;
	for (size_t i = 0; i < n && i < UINT16_MAX; i++) {
		if (!gelf_getphdr(f->elf, (int)i, &p) || p.p_type != PT_LOAD ||
		    !(p.p_flags & PF_X) || at < p.p_vaddr || at - p.p_vaddr >= p.p_filesz ||
		    len > p.p_filesz - (at - p.p_vaddr))
			continue;
		at = at - p.p_vaddr + p.p_offset;
		if (at >= size || len > size - at)
			return false;
		memcpy(buf, file + at, len);
		return true;
	}
	return false;
}

static bool has_section(Elf *elf, const char *want)
{
	size_t names;
	Elf_Scn *scn = NULL;
	GElf_Shdr h;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &h) ? elf_strptr(elf, names, h.sh_name) : NULL;

		if (name && h.sh_type != SHT_NOBITS && !strcmp(name, want))
			return true;
	}
	return false;
}

bool symfile_has_dwarf(struct symfile *f)
{
	struct debug_wanted w = {.id = &f->module->id, .path = f->path};
	bool far_missed = false;
	GElf_Word crc = 0;
	char *path = NULL;
	int fd;

	if (has_section(f->elf, ".debug_info") || has_section(f->elf, ".zdebug_info"))
		return true;
	if (f->debug_looked_for || f->alt_next)
		return f->debug_from != NULL;
	f->debug_looked_for = true;
	w.link = dwelf_elf_gnu_debuglink(f->elf, &crc);
	w.crc = crc;
	fd = symfind_debug(f->src, &w, &path, &f->debug_from, &far_missed);
	if (fd >= 0)
		close(fd);
	free(path);
	return fd >= 0;
}
