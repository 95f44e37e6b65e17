/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Code as stepping sees it: lines, functions and how frames are found at an address.
 */
#ifndef HOST_SPOT_H
#define HOST_SPOT_H

#include "host/sym/sym.h"

/* Inlined calls around one address that are told apart; GDB users never see so many. */
enum { SPOT_INLINED = 32 };

/* Texts are the symbol side's, valid as long as it. */
struct spot {
	uint64_t function; /* where the (not inlined) function begins, 0 = not known */
	uint64_t end;      /* behind its last byte, 0 = not known */
	const char *name;  /* NULL = not known */
	uint64_t module;   /* where its module begins, 0 = in none */
	bool chooses;      /* it is no function but chooses which it is (STT_GNU_IFUNC) */
	/* The row of the line table that covers the address. */
	const char *file;
	unsigned line; /* 0 = there is none */
	uint64_t lo, hi;
	bool statement; /* a statement begins at lo */
	/* Calls inlined there, the innermost first. */
	unsigned n_inlined;
	struct {
		const char *function;
		const char *file; /* where it is called */
		unsigned line;
		uint64_t die;    /* which call it is, within its module */
		uint64_t lo, hi; /* its code around the address */
		bool begins;     /* its code begins here */
	} inlined[SPOT_INLINED];
};

/* An address that nothing is known of is no error.  Errors: those of opening files. */
struct he_error *symbols_spot(struct symbols *s, uint64_t addr, struct spot *ret);

/* Where GDB stops in a function it steps into: behind what sets up its frame.  entry
 * itself when nothing is known. */
struct he_error *symbols_step_in(struct symbols *s, uint64_t entry, uint64_t *ret);

/* CFA = register (DWARF number) + offset, at that address; false: not so simple. */
bool symbols_cfa_rule(struct symbols *s, uint64_t addr, unsigned *reg, int64_t *offset);

/* A stub of the procedure linkage table: the name of the function it leads to; NULL = no
 * stub. */
const char *symbols_stub(struct symbols *s, uint64_t addr);

/* A function of a module's symbol table. */
struct spot_symbol {
	uint64_t addr, size;
	bool chooses; /* see above */
};
/* Each module at hand that has one of that name. */
struct he_error *symbols_each_named(struct symbols *s, const char *name,
    void (*each)(void *arg, const struct spot_symbol *sym), void *arg);
/* The type that the function around addr returns (of symbols_types), NULL = not known;
 * *reference: the caller says where it is built, whatever its size.  (returns.c) */
struct type;
struct he_error *symbols_returns(
    struct symbols *s, uint64_t addr, struct type **ret, bool *reference);

/* Changes when modules come or go; 0 = there have been none. */
uint64_t symbols_stamp(const struct symbols *s);

/* A frame that is not inlined. */
struct near_frame {
	struct sym_regs regs;
	uint64_t cfa; /* 0 = not known */
	bool signal;  /* the kernel's trampoline: what it interrupted is next */
};
/* The innermost max of a stack: *n of them. */
struct he_error *symbols_near_frames(struct symbols *s, const struct sym_regs *regs,
    struct near_frame *v, unsigned max, unsigned *n);

#endif
