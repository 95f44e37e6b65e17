/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/step_value.h"

#include <stdlib.h>

#include "common/err.h"
#include "host/engine/step.h"
#include "host/errtext.h"

struct he_value *step_value(struct step *st, const struct standing *now)
{
	(void)st;
	(void)now;
	return NULL;
}

struct he_error *returning_evaluate(struct he_target *t, uint64_t tid, unsigned frame, uint64_t pc,
    const char *text, struct returning *ret)
{
	(void)t;
	(void)tid;
	(void)frame;
	(void)pc;
	(void)ret;
	return he_error_new(
	    E_UNKNOWN, "%s: values of that kind cannot be returned.", text);
}

struct he_error *returning_put(struct he_target *t, uint64_t tid, const struct returning *r)
{
	(void)t;
	(void)tid;
	(void)r;
	return NULL;
}

void returning_free(struct returning *r)
{
	free(r->bytes);
}
