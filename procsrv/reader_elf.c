/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The build-id of an ELF image in another's memory.  All of it is hostile: nothing is
 * believed but what fits.
 */
#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"

enum {
	HEAD = 4096,       /* bytes of an image looked at first */
	PHDRS_MAX = 64,    /* program headers looked at */
	NOTES_MAX = 16384, /* bytes of notes looked at */
};

/* The id among notes (gabi, "Note Section"): hostile bytes, so every size is checked. */
static unsigned find_note(const uint8_t *p, size_t n, uint8_t id[64])
{
	while (n >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr h; /* the same in both classes */
		size_t name, desc;

		memcpy(&h, p, sizeof(h));
		name = ((size_t)h.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)h.n_descsz + 3) & ~(size_t)3;
		p += sizeof(h);
		n -= sizeof(h);
		if (name > n || desc > n - name)
			return 0;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && memcmp(p, "GNU", 4) == 0 &&
		    h.n_descsz <= 64) {
			memcpy(id, p + name, h.n_descsz);
			return h.n_descsz;
		}
		p += name + desc;
		n -= name + desc;
	}
	return 0;
}

/* What both classes' headers say, in one form. */
struct image {
	uint64_t phoff;
	unsigned phnum, phentsize;
	bool is64;
};

static bool parse_head(const uint8_t *p, size_t n, struct image *im)
{
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;

	if (n < sizeof(e64) || memcmp(p, ELFMAG, SELFMAG) != 0)
		return false;
	im->is64 = p[EI_CLASS] == ELFCLASS64;
	memcpy(&e64, p, sizeof(e64));
	memcpy(&e32, p, sizeof(e32));
	im->phoff = im->is64 ? e64.e_phoff : e32.e_phoff;
	im->phnum = im->is64 ? e64.e_phnum : e32.e_phnum;
	im->phentsize = im->is64 ? e64.e_phentsize : e32.e_phentsize;
	return im->phnum <= PHDRS_MAX &&
	       im->phentsize == (im->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) &&
	       im->phoff <= n && im->phoff + (uint64_t)im->phnum * im->phentsize <= n;
}

struct segment {
	uint32_t type;
	uint64_t offset, vaddr, filesz;
};

static struct segment segment(const uint8_t *head, const struct image *im, unsigned i)
{
	const uint8_t *p = head + im->phoff + (size_t)i * im->phentsize;
	Elf64_Phdr p64;
	Elf32_Phdr p32;

	if (im->is64) {
		memcpy(&p64, p, sizeof(p64));
		return (struct segment){p64.p_type, p64.p_offset, p64.p_vaddr, p64.p_filesz};
	}
	memcpy(&p32, p, sizeof(p32));
	return (struct segment){p32.p_type, p32.p_offset, p32.p_vaddr, p32.p_filesz};
}

static size_t peek(int mem, uint64_t addr, uint8_t *to, size_t n)
{
	ssize_t got = addr <= INT64_MAX ? pread(mem, to, n, (off_t)addr) : -1;

	return got > 0 ? (size_t)got : 0;
}

unsigned reader_build_id(int mem, uint64_t addr, uint8_t id[64])
{
	uint8_t head[HEAD], notes[NOTES_MAX];
	size_t n = peek(mem, addr, head, sizeof(head));
	struct image im;
	uint64_t bias = addr;
	unsigned size = 0;

	if (!parse_head(head, n, &im))
		return 0;
	for (unsigned i = 0; i < im.phnum; i++) {
		struct segment s = segment(head, &im, i);

		if (s.type == PT_LOAD && s.offset == 0)
			bias = addr - s.vaddr;
	}
	for (unsigned i = 0; i < im.phnum && !size; i++) {
		struct segment s = segment(head, &im, i);
		size_t len = s.filesz < sizeof(notes) ? (size_t)s.filesz : sizeof(notes);

		if (s.type != PT_NOTE)
			continue;
		if (s.offset <= n && len <= n - s.offset)
			size = find_note(head + s.offset, len, id);
		else
			size = find_note(notes, peek(mem, bias + s.vaddr, notes, len), id);
	}
	return size;
}
