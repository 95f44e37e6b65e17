/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A stub is found by what it does: after an optional endbr64 and bnd prefix it jumps
 * through a slot, and the relocation of that slot names the function.  Holds for .plt,
 * .plt.sec (-z ibtplt) and .plt.got of x86-64 and i386.
 */
#include "host/sym/plt.h"

#include <elf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

enum { STUB = 8, STUBS_MAX = 256 * 1024 }; /* .plt.got has stubs of 8 bytes, others of 16 */

/* What differs.  Jumps: ff 25 disp32 counts from the next instruction on x86-64 and from
 * 0 on i386, whose position-independent stubs (ff a3 disp32) count from the GOT, to which
 * ebx points then. */
static const struct machine {
	uint16_t id;
	uint8_t endbr[4];
	bool from_pc;
	uint64_t jump_slot, glob_dat, irelative; /* relocations */
} machines[] = {
    {EM_X86_64, {0xf3, 0x0f, 0x1e, 0xfa}, true, R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT,
	R_X86_64_IRELATIVE},
    {EM_386, {0xf3, 0x0f, 0x1e, 0xfb}, false, R_386_JMP_SLOT, R_386_GLOB_DAT, R_386_IRELATIVE},
};

struct slot {
	uint64_t addr;
	const char *name;
};

struct slots {
	const struct machine *machine;
	uint64_t got; /* as the code counts from it; 0 = there is none */
	struct slot *v;
	size_t n;
};

static const struct machine *machine_of(Elf *elf)
{
	GElf_Ehdr e;

	if (gelf_getehdr(elf, &e))
		for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
			if (machines[i].id == e.e_machine)
				return &machines[i];
	return NULL;
}

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

	if (!machine_of(elf) || elf_getshdrstrndx(elf, &names) != 0)
		return 0;
	while ((scn = elf_nextscn(elf, scn)) && n < STUBS_MAX)
		if (gelf_getshdr(scn, &h) && h.sh_type == SHT_PROGBITS &&
		    is_stubs(elf_strptr(elf, names, h.sh_name)))
			n += entries(&h, STUB);
	return n > STUBS_MAX ? STUBS_MAX : n;
}

/* Of either kind; the addend does not matter. */
static bool relocation(Elf_Data *data, uint32_t type, int i, GElf_Rela *ret)
{
	GElf_Rel r;

	if (type == SHT_RELA)
		return gelf_getrela(data, i, ret) != NULL;
	if (!gelf_getrel(data, i, &r))
		return false;
	*ret = (GElf_Rela){.r_offset = r.r_offset, .r_info = r.r_info};
	return true;
}

static void add_slots(Elf *elf, Elf_Scn *scn, const GElf_Shdr *h, struct slots *ret)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	Elf_Scn *sym_scn = elf_getscn(elf, h->sh_link);
	Elf_Data *syms = sym_scn ? elf_getdata(sym_scn, NULL) : NULL;
	size_t n = h->sh_entsize ? entries(h, h->sh_entsize) : 0;
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

		if (!relocation(data, h->sh_type, (int)i, &r) ||
		    (GELF_R_TYPE(r.r_info) != ret->machine->jump_slot &&
			GELF_R_TYPE(r.r_info) != ret->machine->glob_dat) ||
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
static uint64_t jump_slot(const struct slots *s, const uint8_t *p, size_t n, uint64_t addr)
{
	size_t at = 0;
	int32_t disp;

	if (n >= 4 && !memcmp(p, s->machine->endbr, 4))
		at = 4;
	if (at < n && p[at] == 0xf2)
		at++;
	if (n < at + 6 || p[at] != 0xff)
		return 0;
	memcpy(&disp, p + at + 2, 4);
	if (s->machine->from_pc)
		return p[at + 1] == 0x25 ? addr + at + 6 + (uint64_t)(int64_t)disp : 0;
	if (p[at + 1] == 0x25)
		return (uint32_t)disp;
	return p[at + 1] == 0xa3 && s->got ? (uint32_t)(s->got + (uint64_t)(int64_t)disp) : 0;
}

static size_t add_stubs(Elf_Scn *scn, const GElf_Shdr *h, const struct slots *slots, uint64_t bias,
    struct sym *v, size_t max)
{
	Elf_Data *data = elf_rawdata(scn, NULL);
	size_t n = 0, size = data && data->d_buf ? data->d_size : 0;
	size_t step = h->sh_entsize == STUB ? STUB : 2 * STUB;

	for (size_t at = 0; at < size && n < max; at += step) {
		struct slot key = {.addr = jump_slot(slots, (const uint8_t *)data->d_buf + at,
				       size - at, h->sh_addr + at)};
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

/* What _GLOBAL_OFFSET_TABLE_ stands for, without that symbol. */
static uint64_t got_of(Elf *elf, size_t names)
{
	Elf_Scn *scn = NULL;
	uint64_t found = 0;
	GElf_Shdr h;

	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &h) ? elf_strptr(elf, names, h.sh_name) : NULL;

		if (name && !strcmp(name, ".got.plt"))
			return h.sh_addr;
		if (name && !strcmp(name, ".got"))
			found = h.sh_addr;
	}
	return found;
}

size_t plt_symbols(Elf *elf, uint64_t bias, struct sym *v, size_t max)
{
	struct slots slots = {.machine = machine_of(elf)};
	size_t names, n = 0;
	Elf_Scn *scn = NULL;
	GElf_Shdr h;

	if (!max || !slots.machine || elf_getshdrstrndx(elf, &names) != 0)
		return 0;
	slots.got = got_of(elf, names);
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &h) && (h.sh_type == SHT_RELA || h.sh_type == SHT_REL) &&
		    slots.n < STUBS_MAX)
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

