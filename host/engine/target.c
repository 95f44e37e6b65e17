/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/target.h"

#include <stdlib.h>

#include "common/err.h"
#include "common/log.h"
#include "host/engine/breakpoint.h"
#include "host/engine/engine.h"
#include "host/engine/patches.h"
#include "host/engine/raw.h"
#include "host/engine/rendezvous.h"
#include "host/engine/run.h"
#include "host/errtext.h"

enum {
	CACHE_PAGES = 64 * 1024, /* 256 MiB */
	AUXV_MAX = 64 * 1024,
};

/* ---- making and ending ---------------------------------------------------- */

static void append(struct he_engine *e, struct he_target *t)
{
	struct he_target **at = &e->targets;

	while (*at)
		at = &(*at)->next;
	*at = t;
	t->number = t->family = ++e->last_number;
}

struct he_target *target_new(struct he_engine *e, struct he_server *s, const struct target_ops *ops)
{
	struct he_target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct he_target){.ops = ops, .engine = e, .server = s, .exit_status = -1};
	buf_init(&t->auxv, AUXV_MAX);
	t->comm = strdup("");
	t->exe = strdup("");
	t->mem = memcache_new(CACHE_PAGES, false);
	t->run = run_new();
	t->patches = patches_new();
	t->raw = e->config.raw ? raw_new() : NULL;
	append(e, t);
	if (t->comm && t->exe && t->mem && t->run && t->patches && (t->raw || !e->config.raw))
		return t;
	target_free(t);
	return NULL;
}

static void unlink_target(struct he_target *t)
{
	struct he_target **at = &t->engine->targets;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	engine_drop_events(t->engine, t, NULL);
}

void target_free(struct he_target *t)
{
	if (!t)
		return;
	if (t->run && t->patches)
		breakpoints_orphan(t);
	unlink_target(t);
	launched_free(t);
	if (t->ops->free)
		t->ops->free(t);
	symbols_free(t->symbols);
	he_error_free(t->trouble);
	threads_clear(&t->threads);
	maps_free(&t->maps);
	buf_free(&t->auxv);
	memcache_free(t->mem);
	if (t->stepper)
		t->stepper->cancel(t, 0);
	he_value_free(t->result);
	patches_free(t->patches);
	raw_free(t->raw);
	run_free(t->run);
	free(t->comm);
	free(t->exe);
	free(t);
}

void target_set_names(struct he_target *t, struct span comm, struct span exe)
{
	char *c = span_dup(comm), *x = span_dup(exe);

	if (c && x) {
		free(t->comm);
		free(t->exe);
		t->comm = c;
		t->exe = x;
		return;
	}
	free(c);
	free(x);
}

void target_identify(struct he_target *t, const struct wire_rec_proc *p)
{
	t->pid = p->pid;
	t->start = p->start;
	target_set_names(t, p->comm, p->exe);
}

/* ---- what its running does to what we know -------------------------------- */

/* Where the dynamic linker would have told, the modules are still the same. */
static void maps_old(struct he_target *t)
{
	t->maps_retried = false;
	if (!rendezvous_guards(t))
		t->maps_fresh = t->modules_fresh = t->links_fresh = false;
}

void target_ran(struct he_target *t, uint64_t tid)
{
	memcache_flush(t->mem);
	maps_old(t);
	for (size_t i = 0; i < t->threads.n; i++) {
		struct thread *h = &t->threads.v[i];

		if (tid && h->tid != tid)
			continue;
		thread_ran(&t->threads, h);
		h->state = HE_T_RUNNING;
		h->signal = 0;
	}
	if (t->state == HE_STOPPED)
		t->state = HE_RUNNING;
}

void target_forget(struct he_target *t)
{
	memcache_flush(t->mem);
	maps_free(&t->maps);
	buf_free(&t->auxv);
	t->maps_retried = t->maps_fresh = t->modules_fresh = t->links_fresh = false;
	threads_clear(&t->threads);
	symbols_free(t->symbols);
	t->symbols = NULL;
	t->hooks = (struct step_hooks){.stamp = 0};
}

void target_gone(struct he_target *t, int exit_status)
{
	target_forget(t);
	run_executed(t);
	t->state = HE_GONE;
	t->exit_status = exit_status;
}

bool target_stands(const struct he_target *t)
{
	return t->state == HE_STOPPED || t->state == HE_FROZEN;
}

unsigned target_width(const struct he_target *t)
{
	const struct arch *a = arch_find(t->arch_id);

	return a ? a->width : 8;
}

