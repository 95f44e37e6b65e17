/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of raw targets share.
 */
#ifndef HOST_RAW_PARTS_H
#define HOST_RAW_PARTS_H

#include "host/engine/patches.h"
#include "host/engine/raw.h"
#include "host/engine/run_parts.h"

enum {
	RAW_SIGINFO = 128,         /* bytes of siginfo_t */
	RAW_WRITES = 32,           /* of registers that nobody has waited for */
	RAW_PIECES = 64,           /* patches of the agent for one of the front end's, at most */
	RAW_CODE_PAGES = 4096,     /* of code that are remembered */
	RAW_CHILD_MS = 2000,       /* for a child to stand when its parent's fork is told */
	RAW_BATCH = 16,            /* threads of the first batch ... */
	RAW_BATCH_GROWS = 4,       /* ... and each has so many times the one before */
	RAW_LINE = 512,            /* LLDB reads memory in lines of that many bytes */
	RAW_BELOW = RAW_LINE + 128, /* of a stack below its pointer: red zone, rest of a line */
	RAW_WINDOW = 4096,         /* bytes of a stack that come first ... */
	RAW_WINDOW_ALL = 65536,    /* ... for a batch at most, ... */
	RAW_WINDOW_MOST = 1 << 20, /* ... and for one thread */
};

/* A patch of the front end's: several of the agent's where it has several conditions or
 * is more than one debug register watches. */
struct raw_patch {
	struct raw_patch *next;
	uint32_t id;
	enum he_patch_kind kind;
	uint64_t addr, tid;
	uint32_t len;
	struct span *conditions; /* and their bytes are ours */
	size_t n_conditions;
	bool wanted;
	bool changed; /* those of the agent are not (or no longer) as it should be */
	bool dormant; /* no code is mapped there: it is tried with each go, but not needed */
	bool plain;   /* the agent refused its conditions: the front end evaluates them itself */
	uint32_t pieces[RAW_PIECES];
	unsigned n_pieces;
};

struct raw_info { /* of a signal */
	uint64_t tid;
	uint32_t len;
	uint8_t data[RAW_SIGINFO];
};

struct raw_owed { /* a signal that a he_go named which let nothing run */
	uint64_t tid;
	int32_t signal;
};

struct raw {
	struct raw_patch *patches;
	uint32_t last_id;
	bool sharing; /* a child of vfork in its parent's memory */
	/* what is asked for */
	uint32_t events; /* bits enum wire_caught */
	uint8_t follow;
	uint32_t *numbers; /* of system calls; none = all */
	size_t n_numbers;
	uint64_t pass, drop; /* signals */
	struct rpc_call *writes[RAW_WRITES]; /* of registers, under way */
	unsigned n_writes;
	/* running */
	bool alone;               /* as the last he_go had it */
	bool past;                /* it was a he_go_past */
	bool went;                /* let run, its stop has not been told (not alone) */
	uint64_t went_at;         /* generation then */
	struct wire_rec_go *last; /* what it was told to do */
	size_t n_last;
	struct raw_owed *owed;
	size_t n_owed;
	/* standing */
	struct raw_info *info;
	size_t n_info;
	uint64_t *told; /* alone: threads whose stop was told */
	size_t n_told;
	uint32_t awaited; /* pid of a child that is to stand */
	uint32_t let_go;  /* pid of the last that was let go */
	struct memcache *code;
	/* fetching ahead, within one stop */
	unsigned batch;   /* threads of the next; 0 = the first */
	uint32_t window;  /* bytes of the stacks of a batch; 0 = RAW_WINDOW */
	uint64_t deep;    /* thread whose stack went beyond it; 0 = none so far */
	uint64_t row_end, row; /* of the last large read: where it ended, its length */
	uint64_t r_debug; /* where it is, 0 = not known yet */
	uint64_t dt_debug; /* where that is told, 0 = not known yet */
	bool ahead;       /* raw_fetch_ahead was done for this program */
};

/* An array that grows by one; false without memory. */
bool raw_grow(void **v, size_t n, size_t size);

/* ---- raw_patch.c ----------------------------------------------------------------- */

void raw_patches_free(struct raw *r);
/* None of them is planted any more. */
void raw_patches_move(struct raw *to, struct raw *from);
bool raw_patches_copy(struct he_target *child, const struct he_target *parent);
/* Before a flight: what the agent shall have is made what the front end wants. */
struct he_error *raw_patches_ready(struct he_target *t);
/* All of them have to be sent again. */
void raw_patches_change(struct raw *r);
/* One of them is where no code is mapped. */
bool raw_patches_dormant(const struct raw *r);
/* After a go that was refused for them: another try is worth it. */
bool raw_patches_mend(struct he_target *t);
/* The first that is refused; NULL = none is. */
struct he_error *raw_patches_refusal(const struct he_target *t);
/* That of the front end's which an agent's is for, if it is wanted; NULL. */
const struct raw_patch *raw_patch_of(const struct he_target *t, uint32_t piece);

/* ---- raw_stop.c ------------------------------------------------------------------- */

/* A cause as an event; false: nobody wants to know. */
bool raw_tell(struct he_target *t, const struct cause *c, struct he_event *ev);
bool raw_is_told(const struct raw *r, uint64_t tid);
/* All that stand were told. */
void raw_tell_all(struct he_target *t);

/* ---- raw_link.c ------------------------------------------------------------------------ */

/* What every debugger reads of a program first, and page, in one flight. */
struct he_error *raw_fetch_ahead(struct he_target *t, struct mem_range page);

#endif
