/* SPDX-License-Identifier: BSD-2-Clause
 *
 * x: memory by an expression.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/hdb/address.h"
#include "host/hdb/cmd.h"
#include "host/hdb/code.h"
#include "host/hdb/convenience.h"
#include "host/hdb/examine.h"

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

static int show_memory(struct hdb *h, const struct examine *f, uint64_t addr, uint64_t *next)
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
	*next = addr;
	if (done)
		fputc('\n', h->out);
	return e ? fail_error(h, e) : 0;
}

static int show_strings(struct hdb *h, const struct examine *f, uint64_t addr, uint64_t *next)
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
	*next = addr;
	return e ? fail_error(h, e) : 0;
}

int examine_show(struct hdb *h, const struct examine *f, uint64_t addr, uint64_t *next)
{
	if (f->format == 'i')
		return code_examine(h, addr, f->count, next);
	return f->format == 's' ? show_strings(h, f, addr, next) : show_memory(h, f, addr, next);
}

/* $_ is the address shown last, $__ what stands there. */
static void set_last(struct hdb *h, const struct examine *f, uint64_t addr)
{
	static const char *const types[][2] = {
	    {"b", "char"}, {"h", "short"}, {"w", "int"}, {"g", "long long"}};
	unsigned size = examine_size(f->unit);
	char text[64];

	if (f->format != 's' && f->format != 'i' && h->x.next - addr > size)
		addr = h->x.next - size;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (f->unit != types[i][0][0])
			continue;
		snprintf(text, sizeof(text), "(%s *)%#" PRIx64, types[i][1], addr);
		convenience_set_to(h, "_", text);
		convenience_set_to(h, "__", "*$_");
	}
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
	int ret;

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
	ret = examine_show(h, &f, addr, &h->x.next);
	if (!ret)
		set_last(h, &f, addr);
	return ret;
}
