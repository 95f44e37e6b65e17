/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The expression is evaluated with its reading of the target noted: what it read is what
 * has to be watched, pointers on the way included, as GDB does.
 */
#include "host/engine/watch_value.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/asking.h"
#include "host/errtext.h"

void watch_value_free(struct watch_value *v)
{
	free(v->bytes);
	free(v->text);
	*v = (struct watch_value){.n = 0};
}

bool watch_value_same(const struct watch_value *a, const struct watch_value *b)
{
	return !a->bytes == !b->bytes && a->n == b->n &&
	       (!a->n || !a->bytes || memcmp(a->bytes, b->bytes, a->n) == 0);
}

/* ---- noting what is read -------------------------------------------------------- */

/* In the place of an asking's operations. */
struct noting {
	struct asking a; /* first: the operations below it take it for their argument */
	struct expr_ops ops;
	const struct expr_ops *below;
	struct watch_value *to;	bool of_thread; /* it takes what a thread has of its own */
};

static void note(struct watch_value *v, uint64_t addr, uint64_t len)
{
	for (unsigned i = 0; i < v->n_ranges; i++) {
		struct mem_range *r = &v->range[i];

		if (addr >= r->addr && addr + len <= r->addr + r->len)
			return;
		if (addr == r->addr + r->len) {
			r->len += len;
			return;
		}
	}
	if (v->n_ranges == WATCH_RANGES)
		v->elsewhere = true;
	else
		v->range[v->n_ranges++] = (struct mem_range){addr, len};
}

static struct he_error *noted_read(void *arg, uint64_t addr, void *buf, size_t len)
{
	struct noting *n = arg;

	if (n->to)
		note(n->to, addr, len);
	return n->below->read(arg, addr, buf, len);
}

static struct he_error *noted_register(
    void *arg, const char *name, unsigned dwarf, struct expr_register *ret)
{
	struct noting *n = arg;

	if (n->to)
		n->to->elsewhere = true;
	return n->below->get_register(arg, name, dwarf, ret);
}

static struct he_error *noted_tls(
    void *arg, const struct module *m, uint64_t offset, uint64_t *addr)
{
	struct noting *n = arg;

	n->of_thread = true;
	return n->below->tls(arg, m, offset, addr);
}

static struct he_error *no_write(void *arg, uint64_t addr, const void *buf, size_t len)
{
	(void)arg;
	(void)buf;
	(void)len;
	return he_error_fault(addr, 0, "a watched expression may not change anything.");
}

static void hook(struct noting *n, struct watch_value *to)
{
	n->below = n->a.env.ops;
	n->ops = *n->below;
	n->ops.read = noted_read;
	n->ops.get_register = noted_register;
	n->ops.tls = noted_tls;
	n->ops.write = no_write;
	n->a.env.ops = &n->ops;
	n->to = to;
}

/* ---- reading ------------------------------------------------------------------------ */

static bool ends_all(const struct he_error *err)
{
	return err->code == E_LOST || err->code == E_CANCELLED || err->code == E_NOMEM;
}

/* The value's bytes and text.  What cannot be read is shown as GDB does. */
static struct he_error *fill(struct noting *n, struct value *v, struct watch_value *ret)
{
	static const struct value_format format = {.top = true};
	const uint8_t *bytes;
	struct he_error *err = value_bytes(&n->a.env, v, &bytes, &ret->n);

	if (!err) {
		ret->bytes = malloc(ret->n + 1);
		if (!ret->bytes)
			return he_error_new(E_NOMEM, "out of memory.");
		memcpy(ret->bytes, bytes, ret->n);
		/* What a char pointer points to is shown, but not watched. */
		n->to = NULL;
		err = value_text(&n->a.env, v, &format, &ret->text);
	}
	if (!err || ends_all(err))
		return err;
	if (asprintf(&ret->text, "<error: %s>", err->message) < 0)
		ret->text = NULL;
	he_error_free(err);
	return NULL;
}

/* first: only that memory cannot be read (now) is no error. */
static struct he_error *read_it(
    struct noting *n, const struct expr *x, bool first, struct watch_value *ret)
{
	struct value *v = NULL;
	struct he_error *err = expr_evaluate(&n->a.env, x, &v);

	if (!err)
		err = fill(n, v, ret);
	else if (!ends_all(err) && (!first || err->code == E_FAULT)) {
		if (asprintf(&ret->text, "<error: %s>", err->message) < 0)
			ret->text = NULL;
		he_error_free(err);
		err = NULL;
	}
	value_free(v);
	return err;
}

/* ---- frames ---------------------------------------------------------------------------- */