/* ---- what was chosen ------------------------------------------------------------ */

/* What a relocation without addend adds to stands in its place. */
static uint64_t stored(Elf *elf, uint64_t addr)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr h;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *d;
		uint32_t v;

		if (!gelf_getshdr(scn, &h) || h.sh_type != SHT_PROGBITS || addr < h.sh_addr ||
		    addr - h.sh_addr >= h.sh_size)
			continue;
		d = elf_rawdata(scn, NULL);
		if (!d || !d->d_buf || d->d_size < sizeof(v) ||
		    addr - h.sh_addr > d->d_size - sizeof(v))
			return 0;
		memcpy(&v, (const uint8_t *)d->d_buf + (addr - h.sh_addr), sizeof(v));
		return v;
	}
	return 0;
}

struct wanted_slot {
	const struct machine *machine;
	const char *name;
	uint64_t resolver;
};

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "@");

	return n == strcspn(b, "@") && strncmp(a, b, n) == 0;
}

static bool gets_chosen(
    Elf *elf, const GElf_Shdr *h, const struct wanted_slot *w, const GElf_Rela *r)
{
	uint64_t type = GELF_R_TYPE(r->r_info);
	Elf_Scn *scn = elf_getscn(elf, h->sh_link);
	Elf_Data *syms = scn ? elf_getdata(scn, NULL) : NULL;
	const char *name;
	GElf_Shdr sym_h;
	GElf_Sym s;

	if (type == w->machine->irelative)
		return w->resolver &&
		       (h->sh_type == SHT_RELA ? (uint64_t)r->r_addend
					       : stored(elf, r->r_offset)) == w->resolver;
	if ((type != w->machine->jump_slot && type != w->machine->glob_dat) || !syms ||
	    !gelf_getshdr(scn, &sym_h) || !gelf_getsym(syms, (int)GELF_R_SYM(r->r_info), &s))
		return false;
	name = elf_strptr(elf, sym_h.sh_link, s.st_name);
	return name && same_name(name, w->name);
}

size_t plt_slots(Elf *elf, const char *name, uint64_t resolver, uint64_t *v, size_t max)
{
	const struct wanted_slot w = {machine_of(elf), name, resolver};
	Elf_Scn *scn = NULL;
	GElf_Shdr h;
	size_t n = 0;

	while (w.machine && (scn = elf_nextscn(elf, scn)) && n < max) {
		bool relocations = gelf_getshdr(scn, &h) &&
				   (h.sh_type == SHT_RELA || h.sh_type == SHT_REL) && h.sh_entsize;
		Elf_Data *data = relocations ? elf_getdata(scn, NULL) : NULL;
		size_t all = data ? entries(&h, h.sh_entsize) : 0;
		GElf_Rela r;

		for (size_t i = 0; i < all && n < max; i++)
			if (relocation(data, h.sh_type, (int)i, &r) && gets_chosen(elf, &h, &w, &r))
				v[n++] = r.r_offset;
	}
	return n;
}

bool plt_holds(Elf *elf, uint64_t addr)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr h;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &h) && addr >= h.sh_addr && addr - h.sh_addr < h.sh_size &&
		    is_stubs(elf_strptr(elf, names, h.sh_name)))
			return true;
	return false;
}
