/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/connect.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/link/boxes.h"
#include "host/link/config_file.h"
#include "host/link/connect_via.h"
#include "host/errtext.h"

/* A name from boxes has none of the marks of a transport. */
static struct he_error *look_in_boxes(const char *config_dir, const char *name, char **ret)
{
	struct he_error *e;
	char *path;

	*ret = NULL;
	if (strpbrk(name, ":,= "))
		return NULL;
	path = config_path(config_dir, "boxes");
	e = path ? boxes_find(path, name, ret) : he_error_new(E_NOMEM, "out of memory");
	free(path);
	return e;
}

static struct he_error *by_transport(
    const struct connecting *base, const char *text, struct rpc **ret)
{
	struct connecting c = *base;
	struct transport t = {0};
	struct he_error *e;
	char why[512];

	if (transport_parse_connect(&t, text, why, sizeof(why)) != 0)
		return he_error_new(E_MALFORMED, "%s", why);
	c.t = &t;
	switch (t.kind) {
	case TRANSPORT_TLS:
		e = connect_tls(&c, ret);
		break;
	case TRANSPORT_EXEC:
		e = connect_exec(&c, ret);
		break;
	default:
		e = he_error_new(
		    E_UNKNOWN, "%s: this version of hdb connects over tls: and exec: only", text);
	}
	transport_free(&t);
	return e;
}

struct he_error *connect_start(
    const struct he_config *config, const char *transport, struct inbox *inbox, struct rpc **ret)
{
	struct connecting c = {.config = config, .inbox = inbox};
	struct he_error *e;
	char *found;

	if (!transport)
		transport = secure_getenv("HDB_PREMOTE");
	if (!transport || !*transport)
		return connect_local(&c, ret);
	e = look_in_boxes(config->config_dir, transport, &found);
	if (e)
		return e;
	if (found)
		c.as_box = transport;
	e = by_transport(&c, found ? found : transport, ret);
	free(found);
	return e;
}

struct he_error *connect_open(
    const struct he_config *config, const char *transport, struct inbox *inbox, struct rpc **ret)
{
	struct he_error *e;
	struct rpc *r = NULL;

	e = connect_start(config, transport, inbox, &r);
	if (e)
		return e;
	e = rpc_ready(r);
	if (e) {
		rpc_free(r);
		return e;
	}
	*ret = r;
	return NULL;
}
