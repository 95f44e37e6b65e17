/* SPDX-License-Identifier: BSD-2-Clause
 *
 * key.pem: one EC P-256 private key and its self-signed certificate, which is
 * only the wrapper TLS wants.  Read with the crypto half of Mbed TLS alone, so
 * that the monitor needs no X.509 parser.
 */
#ifndef COMMON_KEY_H
#define COMMON_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "fingerprint.h"

enum {
	KEY_POINT = 65,      /* uncompressed point: 4, x, y (SEC 1) */
	KEY_SIG = 64,        /* r, s: 32 bytes each, big-endian */
	KEY_HASH = 32,       /* SHA-256 */
	KEY_SPKI = 91,       /* DER SubjectPublicKeyInfo: a fixed prefix and the point */
	KEY_CERT_MAX = 4096, /* DER bytes of a certificate of ours */
};

struct key;
struct mbedtls_pk_context;

/* Load path, which must be a regular file of ours (or root's) that nobody else
 * may read.  NULL and a sentence in why that names file, reason and cure. */
struct key *key_load(const char *path, char *why, size_t size);

/* The same for one whose private half is sealed (key_seal.h): open gets what its PEM holds
 * and puts at most max bytes of DER into out.  0, or -1 and a sentence. */
struct key_opener {
	int (*open)(void *arg, struct span sealed, uint8_t *out, size_t max, size_t *n, char *why,
	    size_t size);
	void *arg;
};
struct key *key_load_sealed(
    const char *path, const struct key_opener *opener, char *why, size_t size);

/* The private part is wiped.  key_forget wipes it earlier; the rest stays. */
void key_free(struct key *k);
void key_forget(struct key *k);

/* The public half, and the certificate (DER); valid as long as k. */
const uint8_t *key_point(const struct key *k);       /* [KEY_POINT] */
const uint8_t *key_fingerprint(const struct key *k); /* [FINGERPRINT_BYTES] */
struct span key_cert(const struct key *k);

/* ECDSA over a SHA-256 hash.  0, or -1 (no randomness, or forgotten). */
int key_sign(struct key *k, const uint8_t hash[KEY_HASH], uint8_t sig[KEY_SIG]);

/* Does sig hold?  point is judged too: false unless it lies on the curve. */
bool key_verify(
    const uint8_t point[KEY_POINT], const uint8_t hash[KEY_HASH], const uint8_t sig[KEY_SIG]);

/* The fingerprint of a point; no ASN.1 is read or written. */
void key_hash_point(uint8_t hash[FINGERPRINT_BYTES], const uint8_t point[KEY_POINT]);

/* The same from a DER SubjectPublicKeyInfo; false unless it is exactly the
 * prefix of an uncompressed P-256 key and a point. */
bool key_hash_spki(uint8_t hash[FINGERPRINT_BYTES], struct span spki);

/* Randomness for Mbed TLS's f_rng, straight from the kernel: no generator state
 * that a fork could duplicate.  arg is not used. */
int key_random(void *arg, unsigned char *p, size_t n);

/* For tls.c, in the process that holds the key. */
struct mbedtls_pk_context *key_pk(struct key *k);

#endif
