/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The arguments of break and its like: LOCATION [thread N] [if CONDITION].
 */
#ifndef HOST_BREAK_SPEC_H
#define HOST_BREAK_SPEC_H

#include "host/hdb/front.h"

struct break_spec {
	char *where;	 /* "" = here */
	char *condition; /* NULL */
	char *thread;	 /* NULL */
};

/* Cut text into its parts; they are the caller's (break_spec_free). 0, or 1 after saying
 * what is wrong. */
int break_spec_parse(struct hdb *h, const char *text, struct break_spec *ret);
void break_spec_free(struct break_spec *s);

/* What he_break needs of it, in *q, whose texts are s's; s->where is replaced where it was
 * short.  0, or 1 after saying what is wrong.  (cmd_break.c) */
int break_spec_resolve(struct hdb *h, struct break_spec *s, struct he_break *q);

/* Where a word (if, thread) that is no part of the location begins; NULL: nowhere. */
const char *break_spec_word(const char *text, const char *word);

#endif
