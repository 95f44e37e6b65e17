/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The proof of a client's key: what is signed, written down once for the host
 * that signs and the monitor that verifies.  transport(7) shows the same bytes.
 *
 *   "procsrv-proof-1\0"
 *   u8 length, ALPN name ("procsrv/1")
 *   u16 proof version
 *   nonce[32]                  drawn by the monitor, in message challenge
 *   SHA-256 of the server's SubjectPublicKeyInfo[32]
 *   session id[16] or zeros
 *   resume MAC[32] or zeros
 *   u8 mode
 *   u8 length, user
 *
 * integers little-endian; ECDSA P-256 over SHA-256 of that.
 */
#ifndef COMMON_PROOF_H
#define COMMON_PROOF_H

#include "key.h"

enum { PROOF_NONCE = 32, PROOF_SESSION = 16, PROOF_MAC = 32, PROOF_USER_MAX = 32 };
enum proof_mode { PROOF_NORMAL = 0, PROOF_READONLY = 1 };

struct proof {
	const char *alpn; /* kind of server and major version, WIRE_ALPN_PROCSRV */
	uint16_t version; /* WIRE_PROOF_VERSION */
	uint8_t nonce[PROOF_NONCE];
	uint8_t server[FINGERPRINT_BYTES]; /* the server's key, as TLS showed it */
	uint8_t session[PROOF_SESSION];
	uint8_t mac[PROOF_MAC];
	uint8_t mode;
	struct span user; /* empty: the row's first; at most PROOF_USER_MAX bytes */
};

/* What goes into mac to take up a session again: HMAC-SHA-256 under the session's secret
 * (from message opened) over nonce, u64 last reply, u64 last event.  False: no memory. */
enum { PROOF_SECRET = 32 };
bool proof_resume_mac(uint8_t mac[PROOF_MAC], const uint8_t secret[PROOF_SECRET],
    const uint8_t nonce[PROOF_NONCE], uint64_t last_reply, uint64_t last_event);

/* The hash that is signed.  False when a length is out of bounds. */
bool proof_hash(uint8_t hash[KEY_HASH], const struct proof *p);

/* Client: sig over p.  0, or -1. */
int proof_sign(uint8_t sig[KEY_SIG], const struct proof *p, struct key *k);

/* Monitor: does sig over p hold for that key? */
bool proof_verify(
    const struct proof *p, const uint8_t point[KEY_POINT], const uint8_t sig[KEY_SIG]);

#endif
