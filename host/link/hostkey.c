/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/hostkey.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/platform_util.h>

#include "common/err.h"
#include "common/key_seal.h"
#include "common/keymake.h"
#include "host/dirs.h"
#include "host/link/config_file.h"
#include "host/errtext.h"
#include "host/link/known_boxes.h"

enum { WHY = 512 };

static struct he_error *no_memory(void)
{
	return he_error_new(E_NOMEM, "out of memory");
}

static char *key_path(const char *config_dir, const char *path)
{
	return path ? strdup(path) : config_path(config_dir, "key.pem");
}

/* ---- under a passphrase ---------------------------------------------------------- */

enum { TRIES = 3 };

struct opening {
	const struct he_config *config;
	const char *file;
};

/* 0; 1 = another passphrase may do; -1 and a sentence. */
static int try_one(const struct opening *o, const char *passphrase, struct span sealed,
    uint8_t *out, size_t *n, char *why, size_t size)
{
	switch (key_unseal(out, n, sealed, passphrase)) {
	case SEAL_OK:
		return 0;
	case SEAL_WRONG:
		snprintf(why, size, "%s: that is not its passphrase", o->file);
		return 1;
	default:
		snprintf(why, size,
		    "%s is protected in a way that is not known here: openssl pkcs8 -topk8 -v2 "
		    "aes-256-cbc protects it in one that is",
		    o->file);
		return -1;
	}
}

static int open_sealed(
    void *arg, struct span sealed, uint8_t *out, size_t max, size_t *n, char *why, size_t size)
{
	const struct opening *o = arg;
	char question[WHY], passphrase[SEAL_PASS_MAX + 1];
	int err = max < SEAL_MAX ? -1 : 1;

	snprintf(question, sizeof(question), "Passphrase of %s:", o->file);
	snprintf(why, size,
	    "%s is protected by a passphrase, and there is no terminal to ask for it: set "
	    "HDB_ASKPASS to a program that prints it",
	    o->file);
	for (int i = 0; err > 0 && i < TRIES; i++) {
		if (!o->config->secret ||
		    !o->config->secret(o->config->arg, question, passphrase, sizeof(passphrase)))
			break;
		err = try_one(o, passphrase, sealed, out, n, why, size);
	}
	mbedtls_platform_zeroize(passphrase, sizeof(passphrase));
	return err ? -1 : 0;
}

struct he_error *hostkey_load(const struct he_config *config, const char *path, struct key **ret)
{
	char *file = key_path(config->config_dir, path), why[WHY];
	struct opening how = {config, file};
	struct he_error *e = NULL;

	if (!file)
		return no_memory();
	*ret = key_load_sealed(file, &(struct key_opener){open_sealed, &how}, why, sizeof(why));
	if (!*ret && access(file, F_OK) != 0 && errno == ENOENT)
		e = he_error_new(E_NO_KEY,
		    "you have no key yet (%s): make one with hdb -keygen%s%s", file,
		    path ? " -key " : "", path ? path : "");
	else if (!*ret)
		e = he_error_new(E_NO_KEY, "%s", why);
	free(file);
	return e;
}

/* The subject of the certificate, for people who look at it: user@machine. */
static void who(char *text, size_t size)
{
	struct passwd *pw = getpwuid(geteuid());
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	if (pw)
		snprintf(text, size, "%s@%s", pw->pw_name, host);
	else
		snprintf(text, size, "%u@%s", (unsigned)geteuid(), host);
}

/* Who has just said the passphrase is not asked for it. */
static bool same_secret(void *arg, const char *question, char *text, size_t size)
{
	const char *passphrase = arg;

	(void)question;
	if (!passphrase)
		return false;
	snprintf(text, size, "%s", passphrase);
	return true;
}

static struct he_error *fingerprint_of(const char *file, const char *passphrase, char **ret)
{
	struct he_config config = {.secret = same_secret, .arg = (void *)passphrase};
	char text[FINGERPRINT_SIZE];
	struct he_error *e;
	struct key *k = NULL;

