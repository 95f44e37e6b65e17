/* SPDX-License-Identifier: BSD-2-Clause */
#include "usermap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/wire.h"
#include "trusted_file.h"
#include "usermap_parse.h"

enum { FILE_MAX = 1024 * 1024 };

#define ALL_RIGHTS                                                                                 \
	(1u << WIRE_R_NONE | 1u << WIRE_R_LOOK | 1u << WIRE_R_STOP | 1u << WIRE_R_WRITE |          \
	    1u << WIRE_R_LAUNCH)

struct usermap {
	struct map_row *rows;
	size_t n;
	struct revoked_list *revoked;
};

/* ---- rows ------------------------------------------------------------------- */

/* "# alice@laptop; anything" names the row "alice@laptop". */
static int name_row(struct parse *p, struct span comment)
{
	char text[FINGERPRINT_SIZE], name[USERMAP_NAME + 1];

	if (comment.n)
		comment = map_cut(comment, 1, comment.n);
	comment = map_trim(map_take_until(&comment, ';'));
	if (comment.n == 0)
		comment = span_str(fingerprint_format(text, p->row->key));
	p->row->name = strdup(log_escape(name, sizeof(name), comment.p, comment.n));
	return p->row->name ? 0 : map_refuse(p, "%s", strerror(ENOMEM));
}

static int parse_key(struct parse *p, const struct usermap *m, struct span *rest)
{
	struct span s = map_take_word(rest);
	const struct map_row *other;

	p->row->ca = span_eq(s, span_str("ca"));
	if (p->row->ca)
		s = map_take_word(rest);
	if (!fingerprint_parse(p->row->key, s))
		return map_refuse(p,
		    "a row starts with the fingerprint of a key, SHA256: and 43 characters "
		    "(hdb -keygen prints it)");
	other = usermap_find(m, p->row->key);
	if (!other)
		other = usermap_find_ca(m, p->row->key);
	if (other)
		return map_refuse(p, "the same key stands in line %u already", other->line);
	return 0;
}

static int parse_row(struct parse *p, const struct usermap *m, struct span rest)
{
	struct span s = {NULL, 0};

	if (parse_key(p, m, &rest) < 0)
		return -1;
	while (rest = map_trim(rest), rest.n && rest.p[0] != '#') {
		s = map_take_word(&rest);
		if (map_word(p, s) < 0)
			return -1;
	}
	if (rest.n && map_check_comment(p, rest) < 0)
		return -1;
	if (map_finish_users(p) < 0)
		return -1;
	return name_row(p, rest);
}

static void row_free(struct map_row *row)
{
	for (size_t i = 0; i < row->nusers; i++) {
		free(row->users[i].name);
		free(row->users[i].groups);
	}
	free((void *)row->users);
	free((void *)row->nets);
	free(row->bounds);
	free((void *)row->name);
}

static int add_row(struct parse *p, void *arg, struct span line)
{
	struct usermap *m = arg;
	struct map_row *row;

	if (m->n == USERMAP_ROWS)
		return map_refuse(p, "more than %d keys", USERMAP_ROWS);
	row = reallocarray(m->rows, m->n + 1, sizeof(*row));
	if (!row)
		return map_refuse(p, "%s", strerror(ENOMEM));
	m->rows = row;
	row += m->n;
	*row = (struct map_row){
	    .line = p->line, .rights = ALL_RIGHTS, .max_sessions = USERMAP_SESSIONS};
	p->row = row;
	p->seen = 0;
	p->group = (struct span){NULL, 0};
	if (parse_row(p, m, line) < 0) {
		row_free(row);
		return -1;
	}
	m->n++;
	return 0;
}

