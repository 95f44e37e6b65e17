/* SPDX-License-Identifier: BSD-2-Clause */
#include "grant.h"

#include "tls_compat.h"
#include "wire.h"

static const char magic[16] = "procsrv-grant-1"; /* with its NUL */

#define NEEDED (1u << WIRE_R_NONE | 1u << WIRE_R_LOOK)
#define ALL (NEEDED | 1u << WIRE_R_STOP | 1u << WIRE_R_WRITE | 1u << WIRE_R_LAUNCH)

/* ---- texts ------------------------------------------------------------------ */

/* False: a byte that has no place there, or something behind the end. */
static bool take_text(struct rd *r, char *to, size_t size)
{
	size_t n;

	rd_raw(r, to, size);
	to[size] = 0;
	n = strlen(to);
	for (size_t i = 0; i < size; i++)
		if (i < n ? to[i] <= ' ' || to[i] > '~' : to[i] != 0)
			return false;
	return !r->bad;
}

static void put_text(struct buf *b, const char *text, size_t size)
{
	char room[GRANT_NAME] = "";

	memcpy(room, text, strnlen(text, size));
	buf_raw(b, room, size);
}

/* ---- the record ----------------------------------------------------------------- */

static bool take_users(struct rd *r, struct grant *g)
{
	bool ended = false;

	for (unsigned i = 0; i < GRANT_USERS; i++) {
		if (!take_text(r, g->user[i], GRANT_USER) || (ended && *g->user[i]))
			return false;
		ended = !*g->user[i];
		g->nusers += !ended;
	}
	return g->nusers > 0;
}

static bool sensible(const struct grant *g)
{
	return (g->rights & NEEDED) == NEEDED && !(g->rights & ~ALL) && g->not_before < g->expires;
}

bool grant_decode(struct grant *g, const uint8_t bytes[GRANT_BYTES])
{
	struct rd r = rd_init(bytes, GRANT_SIGNED);
	char is[sizeof(magic)];

	*g = (struct grant){0};
	rd_raw(&r, is, sizeof(is));
	rd_raw(&r, g->key, sizeof(g->key));
	g->serial = rd_u64(&r);
	g->not_before = rd_u64(&r);
	g->expires = rd_u64(&r);
	g->rights = rd_u32(&r);
	g->max_stop_ms = rd_u32(&r);
	if (memcmp(is, magic, sizeof(magic)) != 0 || !take_text(&r, g->name, GRANT_NAME) ||
	    !*g->name || !take_users(&r, g))
		return false;
	rd_raw(&r, g->signer, sizeof(g->signer));
	return rd_done(&r) && sensible(g);
}

static bool hash(uint8_t to[KEY_HASH], const uint8_t bytes[GRANT_BYTES])
{
	return compat_sha256(bytes, GRANT_SIGNED, to) == 0;
}

bool grant_verify(const uint8_t bytes[GRANT_BYTES])
{
	const uint8_t *signer = bytes + GRANT_SIGNED - KEY_POINT;
	uint8_t of[KEY_HASH];

	return hash(of, bytes) && key_verify(signer, of, bytes + GRANT_SIGNED);
}

int grant_sign(uint8_t bytes[GRANT_BYTES], const struct grant *g, struct key *k)
{
	struct buf b = {.p = bytes, .cap = GRANT_SIGNED, .max = GRANT_SIGNED};
	uint8_t of[KEY_HASH];
	struct grant back;

	buf_raw(&b, magic, sizeof(magic));
	buf_raw(&b, g->key, sizeof(g->key));
	buf_u64(&b, g->serial);
	buf_u64(&b, g->not_before);
	buf_u64(&b, g->expires);
	buf_u32(&b, g->rights);
	buf_u32(&b, g->max_stop_ms);
	put_text(&b, g->name, GRANT_NAME);
	for (unsigned i = 0; i < GRANT_USERS; i++)
		put_text(&b, i < g->nusers ? g->user[i] : "", GRANT_USER);
	buf_raw(&b, key_point(k), KEY_POINT);
	if (b.bad || !grant_decode(&back, bytes) || !hash(of, bytes))
		return -1;
	return key_sign(k, of, bytes + GRANT_SIGNED);
}
