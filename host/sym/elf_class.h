/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What lies in a target's memory as ELF of either class, as if it were of the wider.
 * (For files libelf does that; it wants a whole image.)
 */
#ifndef HOST_ELF_CLASS_H
#define HOST_ELF_CLASS_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_class {
	unsigned char id;       /* ELFCLASS* */
	size_t ehdr, phdr, dyn; /* their bytes */
	unsigned width;         /* of an address */
};

/* By the bytes of an address, 4 or 8; or as an ELF header says, which has EI_NIDENT
 * bytes at least.  NULL: no such class. */
const struct elf_class *elf_class_of(unsigned width);
const struct elf_class *elf_class_told(const uint8_t *ident);

/* raw has as many bytes as the class says. */
void elf_get_ehdr(const struct elf_class *c, const uint8_t *raw, Elf64_Ehdr *ret);
void elf_get_phdr(const struct elf_class *c, const uint8_t *raw, Elf64_Phdr *ret);
void elf_get_dyn(const struct elf_class *c, const uint8_t *raw, Elf64_Dyn *ret);
void elf_set_dyn_ptr(const struct elf_class *c, uint8_t *raw, uint64_t ptr);
/* Let a header say that there are no section headers. */
void elf_hide_sections(const struct elf_class *c, uint8_t *raw);

#endif
