/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The dynamic linker's lists, by what the program's own headers say, without symbols:
 * program headers, the dynamic section's DT_DEBUG, struct r_debug of each namespace and
 * its struct link_maps (link.h).  What of it stands at known places is read at once.
 */
#include <elf.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/arena.h"
#include "host/engine/raw_parts.h"
#include "host/errtext.h"

enum {
	LINK_WORDS = 5,
	LINK_NEXT_AT = 3,
	LINKS_MAX = 16384,
	DEBUG_WORDS = 6, /* of struct r_debug_extended: version, map, brk, state, base, next */
	NAMESPACES = 16,
	NAME_BYTES = 256, /* of each are fetched with the others' */
	NAME_MOST = 4096, /* PATH_MAX */
	HEADERS_MOST = 64,
	DYNAMIC_MOST = 4096,   /* bytes of a dynamic section that are looked at */
	DATA_MOST = 16 * 1024, /* of a mapping that is fetched ahead */
	AHEAD = 16,            /* mappings */
	PROT_EXEC_ = 4,        /* of wire.def's map.prot */
};

/* Texts and list in one, so that it can be handed out. */
struct kept {
	struct he_links links;
	struct arena texts;
	uint64_t *names;
	uint64_t lmid; /* of the nodes that come */
	const struct he_target *of;
	bool bad;
};

void he_links_free(struct he_links *p)
{
	struct kept *k = (struct kept *)p;

	if (!k)
		return;
	arena_free(&k->texts);
	free(k->names);
	free(k->links.v);
	free(k);
}

/* ---- words of the target ------------------------------------------------------------ */

/* n words at addr; fewer when they cannot be read. */
static struct he_error *words(
    struct he_target *t, uint64_t addr, uint64_t *v, size_t n, size_t *got)
{
	unsigned width = target_width(t);
	uint8_t raw[8 * DEBUG_WORDS];
	size_t bytes = 0;
	int why;
	struct he_error *err = target_read(t, addr, raw, n * width, &bytes, &why);
	struct rd r = rd_init(raw, bytes);

	for (*got = 0; !err && *got < n && r.left >= width; ++*got)
		v[*got] = target_rd(t, &r);
	return err;
}

/* ---- where struct r_debug is ---------------------------------------------------------- */

struct header {
	uint32_t type;
	uint64_t addr, size;
};

static bool next_header(const struct he_target *t, struct rd *r, struct header *ret)
{
	Elf64_Phdr wide = {0};
	Elf32_Phdr narrow = {0};

	if (target_width(t) == 8) {
		rd_raw(r, &wide, sizeof(wide));
		*ret = (struct header){wide.p_type, wide.p_vaddr, wide.p_memsz};
	} else {
		rd_raw(r, &narrow, sizeof(narrow));
		*ret = (struct header){narrow.p_type, narrow.p_vaddr, narrow.p_memsz};
	}
	return !r->bad;
}

/* Where the dynamic section of the program is; 0 = it has none. */
static struct he_error *find_dynamic(struct he_target *t, uint64_t *at, uint64_t *size)
{
	uint64_t phdr = target_auxv(t, AT_PHDR), n = target_auxv(t, AT_PHNUM), bias = 0;
	size_t one = target_width(t) == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), got = 0;
	uint8_t raw[HEADERS_MOST * sizeof(Elf64_Phdr)];
	struct header h;
	struct he_error *err;
	struct rd r;
	int why;

	*at = 0;
	if (!phdr || !n)
		return NULL;
	err = target_read(t, phdr, raw, (n < HEADERS_MOST ? n : HEADERS_MOST) * one, &got, &why);
	r = rd_init(raw, got);
	while (!err && next_header(t, &r, &h)) {
		if (h.type == PT_PHDR)
			bias = phdr - h.addr;
		if (h.type == PT_DYNAMIC) {
			*at = h.addr;
			*size = h.size;
		}
	}
	*at = *at ? *at + bias : 0;
	return err;
}

static struct he_error *find_debug(struct he_target *t)
{
	uint64_t at, size = 0, pair[2] = {DT_NULL + 1, 0};
	struct he_error *err = find_dynamic(t, &at, &size);
	unsigned width = target_width(t);
	size_t got = 2;

	for (uint64_t i = 0;
	     !err && at && got == 2 && pair[0] != DT_NULL && i < size && i < DYNAMIC_MOST;
	     i += UINT64_C(2) * width) {
		err = words(t, at + i, pair, 2, &got);
		if (got != 2 || pair[0] != DT_DEBUG)
			continue;
		t->raw->dt_debug = at + i + width;
		t->raw->r_debug = pair[1];
	}
	return err;
}

/* Program headers, the dynamic section and the linker's data stand in few mappings. */
struct he_error *raw_fetch_ahead(struct he_target *t, struct mem_range page)
{
	uint64_t phdr = target_auxv(t, AT_PHDR), base = target_auxv(t, AT_BASE);
	const struct he_mapping *program = maps_find(&t->maps, phdr);
	const struct he_mapping *linker = maps_find(&t->maps, base);
	struct mem_range v[AHEAD + 1] = {page};
	size_t n = 1;

