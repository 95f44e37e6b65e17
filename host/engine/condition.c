/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Conditions: read where the breakpoint is, compiled for the agent where bytecode can say
 * it, else evaluated here in the frame that stopped.
 */
#include "common/err.h"
#include "host/engine/asking.h"
#include "host/engine/breakpoint.h"
#include "host/errtext.h"

enum { CODE_MAX = 4096 }; /* of patch.condition */

struct he_error *condition_check(
    struct he_target *t, const struct he_break *q, uint64_t addr, const char *text)
{
	struct expr *x = NULL;
	struct type *type;
	struct asking a;
	struct he_error *err =
	    addr ? asking_open_at(&a, t, addr) : asking_open(&a, t, q->frame_tid, q->frame);

	if (err)
		return err;
	err = expr_parse(&a.env, text, &x);
	/* Names are looked up where it will be evaluated: so they are known, or not, now. */
	if (!err && addr)
		err = expr_type(&a.env, x, &type);
	expr_free(x);
	err = asking_close(&a, err);
	/* Not the code E_NO_FILE: that a location waits for a library is another matter. */
	if (err && err->code == E_NO_FILE)
		err->code = E_MALFORMED;
	/* What depends on values is seen when it is evaluated. */
	if (!err || err->code == E_MALFORMED || err->code == E_LOST || err->code == E_CANCELLED ||
	    err->code == E_NOMEM)
		return err;
	he_error_free(err);
	return NULL;
}

bool condition_compile(struct he_target *t, uint64_t addr, const char *text, struct buf *code)
{
	struct expr *x = NULL;
	struct asking a;
	bool done = false;
	struct he_error *err = asking_open_at(&a, t, addr);

	if (err) {
		he_error_free(err);
		return false;
	}
	err = expr_parse(&a.env, text, &x);
	if (!err)
		done = expr_compile(&a.env, x, code, NULL) && code->len <= CODE_MAX;
	if (!done)
		buf_reset(code);
	expr_free(x);
	err = asking_close(&a, err);
	done = done && !err;
	he_error_free(err);
	return done;
}

struct he_error *condition_true(struct he_target *t, uint64_t tid, const char *text, bool *ret)
{
	struct expr *x = NULL;
	struct asking a;
	struct he_error *err = asking_open(&a, t, tid, 0);

	if (err)
		return err;
	err = expr_parse(&a.env, text, &x);
	if (!err)
		err = expr_truth(&a.env, x, ret);
	expr_free(x);
	return asking_close(&a, err);
}
