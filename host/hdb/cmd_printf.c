/* SPDX-License-Identifier: BSD-2-Clause
 *
 * printf: values through a format of C's.
 *
 * The format is a person's, but may come from a file that somebody else wrote, and what the
 * values are is the target's: every directive is checked and given to the C library by itself,
 * with one argument of its own type; strings are cut and cleaned.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/hdb/cmd.h"
#include "host/hdb/convenience.h"

enum {
	WIDTH_MAX = 4096,
	STRING_BYTES = 64 * 1024, /* of a target's string */
	ARGUMENTS = 64,
};

/* One directive: "%-8.3lx". */
struct directive {
	char flags[8];
	unsigned width, precision;
	bool has_precision;
	unsigned size; /* of an integer: bytes */
	char letter;
};

struct printing {
	struct hdb *h;
	FILE *to; /* nothing of it is shown when something is wrong */
	char *args[ARGUMENTS];
	size_t n, taken;
};

/* ---- arguments -------------------------------------------------------------------- */

/* Up to the comma that ends an expression, not within brackets or quotes. */
static const char *expression_end(const char *p)
{
	unsigned depth = 0;

	for (; *p && (*p != ',' || depth); p++) {
		if (*p == '"' || *p == '\'') {
			char quote = *p++;

			for (; *p && *p != quote; p++)
				if (*p == '\\' && p[1])
					p++;
			if (!*p)
				break;
		}
		depth += strchr("([{", *p) != NULL;
		depth -= depth && strchr(")]}", *p);
	}
	return p;
}

/* ", a, f(b, c)"; 0, or 1 after saying what is wrong. */
static int split(struct printing *p, const char *text)
{
	while (*text) {
		const char *end;

		if (*text != ',')
			return fail(p->h,
			    "printf: expressions stand behind the format, each with a "
			    "comma in front");
		text++;
		text += strspn(text, " \t");
		end = expression_end(text);
		if (end == text)
			return fail(p->h, "printf: an expression is missing");
		if (p->n == ARGUMENTS)
			return fail(p->h, "printf takes %d expressions at most", ARGUMENTS);
		p->args[p->n] = strndup(text, (size_t)(end - text));
		if (!p->args[p->n++])
			return fail(p->h, "out of memory");
		text = end;
	}
	return 0;
}

/* 0, or 1 after saying that there is no process. */
static int need_process(const struct printing *p)
{
	return p->h->target ? 0
			    : fail(p->h, "printf: %s: no process is attached", p->args[p->taken]);
}

static int evaluate(struct printing *p, struct he_value **ret)
{
	struct hdb *h = p->h;
	const char *arg = p->args[p->taken];
	struct he_error *e;

	if (need_process(p) != 0)
		return 1;
	p->taken++;
	e = he_evaluate(h->target, h->tid, h->frame, arg, ret);
	return e ? fail_error(h, e) : 0;
}

static int number(struct printing *p, uint64_t *ret)
{
	struct he_value *v = NULL;
	struct he_error *e;
	int64_t known;

	if (!p->h->target && convenience_value(p->h, p->args[p->taken], &known)) {
		p->taken++;
		*ret = (uint64_t)known;
		return 0;
	}
	if (evaluate(p, &v) != 0)
		return 1;
	e = he_value_number(p->h->target, v, ret);
	he_value_free(v);
	return e ? fail_error(p->h, e) : 0;
}

/* ---- directives --------------------------------------------------------------------- */

static void spell(const struct directive *d, const char *size, char letter, char out[64])
{
	char precision[16] = "", width[16] = "";

	if (d->width)
		snprintf(width, sizeof(width), "%u", d->width);
	if (d->has_precision)
		snprintf(precision, sizeof(precision), ".%u", d->precision);
	snprintf(out, 64, "%%%s%s%s%s%c", d->flags, width, precision, size, letter);
}

