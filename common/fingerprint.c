/* SPDX-License-Identifier: BSD-2-Clause */
#include "fingerprint.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char prefix[] = "SHA256:";

enum { PREFIX = sizeof(prefix) - 1, DIGITS = FINGERPRINT_TEXT - PREFIX };

bool fingerprint_parse(uint8_t hash[FINGERPRINT_BYTES], struct span s)
{
	uint32_t bits = 0;
	unsigned have = 0, at = 0;

	if (s.n != FINGERPRINT_TEXT || memcmp(s.p, prefix, PREFIX) != 0)
		return false;
	for (unsigned i = 0; i < DIGITS; i++) {
		uint8_t c = s.p[PREFIX + i];
		const char *digit = c ? strchr(alphabet, c) : NULL;

		if (!digit)
			return false;
		bits = bits << 6 | (uint32_t)(digit - alphabet);
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		hash[at++] = (uint8_t)(bits >> have);
		bits &= (1u << have) - 1;
	}
	return bits == 0;
}

char *fingerprint_format(char text[FINGERPRINT_SIZE], const uint8_t hash[FINGERPRINT_BYTES])
{
	uint32_t bits = 0;
	unsigned have = 0, byte = 0;

	memcpy(text, prefix, PREFIX);
	for (unsigned i = 0; i < DIGITS; i++) {
		if (have < 6) {
			bits = bits << 8 | (byte < FINGERPRINT_BYTES ? hash[byte] : 0u);
			byte++;
			have += 8;
		}
		have -= 6;
		text[PREFIX + i] = alphabet[bits >> have & 63];
		bits &= (1u << have) - 1;
	}
	text[FINGERPRINT_TEXT] = 0;
	return text;
}
