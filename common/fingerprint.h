/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys as people see them: "SHA256:" and the unpadded base64 (RFC 4648, the
 * plain alphabet) of SHA-256 over the DER SubjectPublicKeyInfo, for clients and
 * boxes alike.
 */
#ifndef COMMON_FINGERPRINT_H
#define COMMON_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum {
	FINGERPRINT_BYTES = 32,
	FINGERPRINT_TEXT = 50,                   /* characters of the written form */
	FINGERPRINT_SIZE = FINGERPRINT_TEXT + 1, /* and its NUL */
};

/* True when s is a whole fingerprint and nothing else; then hash is set.  There
 * is one way to write each: stray bits in the last character are refused. */
bool fingerprint_parse(uint8_t hash[FINGERPRINT_BYTES], struct span s);

/* Returns text. */
char *fingerprint_format(char text[FINGERPRINT_SIZE], const uint8_t hash[FINGERPRINT_BYTES]);

#endif
