/* SPDX-License-Identifier: BSD-2-Clause */
#include "grant_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include <mbedtls/base64.h>

#include "wire.h"

static const char word[] = "procsrv-grant-1 ";

enum { WORD = sizeof(word) - 1, BASE64 = (GRANT_BYTES + 2) / 3 * 4 };

char *grant_text(const uint8_t bytes[GRANT_BYTES])
{
	char *text = malloc(WORD + BASE64 + 2);
	size_t n;

	if (!text)
		return NULL;
	memcpy(text, word, WORD);
	mbedtls_base64_encode((uint8_t *)text + WORD, BASE64 + 1, &n, bytes, GRANT_BYTES);
	memcpy(text + WORD + n, "\n", 2);
	return text;
}

bool grant_from_text(uint8_t bytes[GRANT_BYTES], struct span text)
{
	while (text.n) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		uint32_t line = end ? (uint32_t)(end - text.p) : text.n;
		size_t n = 0;

		if (line == WORD + BASE64 && memcmp(text.p, word, WORD) == 0)
			return mbedtls_base64_decode(
				   bytes, GRANT_BYTES, &n, text.p + WORD, BASE64) == 0 &&
			       n == GRANT_BYTES;
		if (line && text.p[0] != '#')
			return false;
		line += end != NULL;
		text = (struct span){text.p + line, text.n - line};
	}
	return false;
}

static const char *day(uint64_t t, char *to, size_t size)
{
	time_t at = (time_t)t;
	struct tm tm;

	if (t > INT64_MAX || !gmtime_r(&at, &tm) || !strftime(to, size, "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(to, size, "second %" PRIu64, t);
	return to;
}

void grant_describe(const struct grant *g, FILE *f)
{
	char text[FINGERPRINT_SIZE], from[64], to[64];
	uint8_t signer[FINGERPRINT_BYTES];

	key_hash_point(signer, g->signer);
	fprintf(f,
	    "grant for %s\n  name in records: %s\n  may act as:", fingerprint_format(text, g->key),
	    g->name);
	for (unsigned i = 0; i < g->nusers; i++)
		fprintf(f, "%s %s%s", i ? "," : "", g->user[i],
		    i == 0 && g->nusers > 1 ? " (the default)" : "");
	fprintf(f, "\n  may: look%s%s%s; no more than the signer's row on a box\n",
	    g->rights & 1u << WIRE_R_STOP ? ", stop" : "",
	    g->rights & 1u << WIRE_R_WRITE ? ", write" : "",
	    g->rights & 1u << WIRE_R_LAUNCH ? ", launch" : "");
	if (g->max_stop_ms)
		fprintf(
		    f, "  an attached process stands %" PRIu32 " ms at a time\n", g->max_stop_ms);
	fprintf(f, "  from %s until %s\n  serial %" PRIu64 ", signed by %s\n",
	    day(g->not_before, from, sizeof(from)), day(g->expires, to, sizeof(to)), g->serial,
	    fingerprint_format(text, signer));
}
