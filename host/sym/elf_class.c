/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/elf_class.h"

#include <string.h>

static const struct elf_class classes[] = {
    {ELFCLASS64, sizeof(Elf64_Ehdr), sizeof(Elf64_Phdr), sizeof(Elf64_Dyn), 8},
    {ELFCLASS32, sizeof(Elf32_Ehdr), sizeof(Elf32_Phdr), sizeof(Elf32_Dyn), 4},
};

enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };

const struct elf_class *elf_class_of(unsigned width)
{
	for (const struct elf_class *c = classes; c < classes + CLASSES; c++)
		if (c->width == width)
			return c;
	return NULL;
}

const struct elf_class *elf_class_told(const uint8_t *ident)
{
	for (const struct elf_class *c = classes; c < classes + CLASSES; c++)
		if (c->id == ident[EI_CLASS])
			return c;
	return NULL;
}

void elf_get_ehdr(const struct elf_class *c, const uint8_t *raw, Elf64_Ehdr *ret)
{
	Elf32_Ehdr e;

	memcpy(ret, raw, c->ehdr);
	if (c->id == ELFCLASS64)
		return;
	memcpy(&e, raw, sizeof(e));
	*ret = (Elf64_Ehdr){
	    .e_type = e.e_type,
	    .e_machine = e.e_machine,
	    .e_version = e.e_version,
	    .e_entry = e.e_entry,
	    .e_phoff = e.e_phoff,
	    .e_shoff = e.e_shoff,
	    .e_flags = e.e_flags,
	    .e_ehsize = e.e_ehsize,
	    .e_phentsize = e.e_phentsize,
	    .e_phnum = e.e_phnum,
	    .e_shentsize = e.e_shentsize,
	    .e_shnum = e.e_shnum,
	    .e_shstrndx = e.e_shstrndx,
	};
	memcpy(ret->e_ident, e.e_ident, sizeof(ret->e_ident));
}

void elf_get_phdr(const struct elf_class *c, const uint8_t *raw, Elf64_Phdr *ret)
{
	Elf32_Phdr p;

	memcpy(ret, raw, c->phdr);
	if (c->id == ELFCLASS64)
		return;
	memcpy(&p, raw, sizeof(p));
	*ret = (Elf64_Phdr){
	    .p_type = p.p_type,
	    .p_flags = p.p_flags,
	    .p_offset = p.p_offset,
	    .p_vaddr = p.p_vaddr,
	    .p_paddr = p.p_paddr,
	    .p_filesz = p.p_filesz,
	    .p_memsz = p.p_memsz,
	    .p_align = p.p_align,
	};
}

void elf_get_dyn(const struct elf_class *c, const uint8_t *raw, Elf64_Dyn *ret)
{
	Elf32_Dyn d;

	memcpy(ret, raw, c->dyn);
	if (c->id == ELFCLASS64)
		return;
	memcpy(&d, raw, sizeof(d));
	ret->d_tag = d.d_tag;
	ret->d_un.d_ptr = d.d_un.d_ptr;
}

void elf_set_dyn_ptr(const struct elf_class *c, uint8_t *raw, uint64_t ptr)
{
	memcpy(raw + c->width, &ptr, c->width); /* little-endian, as every target so far */
}

void elf_hide_sections(const struct elf_class *c, uint8_t *raw)
{
	Elf64_Ehdr wide;
	Elf32_Ehdr narrow;

	if (c->id == ELFCLASS64) {
		memcpy(&wide, raw, sizeof(wide));
		wide.e_shoff = 0;
		wide.e_shnum = wide.e_shstrndx = 0;
		memcpy(raw, &wide, sizeof(wide));
		return;
	}
	memcpy(&narrow, raw, sizeof(narrow));
	narrow.e_shoff = 0;
	narrow.e_shnum = narrow.e_shstrndx = 0;
	memcpy(raw, &narrow, sizeof(narrow));
}
