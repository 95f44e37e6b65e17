/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The map file.  What is accepted names a user in every row, and root only where
 * allow-root stands.
 */
#include "fuzz.h"
#include "procsrv/usermap.c"

static void check_row(const struct usermap *m, const struct map_row *row)
{
	FUZZ_CHECK(row->nusers >= 1 && row->name[0]);
	FUZZ_CHECK((row->ca ? usermap_find_ca(m, row->key) : usermap_find(m, row->key)) == row);
	FUZZ_CHECK(!(row->ca ? usermap_find(m, row->key) : usermap_find_ca(m, row->key)));
	FUZZ_CHECK(map_row_user(row, (struct span){NULL, 0}) == &row->users[0]);
	for (const char *p = row->name; *p; p++)
		FUZZ_CHECK(*p >= ' ' && *p < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *sink;
	char why[512] = "";
	struct parse p = {.path = "map", .user_mode = size % 2, .why = why, .size = sizeof(why)};
	struct usermap *m = calloc(1, sizeof(*m));
	struct sockaddr_in6 from = {.sin6_family = AF_INET6};

	if (!sink)
		sink = fopen("/dev/null", "w");
	if (!m || !sink || size > FILE_MAX)
		goto out;
	/* The same as a list of what is revoked. */
	if (map_revoked_parse(&m->revoked, &p, (struct span){data, (uint32_t)size}) != 0) {
		FUZZ_CHECK(why[0]);
		map_revoked_parse(&m->revoked, &p, (struct span){NULL, 0});
	}
	p.line = 0;
	why[0] = 0;
	if (map_lines(&p, (struct span){data, (uint32_t)size}, add_row, m) != 0) {
		FUZZ_CHECK(why[0]);
		goto out;
	}
	for (size_t i = 0; i < usermap_count(m); i++) {
		check_row(m, usermap_row(m, i));
		FUZZ_CHECK(usermap_valid(m, usermap_row(m, i), 0) != E_NOT_YET);
		map_row_from(usermap_row(m, i), (const struct sockaddr *)&from);
	}
	usermap_describe(m, "map", sink);
out:
	usermap_free(m);
	return 0;
}
