/* SPDX-License-Identifier: BSD-2-Clause
 *
 * disassemble: a function's code, or that between two addresses.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/hdb/address.h"
#include "host/hdb/cmd.h"
#include "host/hdb/json.h"
#include "host/hdb/mixed.h"

enum { MOST = 1 << 20 /* instructions of one range */ };

struct asked {
	bool bytes, by_address, by_line, json;
};

/* What is to be shown: a function, or one range that is none. */
struct area {
	struct he_function *function;
	struct he_range range;
};

static void area_free(struct area *a)
{
	he_function_free(a->function);
}

/* ---- arguments ---------------------------------------------------------------------- */

static int take_options(struct hdb *h, const char **args, struct asked *ret)
{
	*ret = (struct asked){0};
	for (const char *p = *args; *p == '/' || *p == '-'; p = *args) {
		size_t n = strcspn(p, " \t");

		if (n == 5 && strncmp(p, "-json", n) == 0)
			ret->json = true;
		else if (*p == '-') /* of an expression */
			break;
		for (size_t i = 1; *p == '/' && i < n; i++) {
			if (!strchr("rbms", p[i]))
				return fail(h, "disassemble knows /r (bytes), /s and /m (source)");
			ret->bytes |= p[i] == 'r' || p[i] == 'b';
			ret->by_address |= p[i] == 's';
			ret->by_line |= p[i] == 'm';
		}
		*args += n + strspn(p + n, " \t");
	}
	if (ret->by_address && ret->by_line)
		return fail(h, "disassemble takes one of /s and /m");
	return 0;
}

/* The comma between two addresses, which may have some in brackets; NULL. */
static const char *find_comma(const char *text)
{
	int depth = 0;

	for (; *text; text++) {
		if (strchr("([{", *text))
			depth++;
		else if (strchr(")]}", *text))
			depth--;
		else if (*text == ',' && depth == 0)
			return text;
	}
	return NULL;
}

static int take_range(struct hdb *h, const char *args, const char *comma, struct he_range *ret)
{
	const char *end = comma + 1 + strspn(comma + 1, " \t");
	char *begin = strndup(args, (size_t)(comma - args));
	bool length = *end == '+';
	int status = begin ? address_eval(h, begin, &ret->lo) : fail(h, "out of memory");

	free(begin);
	if (status != 0 || address_eval(h, end + length, &ret->hi) != 0)
		return 1;
	if (length)
		ret->hi += ret->lo;
	return ret->hi > ret->lo ? 0 : fail(h, "the range ends before it begins");
}

static int around(struct hdb *h, uint64_t addr, const char *what, struct area *ret)
{
	struct he_error *e = he_function_at(h->target, addr, &ret->function);

	if (!e || e->code != E_NO_FILE)
		return e ? fail_error(h, e) : 0;
	he_error_free(e);
	return fail(h, "No function contains %s.", what);
}

static int take_area(struct hdb *h, const char *args, struct area *ret)
{
	const char *comma = find_comma(args);
	const struct he_frame *f;
	uint64_t addr;

	*ret = (struct area){0};
	if (comma)
		return take_range(h, args, comma, &ret->range);
	if (*args)
		return address_eval(h, args, &addr) == 0 ? around(h, addr, "specified address", ret)
							 : 1;
	if (!h->tid)
		return fail(h, "disassemble needs a FUNCTION, an ADDRESS, or FROM,TO");
	f = front_frame(h, NULL);
	return f ? around(h, f->pc, "program counter for selected frame", ret) : 1;
}

/* ---- showing it ------------------------------------------------------------------------ */

static void show_range(struct hdb *h, const struct asked *o, const struct code_style *style,
    const struct he_insns *code, struct mixed *m)
{
	if (o->by_address)
		mixed_by_address(h, style, code, m);
	else if (o->by_line)
		mixed_by_line(h, style, code, m);
	for (size_t i = 0; !o->by_address && !o->by_line && i < code->n && !h->interrupted; i++)
		code_line(h, style, &code->v[i]);
}

static int one_range(struct hdb *h, const struct asked *o, const struct code_style *style,
    const struct he_range *r, struct json_code *json)
{
	struct he_insns *code = NULL;
	struct mixed m = {0};
	struct he_error *e = he_disassemble(h->target, r->lo, r->hi, MOST, code_syntax(h), &code);
	int ret = 0;

	if (code && (o->by_address || o->by_line || json))
		ret = mixed_look(h, code, &m);
	if (code && ret == 0) {
		if (json)
			json_code_add(json, h->target, code, &m);
		else
			show_range(h, o, style, code, &m);
	}
	mixed_free(&m);
	he_insns_free(code);
	return e ? fail_error(h, e) : ret;
}

static void say_head(struct hdb *h, const struct area *a)
{
	fputs("Dump of assembler code ", h->out);
	if (!a->function) {
		fprintf(h->out, "from 0x%" PRIx64 " to 0x%" PRIx64 ":\n", a->range.lo, a->range.hi);
		return;
	}
	fputs("for function ", h->out);
	show_text(h->out, a->function->name);
	fputs(":\n", h->out);
}

static int show(struct hdb *h, const struct asked *o, const struct area *a)
{
	const struct he_range *v = a->function ? a->function->v : &a->range;
	size_t n = a->function ? a->function->n : 1;
	struct code_style style = code_style(h);
	int ret = 0;

	style.whole = true;
	style.bytes = o->bytes;
	style.offsets = a->function;
	style.entry = a->function ? a->function->entry : 0;
	say_head(h, a);
	for (size_t i = 0; i < n && ret == 0 && !h->interrupted; i++) {
		if (n > 1)
			fprintf(h->out, "Address range 0x%" PRIx64 " to 0x%" PRIx64 ":\n", v[i].lo,
			    v[i].hi);
		ret = one_range(h, o, &style, &v[i], NULL);
	}
	if (ret == 0)
		fputs("End of assembler dump.\n", h->out);
	return ret;
}

static int show_json(struct hdb *h, const struct asked *o, const struct area *a)
{
	const struct he_range *v = a->function ? a->function->v : &a->range;
	struct json_code *json = json_code_new(a->function);
	size_t n = a->function ? a->function->n : 1;
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i++)
		ret = one_range(h, o, NULL, &v[i], json);
	return json_code_end(h->out, json, ret == 0) == 0 ? ret : fail(h, "out of memory");
}

int cmd_disassemble(struct hdb *h, const char *args)
{
	struct asked o;
	struct area a;
	int ret;

	if (take_options(h, &args, &o) != 0 || take_area(h, args, &a) != 0)
		return 1;
	ret = o.json ? show_json(h, &o, &a) : show(h, &o, &a);
	area_free(&a);
	return ret;
}
