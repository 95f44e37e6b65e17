/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Grants: what is written is what is read, and nothing but that holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/grant_text.h"
#include "common/keymake.h"
#include "common/wire.h"

#define LOOK (1u << WIRE_R_NONE | 1u << WIRE_R_LOOK)

static struct {
	char dir[64], path[96];
	struct key *signer;
	struct grant g;
	uint8_t bytes[GRANT_BYTES];
} t;

static int set_up(void **state)
{
	char why[512];

	(void)state;
	strcpy(t.dir, "/tmp/grant.XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/key.pem", t.dir);
	assert_int_equal(key_make(t.path, "signer", why, sizeof(why)), 0);
	t.signer = key_load(t.path, why, sizeof(why));
	assert_non_null(t.signer);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	key_free(t.signer);
	unlink(t.path);
	return rmdir(t.dir);
}

static int begin(void **state)
{
	(void)state;
	t.g = (struct grant){.serial = 7,
	    .not_before = 1000,
	    .expires = 2000,
	    .rights = LOOK | 1u << WIRE_R_STOP,
	    .max_stop_ms = 1500,
	    .name = "alice@laptop",
	    .user = {"alice", "redis"},
	    .nusers = 2};
	memset(t.g.key, 0x5a, sizeof(t.g.key));
	return grant_sign(t.bytes, &t.g, t.signer);
}

static void what_is_signed_is_read_and_holds(void **state)
{
	struct grant g;

	(void)state;
	assert_true(grant_decode(&g, t.bytes));
	assert_true(grant_verify(t.bytes));
	assert_memory_equal(g.key, t.g.key, sizeof(g.key));
	assert_int_equal(g.serial, 7);
	assert_int_equal(g.not_before, 1000);
	assert_int_equal(g.expires, 2000);
	assert_int_equal(g.rights, t.g.rights);
	assert_int_equal(g.max_stop_ms, 1500);
	assert_string_equal(g.name, "alice@laptop");
	assert_int_equal(g.nusers, 2);
	assert_string_equal(g.user[1], "redis");
	assert_memory_equal(g.signer, key_point(t.signer), KEY_POINT);
}

static void no_byte_can_be_another(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GRANT_BYTES; i++) {
		uint8_t was = t.bytes[i];

		t.bytes[i] ^= (uint8_t)(1u << i % 8);
		if (grant_verify(t.bytes))
			fail_msg("byte %u counts for nothing", i);
		t.bytes[i] = was;
	}
	assert_true(grant_verify(t.bytes));
}

/* Not even its signer can make one that is not well-formed. */
static void what_makes_no_sense_is_not_signed(void **state)
{
	const struct grant good = t.g;

	(void)state;
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		t.g = good;                                                                        \
		change;                                                                            \
		if (grant_sign(t.bytes, &t.g, t.signer) == 0)                                      \
			fail_msg("signed: " #change);                                              \
	} while (0)
	REFUSED(t.g.nusers = 0);
	REFUSED(t.g.user[0][0] = 0);
	REFUSED(strcpy(t.g.user[1], "a b"));
	REFUSED(strcpy(t.g.user[1], "a\n"));
	REFUSED(t.g.name[0] = 0);
	REFUSED(strcpy(t.g.name, "J\303\266rg"));
	REFUSED(t.g.expires = t.g.not_before);
	REFUSED(t.g.rights = 1u << WIRE_R_NONE);
	REFUSED(t.g.rights |= 1u << 5);
	REFUSED(t.g.rights |= 1u << 31);
	t.g = good;
	assert_int_equal(grant_sign(t.bytes, &t.g, t.signer), 0);
	key_forget(t.signer);
	assert_int_not_equal(grant_sign(t.bytes, &t.g, t.signer), 0);
}

static void texts_of_full_length_are_whole(void **state)
{
	struct grant g;

	(void)state;
	memset(t.g.name, 'n', GRANT_NAME);
	t.g.nusers = GRANT_USERS;
	for (unsigned i = 0; i < GRANT_USERS; i++)
		memset(t.g.user[i], 'a' + (int)i, GRANT_USER);
	assert_int_equal(grant_sign(t.bytes, &t.g, t.signer), 0);
	assert_true(grant_decode(&g, t.bytes));
	assert_int_equal(g.nusers, GRANT_USERS);
	assert_int_equal(strlen(g.name), GRANT_NAME);
	assert_string_equal(g.user[GRANT_USERS - 1], t.g.user[GRANT_USERS - 1]);
}

static void as_text_it_is_one_line_that_comes_back(void **state)
{
	uint8_t back[GRANT_BYTES];
	char *text = grant_text(t.bytes), file[2048];

	(void)state;
	assert_non_null(text);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	snprintf(file, sizeof(file), "# for alice\n\n# until then\n%s", text);
	assert_true(grant_from_text(back, span_str(file)));
	assert_memory_equal(back, t.bytes, GRANT_BYTES);
	text[strlen(text) - 1] = 0; /* an editor's work */
	assert_true(grant_from_text(back, span_str(text)));
	text[strlen(text) - 1] = 0;
	assert_false(grant_from_text(back, span_str(text)));
	text[20] = '!';
	assert_false(grant_from_text(back, span_str(text)));
	assert_false(grant_from_text(back, span_str("")));
	assert_false(grant_from_text(back, span_str("SHA256:x user=alice\n")));
	free(text);
}

static void it_is_described_in_words(void **state)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct grant g;

	(void)state;
	assert_non_null(f);
	assert_true(grant_decode(&g, t.bytes));
	grant_describe(&g, f);
	assert_int_equal(fclose(f), 0);
	assert_non_null(strstr(text, "name in records: alice@laptop\n"));
	assert_non_null(strstr(text, "may act as: alice (the default), redis\n"));
	assert_non_null(strstr(text, "may: look, stop;"));
	assert_non_null(strstr(text, "from 1970-01-01 00:16 UTC until 1970-01-01 00:33 UTC\n"));
	assert_non_null(strstr(text, "serial 7, signed by SHA256:"));
	free(text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, begin)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_signed_is_read_and_holds), TEST(no_byte_can_be_another),
	    TEST(texts_of_full_length_are_whole), TEST(as_text_it_is_one_line_that_comes_back),
	    TEST(it_is_described_in_words),
	    TEST(what_makes_no_sense_is_not_signed), /* the last: the key is forgotten */
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
