/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The symbol side of a target: made when first needed, told about mappings and link
 * map once a stop, and given its way to the target's memory and files.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

struct he_error *target_load_maps(struct he_target *t, bool again)
{
	struct he_error *err;

	if ((t->maps_fresh && !again) || !t->ops->maps)
		return NULL;
	err = t->ops->maps(t, &t->maps, t->auxv.len ? NULL : &t->auxv);
	if (err)
		return err;
	t->maps_fresh = true;
	t->modules_fresh = t->links_fresh = false;
	return NULL;
}

/* ---- its way to the target --------------------------------------------------------- */

static void trouble(struct he_target *t, struct he_error *err)
{
	if (t->trouble)
		he_error_free(err);
	else
		t->trouble = err;
}

struct he_error *target_symbol_trouble(struct he_target *t)
{
	struct he_error *err = t->trouble;

	t->trouble = NULL;
	return err;
}

struct he_error *target_symbol_outcome(struct he_target *t, struct he_error *err)
{
	struct he_error *below = target_symbol_trouble(t);

	if (!below)
		return err;
	he_error_free(err);
	return below;
}

static size_t sym_read(void *arg, uint64_t addr, void *buf, size_t len)
{
	struct he_target *t = arg;
	size_t got = 0;
	int why;

	if (t->trouble)
		return 0;
	if (t->reading)
		return stack_read(t, addr, buf, len);
	trouble(t, target_read(t, addr, buf, len, &got, &why));
	return got;
}

static void sym_prefetch(void *arg, const struct he_mapping *ranges, size_t n)
{
	struct mem_range *v = calloc(n + 1, sizeof(*v));
	struct he_target *t = arg;

	if (!v || t->trouble) {
		free(v);
		return;
	}
	for (size_t i = 0; i < n; i++)
		v[i] = (struct mem_range){ranges[i].lo, ranges[i].hi - ranges[i].lo};
	trouble(t, target_prefetch(t, v, n));
	free(v);
}

static struct he_error *sym_file(void *arg, const char *path, uint64_t dev, uint64_t ino,
    uint64_t offset, void *buf, size_t len, size_t *got, uint64_t *size)
{
	struct he_target *t = arg;

	return t->ops->file_read(t, path, dev, ino, offset, buf, len, got, size);
}

static void sym_progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	const struct he_config *c = &((struct he_target *)arg)->engine->config;

	if (c->progress)
		c->progress(c->arg, what, done, total);
}

static struct he_error *make(struct he_target *t)
{
	struct sym_source src = {
	    .read = sym_read,
	    .prefetch = sym_prefetch,
	    .file_read = t->ops->file_read ? sym_file : NULL,
	    .progress = sym_progress,
	    .arg = t,
	    .cache_dir = t->server ? t->server->cache : NULL,
	    .local = t->server && t->server->local,
	    .arch = t->arch_id,
	};

	return symbols_new(&src, &t->symbols);
}

/* ---- having it ------------------------------------------------------------------------ */

struct he_error *target_symbols(struct he_target *t, struct symbols **ret)
{
	struct he_error *err = target_load_maps(t, false);

	if (!err && !t->symbols)
		err = make(t);
	if (!err && !t->modules_fresh)
		err = symbols_set_maps(t->symbols, t->maps.v, t->maps.n);
	if (err)
		return err;
	t->modules_fresh = true;
	*ret = t->symbols;
	return NULL;
}

/* ---- for the caller ------------------------------------------------------------------- */

/* The end of a call that used the symbol side. */
static struct he_error *finish(struct he_target *t, struct he_error *err)
{
	return target_leave(t, target_symbol_outcome(t, err));
}

/* Its beginning, which fails as a whole; then finish is due. */
static struct he_error *begin(struct he_target *t, struct symbols **ret)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	err = target_symbols(t, ret);
	return err ? finish(t, err) : NULL;
}

/* The mappings tell the modules; what the dynamic linker adds (search order) is not worth
 * its round trips here. */
