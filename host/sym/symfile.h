/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The opened ELF image of a module: libdwfl session, load bias, and the indexes the
 * other files of the symbol side keep with it.  One libdwfl session per module, so
 * that a module comes and goes without touching the others.
 */
#ifndef HOST_SYMFILE_H
#define HOST_SYMFILE_H

#include <elfutils/libdwfl.h>

#include "host/sym/module.h"
#include "host/sym/pcmap.h"

struct symtab;      /* symtab.h */
struct dwarf_index; /* dwarf_index.h */
struct name_index;  /* name_index.h */
struct type_module; /* type_store.h */

struct symfile {
	Dwfl *dwfl;
	Dwfl_Module *mod;
	Elf *elf;         /* libdwfl's */
	uint64_t bias;    /* address in the target - address in the ELF file */
	void *image;      /* what elf reads from, when it came from target memory */
	char *from;       /* for people: where elf came from */
	char *debug_from; /* the same of a separate debug file; NULL */
	char *debug_path;
	char *path; /* of elf on this machine; NULL */
	const struct sym_source *src;
	const struct module *module;
	bool far;        /* the network and the target may be asked */
	bool far_missed; /* something was not looked for, because far was not set */
	bool debug_looked_for;
	bool alt_next; /* find_debuginfo has run for the module's own debug file */

	struct symtab *symtab;
	struct dwarf_index *dwarf_index;
	struct name_index *name_index;
	struct type_module *types;
	struct pcmap places; /* of struct pcinfo, pcinfo.h */
	struct pcmap rules;  /* see cfi.h */
};

/* m->file, opened first if need be; far allows to ask the network and the target.
 * NULL in *ret without an error: it cannot be had (m->why says why) or, without far,
 * not at hand.  Errors: E_CANCELLED, E_LOST and E_NOMEM only. */
struct he_error *symfile_get(
    const struct sym_source *src, struct module *m, bool far, struct symfile **ret);
void symfile_free(struct symfile *f);

/* Its DWARF, NULL when there is none.  *bias: address in the target - address in it. */
Dwarf *symfile_dwarf(struct symfile *f, uint64_t *bias);

/* Code at addr as the file has it: true when all len bytes lie in executable segments.
 * What was gathered of a process (a snapshot) may hold stacks only, and a file costs no
 * round trip. */
bool symfile_code(struct symfile *f, uint64_t addr, void *buf, size_t len);

/* Has it DWARF at hand?  Without opening that, which may mean unpacking megabytes. */
bool symfile_has_dwarf(struct symfile *f);

#endif
