/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A process of our own as target of the symbol side: memory by process_vm_readv,
 * mappings from /proc, registers by ptrace.
 */
#ifndef TESTS_LOCAL_TARGET_H
#define TESTS_LOCAL_TARGET_H

#include <sys/types.h>

#include "common/arch.h"
#include "host/sym/sym.h"

struct local_target {
	pid_t pid;
	int in, out;  /* its stdin, which keeps it alive, and stdout; -1 = none */
	bool stopped; /* traced and standing */

	/* What read and file_read do to the target's contents: */
	uint64_t hidden_lo, hidden_hi; /* memory that cannot be read */
	bool cancelled;                /* file_read is */
	bool remote;                   /* paths are not ours; files come by file_read */
	const char *cache_dir;
	unsigned files_read; /* calls of file_read */
	unsigned progressed;
	size_t words_read;
	const char *other_file;      /* file_read hands this one out instead */
	const char *aliased, *alias; /* a file of the first name is shown by the second */

	const struct arch *arch; /* once local_symbols or local_regs was called */
	struct he_mapping *maps;
	size_t n_maps;
	struct symbols *symbols;
};

/* Start a program and wait until it says "ready" (end = false) or until a signal is
 * about to kill it. */
void local_start(struct local_target *t, char *const argv[], bool crashes);
/* The calling process itself; it is not stopped. */
void local_self(struct local_target *t);
void local_stop(struct local_target *t);
/* Let go; it stays asleep where it was. */
void local_release(struct local_target *t);
void local_end(struct local_target *t); /* kill and free everything */

/* (Re)read the mappings and hand them to t->symbols, made on the first call. */
void local_symbols(struct local_target *t);
void local_regs(struct local_target *t, pid_t tid, struct sym_regs *ret);
/* Thread ids in ascending order, at most max; how many. */
size_t local_threads(const struct local_target *t, pid_t *tids, size_t max);
struct he_stack *local_backtrace(struct local_target *t, pid_t tid, unsigned max);

/* BUILD/debuggees/name, where the test runs as BUILD/unit/…; static. */
const char *local_debuggee(const char *name);

#endif
