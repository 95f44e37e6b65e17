/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Private keys under a passphrase: the "ENCRYPTED PRIVATE KEY" of RFC 5958 as OpenSSL makes
 * it by itself, PBES2 of RFC 8018 with PBKDF2, HMAC-SHA-256 and AES-CBC.  Mbed TLS 2.28 knows
 * nothing there but DES.  Hosts link this; a server has nobody whom it could ask.
 */
#ifndef COMMON_KEY_SEAL_H
#define COMMON_KEY_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum {
	SEAL_MAX = 1024,      /* bytes of a private key, sealed or not */
	SEAL_PASS_MAX = 1023, /* of a passphrase */
};

enum seal_result {
	SEAL_OK,
	SEAL_WRONG,   /* the passphrase is another one, or the key was damaged */
	SEAL_UNKNOWN, /* sealed in another way than ours */
};

/* Open what PEM holds (DER, an EncryptedPrivateKeyInfo): out gets a PrivateKeyInfo of *n
 * bytes. */
enum seal_result key_unseal(
    uint8_t out[SEAL_MAX], size_t *n, struct span sealed, const char *passphrase);

/* The other way round: a SEC 1 ECPrivateKey on P-256, DER.  0, or an error of Mbed TLS. */
int key_seal(uint8_t out[SEAL_MAX], size_t *n, struct span key, const char *passphrase);

#endif
