/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/code.h"

#include <inttypes.h>

enum {
	BATCH = 256,    /* instructions looked at together */
	BYTES_SHOWN = 7 /* of an instruction keep the column; binutils' line of them */
};

enum he_syntax code_syntax(const struct hdb *h)
{
	return h->intel ? HE_INTEL : HE_ATT;
}

struct code_style code_style(struct hdb *h)
{
	struct code_style style = {.address_bytes = front_address_bytes(h)};
	enum he_state state = h->target ? front_state(h->target) : HE_GONE;
	const struct he_frame *f = NULL;

	if ((state == HE_STOPPED || state == HE_FROZEN) && h->tid)
		f = front_frame(h, NULL);
	if (f) {
		style.selected = true;
		style.pc = f->pc;
	}
	return style;
}

static void put_bytes(FILE *f, const struct he_insn *i)
{
	for (unsigned n = 0; n < i->len; n++)
		fprintf(f, "%s%02x", n ? " " : "", i->bytes[n]);
	/* The column is GDB's. */
	fprintf(f, "%*s\t", i->len < BYTES_SHOWN ? 3 * (BYTES_SHOWN - i->len) - 1 : 0, "");
}

void code_line(struct hdb *h, const struct code_style *style, const struct he_insn *i)
{
	bool here = style->selected && i->addr == style->pc;

	fprintf(h->out, "%s0x%0*" PRIx64, here ? "=> " : "   ",
	    style->whole ? 2 * (int)style->address_bytes : 0, i->addr);
	if (style->offsets)
		fprintf(h->out, " <%+" PRId64 ">", (int64_t)(i->addr - style->entry));
	else
		show_symbol_from(h->out, h->target, i->addr, style->whole);
	fputs(":\t", h->out);
	if (style->bytes)
		put_bytes(h->out, i);
	show_text(h->out, i->text);
	if (i->has_target)
		show_symbol(h->out, h->target, i->target);
	fputc('\n', h->out);
}

int code_examine(struct hdb *h, uint64_t addr, unsigned count, uint64_t *next)
{
	struct code_style style = code_style(h);
	struct he_error *e = NULL;

	*next = addr;
	while (count && !e && !h->interrupted) {
		size_t want = count < BATCH ? count : BATCH;
		struct he_insns *v = NULL;

		e = he_disassemble(h->target, *next, UINT64_MAX, want, code_syntax(h), &v);
		for (size_t i = 0; v && i < v->n; i++) {
			code_line(h, &style, &v->v[i]);
			*next = v->v[i].addr + v->v[i].len;
		}
		count -= (unsigned)want;
		he_insns_free(v);
	}
	return e ? fail_error(h, e) : 0;
}
