/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_printf.h"

#include <stdio.h>

enum { DIGITS = 24 /* of 64 bits, octal */, PAGE = 4096 };

enum length { LENGTH_INT, LENGTH_SHORT, LENGTH_LONG, LENGTH_WIDEST };

/* A conversion, or one byte of text where letter is 0. */
struct piece {
	char letter;
	uint8_t text;
	bool left, plus, space, alternate, zeros;
	bool precise;
	unsigned width, precision;
	enum length length;
};

/* ---- formats ------------------------------------------------------------------------ */

static bool takes(struct rd *f, char c)
{
	if (!f->left || *f->p != (uint8_t)c)
		return false;
	rd_u8(f);
	return true;
}

static unsigned take_number(struct rd *f)
{
	unsigned v = 0;

	while (f->left && *f->p >= '0' && *f->p <= '9') {
		v = v * 10 + (rd_u8(f) - '0');
		if (v > RSP_PRINTF_WIDTH)
			f->bad = true;
		if (f->bad)
			return 0;
	}
	return v;
}

static void take_flags(struct rd *f, struct piece *p)
{
	const struct {
		char c;
		bool *flag;
	} flags[] = {{'-', &p->left}, {'+', &p->plus}, {' ', &p->space}, {'#', &p->alternate},
	    {'0', &p->zeros}};
	bool any;

	do {
		any = false;
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			if (takes(f, flags[i].c))
				any = *flags[i].flag = true;
	} while (any);
}

static enum length take_length(struct rd *f)
{
	if (takes(f, 'h'))
		return LENGTH_SHORT;
	if (takes(f, 'z'))
		return LENGTH_LONG;
	if (!takes(f, 'l'))
		return LENGTH_INT;
	return takes(f, 'l') ? LENGTH_WIDEST : LENGTH_LONG;
}

static void take_conversion(struct rd *f, struct piece *p)
{
	take_flags(f, p);
	p->width = take_number(f);
	p->precise = takes(f, '.');
	if (p->precise)
		p->precision = take_number(f);
	p->length = take_length(f);
	p->letter = (char)rd_u8(f);
	if (!p->letter || !strchr("diuoxXcps", p->letter) ||
	    (strchr("cps", p->letter) && p->length != LENGTH_INT))
		f->bad = true;
}

