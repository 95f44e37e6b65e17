/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading a target's memory through its cache.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/engine/raw.h"
#include "host/engine/target.h"

enum {
	LINE = 1024,         /* a small read of a standing target brings its surroundings */
	DIRECT = 256 * 1024, /* from here on straight into the caller's buffer */
	CHUNK_MAX = 64 * 1024 * 1024, /* of a chunk nobody asked for, so much is believed */
};

void target_put_chunk(void *target, const struct wire_rec_chunk *c)
{
	struct he_target *t = target;
	uint64_t len = c->len < CHUNK_MAX ? c->len : CHUNK_MAX;

	if (c->space)
		return;
	if (t->raw)
		raw_note_code(t, c);
	if (c->kind == WIRE_BYTES && c->data.n == c->len)
		memcache_put(t->mem, c->addr, c->data.p, c->data.n);
	else if (c->kind == WIRE_ZEROS)
		memcache_put_zeros(t->mem, c->addr, len);
	else if (c->kind == WIRE_UNREADABLE && t->raw) {
		/* What lies behind that page was not looked at, and a debugger asks anew. */
		uint64_t rest = MEMCACHE_PAGE - (c->addr & (MEMCACHE_PAGE - 1));

		memcache_put_unreadable(t->mem, c->addr, len < rest ? len : rest, c->os_errno);
	} else if (c->kind == WIRE_UNREADABLE)
		memcache_put_unreadable(t->mem, c->addr, len, c->os_errno);
}

/* ---- many ranges into the cache --------------------------------------------- */

struct ranges {
	struct mem_range *v;
	size_t n, cap;
};

static bool ranges_add(struct ranges *r, struct mem_range m)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		struct mem_range *v = realloc(r->v, cap * sizeof(*v));

		if (!v)
			return false;
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n++] = m;
	return true;
}

/* What of a range is not known yet. */
static bool add_missing(struct ranges *r, const struct memcache *c, struct mem_range want)
{
	uint64_t end = want.addr + want.len;

	while (want.len) {
		struct mem_range m = memcache_missing(c, want.addr, want.len);

		if (!m.len)
			return true;
		if (!ranges_add(r, m))
			return false;
		want.addr = m.addr + m.len;
		want.len = end - want.addr;
	}
	return true;
}

struct he_error *target_prefetch(struct he_target *t, const struct mem_range *v, size_t n)
{
	struct ranges r = {0};
	struct he_error *err = NULL;
	bool enough = true;

	for (size_t i = 0; i < n && enough; i++)
		enough = add_missing(&r, t->mem, v[i]);
	if (!enough)
		err = he_error_new(E_NOMEM, "out of memory.");
	else if (r.n && t->ops->mem_read)
		err = t->ops->mem_read(t, r.v, r.n, target_put_chunk, t);
	free(r.v);
	return err;
}

/* ---- one range to the caller -------------------------------------------------- */

struct direct {
	uint64_t addr;
	uint8_t *buf;
	size_t got;
	bool ended; /* at something unreadable */
	int why;
};

static void into_buffer(void *arg, const struct wire_rec_chunk *c)
{
	struct direct *d = arg;

	if (d->ended)
		return;
	if (c->kind == WIRE_BYTES) {
		memcpy(d->buf + (c->addr - d->addr), c->data.p, c->data.n);
	} else if (c->kind == WIRE_ZEROS) {
		memset(d->buf + (c->addr - d->addr), 0, (size_t)c->len);
	} else {
		d->ended = true;
		d->why = c->os_errno;
		return;
	}
	d->got += (size_t)c->len;
}

static struct he_error *read_direct(
    struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got, int *why)
{
	struct direct d = {.addr = addr, .buf = buf};
	struct mem_range r = {addr, len};
	struct he_error *err = t->ops->mem_read(t, &r, 1, into_buffer, &d);

	*got = d.got;
	*why = d.why;
	return err;
}

/* The lines around a small range, when the target stands: its neighbourhood will
 * probably be asked for next.  Never crosses into a page that was not asked for. */
static struct mem_range surroundings(struct he_target *t, uint64_t addr, size_t len)
{
	uint64_t lo = addr & ~(uint64_t)(LINE - 1), last = (addr + len - 1) | (LINE - 1);

	if (!target_stands(t))
		return (struct mem_range){addr, len};
	if (t->raw)
		return raw_surroundings(t, addr, len);
	return (struct mem_range){lo, last - lo + 1};
}

struct he_error *target_read(
    struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got, int *why)
{
	struct he_error *err = NULL;
	struct mem_range r;
	int known = 0;

	if (addr && len > -addr)
		len = (size_t)-addr;
	*got = 0;
	*why = 0;
	if (!len)
		return NULL;
	*got = memcache_get(t->mem, addr, buf, len, &known);
	if (*got == len || known) {
		*why = known;
		return NULL;
	}
	if (!t->ops->mem_read)
		return NULL;
	if (len >= DIRECT)
		return read_direct(t, addr, buf, len, got, why);
	r = surroundings(t, addr, len);
	err = target_prefetch(t, &r, 1);
	if (!err)
		*got = memcache_get(t->mem, addr, buf, len, why);
	return err;
}

struct he_error *target_code(
    struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got, bool *file)
{
	int why = 0;

	*file = false;
	*got = memcache_get(t->mem, addr, buf, len, &why);
	if (*got == len)
		return NULL;
	if (t->raw && raw_code(t, addr, buf, len) == len) {
		*got = len;
		*file = true;
		return NULL;
	}
	if (t->symbols && !t->code_differs) {
		*got = symbols_code(t->symbols, addr, buf, len);
		*file = *got != 0;
		if (*got)
			return NULL;
	}
	return target_read(t, addr, buf, len, got, &why);
}

struct he_error *he_read(struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got)
{
	struct he_error *err = target_enter(t);
	size_t n = 0;
	int why = 0;

	if (got)
		*got = 0;
	if (err)
		return err;
	err = target_read(t, addr, buf, len, &n, &why);
	if (got)
		*got = n;
	if (!err && n < len)
		err = he_error_fault(
		    addr + n, why, "memory at %#" PRIx64 " cannot be read.", addr + n);
	return target_leave(t, err);
}
