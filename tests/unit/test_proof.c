/* SPDX-License-Identifier: BSD-2-Clause
 *
 * key.c, keymake.c and proof.c: what is signed, and what is not accepted.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/tls_compat.h"

#include "common/keymake.h"
#include "common/proof.h"
#include "common/wire.h"

static char dir[] = "/tmp/test_proof.XXXXXX";
static char path[64];
static char why[256];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/key.pem", dir);
	return key_make(path, "test@box", why, sizeof(why));
}

static int drop_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static struct proof example(void)
{
	struct proof p = {
	    .alpn = WIRE_ALPN_PROCSRV,
	    .version = WIRE_PROOF_VERSION,
	    .mode = PROOF_READONLY,
	    .user = span_str("alice"),
	};

	memset(p.nonce, 0x11, sizeof(p.nonce));
	memset(p.server, 0x22, sizeof(p.server));
	memset(p.session, 0x33, sizeof(p.session));
	memset(p.mac, 0x44, sizeof(p.mac));
	return p;
}

/* Built by hand from the architecture's list, so that a change of proof.c shows. */
static void the_signed_bytes_are_those_of_the_contract(void **state)
{
	uint8_t want[256], hash[32], expect[32];
	size_t n = 0;
	struct proof p = example();

	(void)state;
	memcpy(want, "procsrv-proof-1\0\x09procsrv/1\x01\x00", 16 + 1 + 9 + 2);
	n = 28;
	for (unsigned i = 0; i < 4; i++) {
		size_t len = i == 2 ? 16 : 32;

		memset(want + n, (int)(0x11 * (i + 1)), len);
		n += len;
	}
	memcpy(want + n,
	    "\x01\x05"
	    "alice",
	    7);
	n += 7;
	assert_int_equal(n, 147);
	compat_sha256(want, n, expect);
	assert_true(proof_hash(hash, &p));
	assert_memory_equal(hash, expect, 32);
}

static void a_proof_holds_for_its_key_and_bytes_only(void **state)
{
	struct key *k = key_load(path, why, sizeof(why));
	struct proof p = example();
	uint8_t sig[KEY_SIG], point[KEY_POINT];

	(void)state;
	assert_non_null(k);
	assert_int_equal(proof_sign(sig, &p, k), 0);
	memcpy(point, key_point(k), sizeof(point));
	assert_true(proof_verify(&p, point, sig));
	/* every field counts */
	uint8_t *fields[] = {p.nonce, p.server + 31, p.session, p.mac, &p.mode};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		*fields[i] ^= 1;
		assert_false(proof_verify(&p, point, sig));
		*fields[i] ^= 1;
	}
	p.user = span_str("root");
	assert_false(proof_verify(&p, point, sig));
	p.user = span_str("alice");
	p.version++;
	assert_false(proof_verify(&p, point, sig));
	p.version--;
	p.alpn = "kdsrv/1";
	assert_false(proof_verify(&p, point, sig));
	p.alpn = WIRE_ALPN_PROCSRV;
	/* every byte of signature and point counts */
	for (size_t i = 0; i < sizeof(sig); i++) {
		sig[i] ^= 0x40;
		assert_false(proof_verify(&p, point, sig));
		sig[i] ^= 0x40;
	}
	for (size_t i = 0; i < sizeof(point); i++) {
		point[i] ^= 1;
		assert_false(proof_verify(&p, point, sig));
		point[i] ^= 1;
	}
	assert_true(proof_verify(&p, point, sig));
	key_free(k);
}

static void a_signature_of_zeros_or_of_the_order_is_refused(void **state)
{
	static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3,
	    0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
	struct key *k = key_load(path, why, sizeof(why));
	struct proof p = example();
	uint8_t sig[KEY_SIG] = {0}, zero[KEY_POINT] = {4};

	(void)state;
	assert_non_null(k);
	assert_false(proof_verify(&p, key_point(k), sig));
	memcpy(sig, order, 32);
	memcpy(sig + 32, order, 32);
	assert_false(proof_verify(&p, key_point(k), sig));
	assert_int_equal(proof_sign(sig, &p, k), 0);
	assert_false(proof_verify(&p, zero, sig));
	key_free(k);
}