	e = hostkey_load(&config, file, &k);
	if (e)
		return e;
	*ret = strdup(fingerprint_format(text, key_fingerprint(k)));
	key_free(k);
	return *ret ? NULL : no_memory();
}

/* Whoever asks for a key that is there wants to know it. */
static struct he_error *kept(const char *file, const char *why)
{
	struct he_error *e;
	char *text;

	e = fingerprint_of(file, NULL, &text);
	if (e) {
		he_error_free(e);
		return he_error_os(EEXIST, "%s", why);
	}
	e = he_error_os(EEXIST, "%s (its line for a map file: %s user=NAME)", why, text);
	free(text);
	return e;
}

struct he_error *hostkey_make(const char *config_dir, const char *path, const char *passphrase,
    char **fingerprint, char **file)
{
	struct key_sealer sealer = {key_seal, passphrase};
	char *at = key_path(config_dir, path), *text;
	char name[256], why[WHY];
	struct he_error *err;

	if (!at)
		return no_memory();
	err = path ? NULL : dirs_above(at);
	if (!err) {
		int code;

		who(name, sizeof(name));
		code = key_make_sealed(at, name, passphrase ? &sealer : NULL, why, sizeof(why));
		if (code)
			err = code == EEXIST ? kept(at, why) : he_error_os(code, "%s", why);
	}
	if (!err)
		err = fingerprint_of(at, passphrase, &text);
	if (err) {
		free(at);
		return err;
	}
	*fingerprint = text;
	*file = at;
	return NULL;
}

/* "as=NAME", or HOST[:PORT] made canonical. */
static struct he_error *box_name(const char *box, char **ret)
{
	struct transport t;
	char why[WHY];

	if (strncmp(box, "as=", 3) == 0 && box[3]) {
		*ret = strdup(box);
		return *ret ? NULL : no_memory();
	}
	if (transport_parse_connect(&t, box, why, sizeof(why)) != 0)
		return he_error_new(E_MALFORMED, "%s", why);
	*ret = t.kind == TRANSPORT_TLS ? known_boxes_name(&t) : NULL;
	transport_free(&t);
	return *ret ? NULL
		    : he_error_new(
			  E_MALFORMED, "%s has no key to trust: write HOST or HOST:PORT", box);
}

/* Another key under that name: somebody may have been told a wrong one. */
static struct he_error *no_other(
    const char *path, const char *name, const char *box, const uint8_t key[FINGERPRINT_BYTES])
{
	char before[FINGERPRINT_SIZE], now[FINGERPRINT_SIZE];
	uint8_t kept[FINGERPRINT_BYTES];
	struct he_error *e;
	bool known;

	e = known_boxes_find(path, name, &known, kept);
	if (e || !known || memcmp(kept, key, FINGERPRINT_BYTES) == 0)
		return e;
	fingerprint_format(before, kept);
	fingerprint_format(now, key);
	return he_error_new(E_BAD_PROOF,
	    "%s IS KNOWN WITH ANOTHER KEY, %s (%s in %s). If you know that the box has a new one: "
	    "hdb -replace -trust %s %s",
	    box, before, name, path, box, now);
}

struct he_error *hostkey_trust(
    const char *config_dir, const char *box, const char *fingerprint, bool replace)
{
	uint8_t key[FINGERPRINT_BYTES];
	char *name = NULL, *path;
	struct he_error *err;

	if (!fingerprint_parse(key, span_str(fingerprint)))
		return he_error_new(E_MALFORMED,
		    "%s is no fingerprint: write SHA256: and 43 characters, as the box shows it",
		    fingerprint);
	err = box_name(box, &name);
	if (err)
		return err;
	path = config_path(config_dir, "known_boxes");
	if (!path)
		err = no_memory();
	else if (!replace)
		err = no_other(path, name, box, key);
	if (!err)
		err = known_boxes_keep(path, name, key);
	free(path);
	free(name);
	return err;
}
