/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Grants: a row for a key that has none, made of its signer's and what the signer allows it.
 */
#include <string.h>

#include "common/wire.h"
#include "usermap_parse.h"

/* Those of the grant that the signer may name. */
static void take_users(struct map_granted *g, const struct map_row *ca)
{
	for (unsigned i = 0; i < g->grant.nusers; i++) {
		const struct map_user *u = map_row_user(ca, span_str(g->grant.user[i]));

		if (u)
			g->users[g->row.nusers++] = *u;
	}
}

static void narrow(struct map_granted *g, const struct map_row *ca)
{
	struct map_row *row = &g->row;
	const struct grant *grant = &g->grant;

	*row = *ca;
	row->ca = false;
	row->grant = grant;
	memcpy(row->key, grant->key, sizeof(row->key));
	row->name = grant->name;
	row->users = g->users;
	row->nusers = 0;
	row->rights &= grant->rights | IPC_RIGHT_ROOT;
	if (grant->max_stop_ms && (!row->max_stop_ms || grant->max_stop_ms < row->max_stop_ms))
		row->max_stop_ms = grant->max_stop_ms;
	if (!row->has_expires || grant->expires < (uint64_t)row->expires)
		row->expires = grant->expires > INT64_MAX ? INT64_MAX : (time_t)grant->expires;
	row->has_expires = true;
	take_users(g, ca);
}

enum err usermap_granted(struct map_granted *g, const struct usermap *m,
    const uint8_t bytes[GRANT_BYTES], const uint8_t key[FINGERPRINT_BYTES])
{
	uint8_t signer[FINGERPRINT_BYTES];
	const struct map_row *ca;

	if (!grant_decode(&g->grant, bytes) || memcmp(g->grant.key, key, sizeof(g->grant.key)) != 0)
		return E_GRANT;
	key_hash_point(signer, g->grant.signer);
	ca = usermap_find_ca(m, signer);
	if (!ca || !grant_verify(bytes))
		return E_GRANT;
	narrow(g, ca);
	return E_OK;
}

enum err usermap_valid(const struct usermap *m, const struct map_row *row, time_t now)
{
	const struct revoked_list *revoked = map_revoked(m);
	uint8_t signer[FINGERPRINT_BYTES];

	if (map_revoked_key(revoked, row->key))
		return E_REVOKED;
	if (row->grant) {
		key_hash_point(signer, row->grant->signer);
		if (map_revoked_key(revoked, signer) ||
		    map_revoked_serial(revoked, signer, row->grant->serial))
			return E_REVOKED;
		if (now < 0 || (uint64_t)now < row->grant->not_before)
			return E_NOT_YET;
	}
	return map_row_valid_at(row, now) ? E_OK : E_EXPIRED;
}
