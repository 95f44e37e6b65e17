/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Grants, which strangers may show: as a record, and as a line of a file.  What is taken for
 * one says what it says, and comes back as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "common/grant_text.h"
#include "fuzz.h"

static void as_record(const uint8_t bytes[GRANT_BYTES])
{
	uint8_t back[GRANT_BYTES];
	struct grant g;
	char *text;
	FILE *f;

	if (!grant_decode(&g, bytes))
		return;
	if (!g.nusers || !*g.name || g.not_before >= g.expires)
		abort();
	text = grant_text(bytes);
	if (text && (!grant_from_text(back, span_str(text)) || memcmp(back, bytes, GRANT_BYTES)))
		abort();
	free(text);
	f = fopen("/dev/null", "w");
	if (f) {
		grant_describe(&g, f);
		fclose(f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[GRANT_BYTES] = {0};

	if (grant_from_text(bytes, (struct span){data, (uint32_t)size}))
		as_record(bytes);
	memcpy(bytes, data, size < GRANT_BYTES ? size : GRANT_BYTES);
	as_record(bytes);
	/* Curve arithmetic is not ours; one signature in so many is tried. */
	if (size >= GRANT_BYTES && data[GRANT_BYTES - 1] == 0x7f)
		grant_verify(bytes);
	return 0;
}
