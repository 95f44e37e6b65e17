/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Transport strings, both kinds.  What is accepted has a canonical form that
 * parses to itself.
 */
#include <string.h>

#include "common/transport.h"
#include "fuzz.h"

typedef int parser(struct transport *, const char *, char *, size_t);

static void check(parser *parse, const char *s)
{
	struct transport t = {0}, u = {0};
	char why[256] = "", *form, *again;

	if (parse(&t, s, why, sizeof(why)) != 0) {
		FUZZ_CHECK(why[0]);
		return;
	}
	FUZZ_CHECK(t.port_lo <= t.port_hi);
	form = transport_format(&t);
	FUZZ_CHECK(form);
	FUZZ_CHECK(parse(&u, form, why, sizeof(why)) == 0);
	again = transport_format(&u);
	FUZZ_CHECK(again && strcmp(form, again) == 0);
	free(form);
	free(again);
	transport_free(&t);
	transport_free(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	if (!s)
		return 0;
	memcpy(s, data, size);
	s[size] = 0;
	check(transport_parse_listen, s);
	check(transport_parse_connect, s);
	free(s);
	return 0;
}
