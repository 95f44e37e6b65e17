/* SPDX-License-Identifier: BSD-2-Clause */
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/ecdsa.h>
#include <mbedtls/platform_util.h>

#include "tls_compat.h"

enum { FILE_MAX = 16 * 1024, SEALED_MAX = 1024 };

#define SEALED_BEGIN "-----BEGIN ENCRYPTED PRIVATE KEY-----"
#define SEALED_END "-----END ENCRYPTED PRIVATE KEY-----"

/* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING } of RFC 5480,
 * up to where the point begins. */
static const uint8_t spki_prefix[KEY_SPKI - KEY_POINT] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    0x03, 0x42, 0x00};

struct key {
	mbedtls_pk_context pk;
	bool forgotten;
	uint8_t point[KEY_POINT];
	uint8_t hash[FINGERPRINT_BYTES];
	uint8_t cert[KEY_CERT_MAX];
	size_t cert_n;
};

int key_random(void *arg, unsigned char *p, size_t n)
{
	(void)arg;
	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

void key_hash_point(uint8_t hash[FINGERPRINT_BYTES], const uint8_t point[KEY_POINT])
{
	uint8_t spki[KEY_SPKI];

	memcpy(spki, spki_prefix, sizeof(spki_prefix));
	memcpy(spki + sizeof(spki_prefix), point, KEY_POINT);
	compat_sha256(spki, sizeof(spki), hash);
}

bool key_hash_spki(uint8_t hash[FINGERPRINT_BYTES], struct span spki)
{
	if (spki.n != KEY_SPKI || memcmp(spki.p, spki_prefix, sizeof(spki_prefix)) != 0)
		return false;
	if (spki.p[sizeof(spki_prefix)] != 4)
		return false;
	compat_sha256(spki.p, spki.n, hash);
	return true;
}

static int bad(char *why, size_t size, const char *path, const char *what)
{
	snprintf(why, size, "%s %s", path, what);
	return -1;
}

/* Is it a file nobody else could have put there or read? */
static int judge(int fd, const char *path, char *why, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return bad(why, size, path, "is not a regular file: name a key.pem");
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return bad(why, size, path, "belongs to another user: make a key of your own");
	if (st.st_mode & 077) {
		snprintf(why, size, "%s can be read by others (mode %04o): chmod 600 it", path,
		    (unsigned)st.st_mode & 07777);
		return -1;
	}
	if (st.st_size > FILE_MAX)
		return bad(why, size, path, "is too long for a key.pem");
	return 0;
}

/* The whole file as a string, which is what Mbed TLS wants of PEM. */
static int slurp(char text[FILE_MAX + 1], const char *path, char *why, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return -1;
	}
	err = judge(fd, path, why, size);
	while (!err && len < FILE_MAX && n > 0) {
		n = read(fd, text + len, FILE_MAX - len);
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			err = bad(why, size, path, strerror(errno));
	}
	text[len] = 0;
	close(fd);
	return err;
}

static int take_cert(struct key *k, const char *text)
{
	mbedtls_pem_context pem;
	size_t used;
	int err;

	mbedtls_pem_init(&pem);
	err = mbedtls_pem_read_buffer(&pem, "-----BEGIN CERTIFICATE-----",
	    "-----END CERTIFICATE-----", (const unsigned char *)text, NULL, 0, &used);
	if (err == 0 && pem.COMPAT_PRIVATE(buflen) > sizeof(k->cert))
		err = MBEDTLS_ERR_PEM_BAD_INPUT_DATA;
	if (err == 0) {
		k->cert_n = pem.COMPAT_PRIVATE(buflen);
		memcpy(k->cert, pem.COMPAT_PRIVATE(buf), k->cert_n);
	}
	mbedtls_pem_free(&pem);
	return err;
}

static int take_point(struct key *k)
{
	mbedtls_ecp_keypair *ec;
	size_t n;

	if (mbedtls_pk_get_type(&k->pk) != MBEDTLS_PK_ECKEY)
		return -1;
	ec = mbedtls_pk_ec(k->pk);
	if (ec->COMPAT_PRIVATE(grp).id != MBEDTLS_ECP_DP_SECP256R1)
		return -1;
	if (mbedtls_ecp_point_write_binary(&ec->COMPAT_PRIVATE(grp), &ec->COMPAT_PRIVATE(Q),
		MBEDTLS_ECP_PF_UNCOMPRESSED, &n, k->point, sizeof(k->point)) != 0)
		return -1;
	key_hash_point(k->hash, k->point);
	return n == KEY_POINT ? 0 : -1;
}

/* The certificate must be this key's.  Without an X.509 parser: its public key
 * stands in it byte by byte. */
static bool is_of(const struct key *k)
{
	return memmem(k->cert, k->cert_n, k->point, KEY_POINT) != NULL;
}

