/* SPDX-License-Identifier: BSD-2-Clause */
#include "usermap_parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/duration.h"
#include "common/wire.h"

enum {
	USER_NAME = 32 /* as proof carries it */,
	ACCOUNT_TEXT = 65536 /* of passwd(5) and group(5) */
};

int map_refuse(struct parse *p, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(p->why, p->size, "%s:%u: ", p->path, p->line);

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < p->size)
		vsnprintf(p->why + n, p->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- bits of text ------------------------------------------------------ */

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct span map_cut(struct span s, uint32_t from, uint32_t to)
{
	return (struct span){s.p + from, to - from};
}

/* What stands before the first c, which is dropped too; all of it without one. */
struct span map_take_until(struct span *s, uint8_t c)
{
	const uint8_t *at = s->n ? memchr(s->p, c, s->n) : NULL;
	uint32_t n = at ? (uint32_t)(at - s->p) : s->n;
	struct span first = map_cut(*s, 0, n);

	*s = map_cut(*s, at ? n + 1 : n, s->n);
	return first;
}

struct span map_trim(struct span s)
{
	while (s.n && blank(s.p[0]))
		s = map_cut(s, 1, s.n);
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct span map_take_word(struct span *rest)
{
	struct span s = map_trim(*rest);
	uint32_t n = 0;

	while (n < s.n && !blank(s.p[n]))
		n++;
	*rest = map_cut(s, n, s.n);
	return map_cut(s, 0, n);
}

static bool parse_number(struct span s, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	if (s.n == 0 || s.n > 9)
		return false;
	for (uint32_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	*ret = v;
	return v <= max;
}

bool map_take_item(struct span *list, struct span *item)
{
	struct span all = *list;

	if (!all.p)
		return false;
	*item = map_take_until(list, ',');
	if (item->n == all.n)
		list->p = NULL;
	return true;
}

/* ---- users and groups --------------------------------------------------- */

static int find_groups(struct map_user *u)
{
	int n = 32, had = 0;

	while (had < n) {
		gid_t *p = reallocarray(u->groups, (size_t)n, sizeof(gid_t));

		if (!p)
			return -1;
		u->groups = p;
		had = n;
		if (getgrouplist(u->name, u->gid, u->groups, &n) >= 0) {
			u->ngroups = (size_t)n;
			return 0;
		}
	}
	return -1;
}

/* The account of that name, or with name NULL our own.  0, ENOENT, or an errno. */
static int find_account(const char *name, struct map_user *u)
{
	char *texts = malloc(ACCOUNT_TEXT);
	struct passwd pw, *found = NULL;
	int err = ENOMEM;

	if (texts)
		err = name ? getpwnam_r(name, &pw, texts, ACCOUNT_TEXT, &found)
			   : getpwuid_r(geteuid(), &pw, texts, ACCOUNT_TEXT, &found);
	if (!err && !found)
		err = ENOENT;
	if (!err) {
		u->uid = pw.pw_uid;
		u->gid = pw.pw_gid;
		u->name = strdup(pw.pw_name);
		err = u->name ? 0 : ENOMEM;
	}
	free(texts);
	return err;
}

static int check_user(struct parse *p, const struct map_user *u)
{
	if (p->user_mode && u->uid != geteuid())
		return map_refuse(p,
		    "user %s is not you: a procsrv started by an ordinary user serves that user "
		    "only",
		    u->name);
	return 0;
}

static int add_user(struct parse *p, const char *name)
{
	struct map_row *row = p->row;
	const char *shown = name ? name : "with our own uid";
	struct map_user *u;
	int err;

	if (row->nusers == USERMAP_USERS)
		return map_refuse(p, "more than %d users in one row", USERMAP_USERS);
	u = reallocarray((void *)row->users, row->nusers + 1, sizeof(*u));
	if (!u)
		return map_refuse(p, "%s", strerror(ENOMEM));
	row->users = u;
	u += row->nusers++;
	*u = (struct map_user){0};
	err = find_account(name, u);
	if (err == ENOENT)
		return map_refuse(p, "there is no user %s on this machine", shown);
	if (err)
		return map_refuse(p, "user %s cannot be looked up: %s", shown, strerror(err));
	for (size_t i = 0; i + 1 < row->nusers; i++)
		if (row->users[i].uid == u->uid)
			return map_refuse(p, "user %s stands there twice", u->name);
	return check_user(p, u);
}

/* The gid of group=. */
static int find_group(struct parse *p, gid_t *gid)
{
	char *name = span_dup(p->group), *texts = malloc(ACCOUNT_TEXT);
	struct group gr, *found = NULL;
	int ret = -1;

	if (!name || !texts)
		map_refuse(p, "%s", strerror(ENOMEM));
	else if (getgrnam_r(name, &gr, texts, ACCOUNT_TEXT, &found) != 0 || !found)
		map_refuse(p, "there is no group %s on this machine", name);
	else if (gr.gr_gid == 0 && !(p->row->rights & IPC_RIGHT_ROOT))
		map_refuse(p, "group %s is root's: that needs the word allow-root", name);
	else if (p->user_mode && gr.gr_gid != getegid())
		map_refuse(p, "group %s is not yours: only root's procsrv can change groups", name);
	else
		ret = 0;
	if (ret == 0)
		*gid = gr.gr_gid;
	free(texts);
	free(name);
	return ret;
}

int map_finish_users(struct parse *p)
{
	struct map_row *row = p->row;
	gid_t gid = getegid();

	if (row->nusers == 0 && !p->user_mode)
		return map_refuse(p, "the row names no user: add user=NAME");
	if (row->nusers == 0 && add_user(p, NULL) < 0)
		return -1;
	if (p->group.n && find_group(p, &gid) < 0)
		return -1;
	for (size_t i = 0; i < row->nusers; i++) {
		struct map_user *u = (struct map_user *)&row->users[i];

		if (u->uid == 0 && !(row->rights & IPC_RIGHT_ROOT))
			return map_refuse(
			    p, "user %s has uid 0: that needs the word allow-root", u->name);
		if (p->group.n || p->user_mode)
			u->gid = gid;
		if (find_groups(u) < 0)
			return map_refuse(p, "the groups of %s cannot be found out", u->name);
	}
	return 0;
}

/* ---- words ---------------------------------------------------------------- */

static int word_user(struct parse *p, struct span value)
{
	struct span s;
	char name[USER_NAME + 1];

	while (map_take_item(&value, &s)) {

		if (s.n == 0 || s.n > USER_NAME)
			return map_refuse(p,
			    "user= wants names of 1 to %d characters, separated by commas",
			    USER_NAME);
		memcpy(name, s.p, s.n);
		name[s.n] = 0;
		if (add_user(p, name) < 0)
			return -1;
	}
	return 0;
}

static int word_group(struct parse *p, struct span value)
{
	if (value.n > USER_NAME)
		return map_refuse(p, "group= wants a name of 1 to %d characters", USER_NAME);
	p->group = value;
	return 0;
}

static int word_readonly(struct parse *p, struct span value)
{
	(void)value;
	p->row->rights &= ~(1u << WIRE_R_STOP | 1u << WIRE_R_WRITE | 1u << WIRE_R_LAUNCH);
	return 0;
}

static int word_no_write(struct parse *p, struct span value)
{
	(void)value;
	p->row->rights &= ~(1u << WIRE_R_WRITE);
	return 0;
}

static int word_no_launch(struct parse *p, struct span value)
{
	(void)value;
	p->row->rights &= ~(1u << WIRE_R_LAUNCH);
	return 0;
}

/* What it launched would inherit the capabilities of its tracer: there is no way for a program
 * to be as after a login. */
static int word_allow_root(struct parse *p, struct span value)
{
	(void)value;
	if (p->user_mode)
		return map_refuse(p, "allow-root: only root's procsrv can allow that");
	p->row->rights &= ~(1u << WIRE_R_LAUNCH);
	p->row->rights |= IPC_RIGHT_ROOT;
	return 0;
}

/* Host bits have to be zero: a slip in the length of a net then rarely passes. */
static bool host_bits_zero(const uint8_t *addr, unsigned bits, unsigned all)
{
	for (unsigned i = bits; i < all; i++)
		if (addr[i / 8] & (0x80u >> i % 8))
			return false;
	return true;
}

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291, 2.5.5.2 */

static bool parse_net(struct span s, struct map_net *net)
{
	struct span length = s, addr = map_take_until(&length, '/');
	char text[INET6_ADDRSTRLEN];
	unsigned bits, all;

	if (addr.n == 0 || addr.n >= sizeof(text))
		return false;
	memcpy(text, addr.p, addr.n);
	text[addr.n] = 0;
	net->v6 = strchr(text, ':') != NULL;
	all = net->v6 ? 128 : 32;
	bits = all;
	if (inet_pton(net->v6 ? AF_INET6 : AF_INET, text, net->addr) != 1)
		return false;
	/* Never matched: addresses are compared as IPv4 when they are that inside. */
	if (net->v6 && memcmp(net->addr, v4_mapped, sizeof(v4_mapped)) == 0)
		return false;
	if (addr.n < s.n && !parse_number(length, all, &bits))
		return false;
	net->bits = (uint8_t)bits;
	return host_bits_zero(net->addr, bits, all);
}

static int word_from(struct parse *p, struct span value)
{
	struct map_row *row = p->row;
	struct map_net *nets;
	struct span s;

	while (map_take_item(&value, &s)) {
		if (row->nnets == USERMAP_NETS)
			return map_refuse(p, "more than %d nets in from=", USERMAP_NETS);
		nets = reallocarray((void *)row->nets, row->nnets + 1, sizeof(*nets));
		if (!nets)
			return map_refuse(p, "%s", strerror(ENOMEM));
		row->nets = nets;
		nets[row->nnets] = (struct map_net){0};
		if (!parse_net(s, &nets[row->nnets++]))
			return map_refuse(p,
			    "from=%.*s is no net: write 10.0.0.0/8 or 2001:db8::/32, several with "
			    "commas, with all bits behind the length zero",
			    TEXT(s));
	}
	return 0;
}

static int word_expires(struct parse *p, struct span value)
{
	unsigned year = 0, month = 0, day = 0;
	struct tm tm = {0}, back;
	bool good = value.n == 10 && value.p[4] == '-' && value.p[7] == '-' &&
		    parse_number(map_cut(value, 0, 4), 9999, &year) &&
		    parse_number(map_cut(value, 5, 7), 12, &month) &&
		    parse_number(map_cut(value, 8, 10), 31, &day);

	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)month - 1;
	tm.tm_mday = (int)day;
	p->row->expires = timegm(&tm);
	/* 31 June comes back as 1 July. */
	if (!good || year < 1970 || !gmtime_r(&p->row->expires, &back) ||
	    back.tm_mday != (int)day || back.tm_mon != (int)month - 1)
		return map_refuse(
		    p, "expires=%.*s is no date: write expires=2027-06-30", TEXT(value));
	p->row->has_expires = true;
	return 0;
}

static int word_max_sessions(struct parse *p, struct span value)
{
	unsigned n;

	if (!parse_number(value, USERMAP_SESSIONS_MAX, &n) || n == 0)
		return map_refuse(p, "max-sessions=%.*s: write a number from 1 to %d", TEXT(value),
		    USERMAP_SESSIONS_MAX);
	p->row->max_sessions = n;
	return 0;
}

enum { TIME_MS = USERMAP_TIME_S * 1000 };

static int word_grace(struct parse *p, struct span value)
{
	if (!duration_ms(value, TIME_MS, &p->row->grace_ms))
		return map_refuse(
		    p, "grace=%.*s: write a time from 0 to 1h, as 30s, 5m or 500ms", TEXT(value));
	p->row->has_grace = true;
	return 0;
}

static int word_max_stop(struct parse *p, struct span value)
{
	if (!duration_ms(value, TIME_MS, &p->row->max_stop_ms) || !p->row->max_stop_ms)
		return map_refuse(
		    p, "max-stop=%.*s: write a time up to 1h, as 2s, 5m or 500ms", TEXT(value));
	return 0;
}

static int word_keep_launched(struct parse *p, struct span value)
{
	(void)value;
	p->row->keep_launched = true;
	return 0;
}

enum word_kind { FLAG, VALUE };

/* The whole grammar.  set NULL: understood, but this version cannot enforce it.
 * narrows: it takes rights away, so losing it by a slip must not go unnoticed. */
static const struct word {
	const char *name;
	enum word_kind kind;
	bool narrows;
	int (*set)(struct parse *p, struct span value);
} words[] = {
    {"user", VALUE, false, word_user},
    {"group", VALUE, true, word_group},
    {"readonly", FLAG, true, word_readonly},
    {"no-write", FLAG, true, word_no_write},
    {"no-launch", FLAG, true, word_no_launch},
    {"from", VALUE, true, word_from},
    {"expires", VALUE, true, word_expires},
    {"max-sessions", VALUE, true, word_max_sessions},
    {"unit", VALUE, true, map_word_unit},
    {"exe", VALUE, true, map_word_exe},
    {"max-stop", VALUE, true, word_max_stop},
    {"grace", VALUE, false, word_grace},
    {"allow-root", FLAG, false, word_allow_root},
    {"keep-launched", FLAG, false, word_keep_launched},
    {"allow-end-server", FLAG, false, NULL},
    {"put", VALUE, false, NULL},
};

enum { WORDS = sizeof(words) / sizeof(words[0]) };

static const struct word *find_word(struct span name)
{
	for (size_t i = 0; i < WORDS; i++)
		if (span_eq(name, span_str(words[i].name)))
			return &words[i];
	return NULL;
}

int map_word(struct parse *p, struct span s)
{
	struct span value = s, name = map_take_until(&value, '=');
	bool equals = name.n < s.n;
	const struct word *w = find_word(name);
	uint32_t bit = w ? 1u << (w - words) : 0;

	if (!w)
		return map_refuse(p,
		    "unknown word %.*s (the words are in procsrv-authorized_keys(5))", TEXT(name));
	if (p->seen & bit)
		return map_refuse(p, "%s stands there twice", w->name);
	p->seen |= bit;
	if (w->kind == FLAG && equals)
		return map_refuse(p, "%s takes no value", w->name);
	if (w->kind == VALUE && (!equals || value.n == 0))
		return map_refuse(p, "%s wants a value: %s=...", w->name, w->name);
	if (!w->set)
		return map_refuse(
		    p, "%s cannot be enforced by this version yet; take the row out", w->name);
	return w->set(p, value);
}

/* A row that lost "readonly" to a stray # would allow more than was meant. */
int map_check_comment(struct parse *p, struct span comment)
{
	if (comment.n > 1 && !blank(comment.p[1]))
		return map_refuse(p, "write a space after the # of a comment");
	comment = map_trim(map_cut(comment, 1, comment.n));
	while (comment.n) {
		struct span s = map_take_word(&comment), name = map_take_until(&s, '=');
		const struct word *w = find_word(name);

		if (w && w->narrows)
			return map_refuse(p,
			    "the comment holds the word %s; put it before the # or reword",
			    w->name);
	}
	return 0;
}