static int check_bytes(struct parse *p, struct span line)
{
	for (uint32_t i = 0; i < line.n; i++)
		if ((line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return map_refuse(p,
			    "control character 0x%02x (lines end with a newline alone)", line.p[i]);
	return 0;
}

int map_lines(struct parse *p, struct span all,
    int (*each)(struct parse *p, void *arg, struct span line), void *arg)
{
	/* A file cut short may have lost a word that takes rights away. */
	if (all.n && all.p[all.n - 1] != '\n') {
		for (uint32_t i = 0; i < all.n; i++)
			p->line += all.p[i] == '\n';
		p->line++;
		return map_refuse(p, "the last line has no end; was the file cut short?");
	}
	while (all.n) {
		struct span line = map_take_until(&all, '\n'), s = map_trim(line);

		p->line++;
		if (check_bytes(p, line) < 0)
			return -1;
		if (s.n && s.p[0] != '#' && each(p, arg, s) < 0)
			return -1;
	}
	return 0;
}

int usermap_load(struct usermap **ret, const char *path, bool user_mode, char *why, size_t size)
{
	struct parse p = {.path = path, .user_mode = user_mode, .why = why, .size = size};
	struct usermap *m = calloc(1, sizeof(*m));
	struct buf b;
	int err = -1;

	buf_init(&b, FILE_MAX);
	if (!m)
		snprintf(why, size, "%s: %s", path, strerror(ENOMEM));
	else if (trusted_read(&b, path, user_mode ? TRUSTED_USER : 0, why, size) == 0)
		err = map_lines(&p, span_buf(&b), add_row, m);
	buf_free(&b);
	if (err == 0)
		err = map_revoked_load(&m->revoked, &p, path);
	if (err == 0)
		*ret = m;
	else
		usermap_free(m);
	return err;
}

void usermap_free(struct usermap *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		row_free(&m->rows[i]);
	free(m->rows);
	map_revoked_free(m->revoked);
	free(m);
}

/* ---- asking --------------------------------------------------------------------- */

size_t usermap_count(const struct usermap *m)
{
	return m->n;
}

const struct map_row *usermap_row(const struct usermap *m, size_t i)
{
	return i < m->n ? &m->rows[i] : NULL;
}

static const struct map_row *find(const struct usermap *m, const uint8_t *hash, bool ca)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->rows[i].ca == ca &&
		    (!hash || memcmp(m->rows[i].key, hash, FINGERPRINT_BYTES) == 0))
			return &m->rows[i];
	return NULL;
}

const struct map_row *usermap_find(
    const struct usermap *m, const uint8_t spki_hash[FINGERPRINT_BYTES])
{
	return find(m, spki_hash, false);
}

const struct map_row *usermap_find_ca(
    const struct usermap *m, const uint8_t spki_hash[FINGERPRINT_BYTES])
{
	return find(m, spki_hash, true);
}

const struct revoked_list *map_revoked(const struct usermap *m)
{
	return m->revoked;
}

const struct map_user *map_row_user(const struct map_row *row, struct span name)
{
	for (size_t i = 0; i < row->nusers; i++)
		if (name.n == 0 || span_eq(name, span_str(row->users[i].name)))
			return &row->users[i];
	return NULL;
}

bool map_row_valid_at(const struct map_row *row, time_t now)
{
	return !row->has_expires || now < row->expires;
}

static bool in_net(const struct map_net *net, bool v6, const uint8_t *addr)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (net->v6 != v6 || memcmp(net->addr, addr, whole) != 0)
		return false;
	return rest == 0 || ((net->addr[whole] ^ addr[whole]) & (0xffu << (8 - rest) & 0xff)) == 0;
}

bool map_row_from(const struct map_row *row, const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const uint8_t *addr;
	bool v6 = sa->sa_family == AF_INET6;

	if (row->nnets == 0)
		return true;
	if (sa->sa_family == AF_INET)
		addr = (const uint8_t *)&in->sin_addr;
	else if (v6)
		addr = in6->sin6_addr.s6_addr;
	else
		return false;
	/* What comes in over IPv4 on a dual socket. */
	if (v6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		v6 = false;
		addr += 12;
	}
	for (size_t i = 0; i < row->nnets; i++)
		if (in_net(&row->nets[i], v6, addr))
			return true;
	return false;
}