static void a_user_longer_than_allowed_is_not_hashed(void **state)
{
	struct proof p = example();
	uint8_t hash[32];

	(void)state;
	p.user = span_str("123456789012345678901234567890123");
	assert_false(proof_hash(hash, &p));
}

static void a_forgotten_key_signs_nothing(void **state)
{
	struct key *k = key_load(path, why, sizeof(why));
	uint8_t hash[32] = {1}, sig[KEY_SIG];

	(void)state;
	assert_non_null(k);
	key_forget(k);
	assert_int_equal(key_sign(k, hash, sig), -1);
	key_free(k);
}

static void the_fingerprint_is_that_of_the_certificates_key(void **state)
{
	struct key *k = key_load(path, why, sizeof(why));
	uint8_t hash[32], spki[KEY_SPKI];
	struct span cert;
	const uint8_t *at;

	(void)state;
	assert_non_null(k);
	cert = key_cert(k);
	at = memmem(cert.p, cert.n, key_point(k), KEY_POINT);
	assert_non_null(at);
	memcpy(spki, at - (KEY_SPKI - KEY_POINT), KEY_SPKI);
	assert_true(key_hash_spki(hash, (struct span){spki, KEY_SPKI}));
	assert_memory_equal(hash, key_fingerprint(k), 32);
	assert_false(key_hash_spki(hash, (struct span){spki, KEY_SPKI - 1}));
	for (size_t i = 0; i <= KEY_SPKI - KEY_POINT; i++) {
		spki[i] ^= 1;
		assert_false(key_hash_spki(hash, (struct span){spki, KEY_SPKI}));
		spki[i] ^= 1;
	}
	key_free(k);
}

static void a_key_file_is_never_overwritten(void **state)
{
	struct stat before, after;

	(void)state;
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(before.st_mode & 07777, 0600);
	assert_int_equal(key_make(path, "x", why, sizeof(why)), EEXIST);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_size, after.st_size);
}

static void a_key_others_can_read_is_refused(void **state)
{
	(void)state;
	for (mode_t bit = 1; bit <= 040; bit <<= 1) {
		assert_int_equal(chmod(path, 0600 | bit), 0);
		assert_null(key_load(path, why, sizeof(why)));
		assert_non_null(strstr(why, "chmod 600"));
	}
	assert_int_equal(chmod(path, 0600), 0);
	assert_null(key_load(dir, why, sizeof(why)));
	assert_null(key_load("/nonexistent/key.pem", why, sizeof(why)));
	assert_non_null(strstr(why, "/nonexistent/key.pem"));
}

/* Any one character changed in the file: refused, or still the same key. */
static void a_damaged_key_file_yields_no_other_key(void **state)
{
	struct key *k = key_load(path, why, sizeof(why)), *other;
	char text[8192], bad[128];
	FILE *f = fopen(path, "r");
	size_t n;

	(void)state;
	assert_non_null(k);
	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	snprintf(bad, sizeof(bad), "%s/bad.pem", dir);
	for (size_t i = 0; i < n; i += 3) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		f = fopen(bad, "w");
		assert_non_null(f);
		chmod(bad, 0600);
		fwrite(text, 1, n, f);
		fclose(f);
		other = key_load(bad, why, sizeof(why));
		if (other)
			assert_memory_equal(key_fingerprint(other), key_fingerprint(k), 32);
		key_free(other);
		text[i] = was;
	}
	unlink(bad);
	key_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_signed_bytes_are_those_of_the_contract),
	    cmocka_unit_test(a_proof_holds_for_its_key_and_bytes_only),
	    cmocka_unit_test(a_signature_of_zeros_or_of_the_order_is_refused),
	    cmocka_unit_test(a_user_longer_than_allowed_is_not_hashed),
	    cmocka_unit_test(a_forgotten_key_signs_nothing),
	    cmocka_unit_test(the_fingerprint_is_that_of_the_certificates_key),
	    cmocka_unit_test(a_key_file_is_never_overwritten),
	    cmocka_unit_test(a_key_others_can_read_is_refused),
	    cmocka_unit_test(a_damaged_key_file_yields_no_other_key),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