	for (size_t i = 0; i < t->maps.n && n < AHEAD; i++) {
		const struct he_mapping *m = &t->maps.v[i];
		bool of_program = program && m->ino == program->ino && m->dev == program->dev;
		bool of_linker = linker && m->ino == linker->ino && m->dev == linker->dev;
		uint64_t len = m->hi - m->lo, most = m->offset ? DATA_MOST : MEMCACHE_PAGE;

		if (!m->ino || (m->prot & PROT_EXEC_) || !(of_program || of_linker))
			continue;
		v[n++] = (struct mem_range){m->lo, len < most ? len : most};
	}
	t->raw->ahead = true;
	return target_prefetch(t, v, n);
}

/* ---- the lists ---------------------------------------------------------------------------- */

static void add_node(void *arg, const struct wire_rec_node *n)
{
	struct kept *k = arg;
	struct he_links *l = &k->links;
	struct rd r = rd_init(n->data.p, n->data.n);
	uint64_t addr = target_rd(k->of, &r), name = target_rd(k->of, &r),
		 ld = target_rd(k->of, &r);

	if (r.bad || l->n >= LINKS_MAX)
		return;
	if (!raw_grow((void **)&l->v, l->n, sizeof(*l->v)) ||
	    !raw_grow((void **)&k->names, l->n, sizeof(*k->names))) {
		k->bad = true;
		return;
	}
	k->names[l->n] = name;
	l->v[l->n++] =
	    (struct he_link){.name = "", .lm = n->addr, .addr = addr, .ld = ld, .lmid = k->lmid};
}

static struct he_error *read_name(struct he_target *t, uint64_t addr, char text[NAME_MOST])
{
	size_t at = 0, got = NAME_BYTES;
	int why;

	*text = 0;
	while (addr && at + NAME_BYTES <= NAME_MOST && got == NAME_BYTES) {
		struct he_error *err = target_read(t, addr + at, text + at, NAME_BYTES, &got, &why);

		if (err || memchr(text + at, 0, got))
			return err;
		at += got;
	}
	/* It does not end where it can be read: not a name. */
	*text = 0;
	return NULL;
}

static struct he_error *read_names(struct he_target *t, struct kept *k)
{
	struct mem_range *v = calloc(k->links.n + 1, sizeof(*v));
	struct he_error *err = NULL;
	char text[NAME_MOST];

	for (size_t i = 0; v && i < k->links.n; i++)
		v[i] = (struct mem_range){k->names[i], k->names[i] ? NAME_BYTES : 0};
	if (v)
		err = target_prefetch(t, v, k->links.n);
	for (size_t i = 0; i < k->links.n && !err; i++) {
		err = read_name(t, k->names[i], text);
		k->links.v[i].name = arena_str(&k->texts, span_str(text));
	}
	if (!err && (!v || k->bad || k->texts.bad))
		err = he_error_new(E_NOMEM, "out of memory.");
	free(v);
	return err;
}

/* Namespace by namespace; only a version beyond 1 says that there are more. */
static struct he_error *walk(struct he_target *t, struct kept *k)
{
	unsigned width = target_width(t);
	uint64_t at = k->links.r_debug, w[DEBUG_WORDS];
	struct he_error *err = NULL;

	for (int i = 0; at && i < NAMESPACES && !err; i++) {
		size_t got;

		err = words(t, at, w, DEBUG_WORDS, &got);
		if (err || got < 2)
			break;
		k->lmid = at;
		if (w[1])
			err = t->ops->mem_walk(t, w[1], LINK_NEXT_AT * width, LINK_WORDS * width,
			    LINKS_MAX, add_node, k);
		at = got == DEBUG_WORDS && (uint32_t)w[0] > 1 ? w[DEBUG_WORDS - 1] : 0;
	}
	return err;
}

static struct he_error *look_for_debug(struct he_target *t)
{
	struct he_error *err = NULL;

	if (t->raw->r_debug)
		return NULL;
	err = raw_fetch_ahead(t, (struct mem_range){0});
	return err ? err : find_debug(t);
}

static struct he_error *load(struct he_target *t, struct kept *k)
{
	struct he_error *err = t->auxv.len ? NULL : target_load_maps(t, true);

	k->of = t;
	if (!err)
		err = look_for_debug(t);
	k->links.r_debug = t->raw->r_debug;
	k->links.unlisted = !err && !t->raw->dt_debug;
	if (!err)
		err = walk(t, k);
	if (!err)
		err = read_names(t, k);
	if (!err && k->links.n)
		k->links.main_lm = k->links.v[0].lm;
	return err;
}

struct he_error *he_links(struct he_target *t, struct he_links **ret)
{
	struct he_error *err = target_enter(t);
	struct kept *k;

	if (err)
		return err;
	if (!t->raw || !t->ops->mem_walk)
		return target_leave(t, he_error_new(E_STATE, "this target has no such list."));
	k = calloc(1, sizeof(*k));
	err = k ? load(t, k) : he_error_new(E_NOMEM, "out of memory.");
	if (err)
		he_links_free(&k->links);
	else
		*ret = &k->links;
	return target_leave(t, err);
}

struct he_error *he_dt_debug(struct he_target *t, uint64_t *ret)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->raw)
		return target_leave(t, he_error_new(E_STATE, "this target has no such list."));
	err = t->auxv.len ? NULL : target_load_maps(t, true);
	if (!err)
		err = look_for_debug(t);
	if (!err)
		*ret = t->raw->dt_debug;
	return target_leave(t, err);
}
