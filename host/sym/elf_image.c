/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/elf_image.h"

#include <elf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "host/sym/elf_class.h"
#include "host/sym/symfind.h"

enum { PAGE = 4096, NOTES_MAX = 64 * 1024, VDSO_MAX = 1024 * 1024 };

struct head {
	const struct elf_class *class;
	uint8_t raw[sizeof(Elf64_Ehdr)], raw_phdr[ELF_IMAGE_PHDRS * sizeof(Elf64_Phdr)];
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[ELF_IMAGE_PHDRS];
	size_t n;
	uint64_t bias;
};

static bool read_all(const struct sym_source *src, uint64_t addr, void *buf, size_t len)
{
	return src->read(src->arg, addr, buf, len) == len;
}

size_t elf_image_head(const struct sym_source *src, const struct module *m, void *buf, size_t len)
{
	if (!m->n_parts || m->part[0].offset != 0)
		return 0;
	if (len > m->hi - m->lo)
		len = (size_t)(m->hi - m->lo);
	return src->read(src->arg, m->lo, buf, len);
}

static bool sane_ehdr(const struct elf_class *c, const Elf64_Ehdr *e)
{
	return e->e_ident[EI_DATA] == ELFDATA2LSB && e->e_phentsize == c->phdr && e->e_phnum > 0 &&
	       e->e_phnum <= ELF_IMAGE_PHDRS;
}

/* NULL or why not (static). */
static const char *read_head(const struct sym_source *src, const struct module *m, struct head *h)
{
	size_t got = elf_image_head(src, m, h->raw, sizeof(h->raw));

	if (got < EI_NIDENT)
		return "its memory cannot be read";
	if (memcmp(h->raw, ELFMAG, SELFMAG) != 0)
		return "it is no ELF image";
	h->class = elf_class_told(h->raw);
	if (!h->class || got < h->class->ehdr)
		return "its ELF header is damaged";
	elf_get_ehdr(h->class, h->raw, &h->ehdr);
	if (!sane_ehdr(h->class, &h->ehdr))
		return "its ELF header is damaged";
	h->n = h->ehdr.e_phnum;
	if (h->ehdr.e_phoff > m->hi - m->lo ||
	    !read_all(src, m->lo + h->ehdr.e_phoff, h->raw_phdr, h->n * h->class->phdr))
		return "its program headers cannot be read";
	for (size_t i = 0; i < h->n; i++)
		elf_get_phdr(h->class, h->raw_phdr + i * h->class->phdr, &h->phdr[i]);
	for (size_t i = 0; i < h->n; i++)
		if (h->phdr[i].p_type == PT_LOAD && h->phdr[i].p_offset < PAGE) {
			h->bias = m->lo - (h->phdr[i].p_vaddr - h->phdr[i].p_offset % PAGE);
			return NULL;
		}
	return "it has no loaded header";
}

/* ---- build-id ---------------------------------------------------------- */

static bool note_build_id(const uint8_t *p, size_t n, struct build_id *ret)
{
	Elf64_Nhdr h; /* the same in both classes */

	while (n >= sizeof(h)) {
		size_t name, desc;

		memcpy(&h, p, sizeof(h));
		if (h.n_namesz > n || h.n_descsz > n)
			return false;
		name = ((size_t)h.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)h.n_descsz + 3) & ~(size_t)3;
		p += sizeof(h);
		n -= sizeof(h);
		if (name > n || h.n_descsz > n - name)
			return false;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && !memcmp(p, "GNU", 4)) {
			build_id_set(ret, p + name, h.n_descsz);
			return ret->n != 0;
		}
		if (desc > n - name)
			return false;
		p += name + desc;
		n -= name + desc;
	}
	return false;
}

bool elf_image_build_id(const struct sym_source *src, struct module *m)
{
	struct head h;
	bool found = false;

	if (read_head(src, m, &h))
		return false;
	for (size_t i = 0; i < h.n && !found; i++) {
		size_t len = h.phdr[i].p_filesz > NOTES_MAX ? NOTES_MAX : h.phdr[i].p_filesz;
		uint8_t *notes;

		if (h.phdr[i].p_type != PT_NOTE)
			continue;
		notes = malloc(len + 1);
		if (!notes)
			return false;
		len = src->read(src->arg, h.bias + h.phdr[i].p_vaddr, notes, len);
		found = note_build_id(notes, len, &m->id);
		free(notes);
	}
	return found;
}

/* ---- the whole image ----------------------------------------------------- */

/* The file's bytes [*from, *to) that segment p brings into memory: whole pages, as the
 * kernel maps them, but not beyond the file's bytes. */
static bool segment(const struct module *m, const struct head *h, const Elf64_Phdr *p,
    uint64_t *from, uint64_t *to, uint64_t *addr)
{
	uint64_t skew = p->p_offset % PAGE;

	*addr = h->bias + p->p_vaddr - skew;
	*from = p->p_offset - skew;
	if (p->p_type != PT_LOAD || !p->p_filesz || p->p_filesz > SYMFIND_MAX ||
	    p->p_offset > SYMFIND_MAX)
		return false;
	*to = p->p_offset + p->p_filesz;
	return *to <= SYMFIND_MAX && *addr >= m->lo && *addr < m->hi &&
	       *to - *from <= m->hi - *addr;
}

