/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "host/dirs.h"
#include "host/link/boxes.h"
#include "host/link/known_boxes.h"

static char dir[] = "/tmp/test_known_boxes.XXXXXX";
static char path[64];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/deep/known_boxes", dir);
	return 0;
}

static int remove_dir(void **state)
{
	char deep[64];

	(void)state;
	snprintf(deep, sizeof(deep), "%s/deep", dir);
	unlink(path);
	rmdir(deep);
	return rmdir(dir);
}

static void write_file(const char *text, mode_t mode)
{
	struct he_error *e = dirs_above(path);
	FILE *f;

	assert_null(e);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void expect(const char *name, bool known, uint8_t first)
{
	uint8_t key[FINGERPRINT_BYTES] = {0};
	bool found = !known;

	assert_null(known_boxes_find(path, name, &found, key));
	assert_int_equal(found, known);
	if (known)
		assert_int_equal(key[0], first);
}

static void keep(const char *name, uint8_t first)
{
	uint8_t key[FINGERPRINT_BYTES] = {first};

	assert_null(known_boxes_keep(path, name, key));
}

static void expect_error(struct he_error *e, int code, const char *part)
{
	assert_non_null(e);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" is not in: %s", part, e->message);
	he_error_free(e);
}

static void a_box_nobody_trusted_is_not_known(void **state)
{
	(void)state;
	unlink(path);
	expect("box:7000", false, 0);
}

static void a_kept_key_is_found_under_its_name_only(void **state)
{
	struct stat st;

	(void)state;
	unlink(path);
	keep("box:7000", 1);
	keep("box:7001", 2);
	keep("as=box", 3);
	expect("box:7000", true, 1);
	expect("box:7001", true, 2);
	expect("as=box", true, 3);
	expect("box", false, 0);
	expect("box:700", false, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_new_key_replaces_the_old_and_keeps_the_rest(void **state)
{
	char text[1024];
	size_t n;
	FILE *f;

	(void)state;
	write_file("# mine\nother:1 SHA256:AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
		   "box:7000 SHA256:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA # old",
	    0600);
	keep("box:7000", 9);
	expect("box:7000", true, 9);
	expect("other:1", true, 2);
	f = fopen(path, "r");
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	assert_memory_equal(text, "# mine\nother:1 ", 15);
	assert_null(strstr(text, "SHA256:AQ"));
}

static void a_damaged_line_about_the_box_is_an_error_not_a_stranger(void **state)
{
	uint8_t key[FINGERPRINT_BYTES];
	bool known;

	(void)state;
	write_file("# x\nbox:7000 SHA256:short\n", 0600);
	expect_error(known_boxes_find(path, "box:7000", &known, key), E_BAD_PROOF, ":2:");
	expect("other:7000", false, 0);
}

static void a_file_others_may_write_is_not_believed(void **state)
{
	uint8_t key[FINGERPRINT_BYTES];
	bool known;

	(void)state;
	write_file("box:7000 SHA256:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0622);
	expect_error(known_boxes_find(path, "box:7000", &known, key), E_RIGHT, "chmod");
}

static void names_of_boxes_are_made_alike(void **state)
{
	static char server[] = "Box.Example", v6[] = "::1", as[] = "Lab";
	struct transport t = {.server = server, .port_lo = 7000};
	char *name = known_boxes_name(&t);

	(void)state;
	assert_string_equal(name, "box.example:7000");
	free(name);
	t.server = v6;
	name = known_boxes_name(&t);
	assert_string_equal(name, "[::1]:7000");
	free(name);
	t.as = as;
	name = known_boxes_name(&t);
	assert_string_equal(name, "as=Lab");
	free(name);
}

static void boxes_gives_transports_names(void **state)
{
	char *found;

	(void)state;
	write_file("# boxes\n\nlab tls:server=lab.example,port=7001   # the one in the lab\n"
		   "  far\texec:ssh far procsrv -t stdio\n",
	    0600);
	assert_null(boxes_find(path, "lab", &found));
	assert_string_equal(found, "tls:server=lab.example,port=7001");
	free(found);
	assert_null(boxes_find(path, "far", &found));
	assert_string_equal(found, "exec:ssh far procsrv -t stdio");
	free(found);
	assert_null(boxes_find(path, "la", &found));
	assert_null(found);
	write_file("lab\n", 0600);
	expect_error(boxes_find(path, "lab", &found), E_MALFORMED, ":1:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_box_nobody_trusted_is_not_known),
	    cmocka_unit_test(a_kept_key_is_found_under_its_name_only),
	    cmocka_unit_test(a_new_key_replaces_the_old_and_keeps_the_rest),
	    cmocka_unit_test(a_damaged_line_about_the_box_is_an_error_not_a_stranger),
	    cmocka_unit_test(a_file_others_may_write_is_not_believed),
	    cmocka_unit_test(names_of_boxes_are_made_alike),
	    cmocka_unit_test(boxes_gives_transports_names),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
