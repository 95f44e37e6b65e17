/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ELF image as it lies in a target's memory.
 */
#ifndef HOST_ELF_IMAGE_H
#define HOST_ELF_IMAGE_H

#include <libelf.h>

#include "host/sym/module.h"

/* Program headers a target may have; what is more is damaged. */
enum { ELF_IMAGE_PHDRS = 64 };

/* Fill m->id from the notes in memory; false when there is none. */
bool elf_image_build_id(const struct sym_source *src, struct module *m);
/* Header and program headers of m as they lie in memory, at most len bytes; bytes got. */
size_t elf_image_head(const struct sym_source *src, const struct module *m, void *buf, size_t len);
/* The loaded segments laid out at their file offsets, with no section headers (they
 * are not loaded), pointers in the dynamic section as the linker wrote them.  NULL and
 * *why (static) when it cannot be had.  The caller frees it. */
void *elf_image_read(
    const struct sym_source *src, const struct module *m, size_t *size, const char **why);
/* Load bias of an ELF file mapped as m shows; false: it cannot be that file. */
bool elf_image_bias(Elf *elf, const struct module *m, uint64_t *bias);

#endif
