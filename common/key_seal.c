/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_seal.h"

#include <string.h>

#include <mbedtls/aes.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/platform_util.h>

#include "key.h"
#include "tls_compat.h"

enum {
	BLOCK = 16,
	KEY_BYTES = 32,        /* of AES-256 */
	ROUNDS = 300000,       /* half a second, once a session; a guess costs as much */
	ROUNDS_MAX = 20000000, /* what one may be asked to wait for */
	SALT_MAX = 64,
};

static const uint8_t pbes2[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d};
static const uint8_t pbkdf2[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c};
static const uint8_t hmac_sha256[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09};
static const uint8_t aes_cbc[] = {
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01}; /* and a length */
static const uint8_t ec_public_key[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

/* The last part of the object identifier of AES in CBC mode says how long its key is. */
static const struct {
	uint8_t oid;
	unsigned bytes;
} lengths[] = {{2, 16}, {22, 24}, {42, 32}};

/* What a sealed key says of how it was. */
struct seal {
	uint8_t salt[SALT_MAX], iv[BLOCK];
	size_t salt_n;
	int rounds;
	unsigned key_n; /* bytes */
	const uint8_t *data;
	size_t data_n;
};

/* ---- reading ASN.1 -------------------------------------------------------------------- */

struct cursor {
	unsigned char *p;
	const unsigned char *end;
};

/* What is inside of an element with that tag, and *c behind it. */
static bool enter(struct cursor *c, int tag, struct cursor *in)
{
	size_t n;

	if (mbedtls_asn1_get_tag(&c->p, c->end, &n, tag) != 0)
		return false;
	*in = (struct cursor){c->p, c->p + n};
	c->p += n;
	return true;
}

static bool sequence(struct cursor *c, struct cursor *in)
{
	return enter(c, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, in);
}

static bool oid_is(struct cursor *c, const uint8_t *want, size_t n, size_t more, struct cursor *oid)
{
	return enter(c, MBEDTLS_ASN1_OID, oid) && (size_t)(oid->end - oid->p) == n + more &&
	       memcmp(oid->p, want, n) == 0;
}

static bool octets(struct cursor *c, uint8_t *to, size_t most, size_t *n)
{
	struct cursor in;

	if (!enter(c, MBEDTLS_ASN1_OCTET_STRING, &in))
		return false;
	*n = (size_t)(in.end - in.p);
	if (*n == 0 || *n > most)
		return false;
	memcpy(to, in.p, *n);
	return true;
}

/* PBKDF2-params: salt, iterationCount, [keyLength,] prf.  Without prf it is SHA-1, which is
 * nobody's default any more. */
static bool parse_kdf(struct cursor *c, struct seal *s)
{
	struct cursor kdf, params, prf, oid;
	int length;

	if (!sequence(c, &kdf) || !oid_is(&kdf, pbkdf2, sizeof(pbkdf2), 0, &oid) ||
	    !sequence(&kdf, &params) || !octets(&params, s->salt, SALT_MAX, &s->salt_n) ||
	    mbedtls_asn1_get_int(&params.p, params.end, &s->rounds) != 0)
		return false;
	if (params.p < params.end && *params.p == MBEDTLS_ASN1_INTEGER &&
	    mbedtls_asn1_get_int(&params.p, params.end, &length) != 0)
		return false;
	return sequence(&params, &prf) && oid_is(&prf, hmac_sha256, sizeof(hmac_sha256), 0, &oid) &&
	       s->rounds > 0 && s->rounds <= ROUNDS_MAX;
}

static bool parse_cipher(struct cursor *c, struct seal *s)
{
	struct cursor cipher, oid;
	size_t n;

	if (!sequence(c, &cipher) || !oid_is(&cipher, aes_cbc, sizeof(aes_cbc), 1, &oid))
		return false;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		if (lengths[i].oid == oid.end[-1])
			s->key_n = lengths[i].bytes;
	return s->key_n && octets(&cipher, s->iv, BLOCK, &n) && n == BLOCK;
}

static bool parse(struct span sealed, struct seal *s)
{
	/* Only ever read. */
	struct cursor all = {(unsigned char *)sealed.p, sealed.p + sealed.n}, info, how, params,
		      oid, data;

	*s = (struct seal){.rounds = 0};
	if (!sequence(&all, &info) || !sequence(&info, &how) ||
	    !oid_is(&how, pbes2, sizeof(pbes2), 0, &oid) || !sequence(&how, &params) ||
	    !parse_kdf(&params, s) || !parse_cipher(&params, s) ||
	    !enter(&info, MBEDTLS_ASN1_OCTET_STRING, &data))
		return false;
	s->data = data.p;
	s->data_n = (size_t)(data.end - data.p);
	return s->data_n && s->data_n % BLOCK == 0 && s->data_n <= SEAL_MAX;
}

/* ---- the cipher ------------------------------------------------------------------------ */

static int derive(uint8_t key[KEY_BYTES], const struct seal *s, const char *passphrase)
{
	mbedtls_md_context_t md;
	int err;

	mbedtls_md_init(&md);
	err = mbedtls_md_setup(&md, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 1);
	if (!err)
		err = mbedtls_pkcs5_pbkdf2_hmac(&md, (const unsigned char *)passphrase,
		    strlen(passphrase), s->salt, s->salt_n, (unsigned)s->rounds, s->key_n, key);
	mbedtls_md_free(&md);
	return err;
}

static int crypt(const struct seal *s, int mode, const char *passphrase, uint8_t *out)
{
	uint8_t key[KEY_BYTES], iv[BLOCK];
	mbedtls_aes_context aes;
	int err = derive(key, s, passphrase);

	memcpy(iv, s->iv, BLOCK);
	mbedtls_aes_init(&aes);
	if (!err)
		err = mode == MBEDTLS_AES_DECRYPT ? mbedtls_aes_setkey_dec(&aes, key, s->key_n * 8)
						  : mbedtls_aes_setkey_enc(&aes, key, s->key_n * 8);
	if (!err)
		err = mbedtls_aes_crypt_cbc(&aes, mode, s->data_n, iv, s->data, out);
	mbedtls_aes_free(&aes);
	mbedtls_platform_zeroize(key, sizeof(key));
	return err;
}

/* The last byte says how many of its kind fill up the last block. */
static bool unpad(const uint8_t *data, size_t *n)
{
	uint8_t pad = data[*n - 1];

	if (pad == 0 || pad > BLOCK)
		return false;
	for (size_t i = *n - pad; i < *n; i++)
		if (data[i] != pad)
			return false;
	*n -= pad;
	return true;
}

enum seal_result key_unseal(
    uint8_t out[SEAL_MAX], size_t *n, struct span sealed, const char *passphrase)
{
	struct seal s;

	if (!parse(sealed, &s))
		return SEAL_UNKNOWN;
	*n = s.data_n;
	if (crypt(&s, MBEDTLS_AES_DECRYPT, passphrase, out) == 0 && unpad(out, n))
		return SEAL_OK;
	mbedtls_platform_zeroize(out, SEAL_MAX);
	return SEAL_WRONG;
}

/* ---- writing ASN.1, from its end to its beginning ------------------------------------------ */

struct writer {
	uint8_t *start, *p;
	size_t n; /* written so far, of what is being composed */
	int err;
};

static void put(struct writer *w, int n)
{
	if (n < 0 && !w->err)
		w->err = n;
	if (n > 0)
		w->n += (size_t)n;
}

/* All behind mark becomes one element. */
static void wrap(struct writer *w, size_t mark, unsigned char tag)
{
	if (w->err)
		return;
	put(w, mbedtls_asn1_write_len(&w->p, w->start, w->n - mark));
	put(w, mbedtls_asn1_write_tag(&w->p, w->start, tag));
}

static void wrap_sequence(struct writer *w, size_t mark)
{
	wrap(w, mark, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
}

static void put_oid(struct writer *w, const uint8_t *oid, size_t n)
{
	put(w, mbedtls_asn1_write_oid(&w->p, w->start, (const char *)oid, n));
}

static void put_octets(struct writer *w, const uint8_t *p, size_t n)
{
	put(w, mbedtls_asn1_write_octet_string(&w->p, w->start, p, n));
}

static struct writer writer(uint8_t *room, size_t size)
{
	return (struct writer){.start = room, .p = room + size};
}

/* PrivateKeyInfo, and what fills up its last block. */
static int wrap_key(uint8_t out[SEAL_MAX], size_t *n, struct span key)
{
	uint8_t room[SEAL_MAX];
	struct writer w = writer(room, sizeof(room));
	uint8_t pad;
	size_t mark;

	put_octets(&w, key.p, key.n);
	mark = w.n;
	put_oid(&w, p256, sizeof(p256));
	put_oid(&w, ec_public_key, sizeof(ec_public_key));
	wrap_sequence(&w, mark);
	put(&w, mbedtls_asn1_write_int(&w.p, w.start, 0));
	wrap_sequence(&w, 0);
	pad = (uint8_t)(BLOCK - w.n % BLOCK);
	if (!w.err && w.n + pad <= SEAL_MAX) {
		memcpy(out, w.p, w.n);
		memset(out + w.n, pad, pad);
		*n = w.n + pad;
	} else if (!w.err) {
		w.err = MBEDTLS_ERR_ASN1_BUF_TOO_SMALL;
	}
	mbedtls_platform_zeroize(room, sizeof(room));
	return w.err;
}

static void put_how(struct writer *w, const struct seal *s)
{
	uint8_t cipher[sizeof(aes_cbc) + 1];
	size_t all = w->n, mark = w->n;

	memcpy(cipher, aes_cbc, sizeof(aes_cbc));
	cipher[sizeof(aes_cbc)] = 42;
	put_octets(w, s->iv, BLOCK);
	put_oid(w, cipher, sizeof(cipher));
	wrap_sequence(w, mark);
	mark = w->n;
	put(w, mbedtls_asn1_write_null(&w->p, w->start));
	put_oid(w, hmac_sha256, sizeof(hmac_sha256));
	wrap_sequence(w, mark);
	put(w, mbedtls_asn1_write_int(&w->p, w->start, s->rounds));
	put_octets(w, s->salt, s->salt_n);
	wrap_sequence(w, mark);
	put_oid(w, pbkdf2, sizeof(pbkdf2));
	wrap_sequence(w, mark);
	wrap_sequence(w, all);
	put_oid(w, pbes2, sizeof(pbes2));
	wrap_sequence(w, all);
}

int key_seal(uint8_t out[SEAL_MAX], size_t *n, struct span key, const char *passphrase)
{
	struct seal s = {.rounds = ROUNDS, .salt_n = BLOCK, .key_n = KEY_BYTES};
	uint8_t plain[SEAL_MAX], sealed[SEAL_MAX];
	struct writer w = writer(out, SEAL_MAX);
	int err = key_random(NULL, s.salt, BLOCK);

	if (!err)
		err = key_random(NULL, s.iv, BLOCK);
	if (!err)
		err = wrap_key(plain, &s.data_n, key);
	s.data = plain;
	if (!err)
		err = crypt(&s, MBEDTLS_AES_ENCRYPT, passphrase, sealed);
	mbedtls_platform_zeroize(plain, sizeof(plain));
	if (err)
		return err;
	put_octets(&w, sealed, s.data_n);
	put_how(&w, &s);
	wrap_sequence(&w, 0);
	memmove(out, w.p, w.n);
	*n = w.n;
	return w.err;
}
