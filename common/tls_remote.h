/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A private key that lives in another process, put under Mbed TLS by way of its
 * table of key operations: what else there is (asynchronous and opaque keys) is
 * not compiled into what distributions ship.
 */
#ifndef COMMON_TLS_REMOTE_H
#define COMMON_TLS_REMOTE_H

#include <mbedtls/ssl.h>

#include "key.h"

struct tls_remote {
	mbedtls_pk_context pk;
	int (*sign)(void *arg, const uint8_t hash[KEY_HASH], uint8_t sig[KEY_SIG]);
	void *arg;
};

/* Make r the key of conf's certificate.  Both must stay where they are for the
 * life of conf.  0, or an error of Mbed TLS. */
int tls_remote_use(struct tls_remote *r, mbedtls_ssl_config *conf, mbedtls_x509_crt *cert);

#endif
