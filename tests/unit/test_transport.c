/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Transport strings, and the fingerprints in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/transport.h"

#define PIN "SHA256:ndHqEu2yH9m1mJkq0m3vPqVb7bNnq7m5dV0m1bq3c0E"

#define S(text) ((char *)(text)) /* only compared */

typedef int parse_fn(struct transport *t, const char *s, char *why, size_t size);

static char why[512];

static void same_text(const char *a, const char *b)
{
	if (!a || !b)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

static void same(const struct transport *a, const struct transport *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->has_port, b->has_port);
	assert_int_equal(a->port_lo, b->port_lo);
	assert_int_equal(a->port_hi, b->port_hi);
	same_text(a->server, b->server);
	same_text(a->bind, b->bind);
	same_text(a->key, b->key);
	same_text(a->map, b->map);
	same_text(a->path, b->path);
	same_text(a->command, b->command);
	same_text(a->user, b->user);
	same_text(a->as, b->as);
	assert_int_equal(a->has_pin, b->has_pin);
	assert_memory_equal(a->pin, b->pin, sizeof(a->pin));
}

/* The string gives that struct, and so does what the struct is written as. */
static void gives(parse_fn *parse, const char *s, const struct transport *want)
{
	struct transport t, again;
	char *text;

	why[0] = 0;
	if (parse(&t, s, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	same(&t, want);
	text = transport_format(&t);
	assert_non_null(text);
	if (parse(&again, text, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	same(&again, want);
	free(text);
	transport_free(&again);
	transport_free(&t);
}

static void listening_strings_give_what_they_say(void **state)
{
	struct transport t = {.kind = TRANSPORT_TLS};

	(void)state;
	gives(transport_parse_listen, "tls:", &t);
	t.has_port = true;
	gives(transport_parse_listen, "tls:port=0", &t);
	t.port_lo = t.port_hi = 7000;
	gives(transport_parse_listen, "tls:port=7000", &t);
	t.port_hi = 65535;
	gives(transport_parse_listen, "tls:port=7000:65535", &t);
	t.bind = S("::1");
	gives(transport_parse_listen, "tls:bind=[::1],port=7000:65535", &t);
	t.bind = S("127.0.0.1");
	t.key = S("/a,b");
	t.map = S("m");
	gives(
	    transport_parse_listen, "tls:port=7000:65535,key=@{/a,b},map=@{m},bind=127.0.0.1", &t);
	gives(transport_parse_listen, "stdio", &(struct transport){.kind = TRANSPORT_STDIO});
	gives(transport_parse_listen, "unix:path=/run/p,map=m",
	    &(struct transport){.kind = TRANSPORT_UNIX, .path = S("/run/p"), .map = S("m")});
}

static void connecting_strings_give_what_they_say(void **state)
{
	struct transport t = {.kind = TRANSPORT_TLS,
	    .has_port = true,
	    .port_lo = 7000,
	    .port_hi = 7000,
	    .server = S("box")};

	(void)state;
	gives(transport_parse_connect, "box", &t);
	gives(transport_parse_connect, "tls:server=box", &t);
	t.port_lo = t.port_hi = 7001;
	gives(transport_parse_connect, "box:7001", &t);
	gives(transport_parse_connect, "tls:server=box,port=7001", &t);
	t.server = S("2001:db8::1");
	gives(transport_parse_connect, "[2001:db8::1]:7001", &t);
	gives(transport_parse_connect, "tls:server=[2001:db8::1],port=7001", &t);
	t.key = S("k");
	t.user = S("redis");
	t.as = S("board,7");
	t.has_pin = true;
	assert_true(fingerprint_parse(t.pin, span_str(PIN)));
	gives(transport_parse_connect,
	    "tls:server=[2001:db8::1],port=7001,key=k,pin=" PIN ",user=redis,as=@{board,7}", &t);
	gives(transport_parse_connect, "exec:ssh box 'a,b' @{ =",
	    &(struct transport){.kind = TRANSPORT_EXEC, .command = S("ssh box 'a,b' @{ =")});
	gives(transport_parse_connect, "unix:path=@{/a,b}",
	    &(struct transport){.kind = TRANSPORT_UNIX, .path = S("/a,b")});
}

static void a_wrong_string_is_refused_by_its_word(void **state)
{
	static const struct {
		parse_fn *parse;
		const char *s, *word;
	} rows[] = {
	    {transport_parse_listen, "", "tls:port=N"},
	    {transport_parse_listen, "stdio:", "stdio"},
	    {transport_parse_listen, "tcp:port=1", "tcp"},
	    {transport_parse_listen, "tls:prot=1", "\"prot\"; allowed are port= bind= key= map="},
	    {transport_parse_listen, "tls:server=x", "\"server\""},
	    {transport_parse_listen, "tls:port", "port wants a value"},
	    {transport_parse_listen, "tls:port=", "no value"},
	    {transport_parse_listen, "tls:port=65536", "65536"},
	    {transport_parse_listen, "tls:port=-1", "-1"},
	    {transport_parse_listen, "tls:port=99999999999999999999", "port="},
	    {transport_parse_listen, "tls:port=2:1", "2:1"},
	    {transport_parse_listen, "tls:port=0:1", "0:1"},
	    {transport_parse_listen, "tls:port=1:2:3", "1:2:3"},
	    {transport_parse_listen, "tls:port=1,port=1", "twice"},
	    {transport_parse_listen, "tls:port=1,", "comma"},
	    {transport_parse_listen, "tls:,port=1", "unknown word"},
	    {transport_parse_listen, "tls:port=1,key=@{a", "}"},
	    {transport_parse_listen, "tls:port=1,key=@{a}b", "comma"},
	    {transport_parse_listen, "tls:port=1,key=@{}", "no value"},
	    {transport_parse_listen, "tls:bind=1.2.3.4", "port="},
	    {transport_parse_listen, "tls:bind=::1,port=1", "[::1]"},
	    {transport_parse_listen, "tls:bind=[::1]x,port=1", "bracket"},
	    {transport_parse_listen, "unix:", "path="},
	    {transport_parse_connect, "", "HOST"},
	    {transport_parse_connect, "stdio,", "HOST"},
	    {transport_parse_connect, "box:", "port="},
	    {transport_parse_connect, "box:0", "port="},
	    {transport_parse_connect, "::1", "[::1]"},
	    {transport_parse_connect, "[::1", "[ADDRESS]"},
	    {transport_parse_connect, "[]:1", "[ADDRESS]"},
	    {transport_parse_connect, "[::1]1", "[ADDRESS]"},
	    {transport_parse_connect, "tls:port=1", "server="},
	    {transport_parse_connect, "tls:server=b,pin=SHA256:x", "fingerprint"},
	    {transport_parse_connect, "tls:server=b,port=1:2", "1:2"},
	    {transport_parse_connect, "tls:server=b,map=m", "\"map\""},
	    {transport_parse_connect, "exec:", "command"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct transport t;

		why[0] = 0;
		if (rows[i].parse(&t, rows[i].s, why, sizeof(why)) == 0)
			fail_msg("accepted: %s", rows[i].s);
		if (!strstr(why, rows[i].word))
			fail_msg("'%s' gives '%s', which lacks '%s'", rows[i].s, why, rows[i].word);
		transport_free(&t);
	}
}

static void a_short_buffer_for_the_sentence_is_enough(void **state)
{
	struct transport t;
	char tiny[4];

	(void)state;
	assert_int_equal(transport_parse_listen(&t, "tls:prot=1", tiny, sizeof(tiny)), -1);
	assert_string_equal(tiny, "tra");
}

static void an_overlong_value_is_refused(void **state)
{
	char s[8192] = "tls:port=1,key=";
	struct transport t;

	(void)state;
	memset(s + strlen(s), 'k', sizeof(s) - strlen(s) - 1);
	s[sizeof(s) - 1] = 0;
	assert_int_equal(transport_parse_listen(&t, s, why, sizeof(why)), -1);
}

static void a_fingerprint_is_written_in_one_way_only(void **state)
{
	char text[FINGERPRINT_SIZE];
	uint8_t hash[FINGERPRINT_BYTES], back[FINGERPRINT_BYTES];

	(void)state;
	for (unsigned seed = 0; seed < 256; seed++) {
		for (unsigned i = 0; i < sizeof(hash); i++)
			hash[i] = (uint8_t)(seed * 31 + i * seed);
		fingerprint_format(text, hash);
		assert_true(fingerprint_parse(back, span_str(text)));
		assert_memory_equal(hash, back, sizeof(hash));
	}
	/* SHA-256 of the empty text, as openssl dgst and base64 write it */
	assert_true(fingerprint_parse(
	    hash, span_str("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU")));
	assert_int_equal(hash[0], 0xe3);
	assert_int_equal(hash[31], 0x55);
	/* the last character carries two bits too many */
	assert_false(fingerprint_parse(
	    hash, span_str("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV")));
	assert_false(fingerprint_parse(
	    hash, span_str("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")));
	assert_false(fingerprint_parse(
	    hash, span_str("sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU")));
	assert_false(fingerprint_parse(hash, span_str("SHA256:")));
	assert_false(fingerprint_parse(hash, (struct span){NULL, 0}));
	memcpy(text, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF", 49);
	text[49] = 0;
	assert_false(fingerprint_parse(hash, (struct span){(uint8_t *)text, FINGERPRINT_TEXT}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(listening_strings_give_what_they_say),
	    cmocka_unit_test(connecting_strings_give_what_they_say),
	    cmocka_unit_test(a_wrong_string_is_refused_by_its_word),
	    cmocka_unit_test(a_short_buffer_for_the_sentence_is_enough),
	    cmocka_unit_test(an_overlong_value_is_refused),
	    cmocka_unit_test(a_fingerprint_is_written_in_one_way_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
