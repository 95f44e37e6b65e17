/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A target's code as instructions.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/arena.h"
#include "host/engine/disasm.h"
#include "host/engine/target.h"
#include "host/errtext.h"

enum { CHUNK = 4096 /* bytes of code looked at together */ };

struct insn_box {
	struct he_insns public; /* first: what the caller holds */
	struct arena texts;
	size_t room;
};

void he_insns_free(struct he_insns *p)
{
	struct insn_box *b = (struct insn_box *)(void *)p;

	if (!b)
		return;
	free(b->public.v);
	arena_free(&b->texts);
	free(b);
}

static struct he_error *no_memory(void)
{
	return he_error_new(E_NOMEM, "out of memory.");
}

static bool add(struct insn_box *b, uint64_t addr, const uint8_t *code, const struct disasm *d)
{
	struct he_insn *i;

	if (b->public.n == b->room) {
		size_t room = b->room ? 2 * b->room : 64;
		struct he_insn *v = realloc(b->public.v, room * sizeof(*v));

		if (!v)
			return false;
		b->public.v = v;
		b->room = room;
	}
	i = &b->public.v[b->public.n++];
	*i = (struct he_insn){.addr = addr, .has_target = d->has_target, .target = d->target};
	i->len = d->len ? d->len : 1;
	memcpy(i->bytes, code, i->len);
	i->text = arena_str(&b->texts, span_str(d->len ? d->text : "(bad)"));
	return i->text;
}

/* One behind the other, while what could be a whole instruction is left of the chunk, or
 * nothing follows it: *used bytes.  False without memory. */
static bool decode(struct insn_box *b, struct disassembler *d, uint64_t lo, uint64_t hi, size_t max,
    const uint8_t *code, size_t n, bool last, size_t *used)
{
	size_t at = 0;

	while (b->public.n < max && at < n && (last || n - at >= INSN_ROOM) && lo + at < hi) {
		struct disasm one;

		disasm(d, lo + at, code + at, n - at < INSN_ROOM ? n - at : INSN_ROOM, &one);
		/* It may be whole: more of it cannot be read. */
		if (!one.len && last && n - at < INSN_ROOM)
			break;
		if (!add(b, lo + at, code + at, &one))
			return false;
		at += one.len ? one.len : 1;
	}
	*used = at;
	return true;
}

static struct he_error *look(struct he_target *t, uint64_t lo, uint64_t hi, size_t max,
    struct disassembler *d, struct insn_box *b)
{
	uint8_t code[CHUNK];

	while (b->public.n < max && lo < hi) {
		size_t want = (max - b->public.n) * INSN_ROOM, got = 0, used = 0;
		struct he_error *err;
		int why = 0;

		if (want > CHUNK)
			want = CHUNK;
		/* The last one begins in front of hi. */
		if (hi - lo < CHUNK - INSN_ROOM && want > hi - lo + INSN_ROOM)
			want = (size_t)(hi - lo) + INSN_ROOM;
		err = target_read(t, lo, code, want, &got, &why);
		if (err)
			return err;
		if (!decode(b, d, lo, hi, max, code, got, got < want, &used))
			return no_memory();
		lo += used;
		if (got < want && b->public.n < max && lo < hi)
			return he_error_fault(lo + got - used, why,
			    "Cannot access memory at address 0x%" PRIx64, lo + got - used);
	}
	return NULL;
}

struct he_error *he_disassemble(struct he_target *t, uint64_t lo, uint64_t hi, size_t max,
    enum he_syntax syntax, struct he_insns **ret)
{
	struct he_error *err = target_enter(t);
	struct disassembler *d;
	struct insn_box *b;

	if (err)
		return err;
	d = disassembler_new(t->arch_id, syntax == HE_INTEL);
	if (!d)
		return target_leave(
		    t, he_error_new(E_UNKNOWN,
			   "instructions of this program's architecture are not known here"));
	b = calloc(1, sizeof(*b));
	err = b ? look(t, lo, hi, max, d, b) : no_memory();
	disassembler_free(d);
	if (err && err->code != E_FAULT)
		he_insns_free((struct he_insns *)b);
	else
		*ret = &b->public;
	return target_leave(t, err);
}
