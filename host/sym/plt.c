/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A stub is found by what it does: after an optional endbr64 and bnd prefix it jumps
 * through a slot (ff 25 disp32), and the relocation of that slot names the function.
 * Holds for .plt, .plt.sec (-z ibtplt) and .plt.got of x86-64.
 */
#include "host/sym/plt.h"

#include <elf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

enum { STUB = 8, STUBS_MAX = 256 * 1024 }; /* .plt.got has stubs of 8 bytes, others of 16 */

struct slot {
	uint64_t addr;
	const char *name;
};

struct slots {
	struct slot *v;
	size_t n;
};

static bool is_stubs(const char *name)
{
	return name && !strncmp(name, ".plt", 4);
}

static size_t entries(const GElf_Shdr *h, size_t size)
{
	uint64_t n = h->sh_size / size;

	return n > STUBS_MAX ? STUBS_MAX : (size_t)n;
}

size_t plt_count(Elf *elf)
{
	size_t names, n = 0;
	Elf_Scn *scn = NULL;
	GElf_Shdr h;
	GElf_Ehdr e;

	if (!gelf_getehdr(elf, &e) || e.e_machine != EM_X86_64 ||
	    elf_getshdrstrndx(elf, &names) != 0)
		return 0;
	while ((scn = elf_nextscn(elf, scn)) && n < STUBS_MAX)
		if (gelf_getshdr(scn, &h) && h.sh_type == SHT_PROGBITS &&
		    is_stubs(elf_strptr(elf, names, h.sh_name)))
			n += entries(&h, STUB);
	return n > STUBS_MAX ? STUBS_MAX : n;
}

static void add_slots(Elf *elf, Elf_Scn *scn, const GElf_Shdr *h, struct slots *ret)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	Elf_Scn *sym_scn = elf_getscn(elf, h->sh_link);
	Elf_Data *syms = sym_scn ? elf_getdata(sym_scn, NULL) : NULL;
	size_t n = entries(h, sizeof(Elf64_Rela));
	GElf_Shdr sym_h;
	struct slot *more;

	if (!data || !syms || !gelf_getshdr(sym_scn, &sym_h))
		return;
	more = realloc(ret->v, (ret->n + n + 1) * sizeof(*more));
	if (!more)
		return;
	ret->v = more;
	for (size_t i = 0; i < n; i++) {
		GElf_Rela r;
		GElf_Sym s;
		const char *name;

		if (!gelf_getrela(data, (int)i, &r) ||
		    (GELF_R_TYPE(r.r_info) != R_X86_64_JUMP_SLOT &&
			GELF_R_TYPE(r.r_info) != R_X86_64_GLOB_DAT) ||
		    !gelf_getsym(syms, (int)GELF_R_SYM(r.r_info), &s))
			continue;
		name = elf_strptr(elf, sym_h.sh_link, s.st_name);
		if (name && name[0])
			ret->v[ret->n++] = (struct slot){.addr = r.r_offset, .name = name};
	}
}

static int by_addr(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* The slot that the stub p (at addr) jumps through; 0 = it is no such stub. */
static uint64_t jump_slot(const uint8_t *p, size_t n, uint64_t addr)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	size_t at = 0;
	int32_t disp;

	if (n >= 4 && !memcmp(p, endbr64, 4))
		at = 4;
	if (at < n && p[at] == 0xf2)
		at++;
	if (n < at + 6 || p[at] != 0xff || p[at + 1] != 0x25)
		return 0;
	memcpy(&disp, p + at + 2, 4);
	return addr + at + 6 + (uint64_t)(int64_t)disp;
}

static size_t add_stubs(Elf_Scn *scn, const GElf_Shdr *h, const struct slots *slots, uint64_t bias,
    struct sym *v, size_t max)
{
	Elf_Data *data = elf_rawdata(scn, NULL);
	size_t n = 0, size = data && data->d_buf ? data->d_size : 0;
	size_t step = h->sh_entsize == STUB ? STUB : 2 * STUB;

	for (size_t at = 0; at < size && n < max; at += step) {
		struct slot key = {.addr = jump_slot((const uint8_t *)data->d_buf + at, size - at,
				       h->sh_addr + at)};
		const struct slot *s =
		    key.addr ? bsearch(&key, slots->v, slots->n, sizeof(key), by_addr) : NULL;

		if (s)
			v[n++] = (struct sym){.addr = h->sh_addr + at + bias,
			    .size = step,
			    .name = s->name,
			    .kind = SYM_FUNCTION,
			    .plt = true};
	}
	return n;
}

size_t plt_symbols(Elf *elf, uint64_t bias, struct sym *v, size_t max)
{
	struct slots slots = {.n = 0};
	size_t names, n = 0;
	Elf_Scn *scn = NULL;
	GElf_Shdr h;

	if (!max || elf_getshdrstrndx(elf, &names) != 0)
		return 0;
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &h) && h.sh_type == SHT_RELA && slots.n < STUBS_MAX)
			add_slots(elf, scn, &h, &slots);
	if (slots.n)
		qsort(slots.v, slots.n, sizeof(slots.v[0]), by_addr);
	while (slots.n && (scn = elf_nextscn(elf, scn)) && n < max)
		if (gelf_getshdr(scn, &h) && h.sh_type == SHT_PROGBITS &&
		    is_stubs(elf_strptr(elf, names, h.sh_name)))
			n += add_stubs(scn, &h, &slots, bias, v + n, max - n);
	free(slots.v);
	return n;
}