struct he_error *he_modules(struct he_target *t, struct he_modules **ret)
{
	struct he_modules *got = NULL;
	struct symbols *s = NULL;
	struct he_error *err = begin(t, &s);

	if (err)
		return err;
	err = finish(t, symbols_modules(s, &got));
	if (err)
		he_modules_free(got);
	else
		*ret = got;
	return err;
}

/* What was found goes to the caller, unless something was wrong all the same. */
static struct he_error *hand_symbol(
    struct he_target *t, struct he_error *err, struct he_symbol *got, struct he_symbol **ret)
{
	err = finish(t, err);
	if (err)
		he_symbol_free(got);
	else
		*ret = got;
	return err;
}

struct he_error *he_symbol_at(struct he_target *t, uint64_t addr, struct he_symbol **ret)
{
	struct he_symbol *got = NULL;
	struct symbols *s = NULL;
	struct he_error *err = begin(t, &s);

	if (err)
		return err;
	err = symbols_at(s, addr, &got);
	return hand_symbol(t, err, got, ret);
}

/* The executable comes first in any order: what it has needs no link map. */
static struct he_error *named(
    struct he_target *t, struct symbols *s, const char *name, struct he_symbol **ret)
{
	struct he_error *err = symbols_named(s, name, ret);

	if (!err && (*ret)->module && strcmp((*ret)->module, t->exe) == 0)
		return NULL;
	if (err && err->code != E_NO_FILE)
		return err;
	he_error_free(err);
	if (!err)
		he_symbol_free(*ret);
	*ret = NULL;
	err = target_linked_symbols(t, &s);
	return err ? err : symbols_named(s, name, ret);
}

struct he_error *he_symbol_named(struct he_target *t, const char *name, struct he_symbol **ret)
{
	struct he_symbol *got = NULL;
	struct symbols *s = NULL;
	struct he_error *err = begin(t, &s);

	if (err)
		return err;
	err = named(t, s, name, &got);
	return hand_symbol(t, err, got, ret);
}

static struct he_error *hand_line(
    struct he_target *t, struct he_error *err, struct he_line *got, struct he_line **ret)
{
	err = finish(t, err);
	if (err)
		he_line_free(got);
	else
		*ret = got;
	return err;
}

struct he_error *he_line_at(struct he_target *t, uint64_t addr, struct he_line **ret)
{
	struct he_line *got = NULL;
	struct symbols *s = NULL;
	struct he_error *err = begin(t, &s);

	if (err)
		return err;
	err = symbols_line_at(s, addr, &got);
	return hand_line(t, err, got, ret);
}

struct he_error *he_line_named(
    struct he_target *t, const char *file, unsigned line, struct he_line **ret)
{
	struct he_line *got = NULL;
	struct symbols *s = NULL;
	struct he_error *err = begin(t, &s);

	if (err)
		return err;
	err = symbols_line_named(s, file, line, &got);
	return hand_line(t, err, got, ret);
}

struct he_error *he_function_at(struct he_target *t, uint64_t addr, struct he_function **ret)
{
	struct he_function *got = NULL;
	struct symbols *s = NULL;
	struct he_error *err = begin(t, &s);

	if (err)
		return err;
	err = finish(t, symbols_function_at(s, addr, &got));
	if (err)
		he_function_free(got);
	else
		*ret = got;
	return err;
}

struct he_error *he_functions(
    struct he_target *t, const char *regex, const char *file, struct he_places **ret)
{
	struct he_places *found = NULL;
	struct symbols *s = NULL;
	struct he_error *err = begin(t, &s);

	if (err)
		return err;
	err = finish(t, symbols_locate_regex(s, regex, file, &found));
	if (err)
		he_places_free(found);
	else
		*ret = found;
	return err;
}

struct he_error *he_names(
    struct he_target *t, enum he_names_of what, const char *regex, struct he_names **ret)
{
	struct he_names *found = NULL;
	struct symbols *s = NULL;
	struct he_error *err = begin(t, &s);

	if (err)
		return err;
	err = finish(t, symbols_names(s, what, regex, &found));
	if (err)
		he_names_free(found);
	else
		*ret = found;
	return err;
}
