/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Request open, which the tracer answers itself where no monitor stands in front of
 * it (stdio).
 */
#include <unistd.h>

#include "handlers.h"
#include "policy.h"
#include "refuse.h"
#include "tracer.h"

int on_open(struct call *c)
{
	const struct ipc_session *s = &c->tracer->session;
	struct wire_open o;
	struct wire_opened a = {
	    .uid = (uint32_t)geteuid(),
	    .gid = (uint32_t)getegid(),
	    .user = span_str(s->user),
	    .rights = s->rights,
	    .yama = refuse_yama_scope(),
	};
	struct buf *body = serve_scratch(c->serve);
	int err;

	wire_decode_open(c->body, &o);
	err = policy_session(o.loss);
	if (err != E_OK)
		return err;
	wire_encode_opened(body, &a);
	return serve_answer(c, body);
}
