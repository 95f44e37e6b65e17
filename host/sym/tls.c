/* SPDX-License-Identifier: BSD-2-Clause */
#include <gelf.h>

#include "host/sym/symfile.h"

bool symbols_tls(const struct module *m, struct sym_tls *ret)
{
	size_t n = 0;
	GElf_Phdr h;

	if (!m->file || elf_getphdrnum(m->file->elf, &n) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(m->file->elf, (int)i, &h) || h.p_type != PT_TLS)
			continue;
		*ret = (struct sym_tls){.lo = m->lo,
		    .hi = m->hi,
		    .name = m->name,
		    .link_map = m->link_map,
		    .size = h.p_memsz,
		    .align = h.p_align,
		    .vaddr = h.p_vaddr};
		return true;
	}
	return false;
}
