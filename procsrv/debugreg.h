/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Debug registers: which addresses the processor itself watches for a target.  What a
 * target uses is kept here; each of its threads has registers of its own, which are
 * loaded while it stands.  A new thread, a forked child and an executed program begin
 * with none of it.  Sources: ptrace(2), Intel's manual volume 3, chapter 18.2.
 *
 * A hit arrives as SIGTRAP with si_code TRAP_HWBKPT (TRAP_TRACE if it was stepped):
 * for execution before the instruction, which the thread then gets over by itself when
 * it is continued or stepped; for data behind the one that did it.
 */
#ifndef PROCSRV_DEBUGREG_H
#define PROCSRV_DEBUGREG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/wire.h"

enum { DEBUGREG_SLOTS = 8 }; /* that any architecture we know may have */

struct debugreg {
	uint64_t addr;
	uint8_t kind;   /* enum wire_patch: HARD, WRITE, ACCESS */
	uint8_t len;    /* of data; HARD: 0 */
	unsigned users; /* 0 = free */
};

struct debugregs {
	struct debugreg slot[DEBUGREG_SLOTS];
	uint32_t generation; /* grows with each change: who has loaded an older one is stale */
};

/* What is different from one processor to the next: debugreg_ARCH.c. */
struct debugreg_arch {
	struct {
		uint8_t first, end; /* slots for it; both kinds can share theirs */
	} exec, data;
	/* Can data of len bytes at addr be watched? */
	bool (*fits)(uint64_t addr, uint32_t len);
	int (*load)(pid_t tid, const struct debugregs *d);
	int (*fired)(pid_t tid, uint32_t *slots);
};
extern const struct debugreg_arch debugreg_arch;

/* Take a slot, or share one that does just that already.  E_OK and *slot; WATCH_SIZE;
 * NO_DEBUG_REGISTER.  len: of data, 0 for HARD. */
int debugreg_take(
    struct debugregs *d, enum wire_patch kind, uint64_t addr, uint32_t len, unsigned *slot);
void debugreg_give(struct debugregs *d, unsigned slot);

/* Is any in use? */
bool debugreg_any(const struct debugregs *d);

/* Make the registers of a thread that stands those of d.  0, or an errno value, and
 * none is set: EINVAL for an address that is not the program's, ENOSPC when somebody
 * else (perf) has them, ESRCH. */
int debugreg_load(pid_t tid, const struct debugregs *d);

/* Which slots a thread that stands has hit since it was asked last, as bits.  0, or an
 * errno value. */
int debugreg_fired(pid_t tid, uint32_t *slots);

#endif
