/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The map file: what is granted, what is refused, and that no damage to a file
 * widens what it grants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/wire.h"
#include "procsrv/usermap.h"

#define KEY_A "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_B "SHA256:ndHqEu2yH9m1mJkq0m3vPqVb7bNnq7m5dV0m1bq3c0E"

static struct {
	char dir[64], path[96], why[512];
	char me[64]; /* a user this test may name: ourselves, or as root somebody else */
	bool user_mode;
} t;

static int set_up(void **state)
{
	struct passwd *pw;

	(void)state;
	t.user_mode = geteuid() != 0;
	pw = t.user_mode ? getpwuid(geteuid()) : getpwnam("nobody");
	assert_non_null(pw);
	snprintf(t.me, sizeof(t.me), "%s", pw->pw_name);
	strcpy(t.dir, "/tmp/usermap.XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/authorized_keys", t.dir);
	return 0;
}

static int tear_down(void **state)
{
	char revoked[sizeof(t.dir) + 16];

	(void)state;
	unlink(t.path);
	snprintf(revoked, sizeof(revoked), "%s/revoked_keys", t.dir);
	unlink(revoked);
	return rmdir(t.dir);
}

static void put(const char *text, size_t n)
{
	FILE *f = fopen(t.path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(t.path, 0600), 0);
}

static struct usermap *load(void)
{
	struct usermap *m = NULL;

	t.why[0] = 0;
	return usermap_load(&m, t.path, t.user_mode, t.why, sizeof(t.why)) == 0 ? m : NULL;
}

/* $ in a text stands for our user. */
static void put_row(const char *text)
{
	char all[4096];
	size_t n = 0;

	for (; *text; text++)
		if (*text == '$')
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s", t.me);
		else
			all[n++] = *text;
	put(all, n);
}

static void refuses(const char *text, const char *place, const char *word)
{
	struct usermap *m;

	put_row(text);
	m = load();
	if (m)
		fail_msg("accepted: %s", text);
	if (!strstr(t.why, place) || !strstr(t.why, word))
		fail_msg("'%s' gives '%s', which lacks '%s' or '%s'", text, t.why, place, word);
}

static const struct map_row *accepts(const char *text, struct usermap **m)
{
	put_row(text);
	*m = load();
	if (!*m)
		fail_msg("refused: %s: %s", text, t.why);
	return usermap_row(*m, 0);
}

static uint32_t bits(const char *rights)
{
	uint32_t all = 1u << WIRE_R_NONE;

	all |= strchr(rights, 'l') ? 1u << WIRE_R_LOOK : 0;
	all |= strchr(rights, 's') ? 1u << WIRE_R_STOP : 0;
	all |= strchr(rights, 'w') ? 1u << WIRE_R_WRITE : 0;
	return all | (strchr(rights, 'x') ? 1u << WIRE_R_LAUNCH : 0);
}

static void a_row_grants_what_it_says(void **state)
{
	struct usermap *m;
	const struct map_row *row =
	    accepts("# map\n\n  " KEY_A "\tuser=$   # alice@laptop; default\n", &m);

	(void)state;
	assert_int_equal(usermap_count(m), 1);
	assert_null(usermap_row(m, 1));
	assert_int_equal(row->line, 3);
	assert_string_equal(row->name, "alice@laptop");
	assert_int_equal(row->rights, bits("lswx"));
	assert_int_equal(row->max_sessions, USERMAP_SESSIONS);
	assert_int_equal(row->nusers, 1);
	assert_string_equal(row->users[0].name, t.me);
	assert_true(row->users[0].ngroups >= 1);
	assert_ptr_equal(usermap_find(m, row->key), row);
	assert_ptr_equal(map_row_user(row, (struct span){NULL, 0}), &row->users[0]);
	assert_ptr_equal(map_row_user(row, span_str(t.me)), &row->users[0]);
	assert_null(map_row_user(row, span_str("root")));
	usermap_free(m);
}

