/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The patches of a target, as the host knows them (by number), and the sites of those
 * that are made of planted bytes (by address; several patches may share one).
 *
 * What was written is ours to hide, to step over and to take away.  A site without
 * patches is lifted: its byte is gone, but a thread can still be on its way from it, with
 * the trap queued or in its slot.  It is kept until all threads have stood at once.
 *
 * A byte is only taken away where it still stands, and in a page the kernel still holds
 * apart from its file's: where the program has unmapped, mapped or written anew, there is
 * nothing of ours.
 */
#ifndef PROCSRV_PATCH_H
#define PROCSRV_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/wire.h"
#include "journal.h"
#include "machine.h"

struct buf;
struct bytecode;
struct slots;
struct target;
struct site;

enum {
	PATCHES_MAX = 1024,
	SITES_MAX = 16384, /* with those lifted, until all threads have stood at once */
};

struct patch {
	struct patch *next; /* of the site, or of those in debug registers */
	struct site *site;  /* NULL: in a debug register */
	uint32_t id;
	uint8_t kind, flags, stop; /* as in the wire's record */
	uint8_t reg;               /* without a site: the slot of debugreg.h */
	uint32_t len;
	uint64_t addr;
	uint64_t tid;
	uint64_t ignore; /* hits that still pass */
	uint64_t hits;
	struct bytecode *condition; /* NULL: none */
};

struct site {
	uint64_t addr;
	struct insn insn;
	struct patch *patches; /* NULL: lifted */
	bool planted;
	uint8_t saved[TRAP_MAX]; /* what stands there without us */
	bool no_slot;            /* tried: it cannot have one */
	uint8_t slot_len;        /* bytes of the instruction in it */
	uint64_t slot;           /* address; 0 = none */
	uint64_t since;          /* target.moment when it was planted */
	struct journal_place place;   /* where its byte comes from */
	bool shared;                  /* others would meet ours there: none is planted */
	struct journal_site *written; /* in the journal; NULL = not yet */
};

/* Of a target; NULL = it never had any. */
struct patches {
	const struct machine *machine;
	struct site **sites; /* by address */
	unsigned nsites, max;
	struct patch **all; /* by their time of coming */
	unsigned npatches, all_max;
	struct slots *slots; /* slot.h */
};

/* E_OK, or NOMEM, UNKNOWN (no patches on this machine). */
int patches_new(struct target *tg);
void patches_free(struct target *tg);

/* The site at an address; NULL = none. */
struct site *site_at(const struct target *tg, uint64_t addr);
/* The first one at or behind an address. */
struct site *site_next(const struct target *tg, uint64_t addr);
/* A new one, of which nothing is known; NULL: too many, or no memory. */
struct site *site_add(struct target *tg, uint64_t addr);
/* Our byte is still there, and not another's that looks like it. */
bool site_stands(struct target *tg, const struct site *s);

/* What is mapped there, from a text of proc_pid_maps(5): before anything is planted. */
void site_locate(struct site *s, const struct buf *maps);
/* The same for all sites of a target, when time has passed. */
void patch_locate(struct target *tg);

/* Write our bytes, or the original ones.  Lifting says nothing: where ours do not stand
 * any more there is nothing to do.  0, or an errno value. */
int site_plant(struct target *tg, struct site *s);
void site_lift(struct target *tg, struct site *s);

/* Take our byte away for one step, and put it back. */
bool site_suspend(struct target *tg, const struct site *s);
void site_restore(struct target *tg, struct site *s);

/* Memory that was read: with the original bytes wherever ours stand. */
void patch_hide(const struct target *tg, uint64_t addr, uint8_t *bytes, size_t n);

/* Write memory as if there were no patches: they stay, over what is written.  How many
 * bytes were; less than n: *os_errno says why. */
size_t patch_write(struct target *tg, uint64_t addr, const uint8_t *bytes, size_t n, int *os_errno);

/* Put it on the lists (its site is set).  E_OK, LIMIT, NOMEM. */
int patch_add(struct target *tg, struct patch *p);
/* Take a patch away; its site is lifted with the last one there. */
void patch_remove(struct target *tg, struct patch *p);
/* Nothing of ours stands in the text then, but sites of threads on their way are kept. */
void patch_remove_all(struct target *tg);
/* Free one that is on no list. */
void patch_free(struct patch *p);
struct patch *patch_by_id(const struct target *tg, uint32_t id);

/* All threads stand, at their own addresses: lifted sites can be forgotten. */
void patch_settle(struct target *tg);

/* A new program: nothing of ours is in it. */
void patch_forget(struct target *tg);

/* Give a child of fork(2), whose memory is clean, the same patches, but not those of one
 * of its maker's threads alone. */
void patch_copy(const struct target *from, struct target *to);

/* Take our bytes out of the copy of the target's memory that a child of fork(2) has.  maps: of
 * a child that may be another's, the text of its proc_pid_maps(5): what lies elsewhere than ours
 * did is not ours; NULL = it is the target's. */
void patch_clean(const struct target *tg, pid_t child, const struct buf *maps);

#endif
