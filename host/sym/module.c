/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A module is a run of mappings of one file, with only anonymous mappings (its bss,
 * text remapped to huge pages) between them, of which one is executable.  A second
 * run that starts over at a lower file offset is another instance (dlmopen).
 */
#include "host/sym/module.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/symfile.h"

enum { PROT_W = 2, PROT_X = 4 };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void build_id_set(struct build_id *id, const void *bytes, size_t n)
{
	static const char digit[] = "0123456789abcdef";

	*id = (struct build_id){.n = 0};
	if (n > BUILD_ID_MAX)
		return;
	id->n = n;
	if (n)
		memcpy(id->bytes, bytes, n);
	for (size_t i = 0; i < n; i++) {
		id->hex[2 * i] = digit[id->bytes[i] >> 4];
		id->hex[2 * i + 1] = digit[id->bytes[i] & 15];
	}
}

void build_id_parse(const char *hex, struct build_id *ret)
{
	uint8_t bytes[BUILD_ID_MAX];
	size_t n = hex ? strnlen(hex, (size_t)2 * BUILD_ID_MAX + 1) : 0;

	*ret = (struct build_id){.n = 0};
	if (n % 2 || n / 2 > BUILD_ID_MAX)
		return;
	for (size_t i = 0; i < n / 2; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	build_id_set(ret, bytes, n / 2);
}

bool build_id_equal(const struct build_id *a, const struct build_id *b)
{
	return a->n && a->n == b->n && !memcmp(a->bytes, b->bytes, a->n);
}

static void module_free(struct module *m)
{
	if (!m)
		return;
	symfile_free(m->file);
	free(m->name);
	free(m->link_name);
	free(m->part);
	free(m->why);
	free(m);
}

void modules_free(struct modules *m)
{
	for (size_t i = 0; i < m->n; i++)
		module_free(m->v[i]);
	free(m->v);
	free(m->exec);
	*m = (struct modules){.n = 0};
}

/* ---- from mappings to modules ------------------------------------------- */

static const char deleted_mark[] = " (deleted)";

static bool is_vdso(const struct he_mapping *p)
{
	return p->name && !strcmp(p->name, "[vdso]");
}

static bool is_file(const struct he_mapping *p)
{
	return p->name && p->name[0] == '/' && p->ino != 0;
}

static bool is_image(const struct he_mapping *p)
{
	return is_file(p) || is_vdso(p);
}

static bool same_file(const struct he_mapping *a, const struct he_mapping *b)
{
	return a->dev == b->dev && a->ino == b->ino && !strcmp(a->name, b->name);
}

/* Does p go on with the run whose first and latest mappings those are? */
static bool goes_on(
    const struct he_mapping *first, const struct he_mapping *latest, const struct he_mapping *p)
{
	return same_file(first, p) && p->offset > first->offset && p->offset >= latest->offset;
}

/* Index after the run of mappings that begins at i. */
static size_t run_end(const struct he_mapping *maps, size_t n, size_t i)
{
	size_t latest = i;

	for (size_t k = i + 1; k < n; k++) {
		if (!is_image(&maps[k])) {
			if (maps[k].name && maps[k].name[0])
				break; /* [heap], [stack] … end a run */
			continue;
		}
		if (!goes_on(&maps[i], &maps[latest], &maps[k]))
			break;
		latest = k;
	}
	return latest + 1;
}

static bool run_executable(const struct he_mapping *maps, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (is_image(&maps[i]) && maps[i].prot & PROT_X)
			return true;
	return false;
}

static char *plain_name(const char *name, bool *deleted)
{
	size_t n = strlen(name), mark = sizeof(deleted_mark) - 1;

	*deleted = n > mark && !strcmp(name + n - mark, deleted_mark);
	return strndup(name, *deleted ? n - mark : n);
}

static bool set_parts(struct module *m, const struct he_mapping *maps, size_t n)
{
	struct module_part *part = calloc(n, sizeof(*part));
	size_t k = 0;

	if (!part)
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_image(&maps[i]))
			part[k++] = (struct module_part){.lo = maps[i].lo,
			    .hi = maps[i].hi,
			    .offset = maps[i].offset,
			    .prot = maps[i].prot};
	free(m->part);
	m->part = part;
	m->n_parts = k;
	m->lo = maps[0].lo;
	m->hi = m->end = maps[n - 1].hi;
	return true;
}

/* What is zero in the last segment and fits in no page of the file, dl-map-segments.h of glibc,
 * elf_load of Linux.  The kernel may have merged more with it. */
static uint64_t bss_end(const struct he_mapping *last, const struct he_mapping *next)
{
	bool is_bss = next && is_file(last) && last->prot & next->prot & PROT_W &&
		      next->lo == last->hi && !(next->name && *next->name);

	return is_bss ? next->hi : last->hi;
}

static struct module *module_new(const struct he_mapping *maps, size_t n)
{
	struct module *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->name = plain_name(maps->name, &m->deleted);
	m->vdso = is_vdso(maps);
	m->dev = maps->dev;
	m->ino = maps->ino;
	build_id_parse(maps->build_id, &m->id);
	if (!m->name || !set_parts(m, maps, n)) {
		module_free(m);
		return NULL;
	}
	return m;
}