static void words_take_rights_away(void **state)
{
	static const struct {
		const char *words, *rights;
	} rows[] = {
	    {"readonly", "l"},
	    {"no-write", "lsx"},
	    {"no-launch", "lsw"},
	    {"no-write no-launch", "ls"},
	    {"readonly no-write", "l"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256];
		struct usermap *m;

		snprintf(text, sizeof(text), KEY_B " user=$ %s\n", rows[i].words);
		assert_int_equal(accepts(text, &m)->rights, bits(rows[i].rights));
		usermap_free(m);
	}
}

static void what_is_not_understood_is_refused_by_line_and_word(void **state)
{
	static const char *const rows[][3] = {
	    {"\n" KEY_A " user=$ readnoly\n", ":2:", "readnoly"},
	    {KEY_A " user=$ unit=redis\n", ":1:", "unit=redis"},
	    {KEY_A " user=$ unit=\n", ":1:", "unit"},
	    {KEY_A " user=$ exe=sh\n", ":1:", "exe=sh"},
	    {KEY_A " user=$ exe=/no/such/file\n", ":1:", "exe=/no/such/file"},
	    {KEY_A " user=$ exe=/dev\n", ":1:", "exe=/dev"},
	    {KEY_A " user=$ # unit=redis.service\n", ":1:", "unit"},
	    {KEY_A " user=$ readonly=1\n", ":1:", "readonly"},
	    {KEY_A " user=$ readonly readonly\n", ":1:", "twice"},
	    {KEY_A " user=$ user=$\n", ":1:", "twice"},
	    {KEY_A " user=$,$\n", ":1:", "twice"},
	    {KEY_A " user=$,\n", ":1:", "user="},
	    {KEY_A " user=\n", ":1:", "user="},
	    {KEY_A " user=no-such-user-here\n", ":1:", "no-such-user-here"},
	    {KEY_A " user=root\n", ":1:", "allow-root"},
	    {KEY_A " user=$ group=no-such-group\n", ":1:", "no-such-group"},
	    {KEY_A " user=$ group=root\n", ":1:", "root"},
	    {KEY_A " user=$ from=10.0.0.0/33\n", ":1:", "from="},
	    {KEY_A " user=$ from=10.0.0.1/8\n", ":1:", "from=10.0.0.1/8"},
	    {KEY_A " user=$ from=10.0.0.0/\n", ":1:", "from="},
	    {KEY_A " user=$ from=::ffff:10.0.0.0/104\n", ":1:", "from="},
	    {KEY_A " user=$ from=box\n", ":1:", "from=box"},
	    {KEY_A " user=$ expires=2027-13-01\n", ":1:", "2027-13-01"},
	    {KEY_A " user=$ expires=2027-02-29\n", ":1:", "2027-02-29"},
	    {KEY_A " user=$ expires=27-02-01\n", ":1:", "27-02-01"},
	    {KEY_A " user=$ expires=2027-00-00\n", ":1:", "2027-00-00"},
	    {KEY_A " user=$ max-sessions=0\n", ":1:", "max-sessions"},
	    {KEY_A " user=$ max-sessions=65\n", ":1:", "max-sessions"},
	    {KEY_A " user=$ max-sessions=4294967297\n", ":1:", "max-sessions"},
	    {KEY_A " user=$ grace=2h\n", ":1:", "grace"},
	    {KEY_A " user=$ grace=3601\n", ":1:", "grace"},
	    {KEY_A " user=$ grace=5d\n", ":1:", "grace"},
	    {KEY_A " user=$ grace=s\n", ":1:", "grace"},
	    {KEY_A " user=$ max-stop=0\n", ":1:", "max-stop"},
	    {KEY_A " user=$ max-stop=-1s\n", ":1:", "max-stop"},
	    {KEY_A " user=$ max-stop=999999999h\n", ":1:", "max-stop"},
	    {KEY_A " user=$ keep-launched=yes\n", ":1:", "keep-launched"},
	    {KEY_A " user=$ # max-stop=2s\n", ":1:", "max-stop"},
	    {KEY_A " user=$ #readonly\n", ":1:", "space"},
	    {KEY_A " user=$ # readonly\n", ":1:", "readonly"},
	    {KEY_A " user=$ #  from=10.0.0.0/8\n", ":1:", "from"},
	    {KEY_A "x user=$\n", ":1:", "fingerprint"},
	    {"user=$\n", ":1:", "fingerprint"},
	    {KEY_A " user=$\n" KEY_B " user=$\n" KEY_A " user=$ readonly\n", ":3:", "line 1"},
	    {KEY_A " user=$\r\n", ":1:", "0x0d"},
	    {KEY_A " user=$\n" KEY_B " user=$", ":2:", "cut short"},
	    /* words of the grammar that nothing enforces yet */
	    {KEY_A " user=root readonly\n", ":1:", "allow-root"},
	    {KEY_A " user=$ allow-end-server\n", ":1:", "allow-end-server"},
	    {KEY_A " user=$ put=/srv\n", ":1:", "put"},
	    {"ca " KEY_A " user=$\n" KEY_A " user=$\n", ":2:", "line 1"},
	    {"ca\n", ":1:", "fingerprint"},
	    {"ca user=$\n", ":1:", "fingerprint"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refuses(rows[i][0], rows[i][1], rows[i][2]);
}

static void times_are_of_a_number_and_a_unit(void **state)
{
	static const struct {
		const char *word;
		uint32_t ms;
	} times[] = {{"0", 0}, {"30", 30000}, {"30s", 30000}, {"500ms", 500}, {"5m", 300000},
	    {"1h", 3600000}, {"3600", 3600000}};
	char row[256];

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct usermap *m;
		const struct map_row *r;

		snprintf(row, sizeof(row), KEY_A " user=$ grace=%s max-stop=%s keep-launched\n",
		    times[i].word, times[i].ms ? times[i].word : "1");
		r = accepts(row, &m);
		assert_true(r->has_grace && r->keep_launched);
		assert_int_equal(r->grace_ms, times[i].ms);
		assert_int_equal(r->max_stop_ms, times[i].ms ? times[i].ms : 1000);
		usermap_free(m);
	}
}

static void root_takes_the_word_that_says_so(void **state)
{
	struct usermap *m;
	const struct map_row *row;

	(void)state;
	if (t.user_mode) {
		refuses(KEY_A " user=$ allow-root\n", ":1:", "allow-root");
		return;
	}
	row = accepts(KEY_A " user=root,$ group=root allow-root\n", &m);
	assert_int_equal(row->users[0].uid, 0);
	/* What it started would be no program as after a login. */
	assert_int_equal(row->rights, bits("lsw") | IPC_RIGHT_ROOT);
	usermap_free(m);
	assert_int_equal(
	    accepts(KEY_A " allow-root readonly user=$\n", &m)->rights, bits("l") | IPC_RIGHT_ROOT);
	usermap_free(m);
	assert_int_equal(
	    accepts(KEY_A " readonly allow-root user=$\n", &m)->rights, bits("l") | IPC_RIGHT_ROOT);
	usermap_free(m);
}

static void a_signers_row_is_no_keys_row(void **state)
{
	struct usermap *m;
	const struct map_row *row = accepts("ca " KEY_A " user=$ readonly\n" KEY_B " user=$\n", &m);

	(void)state;
	assert_true(row->ca);
	assert_null(usermap_find(m, row->key));
	assert_ptr_equal(usermap_find_ca(m, row->key), row);
	assert_ptr_equal(usermap_find_ca(m, NULL), row);
	assert_null(usermap_find_ca(m, usermap_row(m, 1)->key));
	usermap_free(m);
	accepts(KEY_B " user=$\n", &m);
	assert_null(usermap_find_ca(m, NULL));
	usermap_free(m);
}

static void put_revoked(const char *text)
{
	char map[sizeof(t.path)];

	strcpy(map, t.path);
	snprintf(t.path, sizeof(t.path), "%s/revoked_keys", t.dir);
	put(text, strlen(text));
	strcpy(t.path, map);
}

static void what_is_revoked_is_said_by_key_and_by_serial(void **state)
{
	static const char *const wrong[][2] = {
	    {KEY_A, "cut short"},
	    {"serial=7\n", "fingerprint"},
	    {KEY_A " serial=\n", "serial="},
	    {KEY_A " serial=7-6\n", "serial="},
	    {KEY_A " serial=7-\n", "serial="},
	    {KEY_A " serial=18446744073709551616\n", "serial="},
	    {KEY_A " serial=-1\n", "serial="},
	    {KEY_A " serials=7\n", "serials=7"},
	    {KEY_A " serial=7 serial=8\n", "serial=8"},
	    {"\n" KEY_A " \001\n", ":2:"},
	};
	struct usermap *m;
	const struct map_row *row;
	struct grant g = {.not_before = 100};
	struct map_row granted;

	(void)state;
	put_revoked("# gone\n" KEY_A "   # laptop\n" KEY_B " serial=18446744073709551615\n");
	row = accepts(KEY_A " user=$\n" KEY_B " user=$ expires=2027-06-30\n", &m);
	assert_int_equal(usermap_valid(m, row, 0), E_REVOKED);
	row = usermap_row(m, 1);
	assert_int_equal(usermap_valid(m, row, 0), E_OK);
	assert_int_equal(usermap_valid(m, row, 1814313600), E_EXPIRED);
	granted = *row;
	granted.grant = &g;
	assert_int_equal(usermap_valid(m, &granted, 99), E_NOT_YET);
	assert_int_equal(usermap_valid(m, &granted, -1), E_NOT_YET);
	assert_int_equal(usermap_valid(m, &granted, 100), E_OK);
	usermap_free(m);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		put_revoked(wrong[i][0]);
		refuses(KEY_A " user=$\n", "revoked_keys", wrong[i][1]);
	}
}

