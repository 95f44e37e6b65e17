/* SPDX-License-Identifier: BSD-2-Clause */
#include "keymake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>

#include "key.h"

#define COMPAT_X509_WRITE
#include "tls_compat.h"

enum { PEM_MAX = 8192, DER_MAX = 1024 };

/* Dates that no clock, however wrong, lies outside of; nobody of ours looks. */
#define NOT_BEFORE "19700101000000"
#define NOT_AFTER "99991231235959"

/* The subject: only what needs no escaping in a distinguished name. */
static void subject(char *to, size_t size, const char *name)
{
	size_t at = (size_t)snprintf(to, size, "CN=");

	for (; *name && at < 60 && at + 1 < size; name++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@.-_",
			*name))
			to[at++] = *name;
	to[at] = 0;
}

static int write_cert(mbedtls_pk_context *pk, const char *name, char *pem, size_t size)
{
	mbedtls_x509write_cert crt;
	uint8_t serial[16];
	char cn[80];
	int err;

	subject(cn, sizeof(cn), name);
	mbedtls_x509write_crt_init(&crt);
	mbedtls_x509write_crt_set_version(&crt, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&crt, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(&crt, pk);
	mbedtls_x509write_crt_set_issuer_key(&crt, pk);
	err = key_random(NULL, serial, sizeof(serial));
	serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40); /* positive, never short */
	if (!err)
		err = compat_set_serial(&crt, serial, sizeof(serial));
	if (!err)
		err = mbedtls_x509write_crt_set_subject_name(&crt, cn);
	if (!err)
		err = mbedtls_x509write_crt_set_issuer_name(&crt, cn);
	if (!err)
		err = mbedtls_x509write_crt_set_validity(&crt, NOT_BEFORE, NOT_AFTER);
	if (!err)
		err = mbedtls_x509write_crt_pem(&crt, (unsigned char *)pem, size, key_random, NULL);
	mbedtls_x509write_crt_free(&crt);
	return err;
}

static int write_sealed(mbedtls_pk_context *pk, const struct key_sealer *s, char pem[PEM_MAX])
{
	uint8_t der[DER_MAX], sealed[DER_MAX];
	size_t n;
	/* It stands at the end of the room. */
	int len = mbedtls_pk_write_key_der(pk, der, sizeof(der)), err = len < 0 ? len : 0;

	if (!err)
		err = s->seal(sealed, &n, (struct span){der + sizeof(der) - len, (uint32_t)len},
		    s->passphrase);
	if (!err)
		err = mbedtls_pem_write_buffer("-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
		    "-----END ENCRYPTED PRIVATE KEY-----\n", sealed, n, (unsigned char *)pem,
		    PEM_MAX, &n);
	mbedtls_platform_zeroize(der, sizeof(der));
	return err;
}

static int write_private(mbedtls_pk_context *pk, const struct key_sealer *s, char pem[PEM_MAX])
{
	return s ? write_sealed(pk, s, pem)
		 : mbedtls_pk_write_key_pem(pk, (unsigned char *)pem, PEM_MAX);
}

/* Key and certificate as PEM text.  0, or an error of Mbed TLS. */
static int write_pem(char pem[PEM_MAX], const char *name, const struct key_sealer *sealer)
{
	mbedtls_pk_context pk;
	size_t n;
	int err;

	mbedtls_pk_init(&pk);
	err = mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (!err)
		err = mbedtls_ecp_gen_key(
		    MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk), key_random, NULL);
	if (!err)
		err = write_private(&pk, sealer, pem);
	if (!err) {
		n = strlen(pem);
		err = write_cert(&pk, name, pem + n, PEM_MAX - n);
	}
	mbedtls_pk_free(&pk);
	return err;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			text += n;
			left -= (size_t)n;
		}
	}
	return fsync(fd) == 0 ? 0 : errno;
}

/* Under another name first, then linked to path: that fails when path exists, and
 * nobody ever sees half a key. */
static int store(const char *path, const char *text)
{
	char temp[4096];
	int fd, err;

	if (snprintf(temp, sizeof(temp), "%s.%ld", path, (long)getpid()) >= (int)sizeof(temp))
		return ENAMETOOLONG;
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno;
	err = fchmod(fd, 0600) == 0 ? write_all(fd, text) : errno;
	if (!err && link(temp, path) != 0)
		err = errno;
	unlink(temp);
	close(fd);
	return err;
}

int key_make(const char *path, const char *name, char *why, size_t size)
{
	return key_make_sealed(path, name, NULL, why, size);
}

int key_make_sealed(
    const char *path, const char *name, const struct key_sealer *sealer, char *why, size_t size)
{
	char pem[PEM_MAX];
	struct stat st;
	int err;

	if (lstat(path, &st) == 0) {
		snprintf(why, size, "%s exists already and is kept", path);
		return EEXIST;
	}
	if (compat_crypto_init() != 0 || write_pem(pem, name, sealer) != 0) {
		snprintf(why, size, "cannot make a key: no randomness or no memory");
		return ENOMEM;
	}
	err = store(path, pem);
	mbedtls_platform_zeroize(pem, sizeof(pem));
	if (err == EEXIST)
		snprintf(why, size, "%s exists already and is kept", path);
	else if (err)
		snprintf(why, size, "cannot write %s: %s", path, strerror(err));
	return err;
}
