/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/hdb/address.h"
#include "host/hdb/cmd.h"
#include "host/hdb/examine.h"

/* ---- x ---------------------------------------------------------------------- */

enum {
	STRING_SHOWN = 200, /* as GDB's `print elements` */
	CHUNK = 4096,       /* bytes read at a time */
};

static void line_head(struct hdb *h, uint64_t addr)
{
	char *symbol = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&symbol, &size);

	if (f) {
		show_symbol(f, h->target, addr);
		fclose(f);
	}
	fprintf(h->out, "0x%" PRIx64 "%s:", addr, symbol ? symbol : "");
	free(symbol);
}

static uint64_t little_endian(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void one_value(struct hdb *h, const struct examine *f, uint64_t v)
{
	unsigned size = examine_size(f->unit);

	fputc('\t', h->out);
	if (f->format != 'a') {
		examine_value(h->out, f->format, size, v);
		return;
	}
	fprintf(h->out, "0x%" PRIx64, v);
	show_symbol(h->out, h->target, v);
}

/* Up to want values from what he_read gave; how many were whole. */
static unsigned show_values(struct hdb *h, const struct examine *f, uint64_t addr, const uint8_t *p,
    size_t got, unsigned done)
{
	unsigned size = examine_size(f->unit), n = (unsigned)(got / size);

	for (unsigned i = 0; i < n; i++) {
		if ((done + i) % examine_per_line(f) == 0) {
			if (done + i)
				fputc('\n', h->out);
			line_head(h, addr + (uint64_t)i * size);
		}
		one_value(h, f, little_endian(p + (size_t)i * size, size));
	}
	return n;
}

static int show_memory(struct hdb *h, const struct examine *f, uint64_t addr)
{
	unsigned size = examine_size(f->unit), done = 0;
	uint8_t chunk[CHUNK];
	struct he_error *e = NULL;

	while (done < f->count && !e && !h->interrupted) {
		size_t want = (size_t)(f->count - done) * size, got = 0;

		e = he_read(h->target, addr, chunk, want < CHUNK ? want : CHUNK, &got);
		done += show_values(h, f, addr, chunk, got, done);
		addr += got - got % size;
		if (!e && got < size)
			break;
	}
	h->x.next = addr;
	if (done)
		fputc('\n', h->out);
	return e ? fail_error(h, e) : 0;
}

static int show_strings(struct hdb *h, const struct examine *f, uint64_t addr)
{
	uint8_t text[STRING_SHOWN + 1];
	struct he_error *e = NULL;

	for (unsigned i = 0; i < f->count && !e && !h->interrupted; i++) {
		size_t got = 0, n;

		e = he_read(h->target, addr, text, sizeof(text), &got);
		n = strnlen((char *)text, got);
		if (e && n < got) { /* the fault lies behind the string's end */
			he_error_free(e);
			e = NULL;
		}
		if (!got)
			break;
		if (n > STRING_SHOWN)
			n = STRING_SHOWN;
		line_head(h, addr);
		fputc('\t', h->out);
		examine_string(h->out, text, n, !e && text[n]);
		fputc('\n', h->out);
		addr += n + (n < got && !text[n]);
	}
	h->x.next = addr;
	return e ? fail_error(h, e) : 0;
}

int cmd_x(struct hdb *h, const char *args)
{
	struct examine f = {.format = h->x.format,
	    .unit = h->x.unit,
	    .address_unit = front_address_bytes(h) == 4 ? 'w' : 'g'};
	uint64_t addr = h->x.next;
	const char *letters = *args == '/' ? args + 1 : "";
	const char *wrong = examine_parse(&letters, &f);
	bool bare = !*args;

	if (wrong)
		return fail(h, "x%.*s: %s", (int)strcspn(args, " \t"), args, wrong);
	if (*args == '/')
		args = letters;
	if (h->again || (bare && h->x.count))
		f.count = h->x.count;
	if (!*args && !h->x.format)
		return fail(h, "x needs the address to start at, as in x/4xw $sp");
	if (*args && address_eval(h, args, &addr) != 0)
		return 1;
	h->x = (struct x_state){f.format, f.unit, f.count, addr};
	return f.format == 's' ? show_strings(h, &f, addr) : show_memory(h, &f, addr);
}

/* ---- info registers ---------------------------------------------------------- */

/* A value wider than any integer, highest byte first. */
static void put_wide(FILE *f, const struct he_register *r)
{
	fputs("0x", f);
	for (unsigned i = (r->bits + 7) / 8; i-- > 0;)
		fprintf(f, "%02x", r->value[i]);
}

static void put_flags(FILE *f, uint64_t v)
{
	static const struct {
		unsigned bit;
		const char *name;
	} flags[] = {{0, "CF"}, {2, "PF"}, {4, "AF"}, {6, "ZF"}, {7, "SF"}, {8, "TF"}, {9, "IF"},
	    {10, "DF"}, {11, "OF"}, {14, "NT"}, {16, "RF"}, {17, "VM"}, {18, "AC"}, {19, "VIF"},
	    {20, "VIP"}, {21, "ID"}};

	fputs("[ ", f);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (v >> flags[i].bit & 1)
			fprintf(f, "%s ", flags[i].name);
	fputc(']', f);
}

/* The second column: what the number means. */
static void put_meaning(struct hdb *h, const struct he_register *r, uint64_t v)
{
	static const char *const code[] = {"rip", "eip", "pc", "lr"};
	static const char *const stack[] = {"rsp", "rbp", "esp", "ebp", "sp", "fs_base", "gs_base"};

	if (strcmp(r->name, "eflags") == 0) {
		put_flags(h->out, v);
		return;
	}
	for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++)
		if (strcmp(r->name, code[i]) == 0) {
			fprintf(h->out, "0x%" PRIx64, v);
			show_symbol(h->out, h->target, v);
			return;
		}
	for (size_t i = 0; i < sizeof(stack) / sizeof(stack[0]); i++)
		if (strcmp(r->name, stack[i]) == 0) {
			fprintf(h->out, "0x%" PRIx64, v);
			return;
		}
	examine_value(h->out, 'd', r->bits > 32 ? 8 : r->bits > 16 ? 4 : r->bits > 8 ? 2 : 1, v);
}

