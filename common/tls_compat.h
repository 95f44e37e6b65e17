/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Mbed TLS 2.28 and 3.6: every difference that concerns us, in this one place.
 * Define COMPAT_TLS or COMPAT_X509_WRITE before including it for those parts of
 * the library; without them only its crypto half is seen.
 */
#ifndef COMMON_TLS_COMPAT_H
#define COMMON_TLS_COMPAT_H

#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR >= 3
#include <mbedtls/build_info.h>
#include <psa/crypto.h>
#else
#include <mbedtls/config.h>
#endif

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>

#if MBEDTLS_VERSION_MAJOR >= 3
#define COMPAT_PRIVATE(member) MBEDTLS_PRIVATE(member)
#define compat_sha256(in, n, out) mbedtls_sha256(in, n, out, 0)
#define compat_pk_parse_key(pk, text, n, rng, arg)                                                 \
	mbedtls_pk_parse_key(pk, text, n, NULL, 0, rng, arg)
#define compat_crypto_init() ((int)psa_crypto_init())
#else
#define COMPAT_PRIVATE(member) member
#define compat_sha256(in, n, out) mbedtls_sha256_ret(in, n, out, 0)
#define compat_pk_parse_key(pk, text, n, rng, arg) mbedtls_pk_parse_key(pk, text, n, NULL, 0)
#define compat_crypto_init() 0
#endif

#if defined(COMPAT_TLS)
#include <mbedtls/ssl.h>

#if MBEDTLS_VERSION_MAJOR >= 3
#define compat_handshake_over(ssl) (mbedtls_ssl_is_handshake_over((mbedtls_ssl_context *)(ssl)))
#define compat_is_tls13(ssl) (mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_3)
#define compat_is_ticket(r) ((r) == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
#else
#define compat_handshake_over(ssl) ((ssl)->state == MBEDTLS_SSL_HANDSHAKE_OVER)
#define compat_is_tls13(ssl) false
#define compat_is_ticket(r) false
#endif

/* TLS 1.2 and up; P-256 keys, SHA-256 signatures (the monitor signs no others). */
static inline void compat_conf_protocol(mbedtls_ssl_config *conf)
{
#if MBEDTLS_VERSION_MAJOR >= 3
	static const uint16_t groups[] = {
	    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_X25519, 0};
	static const uint16_t algs[] = {
	    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_NONE};

	mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_groups(conf, groups);
	mbedtls_ssl_conf_sig_algs(conf, algs);
#else
	static const mbedtls_ecp_group_id curves[] = {
	    MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_NONE};
	static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_NONE};

	mbedtls_ssl_conf_min_version(
	    conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_curves(conf, curves);
	mbedtls_ssl_conf_sig_hashes(conf, hashes);
#endif
}
#endif

#if defined(COMPAT_X509_WRITE)
#include <mbedtls/x509_crt.h>

static inline int compat_set_serial(mbedtls_x509write_cert *crt, uint8_t *p, size_t n)
{
#if MBEDTLS_VERSION_MAJOR >= 3
	return mbedtls_x509write_crt_set_serial_raw(crt, p, n);
#else
	mbedtls_mpi serial;
	int err;

	mbedtls_mpi_init(&serial);
	err = mbedtls_mpi_read_binary(&serial, p, n);
	if (!err)
		err = mbedtls_x509write_crt_set_serial(crt, &serial);
	mbedtls_mpi_free(&serial);
	return err;
#endif
}
#endif

#endif
