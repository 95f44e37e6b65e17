/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/hdb/mixed.h"

/* Length of the UTF-8 sequence at p, 0 when it is none (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
static size_t utf8(const unsigned char *p)
{
	static const struct {
		unsigned char lo, hi, second_lo, second_hi, len;
	} forms[] = {
	    {0x01, 0x7f, 0, 0, 1},
	    {0xc2, 0xdf, 0x80, 0xbf, 2},
	    {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3},
	    {0xed, 0xed, 0x80, 0x9f, 3},
	    {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4},
	    {0xf1, 0xf3, 0x80, 0xbf, 4},
	    {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].lo || p[0] > forms[i].hi)
			continue;
		if (forms[i].len > 1 && (p[1] < forms[i].second_lo || p[1] > forms[i].second_hi))
			return 0;
		/* A NUL ends the loop, so nothing behind it is read. */
		for (size_t k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

static json_t *text(const char *s)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *clean = NULL;
	size_t size, n;
	json_t *ret;
	FILE *f;

	if (!s)
		return json_null();
	f = open_memstream(&clean, &size);
	if (!f)
		return NULL;
	for (; *s; s += n ? n : 1) {
		n = utf8((const unsigned char *)s);
		fputs(n ? "" : replacement, f);
		fwrite(s, 1, n, f);
	}
	ret = fclose(f) == 0 ? json_stringn(clean, size) : NULL;
	free(clean);
	return ret;
}

static json_t *address(uint64_t v)
{
	return json_sprintf("0x%llx", (unsigned long long)v);
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* The object is freed; it counts as out of memory when a member of it was.  Only ASCII
 * goes out, for it may be a terminal that shows it. */
static int dump(FILE *f, json_t *o)
{
	int ret = o ? json_dumpf(o, f, JSON_ENSURE_ASCII) : -1;

	json_decref(o);
	fputc('\n', f);
	return ret;
}

static json_t *process(const struct he_process *p)
{
	return json_pack("{so so so so so so so so so so so so so so}", "pid", number(p->pid),
	    "ppid", number(p->ppid), "user", text(p->user), "uid", number(p->uid), "gid",
	    number(p->gid), "threads", number(p->threads), "unit",
	    text(p->unit && *p->unit ? p->unit : NULL), "exe",
	    text(p->exe && *p->exe ? p->exe : NULL), "args", text(p->args), "start",
	    number(p->start), "comm", text(p->comm), "state",
	    json_sprintf("%c", p->state > ' ' ? p->state : '?'), "tracer", number(p->tracer),
	    "kernel_thread", json_boolean(p->kernel_thread));
}

int json_processes(FILE *f, const struct he_processes *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list, process(&p->v[i]));
	return dump(f, json_pack("{so so}", "processes", list, "truncated", number(p->truncated)));
}

static const char *end_name(enum he_end end)
{
	static const char *const names[] = {
	    [HE_END_OUTERMOST] = "outermost",
	    [HE_END_WINDOW] = "window",
	    [HE_END_FAULT] = "fault",
	    [HE_END_NO_CFI] = "no-cfi",
	    [HE_END_BAD] = "bad",
	    [HE_END_MAX] = "max",
	    [HE_END_RUNNING] = "running",
	};

	return (size_t)end < sizeof(names) / sizeof(names[0]) ? names[end] : "bad";
}

static json_t *frame(const struct he_frame *v)
{
	return json_pack("{so so so so so so so so so so so so}", "pc", address(v->pc), "function",
	    text(v->function), "file", text(v->file), "line",
	    v->line ? number(v->line) : json_null(), "inlined", json_boolean(v->inlined), "module",
	    text(v->module), "build_id", text(v->build_id), "signal", json_boolean(v->signal),
	    "linkage", text(v->linkage), "offset", number(v->offset), "directory",
	    text(v->directory), "column", v->column ? number(v->column) : json_null());
}

/* That one stack cannot be read is its own end, not the snapshot's. */
static struct he_error *thread(struct he_target *t, const struct he_thread *v, json_t **ret)
{
	struct he_stack *s = NULL;
	struct he_error *e = he_backtrace(t, v->tid, 0, &s);
	json_t *frames;

