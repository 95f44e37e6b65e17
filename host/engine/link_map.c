/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the dynamic linker has loaded: from the auxiliary vector to r_debug, along its
 * list of link maps in one request, and all their names in another.
 */
#include <elf.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/arena.h"
#include "host/errtext.h"
#include "host/engine/target.h"

enum {
	/* struct r_debug and struct link_map of link.h, in addresses */
	R_MAP_AT = 1,
	LINK_WORDS = 5,
	LINK_NEXT_AT = 3,
	LINKS_MAX = 16384,
	NAME_BYTES = 256, /* of each are fetched with the others' */
	NAME_MAX_ = 4096, /* PATH_MAX */
};

struct links {
	const struct he_target *of;
	struct sym_link *v;
	uint64_t *names;
	size_t n, cap;
	struct arena texts;
	bool bad;
};

/* The kernel keeps the vector in words of the program's own width. */
uint64_t target_auxv(const struct he_target *t, uint64_t type)
{
	struct rd r = rd_init(t->auxv.p, t->auxv.len);
	unsigned width = target_width(t);

	while (r.left >= (size_t)2 * width) {
		uint64_t key = target_rd(t, &r), value = target_rd(t, &r);

		if (key == type)
			return value;
	}
	return 0;
}

static bool make_room(struct links *l)
{
	size_t cap = l->cap ? l->cap * 2 : 32;
	struct sym_link *v;
	uint64_t *names;

	if (l->n < l->cap)
		return true;
	v = realloc(l->v, cap * sizeof(*v));
	if (v)
		l->v = v;
	names = realloc(l->names, cap * sizeof(*names));
	if (names)
		l->names = names;
	if (!v || !names)
		return false;
	l->cap = cap;
	return true;
}

static void add_node(void *arg, const struct wire_rec_node *n)
{
	struct rd r = rd_init(n->data.p, n->data.n);
	struct links *l = arg;
	uint64_t bias = target_rd(l->of, &r), name = target_rd(l->of, &r),
		 dynamic = target_rd(l->of, &r);

	if (r.bad || l->n >= LINKS_MAX)
		return;
	if (!make_room(l)) {
		l->bad = true;
		return;
	}
	l->names[l->n] = name;
	l->v[l->n++] = (struct sym_link){.at = n->addr, .bias = bias, .dynamic = dynamic, .name = ""};
}

static struct he_error *prefetch_names(struct he_target *t, const struct links *l)
{
	struct mem_range *v = calloc(l->n + 1, sizeof(*v));
	struct he_error *err;

	if (!v)
		return he_error_new(E_NOMEM, "out of memory.");
	for (size_t i = 0; i < l->n; i++)
		v[i] = (struct mem_range){l->names[i], l->names[i] ? NAME_BYTES : 0};
	err = target_prefetch(t, v, l->n);
	free(v);
	return err;
}

/* A name; nearly always within what was prefetched. */
static struct he_error *read_name(struct he_target *t, uint64_t addr, char text[NAME_MAX_])
{
	size_t at = 0;

	*text = 0;
	while (addr && at + NAME_BYTES <= NAME_MAX_) {
		size_t got;
		int why;
		struct he_error *err = target_read(t, addr + at, text + at, NAME_BYTES, &got, &why);

		if (err)
			return err;
		if (memchr(text + at, 0, got))
			return NULL;
		at += got;
		if (got < NAME_BYTES)
			break;
	}
	/* It does not end where it can be read: not a name. */
	*text = 0;
	return NULL;
}

static struct he_error *read_names(struct he_target *t, struct links *l)
{
	struct he_error *err = prefetch_names(t, l);
	char text[NAME_MAX_];

	for (size_t i = 0; i < l->n && !err; i++) {
		err = read_name(t, l->names[i], text);
		l->v[i].name = arena_str(&l->texts, span_str(text));
	}
	if (!err && (l->bad || l->texts.bad))
		err = he_error_new(E_NOMEM, "out of memory.");
	return err;
}

/* No list, or one that cannot be followed, is no failure: a static program has none,
 * and one that has only begun has none yet.  The mappings tell most of it. */
static struct he_error *load(struct he_target *t, struct links *l)
{
	uint64_t at = symbols_r_debug(t->symbols, target_auxv(t, AT_PHDR), target_auxv(t, AT_PHNUM),
	    target_auxv(t, AT_ENTRY));
	unsigned width = target_width(t);
	uint8_t raw[8];
	size_t got = 0;
	struct he_error *err = target_symbol_trouble(t);
	struct rd r = rd_init(raw, width);
	uint64_t head;
	int why;

	if (err || !at)
		return err;
	err = target_read(t, at + (uint64_t)R_MAP_AT * width, raw, width, &got, &why);
	head = got == width ? target_rd(t, &r) : 0;
	if (err || !head)
		return err;
	l->of = t;
	err = t->ops->mem_walk(
	    t, head, LINK_NEXT_AT * width, LINK_WORDS * width, LINKS_MAX, add_node, l);
	if (!err)
		err = read_names(t, l);
	if (!err)
		err = symbols_set_links(t->symbols, l->v, l->n);
	return err;
}

struct he_error *target_linked_symbols(struct he_target *t, struct symbols **ret)
{
	struct he_error *err = target_symbols(t, ret);
	struct links l = {0};

	if (err || t->links_fresh || !t->ops->mem_walk)
		return err;
	err = load(t, &l);
	arena_free(&l.texts);
	free(l.v);
	free(l.names);
	if (err && err->code != E_LOST && err->code != E_CANCELLED) {
		he_error_free(err);
		err = NULL;
	}
	t->links_fresh = !err;
	return err;
}
