/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/address.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

enum { NAME_MAX_LEN = 1024 };

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

bool address_register(const struct he_register *r, uint64_t *ret)
{
	uint64_t v = 0;

	if (r->bits > 64)
		return false;
	for (unsigned i = 0; i < (r->bits + 7) / 8; i++)
		v |= (uint64_t)r->value[i] << (8 * i);
	*ret = v;
	return true;
}

bool address_means(const char *asked, const char *name)
{
	static const char *const also[][2] = {{"pc", "rip"}, {"sp", "rsp"}, {"fp", "rbp"},
	    {"pc", "eip"}, {"sp", "esp"}, {"fp", "ebp"}, {"fp", "x29"}, {"ps", "eflags"}};

	if (strcmp(asked, name) == 0)
		return true;
	for (size_t i = 0; i < sizeof(also) / sizeof(also[0]); i++)
		if (strcmp(asked, also[i][0]) == 0 && strcmp(name, also[i][1]) == 0)
			return true;
	return false;
}

static int register_named(struct hdb *h, const char *name, uint64_t *ret)
{
	const struct he_stack *s = front_stack(h, h->frame + 1);
	struct he_registers *r;
	struct he_error *e;
	const struct he_register *found = NULL;
	int status = 0;

	if (!s)
		return 1;
	e = he_registers(h->target, h->tid, front_physical(s, h->frame), &r);
	if (e)
		return fail_error(h, e);
	for (size_t i = 0; i < r->n && !found; i++)
		if (address_means(name, r->v[i].name))
			found = &r->v[i];
	if (!found)
		status = fail(h, "no register $%s in frame %u", name, h->frame);
	else if (!address_register(found, ret))
		status = fail(h, "$%s does not fit an address", name);
	he_registers_free(r);
	return status;
}

static int symbol_named(struct hdb *h, const char *name, uint64_t *ret)
{
	struct he_symbol *s;
	struct he_error *e = he_symbol_named(h->target, name, &s);

	if (e)
		return fail_error(h, e);
	*ret = s->addr;
	he_symbol_free(s);
	return 0;
}

static int number(struct hdb *h, const char **text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(*text, &end, 0);
	if (errno)
		return fail(h, "%.40s: more than 64 bits", *text);
	if (isalnum((unsigned char)*end) || *end == '_' || *end == '.')
		return fail(h, "%.40s: not a number", *text);
	*text = end;
	return 0;
}

static bool in_symbol(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.@:$~", c)) || (unsigned char)c >= 0x80;
}

/* The name that begins at *text, which moves behind it. */
static bool take_name(const char **text, char name[NAME_MAX_LEN])
{
	bool quoted = **text == '\'';
	const char *from = *text + quoted;
	size_t n = 0;

	while (quoted ? from[n] && from[n] != '\'' : in_symbol(from[n]))
		n++;
	if (n == 0 || n >= NAME_MAX_LEN || (quoted && !from[n]))
		return false;
	memcpy(name, from, n);
	name[n] = 0;
	*text = from + n + quoted;
	return true;
}

static int term(struct hdb *h, const char **text, uint64_t *ret)
{
	char name[NAME_MAX_LEN];
	bool reg;

	*text = skip_blanks(*text);
	if (isdigit((unsigned char)**text))
		return number(h, text, ret);
	reg = **text == '$';
	/* A symbol stands for its address with or without the C operator. */
	if (reg || **text == '&')
		*text = skip_blanks(*text + 1);
	if (!take_name(text, name))
		return **text ? fail(h,
				    "%.40s: not an address expression; numbers, $registers and "
				    "symbols can be joined by + and -",
				    *text)
			      : fail(h, "the expression ends too early");
	return reg ? register_named(h, name, ret) : symbol_named(h, name, ret);
}

/* False: it is no expression that has an address for its value; *e says why. */
static bool expression(struct hdb *h, const char *text, uint64_t *ret, struct he_error **e)
{
	struct he_value *v = NULL;

	*e = he_evaluate(h->target, h->tid, h->frame, text, &v);
	if (!*e)
		*e = he_value_number(h->target, v, ret);
	he_value_free(v);
	return !*e;
}

/* Can it be a sum of symbols? */
static bool may_be_sum(const char *text)
{
	return *text == '\'' || !text[strcspn(text, "[]()*>/%!=?")];
}

int address_eval(struct hdb *h, const char *text, uint64_t *ret)
{
	uint64_t sum = 0, v = 0;
	bool minus = false;
	struct he_error *e;

	text = skip_blanks(text);
	if (expression(h, text, ret, &e))
		return 0;
	if (!may_be_sum(text) || e->code == E_LOST || e->code == E_CANCELLED || e->code == E_FAULT)
		return fail_error(h, e);
	he_error_free(e);
	if (*text == '-') {
		minus = true;
		text++;
	}
	for (;;) {
		if (term(h, &text, &v) != 0)
			return 1;
		sum = minus ? sum - v : sum + v;
		text = skip_blanks(text);
		if (!*text)
			break;
		if (*text != '+' && *text != '-')
			return fail(h, "%.40s: only + and - join the parts of an address", text);
		minus = *text++ == '-';
	}
	*ret = sum;
	return 0;
}