static void take_escape(struct rd *f, struct piece *p)
{
	static const struct {
		char typed, meant;
	} rows[] = {{'\\', '\\'}, {'"', '"'}, {'a', '\a'}, {'b', '\b'}, {'e', 0x1b}, {'f', '\f'},
	    {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'v', '\v'}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (takes(f, rows[i].typed)) {
			p->text = (uint8_t)rows[i].meant;
			return;
		}
	f->bad = true;
}

/* false: there is none left, or f is bad. */
static bool take_piece(struct rd *f, struct piece *p)
{
	*p = (struct piece){0};
	if (!f->left)
		return false;
	p->text = rd_u8(f);
	if (p->text == '\\')
		take_escape(f, p);
	else if (p->text == '%' && !takes(f, '%'))
		take_conversion(f, p);
	return !f->bad;
}

bool rsp_printf_allows(struct span format, unsigned n)
{
	struct rd f = rd_init(format.p, format.n);
	struct piece p;
	unsigned wanted = 0;

	while (take_piece(&f, &p))
		wanted += p.letter != 0;
	return !f.bad && wanted == n;
}

/* ---- text that does no harm ------------------------------------------------------------- */

/* Bytes of the character at p when it is one of more than ASCII and no control character: the
 * shortest way to write it, and no half of a pair.  0 = it is not. */
static size_t utf8(const uint8_t *p, size_t left)
{
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c = p[0] & (0xffu >> (n + 1));
	static const uint32_t least[] = {[2] = 0xa0, [3] = 0x800, [4] = 0x10000};

	if (p[0] < 0xc2 || p[0] > 0xf4 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

static void put_clean(struct buf *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0, one; i < n; i += one) {
		char escape[8];
		bool plain = (p[i] >= ' ' && p[i] < 0x7f) || p[i] == '\n' || p[i] == '\t';
		size_t more = plain ? 1 : utf8(p + i, n - i);

		one = more ? more : 1;
		if (more)
			buf_raw(out, p + i, more);
		else
			buf_raw(
			    out, escape, (size_t)snprintf(escape, sizeof(escape), "\\x%02x", p[i]));
	}
}

static void put_times(struct buf *out, char c, size_t n)
{
	uint8_t *to = n ? buf_grow(out, n) : NULL;

	if (to)
		memset(to, c, n);
}

/* n bytes of text in the width of the piece. */
static void put_padded(struct buf *out, const struct piece *p, const uint8_t *text, size_t n)
{
	size_t pad = n < p->width ? p->width - n : 0;

	put_times(out, ' ', p->left ? 0 : pad);
	put_clean(out, text, n);
	put_times(out, ' ', p->left ? pad : 0);
}

/* ---- numbers ---------------------------------------------------------------------------- */

static unsigned bits_of(const struct piece *p, bool narrow)
{
	static const unsigned bits[] = {
	    [LENGTH_INT] = 32, [LENGTH_SHORT] = 16, [LENGTH_LONG] = 64, [LENGTH_WIDEST] = 64};

	return narrow && p->length == LENGTH_LONG ? 32 : bits[p->length];
}

/* The value as so many bits have it; a signed one's sign goes into prefix. */
static uint64_t magnitude(const struct piece *p, uint64_t v, unsigned bits, const char **prefix)
{
	uint64_t sign = UINT64_C(1) << (bits - 1), mask = sign | (sign - 1);

	v &= mask;
	*prefix = "";
	if (p->letter != 'd' && p->letter != 'i')
		return v;
	*prefix = v & sign ? "-" : p->plus ? "+" : p->space ? " " : "";
	return v & sign ? (0 - v) & mask : v;
}

/* At the end of text. */
static size_t digits_of(char *text, uint64_t v, char letter)
{
	const char *digits = letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned base = letter == 'o' ? 8 : letter == 'x' || letter == 'X' ? 16 : 10;
	size_t n = 0;

	for (; v; v /= base)
		text[DIGITS - ++n] = digits[v % base];
	return n;
}

static void put_number(struct buf *out, const struct piece *p, uint64_t v, bool narrow)
{
	char text[DIGITS];
	const char *prefix;
	uint64_t size = magnitude(p, v, bits_of(p, narrow), &prefix);
	size_t n = digits_of(text, size, p->letter), all, zeros, pad;

	/* No digits at all is what a precision of 0 makes of a 0. */
	zeros = p->precise ? p->precision : 1;
	zeros = zeros > n ? zeros - n : 0;
	if (p->alternate && p->letter == 'o' && !zeros)
		zeros = 1;
	if (p->alternate && size && (p->letter == 'x' || p->letter == 'X'))
		prefix = p->letter == 'x' ? "0x" : "0X";
	all = strlen(prefix) + zeros + n;
	pad = all < p->width ? p->width - all : 0;
	if (p->zeros && !p->left && !p->precise) {
		zeros += pad;
		pad = 0;
	}
	put_times(out, ' ', p->left ? 0 : pad);
	buf_raw(out, prefix, strlen(prefix));
	put_times(out, '0', zeros);
	buf_raw(out, text + DIGITS - n, n);
	put_times(out, ' ', p->left ? pad : 0);
}

static void put_pointer(struct buf *out, const struct piece *p, uint64_t v, bool narrow)
{
	struct piece as = {.letter = 'x',
	    .left = p->left,
	    .alternate = true,
	    .width = p->width,
	    .length = LENGTH_LONG};

	if (v)
		put_number(out, &as, v, narrow);
	else
		put_padded(out, p, (const uint8_t *)"(nil)", 5);
}

/* ---- strings ---------------------------------------------------------------------------- */

/* Up to max bytes at addr or to a NUL: how many.  false: they cannot be read, from *addr on. */
static bool read_string(
    const struct rsp_printf_env *env, uint64_t *addr, uint8_t *text, size_t max, size_t *n)
{
	for (*n = 0; *n < max;) {
		/* A page at a time: the next may not be there, and needs not be. */
		size_t want = PAGE - (size_t)(*addr % PAGE), got;
		const uint8_t *end;

		if (want > max - *n)
			want = max - *n;
		got = env->read(env->arg, *addr, text + *n, want);
		end = memchr(text + *n, 0, got);
		*n += end ? (size_t)(end - text) - *n : got;
		if (end)
			return true;
		*addr += got;
		if (got < want)
			return false;
	}
	return true;
}

_Static_assert(RSP_PRINTF_WIDTH <= RSP_PRINTF_STRING, "a precision fits a string's room");

static bool put_string(
    struct buf *out, const struct piece *p, const struct rsp_printf_env *env, uint64_t *addr)
{
	size_t max = p->precise ? p->precision : RSP_PRINTF_STRING, n = 0;
	uint8_t text[RSP_PRINTF_STRING];

	if (!*addr) {
		put_padded(out, p, (const uint8_t *)"(null)", max < 6 ? max : 6);
		return true;
	}
	if (!read_string(env, addr, text, max, &n))
		return false;
	put_padded(out, p, text, n);
	if (n == max && !p->precise)
		buf_raw(out, "...", 3);
	return true;
}

/* ---- all of it --------------------------------------------------------------------------- */

static bool put_piece(struct buf *out, const struct piece *p, uint64_t v,
    const struct rsp_printf_env *env, uint64_t *addr)
{
	uint8_t c = (uint8_t)v;

	if (p->letter == 's') {
		*addr = env->narrow ? (uint32_t)v : v;
		return put_string(out, p, env, addr);
	}
	if (p->letter == 'c')
		put_padded(out, p, &c, 1);
	else if (p->letter == 'p')
		put_pointer(out, p, v, env->narrow);
	else
		put_number(out, p, v, env->narrow);
	return true;
}

bool rsp_printf(struct buf *out, struct span format, const uint64_t *args,
    const struct rsp_printf_env *env, uint64_t *addr)
{
	struct rd f = rd_init(format.p, format.n);
	struct buf text;
	struct piece p;
	bool read = true;

	/* What is between conversions at once: a character may have several bytes. */
	buf_init(&text, format.n);
	while (read) {
		bool more = take_piece(&f, &p);

		if (more && !p.letter) {
			buf_u8(&text, p.text);
			continue;
		}
		put_clean(out, text.p, text.len);
		buf_reset(&text);
		if (!more)
			break;
		read = put_piece(out, &p, *args++, env, addr);
	}
	buf_free(&text);
	return read;
}
