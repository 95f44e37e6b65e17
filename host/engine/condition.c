/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/err.h"
#include "host/engine/breakpoint.h"
#include "host/errtext.h"

static struct he_error *unknown(const char *text)
{
	return he_error_new(E_UNKNOWN, "%s: conditions cannot be evaluated yet.", text);
}

struct he_error *condition_check(
    struct he_target *t, const struct he_break *q, uint64_t addr, const char *text)
{
	(void)t;
	(void)q;
	(void)addr;
	return unknown(text);
}

bool condition_compile(struct he_target *t, uint64_t addr, const char *text, struct buf *code)
{
	(void)t;
	(void)addr;
	(void)text;
	(void)code;
	return false;
}

struct he_error *condition_true(struct he_target *t, uint64_t tid, const char *text, bool *ret)
{
	(void)t;
	(void)tid;
	(void)ret;
	return unknown(text);
}
