/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys and grants that count no more, whatever map and grants say: the file revoked_keys
 * beside the map.  A line is the fingerprint of a key, or that of a signer and the serials of
 * grants, "serial=7" or "serial=7-12".  There may be no such file; one that is not understood
 * is as bad as such a map.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trusted_file.h"
#include "usermap_parse.h"

enum { FILE_MAX = 1024 * 1024 };

struct revoked {
	uint8_t key[FINGERPRINT_BYTES];
	bool serials; /* of its grants, these; else the key itself */
	uint64_t first, last;
};

struct revoked_list {
	struct revoked *all;
	size_t n;
};

/* ---- the file ------------------------------------------------------------------ */

static bool take_serial(struct span s, uint64_t *v)
{
	*v = 0;
	for (uint32_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(*v, 10u, v) ||
		    __builtin_add_overflow(*v, (unsigned)(s.p[i] - '0'), v))
			return false;
	return s.n > 0;
}

static bool take_serials(struct span word, struct revoked *r)
{
	struct span name = map_take_until(&word, '='), all = word,
		    first = map_take_until(&word, '-');

	r->serials = true;
	if (!span_eq(name, span_str("serial")) || !take_serial(first, &r->first))
		return false;
	r->last = r->first;
	return first.n == all.n || (take_serial(word, &r->last) && r->last >= r->first);
}

static int add_line(struct parse *p, void *arg, struct span line)
{
	struct revoked_list *list = arg;
	struct revoked *all = reallocarray(list->all, list->n + 1, sizeof(*all)), *r;
	struct span word;

	if (!all)
		return map_refuse(p, "%s", strerror(ENOMEM));
	list->all = all;
	r = &all[list->n];
	*r = (struct revoked){0};
	if (!fingerprint_parse(r->key, map_take_word(&line)))
		return map_refuse(
		    p, "a line starts with the fingerprint of a key, SHA256: and 43 characters");
	line = map_trim(line);
	if (line.n && line.p[0] != '#') {
		word = map_take_word(&line);
		if (!take_serials(word, r))
			return map_refuse(p,
			    "%.*s: behind a signer's fingerprint write serial=N, or serial=N-M",
			    TEXT(word));
		line = map_trim(line);
	}
	if (line.n && line.p[0] != '#')
		return map_refuse(p, "%.*s: nothing may follow there", TEXT(line));
	list->n++;
	return 0;
}

void map_revoked_free(struct revoked_list *list)
{
	if (list)
		free(list->all);
	free(list);
}

int usermap_revoked_path(char *to, size_t size, const char *map)
{
	const char *slash = strrchr(map, '/');
	int dir = slash ? (int)(slash - map) + 1 : 0;
	int n = snprintf(to, size, "%.*srevoked_keys", dir, map);

	return n >= 0 && (size_t)n < size ? 0 : -1;
}

int map_revoked_parse(struct revoked_list **ret, struct parse *p, struct span all)
{
	struct revoked_list *list = calloc(1, sizeof(*list));

	if (!list)
		return map_refuse(p, "%s", strerror(ENOMEM));
	if (map_lines(p, all, add_line, list) < 0) {
		map_revoked_free(list);
		return -1;
	}
	*ret = list;
	return 0;
}

int map_revoked_load(struct revoked_list **ret, const struct parse *of, const char *map)
{
	char path[USERMAP_PATH];
	struct parse p = {
	    .path = path, .user_mode = of->user_mode, .why = of->why, .size = of->size};
	struct buf b;
	int err = -1;

	if (usermap_revoked_path(path, sizeof(path), map) < 0) {
		snprintf(p.why, p.size, "%s: %s", map, strerror(ENAMETOOLONG));
		return -1;
	}
	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
		return map_revoked_parse(ret, &p, (struct span){NULL, 0});
	buf_init(&b, FILE_MAX);
	if (trusted_read(&b, path, p.user_mode ? TRUSTED_USER : 0, p.why, p.size) == 0)
		err = map_revoked_parse(ret, &p, span_buf(&b));
	buf_free(&b);
	return err;
}

/* ---- asking ------------------------------------------------------------------------ */

bool map_revoked_key(const struct revoked_list *list, const uint8_t key[FINGERPRINT_BYTES])
{
	for (size_t i = 0; i < list->n; i++)
		if (!list->all[i].serials && memcmp(list->all[i].key, key, FINGERPRINT_BYTES) == 0)
			return true;
	return false;
}

bool map_revoked_serial(
    const struct revoked_list *list, const uint8_t signer[FINGERPRINT_BYTES], uint64_t serial)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct revoked *r = &list->all[i];

		if (r->serials && serial >= r->first && serial <= r->last &&
		    memcmp(r->key, signer, FINGERPRINT_BYTES) == 0)
			return true;
	}
	return false;
}

size_t map_revoked_count(const struct revoked_list *list)
{
	return list->n;
}
