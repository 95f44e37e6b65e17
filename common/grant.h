/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A grant: what a signer whom boxes trust (a row "ca" of the map file) allows to the holder of
 * another key, for a while, as ssh's certificates do.  A flat record of fixed layout, so that
 * the monitor, which has all the rights, parses nothing that has a length of its own:
 *
 *     0  magic[16]        "procsrv-grant-1\0"
 *    16  key[32]          fingerprint of the holder's key
 *    48  u64 serial       of the signer's choice; 0 = none, and cannot be revoked by it
 *    56  u64 not before   seconds since the epoch
 *    64  u64 expires      not valid at this second or later
 *    72  u32 rights       bits 1 << enum wire_right: NONE, LOOK, and STOP, WRITE, LAUNCH or not
 *    76  u32 max stop     ms, 0 = no bound
 *    80  name[64]         for records and lists
 *   144  users[8][32]     local users; the first is the default
 *   400  signer[65]       point of its key
 *   465  sig[64]          ECDSA P-256 over SHA-256 of all before it
 *
 * integers little-endian, texts printable ASCII without blanks and padded with NULs.  In files
 * it is one line, "procsrv-grant-1 " and base64 of the record.
 */
#ifndef COMMON_GRANT_H
#define COMMON_GRANT_H

#include "key.h"

enum {
	GRANT_NAME = 64,
	GRANT_USERS = 8,
	GRANT_USER = 32,
	GRANT_SIGNED = 465, /* bytes that the signature covers */
	GRANT_BYTES = GRANT_SIGNED + KEY_SIG,
};

struct grant {
	uint8_t key[FINGERPRINT_BYTES];
	uint64_t serial, not_before, expires;
	uint32_t rights, max_stop_ms;
	char name[GRANT_NAME + 1];
	char user[GRANT_USERS][GRANT_USER + 1];
	unsigned nusers;
	uint8_t signer[KEY_POINT];
};

/* Is it a grant, to the last bit?  Nothing is said about who signed it. */
bool grant_decode(struct grant *g, const uint8_t bytes[GRANT_BYTES]);

/* Does the signature of the signer it names hold? */
bool grant_verify(const uint8_t bytes[GRANT_BYTES]);

/* Write and sign it; signer is the key's.  0; -1: g is none that grant_decode would take, or
 * there was no randomness. */
int grant_sign(uint8_t bytes[GRANT_BYTES], const struct grant *g, struct key *k);

#endif
