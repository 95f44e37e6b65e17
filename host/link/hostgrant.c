/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/hostgrant.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/duration.h"
#include "common/err.h"
#include "common/grant_text.h"
#include "common/wire.h"
#include "host/errtext.h"
#include "host/link/config_file.h"
#include "host/link/hostkey.h"

enum {
	FILE_BYTES = 16384,
	SKEW_S = 300, /* clocks of boxes may be behind ours */
	STOP_MOST_MS = 3600000,
};

static struct he_error *no_memory(void)
{
	return he_error_new(E_NOMEM, "out of memory");
}

/* ---- the file ------------------------------------------------------------------- */

static char *grant_path(const struct he_config *config, const char *path)
{
	char *key = path ? strdup(path) : config_path(config->config_dir, "key.pem"), *file;
	int n = key ? asprintf(&file, "%s.grant", key) : -1;

	free(key);
	return n < 0 ? NULL : file;
}

struct he_error *hostgrant_load(
    const struct he_config *config, const char *path, uint8_t bytes[GRANT_BYTES], bool *has)
{
	char *file = grant_path(config, path), text[FILE_BYTES];
	struct he_error *e;
	struct span all = {(const uint8_t *)text, 0};
	struct grant g;
	FILE *f = NULL;

	*has = false;
	if (!file)
		return no_memory();
	e = config_open(file, &f);
	if (f) {
		all.n = (uint32_t)fread(text, 1, sizeof(text), f);
		fclose(f);
		*has = grant_from_text(bytes, all) && grant_decode(&g, bytes);
		if (!*has)
			e = he_error_new(E_GRANT,
			    "%s holds no grant, or a damaged one: ask who has signed it for "
			    "another, or remove it",
			    file);
	}
	free(file);
	return e;
}

/* ---- what is to be signed --------------------------------------------------------- */

/* "alice,bob" */
static struct he_error *take_users(struct grant *g, const char *users)
{
	while (users) {
		size_t n = strcspn(users, ",");

		if (!n || n > GRANT_USER || g->nusers == GRANT_USERS)
			return he_error_new(E_MALFORMED,
			    "-user wants one to %d names of users, of at most %d characters, with "
			    "commas",
			    GRANT_USERS, GRANT_USER);
		memcpy(g->user[g->nusers++], users, n);
		users = users[n] ? users + n + 1 : NULL;
	}
	return NULL;
}

static bool take_word(struct grant *g, const char *word, size_t n)
{
	static const struct {
		const char *name;
		uint32_t takes;
	} words[] = {{"readonly", 1u << WIRE_R_STOP | 1u << WIRE_R_WRITE | 1u << WIRE_R_LAUNCH},
	    {"no-write", 1u << WIRE_R_WRITE}, {"no-launch", 1u << WIRE_R_LAUNCH}};
	static const char max_stop[] = "max-stop=";
	const size_t prefix = sizeof(max_stop) - 1;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].name) == n && memcmp(words[i].name, word, n) == 0) {
			g->rights &= ~words[i].takes;
			return true;
		}
	if (n <= prefix || memcmp(word, max_stop, prefix) != 0)
		return false;
	return duration_ms((struct span){(const uint8_t *)word + prefix, (uint32_t)(n - prefix)},
		   STOP_MOST_MS, &g->max_stop_ms) &&
	       g->max_stop_ms;
}

/* "readonly max-stop=2s", with commas as well */
static struct he_error *take_words(struct grant *g, const char *words)
{
	while (words && *(words += strspn(words, " ,"))) {
		size_t n = strcspn(words, " ,");

		if (!take_word(g, words, n))
			return he_error_new(E_MALFORMED,
			    "-words: %.*s is none of readonly, no-write, no-launch and "
			    "max-stop=TIME",
			    (int)n, words);
		words += n;
	}
	return NULL;
}

/* A day, or a minute of one, UTC; what follows it. */
static const char *take_date(const char *text, uint64_t *ret)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M", &tm);
	time_t t;

	if (!end) {
		tm = (struct tm){0};
		end = strptime(text, "%Y-%m-%d", &tm);
	}
	t = end ? timegm(&tm) : -1;
	*ret = (uint64_t)t;
	return t < 0 ? NULL : end;
}

