/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the engine core knows of a target: one table of operations, so that a
 * process behind procsrv, a snapshot, a core file, a kernel or a scripted mock
 * look alike.  Below it the wire; above it threads, caches, symbols.
 */
#ifndef HOST_TARGET_H
#define HOST_TARGET_H

#include "common/wire.h"
#include "host/hosteng.h"

struct target;

/* A range of target memory asked for, and where its bytes go. */
struct mem_req {
	uint64_t addr;
	uint64_t len;
	uint8_t *buf;	/* len bytes */
	uint64_t got;	/* out: readable prefix */
	int os_errno;	/* out: got < len: why */
};

/* Receives regsets; data is valid during the call. */
typedef void regset_sink(void *arg, const struct wire_rec_regset *r);

/* Operations.  One that a target does not offer is NULL. */
struct target_ops {
	const char *name;
	/* Fill all requests in as few round trips as possible; an unreadable range is no
	 * error (got says it). */
	struct he_error *(*mem_read)(struct target *t, struct mem_req *v, size_t n);
	/* tids n = 0: all that stand. */
	struct he_error *(*regs_read)(struct target *t, const uint64_t *tids, size_t n,
	    const uint32_t *notes, size_t n_notes, regset_sink *sink, void *arg);
	struct he_error *(*threads)(struct target *t, struct he_threads **ret);
	struct he_error *(*facts)(struct target *t, unsigned what, struct he_facts **ret);
	struct he_error *(*mem_walk)(struct target *t, uint64_t head, uint32_t next_off,
	    uint32_t size, uint32_t limit, struct buf *nodes /* encoded wire_rec_node list */);
	/* Part of a file in the target's root; dev and ino 0,0 = any file of that path. *got
	 * shorter than len = end of file. size: of the whole file. */
	struct he_error *(*file_read)(struct target *t, const char *path, uint64_t dev,
	    uint64_t ino, uint64_t offset, void *buf, size_t len, size_t *got, uint64_t *size);
	struct he_error *(*resume)(struct target *t, uint64_t tid);
	struct he_error *(*interrupt)(struct target *t, uint64_t tid);
	struct he_error *(*detach)(struct target *t); /* frees what is its own */
};

#endif