static int put_integer(struct printing *p, const struct directive *d)
{
	unsigned unused = 64 - 8 * d->size;
	uint64_t v = 0;
	char format[64];

	if (number(p, &v) != 0)
		return 1;
	spell(d, "ll", d->letter, format);
	v <<= unused;
	/* The directive was made here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (d->letter == 'd' || d->letter == 'i')
		fprintf(p->to, format, (long long)v >> unused);
	else
		fprintf(p->to, format, (unsigned long long)v >> unused);
#pragma GCC diagnostic pop
	return 0;
}

static int put_text(struct printing *p, const struct directive *d, const char *text)
{
	char format[64];

	spell(d, "", 's', format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	fprintf(p->to, format, text);
#pragma GCC diagnostic pop
	return 0;
}

static int put_char(struct printing *p, const struct directive *d)
{
	char one[2] = "", *clean;
	uint64_t v = 0;
	int ret;

	if (number(p, &v) != 0)
		return 1;
	one[0] = (char)v;
	clean = show_clean(one);
	ret = put_text(p, d, clean ? clean : "");
	free(clean);
	return ret;
}

static int put_pointer(struct printing *p, const struct directive *d)
{
	char text[32];
	uint64_t v = 0;

	if (number(p, &v) != 0)
		return 1;
	snprintf(text, sizeof(text), v ? "0x%llx" : "(nil)", (unsigned long long)v);
	return put_text(p, d, text);
}

/* What the engine writes of a number is read back: it has no other way to hand out one that
 * is no integer. */
static int put_real(struct printing *p, const struct directive *d)
{
	const struct he_format plain = {.letter = 0};
	struct he_value *v = NULL;
	char *text = NULL, *end = NULL, format[64];
	struct he_error *e;
	long double x = 0;

	if (evaluate(p, &v) != 0)
		return 1;
	e = he_value_text(p->h->target, v, &plain, &text);
	he_value_free(v);
	if (e)
		return fail_error(p->h, e);
	x = strtold(text, &end);
	if (end == text || *end) {
		free(text);
		return fail(p->h, "printf: %s is not a number", p->args[p->taken - 1]);
	}
	free(text);
	spell(d, "L", d->letter, format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	fprintf(p->to, format, x);
#pragma GCC diagnostic pop
	return 0;
}

/* A string of the target, up to its NUL; the caller frees it. */
static struct he_error *read_string(struct hdb *h, uint64_t addr, size_t most, char **ret)
{
	size_t len = 0;
	char *text = malloc(most + 1);
	struct he_error *e = NULL;

	while (text && len < most && !e) {
		size_t want = most - len < 256 ? most - len : 256, got = 0;

		e = he_read(h->target, addr + len, text + len, want, &got);
		if (memchr(text + len, 0, got)) { /* a fault behind it is none */
			he_error_free(e);
			*ret = text;
			return NULL;
		}
		len += got;
		if (!got)
			break;
	}
	if (e || !text) {
		free(text);
		return e;
	}
	text[len] = 0;
	*ret = text;
	return NULL;
}

static int put_string(struct printing *p, const struct directive *d)
{
	size_t most = d->has_precision && d->precision < STRING_BYTES ? d->precision : STRING_BYTES;
	const char *arg = p->args[p->taken];
	char *text = NULL, *clean;
	struct directive whole = *d;
	struct he_error *e;
	uint64_t addr = 0;

	/* A literal is nothing of the target's. */
	if (*arg == '"' && arg[strlen(arg) - 1] == '"') {
		p->taken++;
		text = strndup(arg + 1, strlen(arg) - 2);
	} else {
		/* A number is known without one, what lies there is not. */
		if (need_process(p) != 0 || number(p, &addr) != 0)
			return 1;
		e = read_string(p->h, addr, most, &text);
		if (e)
			return fail_error(p->h, e);
	}
	clean = text ? show_clean(text) : NULL;
	free(text);
	if (!clean)
		return fail(p->h, "out of memory");
	whole.has_precision = false;
	put_text(p, &whole, clean);
	free(clean);
	return 0;
}

static const struct {
	const char *letters;
	const char *flags; /* that mean something there */
	int (*put)(struct printing *p, const struct directive *d);
} kinds[] = {
    {"di", "-+ 0", put_integer},
    {"uoxX", "-#0", put_integer},
    {"c", "-", put_char},
    {"s", "-", put_string},
    {"p", "-", put_pointer},
    {"feEgGaA", "-+ #0", put_real},
};

/* ---- the format ------------------------------------------------------------------------ */

/* hh h l ll z j t; L is for floats, which all are long. */
static unsigned integer_size(struct hdb *h, const char **text)
{
	static const struct {
		const char *word;
		unsigned size; /* 0 = of an address */
	} sizes[] = {
	    {"hh", 1}, {"h", 2}, {"ll", 8}, {"l", 0}, {"z", 0}, {"t", 0}, {"j", 8}, {"L", 8}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (strncmp(*text, sizes[i].word, strlen(sizes[i].word)) == 0) {
			*text += strlen(sizes[i].word);
			return sizes[i].size ? sizes[i].size : front_address_bytes(h);
		}
	return 4;
}

/* False: more than what may be. */
static bool digits(const char **text, unsigned *ret)
{
	for (*ret = 0; isdigit((unsigned char)**text) && *ret <= WIDTH_MAX; (*text)++)
		*ret = *ret * 10 + (unsigned)(**text - '0');
	return *ret <= WIDTH_MAX;
}

/* The one behind the % at *text, which moves behind it; NULL, or what is wrong with it. */
static const char *parse(struct hdb *h, const char **text, struct directive *d)
{
	const char *p = *text;
	size_t n = strspn(p, "-+ #0");

	*d = (struct directive){.letter = 0};
	if (n >= sizeof(d->flags))
		return "too many flags";
	memcpy(d->flags, p, n);
	p += n;
	if (!digits(&p, &d->width))
		return "a width is at most 4096";
	d->has_precision = *p == '.';
	p += d->has_precision;
	if (!digits(&p, &d->precision))
		return "a precision is at most 4096";
	if (*p == '*')
		return "* is not for printf here: write the width";
	d->size = integer_size(h, &p);
	d->letter = *p;
	*text = p + (*p != 0);
	return NULL;
}

static int put_directive(struct printing *p, const char **text)
{
	struct directive d;
	const char *wrong = parse(p->h, text, &d);

	if (wrong)
		return fail(p->h, "printf: %s", wrong);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!d.letter || !strchr(kinds[i].letters, d.letter))
			continue;
		if (d.flags[strspn(d.flags, kinds[i].flags)])
			return fail(
			    p->h, "printf: %%%c does not go with the flags %s", d.letter, d.flags);
		if (p->taken == p->n)
			return fail(p->h, "printf: there are more directives than expressions");
		return kinds[i].put(p, &d);
	}
	return fail(p->h,
	    "printf: %%%c is not one of %%d %%i %%u %%o %%x %%X %%c %%s %%p %%f %%e "
	    "%%g %%a %%%%",
	    d.letter ? d.letter : ' ');
}

static int put_escape(struct printing *p, const char **text)
{
	static const char from[] = "abefnrtv\\\"'", to[] = "\a\b\033\f\n\r\t\v\\\"'";
	const char *at = **text ? strchr(from, **text) : NULL;

	if (at) {
		fputc(to[at - from], p->to);
		(*text)++;
		return 0;
	}
	if (**text >= '0' && **text <= '7') {
		unsigned v = 0;

		for (int i = 0; i < 3 && **text >= '0' && **text <= '7'; i++)
			v = v * 8 + (unsigned)(*(*text)++ - '0');
		fputc((int)(v & 0xff), p->to);
		return 0;
	}
	return fail(p->h, "printf: a backslash stands in front of a b e f n r t v \\ \" ' or "
			  "octal digits");
}

/* Up to the closing quote; *text moves behind it. */
static int put_format(struct printing *p, const char **text)
{
	int ret = 0;

	while (**text && **text != '"' && !ret) {
		char c = *(*text)++;

		if (c == '\\') {
			ret = put_escape(p, text);
		} else if (c == '%' && **text == '%') {
			fputc('%', p->to);
			(*text)++;
		} else if (c == '%') {
			ret = put_directive(p, text);
		} else {
			fputc(c, p->to);
		}
	}
	return ret;
}

/* Where the format, which begins at text, ends: at its quote; NULL: nowhere. */
static const char *closing_quote(const char *text)
{
	for (; *text && *text != '"'; text++)
		if (*text == '\\' && text[1])
			text++;
	return *text ? text : NULL;
}

static int print(struct printing *p, const char *args)
{
	const char *end = *args == '"' ? closing_quote(args + 1) : NULL, *rest;
	int ret;

	if (!end)
		return fail(p->h,
		    "printf takes a format in double quotes, then expressions: printf "
		    "\"%%d\\n\", n");
	rest = end + 1 + strspn(end + 1, " \t");
	if (split(p, rest) != 0)
		return 1;
	args++;
	ret = put_format(p, &args);
	if (!ret && p->taken < p->n)
		ret = fail(p->h, "printf: there are more expressions than directives");
	return ret;
}

int cmd_printf(struct hdb *h, const char *args)
{
	struct printing p = {.h = h};
	char *text = NULL;
	size_t size = 0;
	int ret;

	p.to = open_memstream(&text, &size);
	if (!p.to)
		return fail(h, "out of memory");
	ret = print(&p, args);
	fclose(p.to);
	if (!ret)
		fwrite(text, 1, size, h->out);
	free(text);
	while (p.n)
		free(p.args[--p.n]);
	return ret;
}
