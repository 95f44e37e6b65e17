/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls_remote.h"

#include "tls_compat.h"

enum { DER_MAX = 72 }; /* SEQUENCE of two INTEGERs of up to 33 bytes */

/* One half of a signature as a DER INTEGER: no leading zeros, but one when the
 * top bit is set.  Returns its length. */
static size_t put_integer(uint8_t *to, const uint8_t half[KEY_SIG / 2])
{
	size_t skip = 0, n;
	bool pad;

	while (skip < KEY_SIG / 2 - 1 && half[skip] == 0)
		skip++;
	pad = half[skip] & 0x80;
	n = KEY_SIG / 2 - skip;
	to[0] = 0x02;
	to[1] = (uint8_t)(n + pad);
	to[2] = 0;
	memcpy(to + 2 + pad, half + skip, n);
	return 2 + pad + n;
}

/* Ask the key's keeper, and put its answer into the form TLS wants. */
static int ask(struct tls_remote *r, mbedtls_md_type_t md, const uint8_t *hash, size_t n,
    uint8_t der[DER_MAX], size_t *der_n)
{
	uint8_t sig[KEY_SIG];
	size_t at = 2;

	if (md != MBEDTLS_MD_SHA256 || n != KEY_HASH)
		return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
	if (r->sign(r->arg, hash, sig) != 0)
		return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	at += put_integer(der + at, sig);
	at += put_integer(der + at, sig + KEY_SIG / 2);
	der[0] = 0x30;
	der[1] = (uint8_t)(at - 2);
	*der_n = at;
	return 0;
}

static int can_do(mbedtls_pk_type_t type)
{
	return type == MBEDTLS_PK_ECKEY || type == MBEDTLS_PK_ECDSA;
}

static void keep(void *ctx)
{
	(void)ctx;
}

#if MBEDTLS_VERSION_MAJOR < 3

#include <mbedtls/pk_internal.h>

static size_t bits(const void *ctx)
{
	(void)ctx;
	return 256;
}

static int sign(void *ctx, mbedtls_md_type_t md, const unsigned char *hash, size_t n,
    unsigned char *der, size_t *der_n, int (*rng)(void *, unsigned char *, size_t), void *rng_arg)
{
	(void)rng;
	(void)rng_arg;
	return ask(ctx, md, hash, n, der, der_n);
}

#elif MBEDTLS_VERSION_NUMBER >= 0x03060000 && MBEDTLS_VERSION_MAJOR < 4

/* 3.6 keeps its table of key operations to itself, and the ways it offers instead are
 * not compiled in by default (SSL_ASYNC_PRIVATE) or only for RSA (rsa_alt).  So the
 * table of library/pk_wrap.h is declared again; fits() sees at start, before any
 * remote byte, whether the library at hand still agrees. */
#if defined(MBEDTLS_ECDSA_C) && defined(MBEDTLS_ECP_RESTARTABLE)
#define RESTARTABLE(member) void (*member)(void)
#endif

struct mbedtls_pk_info_t {
	mbedtls_pk_type_t type;
	const char *name;
	size_t (*get_bitlen)(mbedtls_pk_context *);
	int (*can_do)(mbedtls_pk_type_t);
	void (*verify_func)(void);
	int (*sign_func)(mbedtls_pk_context *, mbedtls_md_type_t, const unsigned char *, size_t,
	    unsigned char *, size_t, size_t *, int (*)(void *, unsigned char *, size_t), void *);
#if defined(RESTARTABLE)
	RESTARTABLE(verify_rs_func);
	RESTARTABLE(sign_rs_func);
#endif
	void (*decrypt_func)(void);
	void (*encrypt_func)(void);
	void (*check_pair_func)(void);
	void *(*ctx_alloc_func)(void);
	void (*ctx_free_func)(void *);
#if defined(RESTARTABLE)
	RESTARTABLE(rs_alloc_func);
	RESTARTABLE(rs_free_func);
#endif
	void (*debug_func)(void);
};

static size_t bits(mbedtls_pk_context *pk)
{
	(void)pk;
	return 256;
}

static int sign(mbedtls_pk_context *pk, mbedtls_md_type_t md, const unsigned char *hash, size_t n,
    unsigned char *der, size_t size, size_t *der_n, int (*rng)(void *, unsigned char *, size_t),
    void *rng_arg)
{
	(void)rng;
	(void)rng_arg;
	if (size < DER_MAX)
		return MBEDTLS_ERR_PK_BUFFER_TOO_SMALL;
	return ask(pk->COMPAT_PRIVATE(pk_ctx), md, hash, n, der, der_n);
}

#else
#error "this Mbed TLS is new here: how can its TLS use a key that lives elsewhere?"
#endif

static const mbedtls_pk_info_t remote_info = {
    .type = MBEDTLS_PK_ECKEY,
    .name = "remote",
    .get_bitlen = bits,
    .can_do = can_do,
    .sign_func = sign,
    .ctx_free_func = keep,
};

/* Does the library read our table as we wrote it? */
static bool fits(const mbedtls_pk_context *pk)
{
	return strcmp(mbedtls_pk_get_name(pk), remote_info.name) == 0 &&
	       mbedtls_pk_get_bitlen(pk) == 256 && mbedtls_pk_can_do(pk, MBEDTLS_PK_ECDSA) &&
	       !mbedtls_pk_can_do(pk, MBEDTLS_PK_RSA);
}

int tls_remote_use(struct tls_remote *r, mbedtls_ssl_config *conf, mbedtls_x509_crt *cert)
{
	r->pk.COMPAT_PRIVATE(pk_info) = &remote_info;
	r->pk.COMPAT_PRIVATE(pk_ctx) = r;
	if (!fits(&r->pk))
		return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
	return mbedtls_ssl_conf_own_cert(conf, cert, &r->pk);
}