static void a_row_may_be_for_some_processes_only(void **state)
{
	struct usermap *m;
	const struct ipc_bounds *b;
	struct stat st;

	(void)state;
	assert_null(accepts(KEY_A " user=$\n", &m)->bounds);
	usermap_free(m);
	b = accepts(KEY_A " user=$ unit=a.service,b@*.service exe=/bin/sh\n", &m)->bounds;
	assert_int_equal(stat("/bin/sh", &st), 0);
	assert_int_equal(b->nunits, 2);
	assert_string_equal(b->unit[1], "b@*.service");
	assert_int_equal(b->nexes, 1);
	assert_string_equal(b->exe[0], "/bin/sh");
	assert_true(b->dev[0] == st.st_dev && b->ino[0] == st.st_ino);
	usermap_free(m);
}

static void a_row_needs_a_user_unless_there_is_only_one(void **state)
{
	struct usermap *m;

	(void)state;
	if (t.user_mode) {
		assert_int_equal(accepts(KEY_A "\n", &m)->users[0].uid, geteuid());
		usermap_free(m);
		refuses(KEY_A " user=daemon\n", ":1:", "not you");
	} else {
		refuses(KEY_A " readonly\n", ":1:", "user=");
		assert_int_equal(accepts(KEY_A " user=$,daemon\n", &m)->nusers, 2);
		assert_non_null(map_row_user(usermap_row(m, 0), span_str("daemon")));
		usermap_free(m);
	}
}

