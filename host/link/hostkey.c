/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/hostkey.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "common/keymake.h"
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

struct he_error *hostkey_load(const char *config_dir, const char *path, struct key **ret)
{
	char *file = key_path(config_dir, path), why[WHY];
	struct he_error *e = NULL;

	if (!file)
		return no_memory();
	*ret = key_load(file, why, sizeof(why));
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

static struct he_error *fingerprint_of(const char *file, char **ret)
{
	char text[FINGERPRINT_SIZE];
	struct he_error *e;
	struct key *k = NULL;

	e = hostkey_load(NULL, file, &k);
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

	e = fingerprint_of(file, &text);
	if (e)
		return e;
	e = he_error_os(EEXIST, "%s (its line for a map file: %s user=NAME)", why, text);
	free(text);
	return e;
}

struct he_error *hostkey_make(
    const char *config_dir, const char *path, char **fingerprint, char **file)
{
	char *at = key_path(config_dir, path), *text;
	char name[256], why[WHY];
	struct he_error *err;

	if (!at)
		return no_memory();
	err = path ? NULL : config_make_room(at);
	if (!err) {
		int code;

		who(name, sizeof(name));
		code = key_make(at, name, why, sizeof(why));
		if (code)
			err = code == EEXIST ? kept(at, why) : he_error_os(code, "%s", why);
	}
	if (!err)
		err = fingerprint_of(at, &text);
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