/* Under a passphrase: who is to be asked for it knows how to open it. */
static int take_sealed(struct key *k, const char *text, const struct key_opener *o,
    const char *path, char *why, size_t size)
{
	uint8_t der[SEALED_MAX];
	mbedtls_pem_context pem;
	size_t used, n;
	int err;

	if (!o)
		return bad(why, size, path,
		    "is protected by a passphrase, for which nobody can be asked here: make a key "
		    "without one");
	mbedtls_pem_init(&pem);
	err = mbedtls_pem_read_buffer(
	    &pem, SEALED_BEGIN, SEALED_END, (const unsigned char *)text, NULL, 0, &used);
	if (err)
		bad(why, size, path, "holds no private key that can be read");
	else
		err = o->open(o->arg,
		    (struct span){pem.COMPAT_PRIVATE(buf), (uint32_t)pem.COMPAT_PRIVATE(buflen)},
		    der, sizeof(der), &n, why, size);
	mbedtls_pem_free(&pem);
	if (!err && compat_pk_parse_key(&k->pk, der, n, key_random, NULL) != 0)
		err = bad(why, size, path, "holds no private key that can be read");
	mbedtls_platform_zeroize(der, sizeof(der));
	return err ? -1 : 0;
}

static int take_private(struct key *k, const char *text, const struct key_opener *o,
    const char *path, char *why, size_t size)
{
	if (strstr(text, SEALED_BEGIN))
		return take_sealed(k, text, o, path, why, size);
	if (compat_pk_parse_key(
		&k->pk, (const unsigned char *)text, strlen(text) + 1, key_random, NULL) != 0)
		return bad(why, size, path, "holds no private key that can be read");
	return 0;
}

static int parse(struct key *k, const char *text, const struct key_opener *o, const char *path,
    char *why, size_t size)
{
	if (take_private(k, text, o, path, why, size) != 0)
		return -1;
	if (take_point(k) != 0)
		return bad(
		    why, size, path, "holds a key of another kind than EC P-256: make a new one");
	if (take_cert(k, text) != 0)
		return bad(why, size, path, "holds no certificate beside the key: make a new one");
	if (!is_of(k))
		return bad(why, size, path, "holds the certificate of another key: make a new one");
	return 0;
}

struct key *key_load(const char *path, char *why, size_t size)
{
	return key_load_sealed(path, NULL, why, size);
}

struct key *key_load_sealed(
    const char *path, const struct key_opener *opener, char *why, size_t size)
{
	char text[FILE_MAX + 1];
	struct key *k = calloc(1, sizeof(*k));
	int err;

	if (!k) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	mbedtls_pk_init(&k->pk);
	err = slurp(text, path, why, size);
	if (!err)
		err = parse(k, text, opener, path, why, size);
	mbedtls_platform_zeroize(text, sizeof(text));
	if (err) {
		key_free(k);
		return NULL;
	}
	return k;
}

void key_forget(struct key *k)
{
	mbedtls_pk_free(&k->pk);
	mbedtls_pk_init(&k->pk);
	k->forgotten = true;
}

void key_free(struct key *k)
{
	if (!k)
		return;
	mbedtls_pk_free(&k->pk);
	free(k);
}

const uint8_t *key_point(const struct key *k)
{
	return k->point;
}

const uint8_t *key_fingerprint(const struct key *k)
{
	return k->hash;
}

struct span key_cert(const struct key *k)
{
	return (struct span){k->cert, (uint32_t)k->cert_n};
}

struct mbedtls_pk_context *key_pk(struct key *k)
{
	return &k->pk;
}

int key_sign(struct key *k, const uint8_t hash[KEY_HASH], uint8_t sig[KEY_SIG])
{
	mbedtls_ecp_keypair *ec;
	mbedtls_mpi r, s;
	int err;

	if (k->forgotten)
		return -1;
	ec = mbedtls_pk_ec(k->pk);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	err = mbedtls_ecdsa_sign(&ec->COMPAT_PRIVATE(grp), &r, &s, &ec->COMPAT_PRIVATE(d), hash,
	    KEY_HASH, key_random, NULL);
	if (!err)
		err = mbedtls_mpi_write_binary(&r, sig, KEY_SIG / 2);
	if (!err)
		err = mbedtls_mpi_write_binary(&s, sig + KEY_SIG / 2, KEY_SIG / 2);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	return err ? -1 : 0;
}

bool key_verify(
    const uint8_t point[KEY_POINT], const uint8_t hash[KEY_HASH], const uint8_t sig[KEY_SIG])
{
	mbedtls_ecp_group grp;
	mbedtls_ecp_point q;
	mbedtls_mpi r, s;
	int err;

	if (point[0] != 4)
		return false;
	mbedtls_ecp_group_init(&grp);
	mbedtls_ecp_point_init(&q);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	err = mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_SECP256R1);
	if (!err)
		err = mbedtls_ecp_point_read_binary(&grp, &q, point, KEY_POINT);
	if (!err)
		err = mbedtls_ecp_check_pubkey(&grp, &q);
	if (!err)
		err = mbedtls_mpi_read_binary(&r, sig, KEY_SIG / 2);
	if (!err)
		err = mbedtls_mpi_read_binary(&s, sig + KEY_SIG / 2, KEY_SIG / 2);
	if (!err)
		err = mbedtls_ecdsa_verify(&grp, hash, KEY_HASH, &q, &r, &s);
	mbedtls_ecp_group_free(&grp);
	mbedtls_ecp_point_free(&q);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	return err == 0;
}