static void a_group_word_changes_the_group(void **state)
{
	struct usermap *m;
	const struct map_row *row;

	(void)state;
	if (t.user_mode)
		skip();
	row = accepts(KEY_A " group=daemon user=$\n", &m);
	assert_int_equal(row->users[0].gid, 1);
	assert_int_equal(row->users[0].groups[0], 1);
	usermap_free(m);
}

static bool from(const struct map_row *row, const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
		return map_row_from(row, (struct sockaddr *)&in);
	assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
	return map_row_from(row, (struct sockaddr *)&in6);
}

static void from_counts_bits(void **state)
{
	struct sockaddr un = {.sa_family = AF_UNIX};
	struct usermap *m;
	const struct map_row *row =
	    accepts(KEY_A " user=$ from=10.0.0.0/9,192.168.7.9,2001:db8::/33\n", &m);

	(void)state;
	assert_true(from(row, "10.127.255.255"));
	assert_false(from(row, "10.128.0.0"));
	assert_true(from(row, "::ffff:10.1.2.3"));
	assert_true(from(row, "192.168.7.9"));
	assert_false(from(row, "192.168.7.8"));
	assert_true(from(row, "2001:db8:7fff::1"));
	assert_false(from(row, "2001:db8:8000::1"));
	assert_false(from(row, "::1"));
	assert_false(map_row_from(row, &un));
	usermap_free(m);
	row = accepts(KEY_A " user=$\n", &m);
	assert_true(from(row, "::1"));
	assert_true(map_row_from(row, &un));
	usermap_free(m);
}

