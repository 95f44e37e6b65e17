/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Expressions about a target: what host/expr needs to know of it.
 */
#ifndef HOST_ASKING_H
#define HOST_ASKING_H

#include "host/engine/target.h"
#include "host/expr/expr.h"

/* An expression's surroundings, open for one call of the engine. */
struct asking {
	struct expr_env env;
	struct he_target *target;
	uint64_t tid;
	bool has_frame;
	struct sym_frame frame;
	struct he_error *no_frame; /* why not; NULL where none was asked for */
	/* What is not in the cache is not fetched but told (len 0: registers that are not
	 * there), and cannot be read.  NULL: it is fetched. */
	void (*missing)(void *arg, uint64_t addr, size_t len);
	void *missing_arg;
};

/* Frame number index (inlined ones counted) of thread tid; tid 0: none, statics only.  A
 * thread that runs has no frame, which is said by what needs one.  Errors: those of the
 * link, and no memory. */
struct he_error *asking_open(struct asking *a, struct he_target *t, uint64_t tid, unsigned index);
/* As seen from code at pc, in no frame: to read and compile conditions. */
struct he_error *asking_open_at(struct asking *a, struct he_target *t, uint64_t pc);
/* In a frame that is known already; its symbols are. */
void asking_in_frame(struct asking *a, struct he_target *t, struct symbols *s, uint64_t tid,
    const struct sym_frame *f);
/* The end: err passes through, unless something below it went wrong that it hides. */
struct he_error *asking_close(struct asking *a, struct he_error *err);

/* For the caller of the engine (values.c); v changes hands, and is freed when there is no
 * memory.  The frame is the one that what is in registers is read in. */
struct he_error *asking_wrap(
    struct value *v, uint64_t tid, unsigned frame, struct he_value **ret);

#endif