static bool is_pointer(int64_t tag)
{
	static const int64_t pointers[] = {DT_PLTGOT, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA,
	    DT_JMPREL, DT_REL, DT_VERSYM, DT_VERDEF, DT_VERNEED, DT_GNU_HASH};

	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
		if (tag == pointers[i])
			return true;
	return false;
}

/* glibc's ld.so relocates these in place; libdw expects them as in the file. */
static void unrelocate(const struct module *m, const struct head *h, uint8_t *image, size_t size)
{
	for (size_t i = 0; i < h->n; i++) {
		const Elf64_Phdr *p = &h->phdr[i];
		size_t step = h->class->dyn;
		Elf64_Dyn d;

		if (p->p_type != PT_DYNAMIC || p->p_offset > size)
			continue;
		for (uint64_t at = p->p_offset, end = at + p->p_filesz;
		     end > at && end - at >= step && size - at >= step; at += step) {
			elf_get_dyn(h->class, image + at, &d);
			if (d.d_tag == DT_NULL)
				break;
			if (!is_pointer(d.d_tag) || d.d_un.d_ptr < m->lo || d.d_un.d_ptr >= m->hi)
				continue;
			elf_set_dyn_ptr(h->class, image + at, d.d_un.d_ptr - h->bias);
		}
		return;
	}
}

/* The vdso is mapped from its first byte to its last: section headers and all. */
static void *read_vdso(
    const struct sym_source *src, const struct module *m, size_t *size, const char **why)
{
	size_t len = m->hi - m->lo > VDSO_MAX ? VDSO_MAX : (size_t)(m->hi - m->lo);
	void *image = malloc(len);

	if (image && read_all(src, m->lo, image, len) && len >= sizeof(Elf32_Ehdr)) {
		*size = len;
		return image;
	}
	free(image);
	*why = "its memory cannot be read";
	return NULL;
}

static void read_segments(
    const struct sym_source *src, const struct module *m, const struct head *h, uint8_t *image)
{
	struct he_mapping want[ELF_IMAGE_PHDRS] = {0};
	uint64_t from, to, addr;
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		if (segment(m, h, &h->phdr[i], &from, &to, &addr))
			want[n++] = (struct he_mapping){.lo = addr, .hi = addr + (to - from)};
	if (src->prefetch)
		src->prefetch(src->arg, want, n);
	for (size_t i = 0; i < h->n; i++)
		if (segment(m, h, &h->phdr[i], &from, &to, &addr))
			src->read(src->arg, addr, image + from, (size_t)(to - from));
}

void *elf_image_read(
    const struct sym_source *src, const struct module *m, size_t *size, const char **why)
{
	struct head h;
	uint64_t from, to, addr, end = 0;
	uint8_t *image;

	if (m->vdso)
		return read_vdso(src, m, size, why);
	*why = read_head(src, m, &h);
	if (*why)
		return NULL;
	for (size_t i = 0; i < h.n; i++)
		if (segment(m, &h, &h.phdr[i], &from, &to, &addr) && to > end)
			end = to;
	if (!end || end < h.class->ehdr || h.ehdr.e_phoff > end ||
	    end - h.ehdr.e_phoff < h.n * h.class->phdr) {
		*why = "its segments are damaged";
		return NULL;
	}
	image = calloc(1, end); /* untouched pages cost nothing */
	if (!image) {
		*why = "there is no memory for it";
		return NULL;
	}
	read_segments(src, m, &h, image);
	elf_hide_sections(h.class, h.raw);
	memcpy(image, h.raw, h.class->ehdr);
	memcpy(image + h.ehdr.e_phoff, h.raw_phdr, h.n * h.class->phdr);
	unrelocate(m, &h, image, end);
	*size = end;
	return image;
}

/* ---- bias ------------------------------------------------------------------ */

bool elf_image_bias(Elf *elf, const struct module *m, uint64_t *bias)
{
	size_t n;
	GElf_Phdr p;

	if (elf_getphdrnum(elf, &n) != 0)
		return false;
	for (size_t k = 0; k < m->n_parts; k++)
		for (size_t i = 0; i < n && i < UINT16_MAX; i++) {
			const struct module_part *part = &m->part[k];

			if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD ||
			    part->offset < (p.p_offset & ~(uint64_t)(PAGE - 1)) ||
			    part->offset >= p.p_offset + p.p_filesz)
				continue;
			/* Two segments may share a page of the file: the mapping's rights
			 * tell them apart. */
			if (!(p.p_flags & PF_X) != !(part->prot & 4))
				continue;
			*bias = part->lo - (p.p_vaddr + (part->offset - p.p_offset));
			return true;
		}
	return false;
}