/* "8h" from now, or "2026-11-23..2026-12-01" */
static struct he_error *take_valid(struct grant *g, const char *text)
{
	uint64_t now = (uint64_t)time(NULL);
	uint32_t lasts;
	const char *at;

	if (duration_s(span_str(text), &lasts)) {
		g->not_before = now - SKEW_S;
		g->expires = now + lasts;
		return NULL;
	}
	at = take_date(text, &g->not_before);
	at = at && strncmp(at, "..", 2) == 0 ? take_date(at + 2, &g->expires) : NULL;
	if (at && !*at && g->not_before < g->expires)
		return NULL;
	return he_error_new(E_MALFORMED,
	    "-valid %s: write how long, as 30m, 8h, 7d or 2w, or from when until when, as "
	    "2026-11-23..2026-12-01 or 2026-11-23T09:00..2026-11-23T18:00 (UTC)",
	    text);
}

static struct he_error *take_name(struct grant *g, const struct he_grant *what)
{
	const char *name = what->name ? what->name : what->key;

	for (const char *c = name; *c; c++)
		if (!isgraph((unsigned char)*c) || c - name == GRANT_NAME)
			return he_error_new(E_MALFORMED,
			    "-name %s: write at most %d ASCII characters without blanks", name,
			    GRANT_NAME);
	snprintf(g->name, sizeof(g->name), "%s", name);
	return NULL;
}

static uint64_t new_serial(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct he_error *make(struct grant *g, const struct he_grant *what)
{
	struct he_error *e;

	*g = (struct grant){.serial = what->serial ? what->serial : new_serial(),
	    .rights = 1u << WIRE_R_NONE | 1u << WIRE_R_LOOK | 1u << WIRE_R_STOP |
		      1u << WIRE_R_WRITE | 1u << WIRE_R_LAUNCH};
	if (!fingerprint_parse(g->key, span_str(what->key)))
		return he_error_new(E_MALFORMED,
		    "%s is no fingerprint: write SHA256: and 43 characters, as hdb -keygen shows "
		    "it to whose key it is",
		    what->key);
	e = take_users(g, what->users);
	e = e ? e : take_words(g, what->words);
	e = e ? e : take_valid(g, what->valid);
	return e ? e : take_name(g, what);
}

/* What it says, as comment, then the grant. */
static char *whole_text(const uint8_t bytes[GRANT_BYTES], const struct grant *g)
{
	char *text = NULL, *line = grant_text(bytes), *says = NULL, *save = NULL;
	size_t n = 0;
	FILE *f = line ? open_memstream(&says, &n) : NULL;

	if (f) {
		grant_describe(g, f);
		fclose(f);
	}
	f = says ? open_memstream(&text, &n) : NULL;
	if (f) {
		for (char *l = strtok_r(says, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
			fprintf(f, "# %s\n", l);
		fputs(line, f);
		fclose(f);
	}
	free(line);
	free(says);
	return text;
}

struct he_error *hostgrant_sign(
    const struct he_config *config, const char *path, const struct he_grant *what, char **text)
{
	uint8_t bytes[GRANT_BYTES];
	struct grant g, signed_one;
	struct key *k = NULL;
	struct he_error *e = make(&g, what);

	if (!e)
		e = hostkey_load(config, path, &k);
	if (e)
		return e;
	if (memcmp(key_fingerprint(k), g.key, sizeof(g.key)) == 0)
		e = he_error_new(
		    E_MALFORMED, "a key signs no grant for itself: no box would take it");
	else if (grant_sign(bytes, &g, k) != 0 || !grant_decode(&signed_one, bytes))
		e = he_error_new(E_MALFORMED,
		    "it cannot be signed: names of users and of the grant are ASCII without "
		    "blanks");
	key_free(k);
	if (e)
		return e;
	*text = whole_text(bytes, &signed_one);
	return *text ? NULL : no_memory();
}