static void show_register(struct hdb *h, const struct he_register *r)
{
	char hex[24];
	uint64_t v;

	fprintf(h->out, "%-15s", r->name);
	if (!address_register(r, &v)) {
		put_wide(h->out, r);
	} else {
		snprintf(hex, sizeof(hex), "0x%" PRIx64, v);
		fprintf(h->out, "%-20s", hex); /* GDB's column */
		put_meaning(h, r, v);
	}
	fputc('\n', h->out);
}

/* Whether one word of the command means this register. */
static bool means(const char *word, const struct he_register *r)
{
	word += *word == '$';
	return strcmp(word, "all") == 0 || strcmp(word, r->group) == 0 ||
	       address_means(word, r->name);
}

static int show_meant(struct hdb *h, const struct he_registers *r, const char *word)
{
	size_t shown = 0;

	for (size_t i = 0; i < r->n; i++)
		if (means(word, &r->v[i])) {
			show_register(h, &r->v[i]);
			shown++;
		}
	return shown ? 0 : fail(h, "no register or group %s in frame %u", word, h->frame);
}

int cmd_info_registers(struct hdb *h, const char *args)
{
	const struct he_stack *s = front_stack(h, h->frame + 1);
	struct he_registers *r;
	struct he_error *e;
	char word[64];
	int ret = 0;

	if (!s)
		return 1;
	e = he_registers(h->target, h->tid, front_physical(s, h->frame), &r);
	if (e)
		return fail_error(h, e);
	if (!*args)
		ret = show_meant(h, r, "general");
	while (*args && !ret)
		ret = cmd_token(&args, word, sizeof(word))
			  ? show_meant(h, r, word)
			  : fail(h, "no register has a name that long");
	he_registers_free(r);
	return ret;
}
