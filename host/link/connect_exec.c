/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Servers that we start: exec:COMMAND, and `procsrv -t stdio` on this machine.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "host/link/child.h"
#include "host/link/connect_via.h"
#include "host/errtext.h"
#include "host/link/find_procsrv.h"

enum { LOCAL_MS = 10000, NAME_SHOWN = 40, REAP_MS = 1000 };

struct piped {
	struct child child;
	char *name; /* for sentences */
	bool local;
	char lost[128];
};

static struct he_error *piped_closed(void *arg, int os_errno, bool hello)
{
	struct piped *p = arg;
	char how[64];

	(void)os_errno;
	if (!child_ended(&p->child, REAP_MS))
		return he_error_new(
		    E_LOST, "%s: it closed its output before there was a session", p->name);
	return he_error_new(E_LOST, "%s: it ended (%s) before %s%s", p->name,
	    child_how(&p->child, how, sizeof(how)), hello ? "there was a session" : "it said hello",
	    p->local ? "" : "; what it said on standard error, if anything, stands above");
}

static const char *piped_lost(void *arg, int os_errno)
{
	struct piped *p = arg;
	char how[64];

	if (child_ended(&p->child, REAP_MS))
		snprintf(p->lost, sizeof(p->lost), "it ended (%s)",
		    child_how(&p->child, how, sizeof(how)));
	else
		snprintf(p->lost, sizeof(p->lost), "it closed the connection%s%s",
		    os_errno > 0 ? ": " : "", os_errno > 0 ? strerror(os_errno) : "");
	return p->lost;
}

static void piped_end(void *arg)
{
	struct piped *p = arg;

	child_end(&p->child);
	free(p->name);
	free(p);
}

/* name: taken over. */
static struct he_error *start(const struct connecting *c, char *name, const char *box,
    const char *path, char *const argv[], bool local, struct rpc **ret)
{
	struct piped *p = calloc(1, sizeof(*p));
	struct rpc_via via = {.closed = piped_closed,
	    .lost = piped_lost,
	    .end = piped_end,
	    .arg = p,
	    .hello_ms = local ? LOCAL_MS : 0,
	    .dump = c->config->dump};
	struct he_error *e;
	struct rpc *r;
	int err;

	via.name = name ? strdup(name) : NULL;
	via.box = strdup(box);
	if (!p || !name || !via.name || !via.box) {
		free(p);
		free(name);
		free(via.name);
		free(via.box);
		return he_error_new(E_NOMEM, "out of memory");
	}
	p->name = name;
	p->local = local;
	err = child_start(&p->child, path, argv, !local, &via.fd);
	if (err) {
		e = he_error_os(err, "%s: cannot start %s: %s", name, path, strerror(err));
		free(via.name);
		free(via.box);
		piped_end(p);
		return e;
	}
	via.child = (uint32_t)p->child.pid;
	r = rpc_new(c->inbox, &via);
	if (!r)
		return he_error_new(E_NOMEM, "out of memory");
	e = rpc_greeted(r);
	child_take_back(&p->child);
	if (e)
		rpc_free(r);
	else
		*ret = r;
	return e;
}

struct he_error *connect_exec(const struct connecting *c, struct rpc **ret)
{
	static char sh[] = "sh", dash_c[] = "-c";
	char *command = c->t->command;
	char *argv[] = {sh, dash_c, command, NULL};
	char *name = NULL;
	int n = strlen(command) > NAME_SHOWN ? asprintf(&name, "exec:%.*s...", NAME_SHOWN, command)
					     : asprintf(&name, "exec:%s", command);

	if (n < 0)
		name = NULL;
	return start(c, name,
	    c->as_box ? c->as_box
	    : name    ? name
		      : "",
	    "/bin/sh", argv, false, ret);
}

struct he_error *connect_local(const struct connecting *c, struct rpc **ret)
{
	struct local_server s;
	struct he_error *e;

	e = find_procsrv(&s);
	if (e)
		return e;
	e = start(c, strdup("this machine"), "this machine", s.path, s.argv, true, ret);
	free(s.path);
	return e;
}
