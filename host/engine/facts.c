/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Questions about a process that need no tracing: mappings, auxiliary vector,
 * environment, status.  Those of one call travel together.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

enum { BYTES_MAX = 1024 * 1024 };

struct who who_is(const struct he_target *t)
{
	return (struct who){
	    .server = t->server, .handle = t->handle, .pid = t->pid, .start = t->start};
}

/* ---- requests that are nothing but who ---------------------------------------- */

static struct rpc_call *send_who(const struct who *w, enum wire_type type)
{
	/* facts, maps, auxv and environment have the same two fields. */
	struct wire_maps q = {.pid = w->handle ? 0 : w->pid, .start = w->handle ? 0 : w->start};

	return rpc_ask(w->server->rpc, type, w->handle, &q);
}

static bool maps_piece(void *arg, const struct wire_msg *m)
{
	struct wire_map_list q;

	return wire_decode_map_list(m->body, &q) && maps_put(arg, q.maps);
}

/* What the process may keep to itself is empty then, but a lost link is an error. */
static struct he_error *wait_bytes(struct rpc_call *c, struct buf *b)
{
	struct he_error *err = rpc_each(c, bytes_piece, b);

	if (!err || err->code == E_LOST || err->code == E_CANCELLED)
		return err;
	he_error_free(err);
	buf_reset(b);
	return NULL;
}

struct maps_call maps_send(const struct who *w, bool auxv)
{
	return (struct maps_call){
	    .maps = send_who(w, WIRE_maps),
	    .auxv = auxv ? send_who(w, WIRE_auxv) : NULL,
	};
}

struct he_error *maps_wait(struct maps_call *c, struct maps *maps, struct buf *auxv)
{
	struct he_error *err;

	maps_free(maps);
	err = rpc_each(c->maps, maps_piece, maps);
	if (err || !auxv) {
		rpc_drop(c->auxv);
		return err;
	}
	buf_reset(auxv);
	return wait_bytes(c->auxv, auxv);
}

/* ---- facts ----------------------------------------------------------------------- */

struct fact_box {
	struct he_facts public; /* first: what the caller holds */
	struct arena texts;
	struct maps maps;
};

void he_facts_free(struct he_facts *f)
{
	struct fact_box *b = (struct fact_box *)f;

	if (!b)
		return;
	maps_free(&b->maps);
	arena_free(&b->texts);
	free(b);
}

static bool facts_piece(void *arg, const struct wire_msg *m)
{
	struct fact_box *b = arg;
	struct wire_fact_list q;
	struct wire_rec_proc r;

	if (!wire_decode_fact_list(m->body, &q) || !wire_next_proc(&q.procs, &r) ||
	    !process_copy(&b->texts, &b->public.process, &r))
		return false;
	b->public.cwd = arena_str(&b->texts, q.cwd);
	b->public.root = arena_str(&b->texts, q.root);
	b->public.status = arena_str(&b->texts, q.status);
	b->public.user_name = b->public.process.user;
	b->public.caps = q.caps;
	return !b->texts.bad;
}

static bool set_environ(struct fact_box *b, const struct buf *text)
{
	size_t n = 0, used = 0;
	char **v;

	for (size_t i = 0; i < text->len; i++)
		n += text->p[i] == 0;
	v = arena_array(&b->texts, n + 2, sizeof(char *));
	for (n = 0; v && used < text->len; n++) {
		size_t len = strnlen((const char *)text->p + used, text->len - used);

		v[n] = arena_alloc(&b->texts, len + 1);
		if (!v[n])
			return false;
		memcpy(v[n], text->p + used, len);
		used += len + 1;
	}
	b->public.environ = v;
	return v != NULL;
}

static bool set_auxv(struct fact_box *b, const struct he_target *t, const struct buf *raw)
{
	struct rd r = rd_init(raw->p, raw->len);
	size_t n = raw->len / ((size_t)2 * target_width(t));

	b->public.auxv = arena_array(&b->texts, n, sizeof(*b->public.auxv));
	for (size_t i = 0; b->public.auxv && i < n; i++) {
		b->public.auxv[i].type = target_rd(t, &r);
		b->public.auxv[i].value = target_rd(t, &r);
		b->public.n_auxv++;
		if (!b->public.auxv[i].type) /* behind AT_NULL the kernel has zeros */
			break;
	}
	return b->public.auxv != NULL;
}

static struct he_error *take_environ(struct fact_box *b, struct rpc_call *c)
{
	struct he_error *err;
	struct buf text;

	buf_init(&text, BYTES_MAX);
	err = wait_bytes(c, &text);
	if (!err && text.len && !set_environ(b, &text))
		err = he_error_new(E_NOMEM, "out of memory.");
	buf_free(&text);
	return err;
}

static struct he_error *take_maps(
    struct fact_box *b, const struct he_target *t, struct maps_call *c, bool auxv)
{
	struct he_error *err;
	struct buf raw;

	buf_init(&raw, BYTES_MAX);
	err = maps_wait(c, &b->maps, auxv ? &raw : NULL);
	if (!err && !set_auxv(b, t, &raw))
		err = he_error_new(E_NOMEM, "out of memory.");
	buf_free(&raw);
	b->public.maps = b->maps.v;
	b->public.n_maps = b->maps.n;
	return err;
}

struct he_error *facts_ask(struct he_target *t, unsigned what, struct he_facts **ret)
{
	struct who w = who_is(t);
	bool maps = what & (HE_FACTS_MAPS | HE_FACTS_AUXV);
	struct fact_box *b = calloc(1, sizeof(*b));
	struct rpc_call *facts, *env = NULL;
	struct maps_call m = {0};
	struct he_error *err;

	if (!b)
		return he_error_new(E_NOMEM, "out of memory.");
	facts = send_who(&w, WIRE_facts);
	if (what & HE_FACTS_ENVIRON)
		env = send_who(&w, WIRE_environment);
	if (maps)
		m = maps_send(&w, what & HE_FACTS_AUXV);
	err = rpc_each(facts, facts_piece, b);
	if (!err && env) {
		err = take_environ(b, env);
		env = NULL;
	}
	if (!err && maps) {
		err = take_maps(b, t, &m, what & HE_FACTS_AUXV);
		m = (struct maps_call){0};
	}
	rpc_drop(env);
	rpc_drop(m.maps);
	rpc_drop(m.auxv);
	if (err)
		he_facts_free(&b->public);
	else
		*ret = &b->public;
	return err;
}
