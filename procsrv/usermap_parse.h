/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The map file's parser, between its two files: usermap.c reads rows,
 * usermap_words.c the words in them.
 */
#ifndef PROCSRV_USERMAP_PARSE_H
#define PROCSRV_USERMAP_PARSE_H

#include "usermap.h"

/* What the parser knows: where it is, and where its sentence goes. */
struct parse {
	const char *path;
	bool user_mode;
	unsigned line;
	struct map_row *row; /* being read */
	struct span group;   /* of group=; takes effect when the row's users are known */
	uint32_t seen;       /* bits, one a word */
	char *why;
	size_t size;
};

#define TEXT(s) (int)(s).n, (const char *)(s).p /* for %.*s */

/* Put "FILE:LINE: " and the sentence into why; always -1. */
int map_refuse(struct parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct span map_cut(struct span s, uint32_t from, uint32_t to);
struct span map_trim(struct span s);          /* blanks at both ends */
struct span map_take_word(struct span *rest); /* up to the next blank */
/* What stands before the first c, which is dropped too; all of it without one. */
struct span map_take_until(struct span *s, uint8_t c);

/* The next of a list with commas; false when there is none left.  "a,b," has three, the last
 * one empty. */
bool map_take_item(struct span *list, struct span *item);

/* usermap_bounds.c: values of unit= and exe=.  0 or -1. */
int map_word_unit(struct parse *p, struct span value);
int map_word_exe(struct parse *p, struct span value);

/* Every line of a file's text that says something, with blanks around it gone.  0 or -1. */
int map_lines(struct parse *p, struct span all,
    int (*line)(struct parse *p, void *arg, struct span line), void *arg);

/* usermap_revoked.c: what of names gets the sentence.  0 or -1. */
struct revoked_list;
int map_revoked_parse(struct revoked_list **ret, struct parse *p, struct span all);
int map_revoked_load(struct revoked_list **ret, const struct parse *of, const char *map);
void map_revoked_free(struct revoked_list *list);
bool map_revoked_key(const struct revoked_list *list, const uint8_t key[FINGERPRINT_BYTES]);
bool map_revoked_serial(
    const struct revoked_list *list, const uint8_t signer[FINGERPRINT_BYTES], uint64_t serial);
size_t map_revoked_count(const struct revoked_list *list);
const struct revoked_list *map_revoked(const struct usermap *m);

/* One word of a row ("readonly", "user=alice,bob"), done to p->row.  0 or -1. */
int map_word(struct parse *p, struct span word);

/* The comment behind a row, from its # on: a row that lost "readonly" to a stray #
 * would allow more than was meant, so no word that takes rights away may stand in
 * it.  0 or -1. */
int map_check_comment(struct parse *p, struct span comment);

/* After the last word of a row: see that it has users, and find their groups. */
int map_finish_users(struct parse *p);

#endif
