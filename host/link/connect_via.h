/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ways to a server, for connect.c.  Each yields a link whose server has said hello.
 */
#ifndef HOST_CONNECT_VIA_H
#define HOST_CONNECT_VIA_H

#include "common/transport.h"
#include "host/link/rpc_via.h"

struct connecting {
	const struct he_config *config; /* config_dir is set */
	const struct transport *t;
	struct inbox *inbox;
	const char *as_box; /* what the person called it: a name from boxes; NULL = t says */
};

struct he_error *connect_tls(const struct connecting *c, struct rpc **ret);
struct he_error *connect_exec(const struct connecting *c, struct rpc **ret);
/* This machine; nothing of c->t is looked at. */
struct he_error *connect_local(const struct connecting *c, struct rpc **ret);

#endif
