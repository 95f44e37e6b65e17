/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ELF images of a target, as its mappings show them: which file, which build,
 * where.  What is inside them is symfile.h's.
 */
#ifndef HOST_MODULE_H
#define HOST_MODULE_H

#include "host/sym/sym.h"

/* Longest build-id taken for one: SHA-512. lld and Go write up to 83 bytes of text
 * under another note type. */
enum { BUILD_ID_MAX = 64 };

struct build_id {
	uint8_t bytes[BUILD_ID_MAX];
	size_t n; /* 0 = not known */
	char hex[2 * BUILD_ID_MAX + 1];
};

/* From hex digits; n = 0 when it is none (NULL, odd, too long, not hex). */
void build_id_parse(const char *hex, struct build_id *ret);
void build_id_set(struct build_id *id, const void *bytes, size_t n);
bool build_id_equal(const struct build_id *a, const struct build_id *b);

/* A part of a file as it is mapped. */
struct module_part {
	uint64_t lo, hi, offset;
	uint8_t prot; /* as he_mapping.prot */
};

struct symfile;

struct module {
	uint64_t lo, hi; /* of what is mapped of the file */
	uint64_t end;    /* with the anonymous memory right behind it: the rest of its bss */
	char *name;      /* path without " (deleted)", or "[vdso]" */
	char *link_name; /* as the dynamic linker calls it; NULL */
	bool deleted, vdso;
	uint64_t dev, ino;
	struct build_id id;
	struct module_part *part;
	size_t n_parts;
	unsigned order;    /* of search by name: 0 = the executable */
	bool keep;         /* modules_update's mark */
	uint64_t link_map; /* as modules_links has it; 0 = not known */

	struct symfile *file; /* once opened */
	bool failed;          /* opening it by every means has failed: why says how */
	char *why;
};

struct modules {
	struct module **v; /* by address */
	size_t n;
	uint64_t changes;         /* how often some came or went */
	struct module_part *exec; /* every executable mapping, by address */
	size_t n_exec;
};

/* Follow the mappings.  A module that is still there keeps its object.  E_NOMEM
 * leaves *m as it was. */
struct he_error *modules_update(struct modules *m, const struct he_mapping *maps, size_t n);
void modules_free(struct modules *m);

/* NULL when addr is in none. */
struct module *modules_at(const struct modules *m, uint64_t addr);
/* Is addr executable, whether of a module or not (code made at run time)? */
bool modules_executable(const struct modules *m, uint64_t addr);
/* Put the modules into the dynamic linker's order and learn its names. */
void modules_links(struct modules *m, const struct sym_link *v, size_t n);

#endif
