/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/sign.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/hdb/cmd.h"

int sign_grant(struct hdb *h, const struct options *o)
{
	const struct he_grant what = {.key = o->fingerprint,
	    .users = o->users,
	    .words = o->words,
	    .name = o->grant_name,
	    .valid = o->valid,
	    .serial = o->serial};
	char *text;
	struct he_error *e = he_sign(h->engine, o->key, &what, &text);

	if (e) {
		bool usage = e->code == E_MALFORMED;

		fail_error(h, e);
		return usage ? 2 : 1;
	}
	fputs(text, h->out);
	free(text);
	return 0;
}
