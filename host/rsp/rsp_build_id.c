/* SPDX-License-Identifier: BSD-2-Clause
 *
 * GNU build-id from the beginning of an ELF file, of either class, little-endian.  The
 * bytes are a stranger's.
 */
#include <elf.h>
#include <stdio.h>

#include "common/buf.h"
#include "host/rsp/rsp_cache.h"

enum { ID_MIN = 4, ID_MAX = (CACHE_ID - 1) / 2, PHDRS_MAX = 64 };

/* What a reader at offset of all finds; nothing behind the end. */
static struct rd at(const void *head, size_t len, uint64_t offset)
{
	size_t from = offset < len ? (size_t)offset : len;

	return rd_init((const uint8_t *)head + from, len - from);
}

static uint32_t padded(uint32_t n)
{
	return n % 4 ? n + 4 - n % 4 : n;
}

static bool in_notes(struct rd notes, char id[CACHE_ID])
{
	while (notes.left && !notes.bad) {
		uint32_t name_n = rd_u32(&notes), n = rd_u32(&notes), type = rd_u32(&notes);
		struct span name, desc;

		if (name_n > notes.left || n > notes.left)
			return false;
		name = rd_span(&notes, padded(name_n));
		desc = rd_span(&notes, padded(n));
		if (notes.bad)
			return false;
		if (type != NT_GNU_BUILD_ID || name_n != 4 || memcmp(name.p, "GNU", 4) != 0 ||
		    n < ID_MIN || n > ID_MAX)
			continue;
		for (uint32_t i = 0; i < n; i++)
			snprintf(id + (size_t)2 * i, 3, "%02x", desc.p[i]);
		return true;
	}
	return false;
}

struct phdr {
	uint32_t type;
	uint64_t offset, size;
};

static struct phdr take_phdr(struct rd r, bool wide)
{
	struct phdr p = {.type = rd_u32(&r)};

	if (wide) {
		rd_u32(&r); /* flags */
		p.offset = rd_u64(&r);
		rd_u64(&r);
		rd_u64(&r);
		p.size = rd_u64(&r);
	} else {
		p.offset = rd_u32(&r);
		rd_u32(&r);
		rd_u32(&r);
		p.size = rd_u32(&r);
	}
	if (r.bad)
		p.type = PT_NULL;
	return p;
}

bool rsp_build_id(const void *head, size_t len, char id[CACHE_ID])
{
	struct rd r = rd_init(head, len);
	struct span ident = rd_span(&r, EI_NIDENT);
	bool wide;
	uint64_t phoff;
	uint16_t size, n;

	if (r.bad || memcmp(ident.p, ELFMAG, SELFMAG) != 0 || ident.p[EI_DATA] != ELFDATA2LSB)
		return false;
	wide = ident.p[EI_CLASS] == ELFCLASS64;
	r = at(head, len, wide ? offsetof(Elf64_Ehdr, e_phoff) : offsetof(Elf32_Ehdr, e_phoff));
	phoff = wide ? rd_u64(&r) : rd_u32(&r);
	r = at(head, len,
	    wide ? offsetof(Elf64_Ehdr, e_phentsize) : offsetof(Elf32_Ehdr, e_phentsize));
	size = rd_u16(&r);
	n = rd_u16(&r);
	for (uint16_t i = 0; !r.bad && i < n && i < PHDRS_MAX && phoff < len; i++) {
		struct phdr p = take_phdr(at(head, len, phoff + (uint64_t)i * size), wide);
		struct rd notes = at(head, len, p.offset);

		if (p.type != PT_NOTE || p.size > notes.left)
			continue;
		notes.left = (size_t)p.size;
		if (in_notes(notes, id))
			return true;
	}
	return false;
}
