/* SPDX-License-Identifier: BSD-2-Clause */
#include "proof.h"

#include <mbedtls/md.h>

#include "tls_compat.h"

enum { BYTES_MAX = 16 + 1 + 255 + 2 + 32 + 32 + 16 + 32 + 1 + 1 + PROOF_USER_MAX };

bool proof_hash(uint8_t hash[KEY_HASH], const struct proof *p)
{
	static const char magic[16] = "procsrv-proof-1"; /* with its NUL */
	uint8_t bytes[BYTES_MAX];
	struct buf b = {.p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
	size_t alpn = strlen(p->alpn);

	if (alpn > 255 || p->user.n > PROOF_USER_MAX)
		return false;
	buf_raw(&b, magic, sizeof(magic));
	buf_u8(&b, (uint8_t)alpn);
	buf_raw(&b, p->alpn, alpn);
	buf_u16(&b, p->version);
	buf_raw(&b, p->nonce, sizeof(p->nonce));
	buf_raw(&b, p->server, sizeof(p->server));
	buf_raw(&b, p->session, sizeof(p->session));
	buf_raw(&b, p->mac, sizeof(p->mac));
	buf_u8(&b, p->mode);
	buf_u8(&b, (uint8_t)p->user.n);
	buf_raw(&b, p->user.p, p->user.n);
	return !b.bad && compat_sha256(b.p, b.len, hash) == 0;
}

int proof_sign(uint8_t sig[KEY_SIG], const struct proof *p, struct key *k)
{
	uint8_t hash[KEY_HASH];

	return proof_hash(hash, p) ? key_sign(k, hash, sig) : -1;
}

bool proof_verify(const struct proof *p, const uint8_t point[KEY_POINT], const uint8_t sig[KEY_SIG])
{
	uint8_t hash[KEY_HASH];

	return proof_hash(hash, p) && key_verify(point, hash, sig);
}

bool proof_resume_mac(uint8_t mac[PROOF_MAC], const uint8_t secret[PROOF_SECRET],
    const uint8_t nonce[PROOF_NONCE], uint64_t last_reply, uint64_t last_event)
{
	uint8_t bytes[PROOF_NONCE + 16];
	struct buf b = {.p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};

	buf_raw(&b, nonce, PROOF_NONCE);
	buf_u64(&b, last_reply);
	buf_u64(&b, last_event);
	return mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), secret, PROOF_SECRET, b.p,
		   b.len, mac) == 0;
}