static void expiry_is_the_first_second_of_the_day(void **state)
{
	struct usermap *m;
	const struct map_row *row = accepts(KEY_A " user=$ expires=2027-06-30\n", &m);

	(void)state;
	assert_true(map_row_valid_at(row, 1814313599));
	assert_false(map_row_valid_at(row, 1814313600));
	usermap_free(m);
}

static void a_file_others_could_have_written_is_refused(void **state)
{
	char other[128];

	(void)state;
	put_row(KEY_A " user=$\n");
	chmod(t.path, 0620);
	assert_null(load());
	assert_non_null(strstr(t.why, "written"));
	chmod(t.path, 0602);
	assert_null(load());
	chmod(t.path, 0600);
	chmod(t.dir, 0770);
	assert_null(load());
	assert_non_null(strstr(t.why, "directory"));
	chmod(t.dir, 0700);
	if (!t.user_mode) {
		assert_int_equal(chown(t.path, 65534, 0), 0);
		assert_null(load());
		assert_non_null(strstr(t.why, "belongs"));
	}
	snprintf(other, sizeof(other), "%s/real", t.dir);
	assert_int_equal(chown(t.path, geteuid(), getegid()), 0);
	assert_int_equal(rename(t.path, other), 0);
	assert_int_equal(symlink("real", t.path), 0);
	assert_null(load());
	assert_non_null(strstr(t.why, "symbolic link"));
	unlink(other);
	unlink(t.path);
	assert_null(load());
	assert_non_null(strstr(t.why, "No such file"));
	assert_int_equal(mkfifo(t.path, 0600), 0);
	assert_null(load());
	assert_non_null(strstr(t.why, "regular file"));
}

/* a grants no more than b does, the numbers of dates, nets and counts aside. */
static bool no_wider(const struct map_row *a, const struct map_row *b)
{
	for (size_t i = 0; i < a->nusers; i++)
		if (!map_row_user(b, span_str(a->users[i].name)) ||
		    a->users[i].gid != b->users[0].gid)
			return false;
	return (a->rights & ~b->rights) == 0 && (a->has_expires || !b->has_expires) &&
	       (a->nnets || !b->nnets) && (a->bounds || !b->bounds);
}

static void judge(const struct usermap *whole, const char *text, size_t n)
{
	struct usermap *m;

	put(text, n);
	m = load();
	for (size_t i = 0; m && i < usermap_count(m); i++) {
		const struct map_row *a = usermap_row(m, i), *b = usermap_find(whole, a->key);

		/* Another fingerprint is another key, which nobody has. */
		if (b && !no_wider(a, b))
			fail_msg("wider than it was: %.*s", (int)n, text);
	}
	usermap_free(m);
}

