/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Characters and strings as text.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/print.h"

/* Which characters they are: by the type's own name or a typedef's on the way to it. */
static const struct text_type {
	const char *name;
	const char *prefix;
} text_types[] = {{"wchar_t", "L"}, {"char16_t", "u"}, {"char32_t", "U"}};

static const struct text_type *wide_text(struct type *t)
{
	for (int i = 0; t && i < TYPE_CHAIN_MAX; i++) {
		for (size_t k = 0; t->name && k < sizeof(text_types) / sizeof(text_types[0]); k++)
			if (!strcmp(t->name, text_types[k].name))
				return &text_types[k];
		if (t->kind != TYPE_TYPEDEF && t->kind != TYPE_CONST && t->kind != TYPE_VOLATILE)
			break;
		t = t->target;
	}
	return NULL;
}

bool type_is_text(struct type *t)
{
	struct type *plain = type_strip(t);

	if (plain->kind == TYPE_CHAR)
		return plain->size == 1 || plain->size == 2 || plain->size == 4;
	return plain->kind == TYPE_INT && plain->size > 1 && wide_text(t);
}

static const char *prefix(struct type *t)
{
	const struct text_type *w = type_strip(t)->size > 1 ? wide_text(t) : NULL;

	return w ? w->prefix : "";
}

/* Printable ones of ASCII; others as C writes them.  digit: one follows that would be taken
 * for part of an octal escape. */
static void escaped(FILE *f, uint64_t c, uint64_t size, char quote)
{
	static const char from[] = "\a\b\f\n\r\t\v\033", to[] = "abfnrtve";
	const char *known = c && c < 0x80 ? strchr(from, (int)c) : NULL;

	if (known)
		fprintf(f, "\\%c", to[known - from]);
	else if (c == (uint64_t)quote || c == '\\')
		fprintf(f, "\\%c", (int)c);
	else if (c >= ' ' && c < 0x7f)
		fputc((int)c, f);
	else
		for (uint64_t i = 0; i < size; i++)
			fprintf(f, "\\%03o", (unsigned)(c >> (8 * i) & 0xff));
}

void print_character(struct printer *p, struct type *type, wide v)
{
	struct type *t = type_strip(type);

	print_wide(p->f, v, t->is_signed);
	fprintf(p->f, " %s'", prefix(type));
	escaped(p->f, (uint64_t)wide_cut(v, t->size, false), t->size, '\'');
	fputc('\'', p->f);
}

static uint64_t element(const uint8_t *bytes, uint64_t size, size_t i)
{
	uint64_t c = 0;

	memcpy(&c, bytes + i * size, (size_t)size);
	return c;
}

static size_t run(const uint8_t *bytes, uint64_t size, size_t i, size_t n)
{
	size_t k = i + 1;

	while (k < n && element(bytes, size, k) == element(bytes, size, i))
		k++;
	return k - i;
}

void print_characters(
    struct printer *p, struct type *type, const uint8_t *bytes, size_t n, bool cut)
{
	uint64_t size = type_strip(type)->size;
	size_t i = 0, shown = 0;
	bool open = false; /* within quotes */

	/* GDB leaves out the one NUL that ends a string. */
	if (!cut && n && n <= p->elements && !element(bytes, size, n - 1))
		n--;
	if (!n)
		fprintf(p->f, "%s\"\"", prefix(type));
	while (i < n && shown < p->elements) {
		size_t same = run(bytes, size, i, n);
		const char *comma = i ? open ? "\", " : ", " : "";

		if (same > PRINT_REPEATS) {
			fprintf(p->f, "%s%s'", comma, prefix(type));
			escaped(p->f, element(bytes, size, i), size, '\'');
			fprintf(p->f, "' <repeats %zu times>", same);
			open = false;
		} else {
			if (!open)
				fprintf(p->f, "%s%s\"", comma, prefix(type));
			open = true;
			same = same < p->elements - shown ? same : p->elements - shown;
			for (size_t k = 0; k < same; k++)
				escaped(p->f, element(bytes, size, i), size, '"');
		}
		i += same;
		shown += same;
	}
	fputs(open ? "\"" : "", p->f);
	fputs(i < n || cut ? "..." : "", p->f);
}

/* What can be read of elements characters, up to a NUL: how many; *ended: there was one. */
static size_t read_string(struct printer *p, uint64_t addr, uint64_t size, uint8_t *buf,
    bool *ended, struct he_error **err)
{
	const struct expr_env *env = p->e->env;
	size_t n = 0;

	*ended = false;
	*err = NULL;
	/* By lines of the cache: what lies behind the end need not be readable. */
	while (n < p->elements && !*ended && !*err) {
		uint64_t at = addr + n * size, left = (p->elements - n) * size;
		uint64_t want = 64 - at % 64;

		want = want < size ? size : want - want % size;
		want = want < left ? want : left;
		*err = env->ops->read(env->arg, at, buf + n * size, (size_t)want);
		for (uint64_t i = 0; !*err && i < want / size && !*ended; i++) {
			*ended = !element(buf, size, n);
			n += !*ended;
		}
	}
	return n;
}

void print_string_at(struct printer *p, struct type *type, uint64_t addr)
{
	uint64_t size = type_strip(type)->size;
	uint8_t *buf = calloc(p->elements + 8, (size_t)size);
	struct he_error *err;
	bool ended;
	size_t n;

	if (!buf) {
		eval_fail(p->e, he_error_new(E_NOMEM, "out of memory."));
		return;
	}
	n = read_string(p, addr, size, buf, &ended, &err);
	if (err && err->code == E_FAULT && !n)
		fprintf(p->f, "<error: Cannot access memory at address 0x%" PRIx64 ">", err->addr);
	else if (!err || err->code == E_FAULT)
		print_characters(p, type, buf, n, !ended && !err);
	if (err && err->code == E_FAULT && n)
		fprintf(p->f, "<error: Cannot access memory at address 0x%" PRIx64 ">", err->addr);
	if (err && err->code != E_FAULT)
		eval_fail(p->e, err);
	else
		he_error_free(err);
	free(buf);
}