	if (e && (e->code == E_CANCELLED || e->code == E_LOST))
		return e;
	frames = json_array();
	for (size_t i = 0; s && i < s->n; i++)
		json_array_append_new(frames, frame(&s->v[i]));
	*ret = json_pack("{so so so so so}", "tid", number(v->tid), "name", text(v->name), "end",
	    json_string(s ? end_name(s->end) : "bad"), "end_text",
	    text(s ? s->end_text : e->message), "frames", frames);
	he_error_free(e);
	he_stack_free(s);
	return NULL;
}

static int by_tid(const void *a, const void *b)
{
	uint64_t x = ((const struct he_thread *)a)->tid, y = ((const struct he_thread *)b)->tid;

	return x < y ? -1 : x > y;
}

static struct he_error *all_threads(struct he_target *t, json_t *list)
{
	struct he_threads *threads;
	struct he_error *e = he_threads(t, &threads);
	json_t *one;

	if (e)
		return e;
	if (threads->n)
		qsort(threads->v, threads->n, sizeof(*threads->v), by_tid);
	for (size_t n = 0; !e && n < threads->n; n++) {
		e = thread(t, &threads->v[n], &one);
		if (!e)
			json_array_append_new(list, one);
	}
	he_threads_free(threads);
	return e;
}

struct he_error *json_snapshot(FILE *f, struct he_target *t)
{
	struct he_target_info i;
	json_t *list = json_array();
	struct he_error *e = all_threads(t, list);

	if (e) {
		json_decref(list);
		return e;
	}
	he_target_info(t, &i);
	dump(f, json_pack("{so so so so so so}", "pid", number(i.pid), "stopped_us",
		    number(i.stopped_ns / 1000), "threads", list, "start", number(i.start), "comm",
		    text(i.comm), "exe", text(i.exe)));
	return NULL;
}

/* ---- code -------------------------------------------------------------------------- */

struct json_code {
	json_t *object, *list;
	uint64_t entry;
	bool function;
};

struct json_code *json_code_new(const struct he_function *f)
{
	struct json_code *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->list = json_array();
	c->function = f;
	c->entry = f ? f->entry : 0;
	c->object = json_pack("{so so so}", "function", text(f ? f->name : NULL), "entry",
	    f ? address(f->entry) : json_null(), "instructions", c->list);
	return c;
}

static json_t *hex(const uint8_t *p, size_t n)
{
	char digits[2 * sizeof(((struct he_insn *)0)->bytes) + 1] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(digits + 2 * i, 3, "%02x", p[i]);
	return json_string(digits);
}

/* What an instruction's target is called: name and distance from it. */
static void add_symbol(json_t *o, struct he_target *t, const struct he_insn *i)
{
	struct he_symbol *s = NULL;

	if (i->has_target)
		he_error_free(he_symbol_at(t, i->target, &s));
	if (s && s->size && i->target - s->addr >= s->size) {
		he_symbol_free(s);
		s = NULL;
	}
	json_object_set_new(o, "target", i->has_target ? address(i->target) : json_null());
	json_object_set_new(o, "target_symbol", text(s ? s->name : NULL));
	json_object_set_new(o, "target_offset", s ? number(i->target - s->addr) : json_null());
	he_symbol_free(s);
}

void json_code_add(struct json_code *to, struct he_target *t, const struct he_insns *code,
    const struct mixed *lines)
{
	for (size_t n = 0; to && n < code->n; n++) {
		const struct he_insn *i = &code->v[n];
		const struct mixed_line *at = &lines->v[n];
		int64_t offset = (int64_t)(i->addr - to->entry);
		json_t *o = json_pack("{so so so so so so}", "address", address(i->addr), "offset",
		    to->function ? json_integer(offset) : json_null(), "bytes",
		    hex(i->bytes, i->len), "text", text(i->text), "file",
		    text(at->line ? lines->files[at->file].name : NULL), "line",
		    at->line ? number(at->line) : json_null());

		add_symbol(o, t, i);
		json_array_append_new(to->list, o);
	}
}

int json_code_end(FILE *f, struct json_code *c, bool tell)
{
	int ret = -1;

	if (c && tell)
		ret = dump(f, c->object);
	else if (c)
		json_decref(c->object);
	if (c && !tell)
		ret = 0;
	free(c);
	return ret;
}