static void damage_never_widens(void **state)
{
	static const char bytes[] = "\0\n\t #=,-/ax9@\377";
	char whole[1024], text[1024];
	struct usermap *m;
	size_t n;

	(void)state;
	n = (size_t)snprintf(whole, sizeof(whole),
	    "# keys\n" KEY_A "   user=%s   readonly   from=10.0.0.0/8   # on call\n" KEY_B
	    "   user=%s  no-write  no-launch expires=2027-06-30 unit=a.service  # b\n",
	    t.me, t.me);
	put(whole, n);
	m = load();
	assert_non_null(m);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof(bytes) - 1; k++) {
			memcpy(text, whole, n); /* another byte there */
			text[i] = bytes[k];
			judge(m, text, n);
			memcpy(text + i + 1, whole + i, n - i); /* one more byte there */
			judge(m, text, n + 1);
		}
		memcpy(text, whole, n); /* none there */
		memmove(text + i, text + i + 1, n - i - 1);
		judge(m, text, n - 1);
		judge(m, whole, i); /* the file ends there */
	}
	usermap_free(m);
}

static void names_are_escaped_and_described(void **state)
{
	struct usermap *m;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	const struct map_row *row = accepts(KEY_B
	    " user=$ readonly from=10.0.0.0/8 expires=2027-06-30 max-sessions=3 # J\303\266rg\n",
	    &m);

	(void)state;
	assert_string_equal(row->name, "J\\xc3\\xb6rg");
	assert_non_null(f);
	usermap_describe(m, "map", f);
	assert_int_equal(fclose(f), 0);
	assert_non_null(strstr(text, "1 key\n"));
	assert_non_null(strstr(text, KEY_B));
	assert_non_null(strstr(text, t.me));
	assert_non_null(strstr(text, "may: look\n"));
	assert_non_null(strstr(text, "10.0.0.0/8"));
	assert_non_null(strstr(text, "2027-06-30"));
	assert_non_null(strstr(text, "sessions at once: 3\n"));
	free(text);
	usermap_free(m);
}

static void a_row_of_the_past_is_described_as_such(void **state)
{
	struct usermap *m;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	accepts(KEY_B " user=$ expires=2001-02-03\n", &m);
	assert_non_null(f);
	usermap_describe(m, "map", f);
	assert_int_equal(fclose(f), 0);
	assert_non_null(strstr(text, "2001-02-03 00:00 UTC (it is refused now)\n"));
	free(text);
	usermap_free(m);
}

static void a_row_without_comment_is_named_by_its_key(void **state)
{
	struct usermap *m;

	(void)state;
	assert_string_equal(accepts(KEY_B " user=$\n", &m)->name, KEY_B);
	usermap_free(m);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_row_grants_what_it_says),
	    TEST(words_take_rights_away),
	    TEST(what_is_not_understood_is_refused_by_line_and_word),
	    TEST(times_are_of_a_number_and_a_unit),
	    TEST(root_takes_the_word_that_says_so),
	    TEST(a_signers_row_is_no_keys_row),
	    TEST(what_is_revoked_is_said_by_key_and_by_serial),
	    TEST(a_row_may_be_for_some_processes_only),
	    TEST(a_row_needs_a_user_unless_there_is_only_one),
	    TEST(a_group_word_changes_the_group),
	    TEST(from_counts_bits),
	    TEST(expiry_is_the_first_second_of_the_day),
	    TEST(a_file_others_could_have_written_is_refused),
	    TEST(damage_never_widens),
	    TEST(names_are_escaped_and_described),
	    TEST(a_row_of_the_past_is_described_as_such),
	    TEST(a_row_without_comment_is_named_by_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