uint64_t target_rd(const struct he_target *t, struct rd *r)
{
	return target_width(t) == 4 ? rd_u32(r) : rd_u64(r);
}

/* ---- around every call ----------------------------------------------------- */

char *target_title(const struct he_target *t, char text[TARGET_TITLE])
{
	char name[TARGET_TITLE - 16];

	log_escape(name, sizeof(name), t->comm, strlen(t->comm));
	snprintf(text, TARGET_TITLE, "%s (%u)", *name ? name : "process", t->pid);
	return text;
}

struct he_error *target_enter(struct he_target *t)
{
	char title[TARGET_TITLE];

	if (t->depth++)
		return NULL;
	engine_pump(t->engine);
	if (t->state == HE_GONE && !t->lost) {
		t->depth--;
		return he_error_new(E_GONE, "%s has ended.", target_title(t, title));
	}
	if (t->lost) {
		t->depth--;
		return server_lost(t->server, t);
	}
	return NULL;
}

struct he_error *target_leave(struct he_target *t, struct he_error *err)
{
	if (--t->depth == 0 && !target_stands(t)) {
		memcache_flush(t->mem);
		maps_old(t);
	}
	if (!err || err->code != E_LOST || !t->server)
		return err;
	he_error_free(err);
	engine_pump(t->engine);
	return server_lost(t->server, t);
}

/* ---- public ----------------------------------------------------------------- */

static enum he_streams streams_of(const struct he_target *t)
{
	if (!t->launched)
		return HE_STREAMS_NONE;
	return launched_terminal(t) ? HE_STREAMS_TERMINAL : HE_STREAMS_PIPES;
}

void he_target_info(const struct he_target *t, struct he_target_info *ret)
{
	*ret = (struct he_target_info){
	    .number = t->number,
	    .state = t->state,
	    .server = t->server,
	    .pid = t->pid,
	    .start = t->start,
	    .comm = t->comm,
	    .exe = t->exe,
	    .address_bytes = target_width(t),
	    .arch = t->arch_id,
	    .launched = launched_here(t),
	    .terminal = launched_here(t) && launched_terminal(t),
	    .streams = streams_of(t),
	    .lost = t->lost,
	    .stopped_ns = t->stopped_ns,
	    .exit_status = t->exit_status,
	};
}

struct he_target *he_target_next(struct he_engine *e, const struct he_target *after)
{
	struct he_target *t = after ? after->next : e->targets;

	while (t && t->hidden)
		t = t->next;
	return t;
}

struct he_error *he_detach(struct he_target *t)
{
	struct he_error *err = NULL;

	t->depth++;
	engine_pump(t->engine);
	if (t->ops->detach && t->state != HE_GONE)
		err = t->ops->detach(t);
	err = target_leave(t, err);
	target_free(t);
	return err;
}

struct he_error *he_facts(struct he_target *t, unsigned what, struct he_facts **ret)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->ops->facts)
		return target_leave(t, he_error_new(E_STATE, "nothing is known of this target."));
	return target_leave(t, t->ops->facts(t, what, ret));
}

/* ---- a file of the target ---------------------------------------------------- */

enum { FILE_STEP = 256 * 1024 };

static struct he_error *read_all(struct he_target *t, const char *path, size_t max, struct buf *b)
{
	for (;;) {
		size_t got = 0, room = max - b->len < FILE_STEP ? max - b->len + 1 : FILE_STEP;
		uint8_t *to = buf_grow(b, room);
		struct he_error *err;
		uint64_t size;

		if (!to)
			return he_error_new(E_NOMEM, "out of memory for %s.", path);
		err = t->ops->file_read(t, path, 0, 0, b->len - room, to, room, &got, &size);
		if (err)
			return err;
		b->len -= room - got;
		if (b->len > max)
			return he_error_new(E_TOO_BIG, "%s is larger than %zu bytes.", path, max);
		if (got < room)
			return NULL;
	}
}

struct he_error *he_file_read(
    struct he_target *t, const char *path, size_t max, void **data, size_t *size)
{
	struct he_error *err = target_enter(t);
	struct buf b;

	if (err)
		return err;
	if (!t->ops->file_read)
		return target_leave(t, he_error_new(E_STATE, "this target has no files."));
	if (max > SIZE_MAX - FILE_STEP)
		max = SIZE_MAX - FILE_STEP;
	buf_init(&b, max + FILE_STEP);
	err = read_all(t, path, max, &b);
	if (err) {
		buf_free(&b);
		return target_leave(t, err);
	}
	*data = b.p;
	*size = b.len;
	return target_leave(t, NULL);
}