/* The module that these mappings were before, if they still are the same. */
static struct module *known(const struct modules *old, const struct he_mapping *maps)
{
	struct module *m = modules_at(old, maps->lo);
	struct build_id id;
	bool deleted, same;
	char *name;

	if (!m || m->lo != maps->lo || m->dev != maps->dev || m->ino != maps->ino)
		return NULL;
	build_id_parse(maps->build_id, &id);
	if (id.n && m->id.n && !build_id_equal(&id, &m->id))
		return NULL;
	name = plain_name(maps->name, &deleted); /* being deleted changes nothing */
	same = name && !strcmp(name, m->name);
	free(name);
	return same ? m : NULL;
}

static bool add_module(
    struct modules *next, const struct modules *old, const struct he_mapping *maps, size_t n)
{
	struct module *m = known(old, maps);

	if (m) {
		/* More of it is mapped than before: what failed may work now. */
		if (m->hi != maps[n - 1].hi)
			m->failed = false;
		if (!set_parts(m, maps, n))
			return false;
		m->keep = true;
	} else {
		m = module_new(maps, n);
		if (!m)
			return false;
	}
	m->order = (unsigned)next->n;
	next->v[next->n++] = m;
	return true;
}

static bool collect(
    struct modules *next, const struct modules *old, const struct he_mapping *maps, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		end = i + 1;
		if (!is_image(&maps[i]))
			continue;
		end = run_end(maps, n, i);
		if (!run_executable(maps, i, end))
			continue;
		if (!add_module(next, old, maps + i, end - i))
			return false;
		next->v[next->n - 1]->end = bss_end(&maps[end - 1], end < n ? &maps[end] : NULL);
	}
	for (size_t i = 0; i < n; i++)
		if (maps[i].prot & PROT_X)
			next->exec[next->n_exec++] = (struct module_part){
			    .lo = maps[i].lo, .hi = maps[i].hi, .prot = maps[i].prot};
	return true;
}

static int by_address(const void *a, const void *b)
{
	const struct he_mapping *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* The mappings in order of address, without any that is empty or overlaps the one
 * before it: a box may say anything. */
static struct he_mapping *tidy(const struct he_mapping *maps, size_t *n)
{
	struct he_mapping *v = calloc(*n + 1, sizeof(*v));
	size_t k = 0;

	if (!v)
		return NULL;
	if (*n)
		memcpy(v, maps, *n * sizeof(*v));
	qsort(v, *n, sizeof(*v), by_address);
	for (size_t i = 0; i < *n; i++)
		if (v[i].lo < v[i].hi && (!k || v[i].lo >= v[k - 1].hi))
			v[k++] = v[i];
	*n = k;
	return v;
}

/* Did modules come or go between m and the list that follows it? */
static bool differs(const struct modules *m, const struct modules *next)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n; i++)
		kept += m->v[i]->keep;
	return kept != m->n || kept != next->n;
}

/* Free what is in m only (marked: kept by another list). */
static void drop(struct modules *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (!m->v[i]->keep)
			module_free(m->v[i]);
		else
			m->v[i]->keep = false;
	}
	free(m->v);
	free(m->exec);
	*m = (struct modules){.n = 0};
}

struct he_error *modules_update(struct modules *m, const struct he_mapping *maps, size_t n)
{
	struct he_mapping *v = tidy(maps, &n);
	struct modules next = {.n = 0};
	bool fine;

	next.v = calloc(n + 1, sizeof(struct module *));
	next.exec = calloc(n + 1, sizeof(struct module_part));
	fine = v && next.v && next.exec && collect(&next, m, v, n);
	free(v);
	if (!fine) {
		/* Those shared with m are marked and stay m's. */
		drop(&next);
		return he_error_new(E_NOMEM, "no memory for the list of modules");
	}
	next.changes = m->changes + differs(m, &next);
	drop(m);
	*m = next;
	return NULL;
}

/* ---- questions ------------------------------------------------------------ */

struct module *modules_at(const struct modules *m, uint64_t addr)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr < m->v[mid]->lo)
			hi = mid;
		else if (addr >= m->v[mid]->end)
			lo = mid + 1;
		else
			return m->v[mid];
	}
	return NULL;
}

bool modules_executable(const struct modules *m, uint64_t addr)
{
	size_t lo = 0, hi = m->n_exec;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr < m->exec[mid].lo)
			hi = mid;
		else if (addr >= m->exec[mid].hi)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

void modules_links(struct modules *m, const struct sym_link *v, size_t n)
{
	unsigned order = 0;

	for (size_t i = 0; i < m->n; i++)
		m->v[i]->order = (unsigned)(n + i);
	for (size_t i = 0; i < n; i++) {
		struct module *p = modules_at(m, v[i].dynamic);
		char *name;

		if (!p || p->order < n)
			continue;
		p->order = order++;
		p->link_map = v[i].at;
		name = v[i].name && v[i].name[0] == '/' ? strdup(v[i].name) : NULL;
		if (name) {
			free(p->link_name);
			p->link_name = name;
		}
	}
}
