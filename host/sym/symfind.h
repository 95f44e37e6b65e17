/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where ELF and debug files are found, nearest first:
 *  this machine's file of that path, /usr/lib/debug/.build-id, .gnu_debuglink, our
 *  cache, debuginfod, the target's file, the target's memory.
 * A file counts only when its build-id is the module's.  The path of a remote target
 * is tried here like any other: most boxes run what their developers run.
 */
#ifndef HOST_SYMFIND_H
#define HOST_SYMFIND_H

#include <libelf.h>

#include "host/sym/module.h"

/* What is taken from a target at most: file or image. */
enum { SYMFIND_MAX = 256 * 1024 * 1024 };

struct found {
	Elf *elf;    /* NULL: not found */
	int fd;      /* that elf reads, -1 = none; elf_end first */
	void *image; /* memory that elf reads: free after elf_end; NULL */
	char *path;  /* on this machine, NULL */
	char *from;  /* for people */
};

void found_drop(struct found *f);

/* The module's ELF.  m->id is filled in when it can be.  Not found: ret->elf NULL and
 * *why (for the caller to free) a sentence, NULL when !far kept it from looking
 * further.  Errors as symfile_get. */
struct he_error *symfind_elf(
    const struct sym_source *src, struct module *m, bool far, struct found *ret, char **why);

/* The separate debug file of elf (name and crc of .gnu_debuglink, link NULL = none):
 * a descriptor or -1.  path: where elf lies here, NULL = nowhere. */
struct debug_wanted {
	const struct build_id *id;
	const char *path, *link;
	uint32_t crc;
	bool far;
};
int symfind_debug(const struct sym_source *src, const struct debug_wanted *w, char **file,
    char **from, bool *far_missed);
/* The file that .gnu_debugaltlink (dwz) of the file debug asks for: local only. */
int symfind_alt(const char *debug, char **file);

/* Open path and check that it is an ELF file of that build-id. */
Elf *symfind_open(const char *path, const struct build_id *id, int *fd);
bool symfind_id_of(Elf *elf, struct build_id *ret);

#endif
