/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Everything symbolic about one target: modules, symbols, lines, unwinding.  All
 * elfutils calls stand behind this header (module.c, symfind.c, unwind.c, …), so
 * that leaving libdwfl stays a replacement of files.
 *
 * he_stack_free, he_modules_free, he_symbol_free and he_line_free are defined
 * here too; their objects may outlive the struct symbols they came from.
 *
 * What costs nothing but a look at this machine's files is opened as needed.  What
 * has to come over the network or from the target is fetched only for a module
 * that holds a pc to be unwound, an address to be looked up, or (after every module
 * at hand was searched in vain) a name.
 */
#ifndef HOST_SYM_H
#define HOST_SYM_H

#include "host/hosteng.h"

struct symbols;

/* How the symbol side reaches the target.  All of it may be called during any
 * call below, none of it afterwards. */
struct sym_source {
	/* The readable prefix of len bytes at addr: its length.  Cached by the callee:
	 * unwinding asks for a word at a time. */
	size_t (*read)(void *arg, uint64_t addr, void *buf, size_t len);
	/* The caller is going to read all these soon.  NULL: no use. */
	void (*prefetch)(void *arg, const struct he_mapping *ranges /* lo,hi */, size_t n);
	/* Part of a file in the target's root, see target_ops.file_read; asked for 1 MiB at
	 * a time.  NULL: cannot. */
	struct he_error *(*file_read)(void *arg, const char *path, uint64_t dev, uint64_t ino,
	    uint64_t offset, void *buf, size_t len, size_t *got, uint64_t *size);
	/* As he_config.progress.  NULL: quiet. */
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
	void *arg;
	const char *cache_dir; /* where fetched files are kept by build-id; NULL = nowhere */
	bool local;            /* the target is on this machine: its paths are ours */
	uint32_t arch;         /* AUDIT_ARCH_* */
};

/* Where a thread's unwinding starts.  reg[] are DWARF numbers of the architecture
 * (x86-64: 0..15 general, 16 return address = rip). */
struct sym_regs {
	uint64_t reg[33];
	uint64_t valid; /* bit n: reg[n] is known */
	uint64_t pc, sp;
};

struct he_error *symbols_new(const struct sym_source *src, struct symbols **ret);
void symbols_free(struct symbols *s);

/* Modules follow from the mappings (and the link map when the engine has it); call
 * after attach, and after each event that may have changed them.  Known modules
 * keep their symbols.  maps is copied.  Of a mapping, name may end in " (deleted)" as
 * in proc_pid_maps(5); build_id may be NULL, then it is read from the image. */
struct he_error *symbols_set_maps(struct symbols *s, const struct he_mapping *maps, size_t n);

/* What the dynamic linker says: load bias and name, in its order; refines names and
 * search order.  May never be called. */
struct sym_link {
	uint64_t at;      /* of its link_map */
	uint64_t bias;    /* l_addr */
	uint64_t dynamic; /* l_ld */
	const char *name;
};
struct he_error *symbols_set_links(struct symbols *s, const struct sym_link *v, size_t n);
/* A module's thread-local data. */
struct module;
struct sym_tls {
	uint64_t lo, hi;             /* the module */
	const char *name;            /* its path */
	uint64_t link_map;           /* 0 = not known */
	uint64_t size, align, vaddr; /* of its PT_TLS */
};
/* False: it has none. */
bool symbols_tls(const struct module *m, struct sym_tls *ret);
/* Where _r_debug's r_map pointer is found for an executable: address of the r_debug
 * structure, 0 = none (static, or not yet set).  Reads target memory. */
uint64_t symbols_r_debug(struct symbols *s, uint64_t at_phdr, uint64_t at_phnum, uint64_t at_entry);

/* Unwind.  The read callback decides where memory ends; fault_end is the reason to
 * give when the stack's memory ran out (HE_END_WINDOW for a snapshot's bound).  A
 * stack that ends badly is no error.  Frames go on past main to the thread's first
 * function.  A frame whose signal is set is the kernel's trampoline itself (GDB's
 * "<signal handler called>"); the one after it was interrupted, not called. */
struct he_error *symbols_backtrace(struct symbols *s, const struct sym_regs *regs, unsigned max,
    enum he_end fault_end, struct he_stack **ret);
/* A stack without frames, for a thread that cannot be unwound, and its reason (copied).
 * NULL without memory.  Here because he_stack_free is. */
struct he_stack *symbols_no_stack(enum he_end end, const char *text);
/* A copy of text that lives as long as s, for a frame's arguments.  NULL without memory. */
const char *symbols_stack_text(struct he_stack *s, const char *text);
/* Registers in frame number n (physical frame, not counting inlined ones): what could
 * be recovered. */
struct he_error *symbols_frame_regs(
    struct symbols *s, const struct sym_regs *regs, unsigned n, struct sym_regs *ret);

/* Where a register (DWARF number) of frame n is kept. */
struct sym_saved {
	enum { SYM_SAVED_NOWHERE, SYM_SAVED_MEMORY, SYM_SAVED_REGISTER } kind;
	uint64_t addr;
	unsigned reg; /* of frame 0 */
};
struct he_error *symbols_saved(struct symbols *s, const struct sym_regs *regs, unsigned n,
    unsigned reg, struct sym_saved *ret);

/* Where breakpoints go, every place, by address (he_places_free is defined here, too).
 * Nothing found is an empty list.  name: see locate_named; expected: no code of it is there,
 * but a module calls it, so that a library will have it. */
struct he_error *symbols_locate_function(
    struct symbols *s, const char *name, const char *file, struct he_places **ret, bool *expected);
/* The function that begins at resolver chooses which a name stands for (he_place.chooses), and
 * has chosen target: found in its place from now on. */
void symbols_chose(struct symbols *s, uint64_t resolver, uint64_t target);
struct he_error *symbols_locate_line(
    struct symbols *s, const char *file, unsigned line, struct he_places **ret);
struct he_error *symbols_locate_regex(
    struct symbols *s, const char *regex, const char *file, struct he_places **ret);
/* For a person to choose from; see he_names (he_names_free is defined here, too). */
struct he_error *symbols_names(
    struct symbols *s, enum he_names_of what, const char *regex, struct he_names **ret);
/* A symbol by its exact name in the module around addr; 0 in *ret: there is none. */
struct he_error *symbols_named_near(
    struct symbols *s, uint64_t addr, const char *name, uint64_t *ret);
/* What stands at an address: always one. */
struct he_error *symbols_locate_address(struct symbols *s, uint64_t addr, struct he_places **ret);

/* Code as the module's file on this machine has it (no round trip): how many bytes of len
 * there are. */
size_t symbols_code(struct symbols *s, uint64_t addr, void *buf, size_t len);

struct he_error *symbols_modules(struct symbols *s, struct he_modules **ret);
struct he_error *symbols_at(struct symbols *s, uint64_t addr, struct he_symbol **ret);
struct he_error *symbols_named(struct symbols *s, const char *name, struct he_symbol **ret);
/* All code of the function around addr (he_function_free is defined here, too). */
struct he_error *symbols_function_at(struct symbols *s, uint64_t addr, struct he_function **ret);
struct he_error *symbols_line_at(struct symbols *s, uint64_t addr, struct he_line **ret);
struct he_error *symbols_line_named(
    struct symbols *s, const char *file, unsigned line, struct he_line **ret);

#endif