struct seeking {
	const struct watch_frame *f;
	unsigned index;
	bool found;
};

static bool is_it(void *arg, unsigned index, const struct sym_frame *f)
{
	struct seeking *s = arg;

	if (f->cfa != s->f->cfa || f->level != s->f->level)
		return !f->cfa || f->cfa <= s->f->cfa; /* beyond it */
	s->index = index;
	s->found = true;
	return false;
}

/* The frame's number now. */
static struct he_error *seek(
    struct he_target *t, const struct watch_frame *f, unsigned *index, bool *left)
{
	struct seeking s = {.f = f};
	struct sym_regs first;
	struct symbols *symbols;
	struct he_error *err = target_symbols(t, &symbols);
	unsigned hidden;

	if (!err)
		err = target_sym_regs(t, f->tid, &first);
	if (!err)
		err = symbols_frames(symbols, &first, is_it, &s);
	*left = !err && !s.found;
	hidden = s.found ? target_hidden(t, f->tid) : 0;
	*index = s.index > hidden ? s.index - hidden : 0;
	/* The thread is gone, and its frames with it. */
	if (err && err->code == E_NO_THREAD) {
		*left = true;
		he_error_free(err);
		err = NULL;
	}
	return err;
}

struct he_error *watch_value_read(struct he_target *t, const char *text,
    const struct watch_frame *f, struct watch_value *ret, bool *left)
{
	struct expr *x = NULL;
	struct noting n = {.to = NULL};
	struct he_error *err = NULL;
	unsigned index = 0;

	*left = false;
	*ret = (struct watch_value){.n = 0};
	if (f->local)
		err = seek(t, f, &index, left);
	if (err || *left)
		return err;
	err = asking_open(&n.a, t, f->local ? f->tid : 0, index);
	if (err)
		return err;
	/* Of its thread only what that has of its own: names mean the same everywhere. */
	if (!f->local)
		n.a.tid = f->tid;
	n.a.env.arg = &n;
	hook(&n, ret);
	err = expr_parse(&n.a.env, text, &x);
	if (!err)
		err = read_it(&n, x, false, ret);
	expr_free(x);
	err = asking_close(&n.a, err);
	if (err)
		watch_value_free(ret);
	return err;
}

/* ---- beginning --------------------------------------------------------------------------- */

/* What it is now, in words that mean it anywhere: *(int *) 0x601040. */
static struct he_error *name_location(struct noting *n, const struct expr *x, char **text)
{
	struct value *v = NULL;
	char *type = NULL, *made = NULL;
	uint64_t addr = 0, size;
	struct he_error *err = expr_evaluate(&n->a.env, x, &v);

	if (!err && !value_in_memory(v, &addr, &size))
		err = he_error_new(E_STATE, "%s is not in memory: it has no location.", *text);
	if (!err)
		err = type_text(value_types(v), value_type(v), false, &type);
	if (!err && asprintf(&made, "* (%s *) %#" PRIx64, type, addr) < 0)
		err = he_error_new(E_NOMEM, "out of memory.");
	if (!err) {
		free(*text);
		*text = made;
	}
	free(type);
	value_free(v);
	return err;
}

struct he_error *watch_value_begin(struct he_target *t, uint64_t tid, unsigned index, bool location,
    char **text, struct watch_frame *frame, uint64_t *back, struct watch_value *ret)
{
	struct expr *x = NULL;
	struct noting n = {.to = NULL};
	struct he_error *err = asking_open(&n.a, t, tid, index);
	bool left;

	*ret = (struct watch_value){.n = 0};
	*back = 0;
	*frame = (struct watch_frame){.local = false};
	if (err)
		return err;
	n.a.env.arg = &n;
	hook(&n, ret);
	err = expr_parse(&n.a.env, *text, &x);
	if (!err && expr_changes(x))
		err =
		    he_error_new(E_MALFORMED, "%s changes something: it cannot be watched.", *text);
	if (!err && location)
		err = name_location(&n, x, text);
	else if (!err && n.a.has_frame && expr_is_local(&n.a.env, x)) {
		*frame = (struct watch_frame){true, tid, n.a.frame.cfa, n.a.frame.level};
		*back = n.a.frame.has_caller ? n.a.frame.caller.pc : 0;
	}
	if (!err && !location)
		err = read_it(&n, x, true, ret);
	if (!frame->local && n.of_thread && !location)
		frame->tid = tid;
	expr_free(x);
	err = asking_close(&n.a, err);
	if (err || location)
		watch_value_free(ret);
	return err || !location ? err : watch_value_read(t, *text, frame, ret, &left);
}
