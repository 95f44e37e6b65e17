/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Servers: connecting, attaching there, letting all of it go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/errtext.h"
#include "host/link/connect.h"
#include "host/link/hostgrant.h"
#include "host/link/hostkey.h"

enum { LEAST_READ = 4096 };

uint32_t server_max_read(const struct he_server *s)
{
	uint32_t n = rpc_peer(s->rpc)->max_read;

	/* Less than a page would be a liar's; it only makes more requests. */
	return n < LEAST_READ ? LEAST_READ : n;
}

struct he_error *server_lost(const struct he_server *s, const struct he_target *t)
{
	const char *why = s->lost && *s->lost_why ? s->lost_why : NULL;
	bool runs = t && t->lost;
	char title[TARGET_TITLE];

	return he_error_new(E_LOST, "link to %s lost%s%s%s%s%s.", rpc_peer(s->rpc)->box,
	    why ? ": " : "", why ? why : "", runs ? "; " : "", runs ? target_title(t, title) : "",
	    runs ? " runs on there" : "");
}

/* ---- connecting ------------------------------------------------------------------ */

static void set_info(struct he_server *s)
{
	const struct rpc_peer *p = rpc_peer(s->rpc);

	s->info = (struct he_server_info){
	    .name = p->name,
	    .build = p->build,
	    .os = p->os,
	    .machine = p->machine,
	    .host = p->host,
	    .user = p->user,
	    .key = p->key,
	    .uid = p->uid,
	    .rights = p->rights,
	    .yama = p->yama,
	};
}

/* A build-id says which file is meant, not that it is that file: what one box has given is
 * nobody's evidence about another.  One without a key is known by how it is reached, all of that:
 * the peer's name is cut.  What is too long for a directory's name is not kept. */
static char *cache_of(const struct he_engine *e, const struct he_server *s, const char *transport)
{
	const struct rpc_peer *p = rpc_peer(s->rpc);
	char *path = NULL, *name = NULL;

	if (s->local)
		path = strdup(e->config.cache_dir);
	else if ((name = strdup(p->key ? p->key : transport)) != NULL) {
		for (char *c = name; (c = strchr(c, '/'));)
			*c = '_';
		if (asprintf(&path, "%s/%s", e->config.cache_dir, name) < 0)
			path = NULL;
	}
	free(name);
	return path;
}

static void append(struct he_engine *e, struct he_server *s)
{
	struct he_server **at = &e->servers;

	while (*at)
		at = &(*at)->next;
	*at = s;
}

struct he_error *he_keygen(struct he_engine *e, const char *path, const char *passphrase,
    char **fingerprint, char **file)
{
	return hostkey_make(e->config.config_dir, path, passphrase, fingerprint, file);
}

struct he_error *he_sign(
    struct he_engine *e, const char *path, const struct he_grant *what, char **text)
{
	return hostgrant_sign(&e->config, path, what, text);
}

struct he_error *he_trust(
    struct he_engine *e, const char *box, const char *fingerprint, bool replace)
{
	return hostkey_trust(e->config.config_dir, box, fingerprint, replace);
}

struct he_error *he_connect(struct he_engine *e, const char *transport, struct he_server **ret)
{
	struct he_server *s = calloc(1, sizeof(*s));
	struct he_error *err;

	if (!s)
		return he_error_new(E_NOMEM, "out of memory.");
	s->engine = e;
	err = connect_open(&e->config, transport, e->inbox, &s->rpc);
	if (err) {
		free(s);
		return err;
	}
	set_info(s);
	if (!transport)
		transport = secure_getenv("HDB_PREMOTE");
	s->local = s->info.local = !transport || !*transport;
	s->cache = cache_of(e, s, transport);
	append(e, s);
	*ret = s;
	return NULL;
}

const struct he_server_info *he_server_info(const struct he_server *s)
{
	return &s->info;
}

void he_server_counts(const struct he_server *s, struct he_server_counts *ret)
{
	rpc_counts(s->rpc, ret);
}

/* ---- letting go ------------------------------------------------------------------ */

/* All requests travel together: what was attached runs on, what was launched does not. */
static void detach_all(struct he_server *s)
{
	struct rpc_call **calls;
	size_t n = 0, i = 0;

	for (struct he_target *t = s->engine->targets; t; t = t->next)
		n += t->server == s;
	calls = calloc(n + 1, sizeof(struct rpc_call *));
	for (struct he_target *t = s->engine->targets; calls && t; t = t->next)
		if (t->server == s && t->ops->detach && t->state != HE_GONE)
			calls[i++] = rpc_send(s->rpc, launched_here(t) ? WIRE_kill : WIRE_detach,
			    t->handle, NULL, 0);
	/* Without memory for that, the goodbye detaches them all the same. */
	for (n = 0; n < i; n++)
		he_error_free(rpc_wait(calls[n], NULL));
	free(calls);
	for (struct he_target *t = s->engine->targets; t; t = t->next)
		if (t->server == s)
			t->state = HE_GONE;
}

/* From the start again each time: a snapshot frees the one it looks through, too. */
static void free_targets(struct he_server *s)
{
	struct he_target *t = s->engine->targets;

	while (t)
		if (t->server == s) {
			target_free(t);
			t = s->engine->targets;
		} else {
			t = t->next;
		}
}

void he_disconnect(struct he_server *s)
{
	struct he_server **at;

	if (!s)
		return;
	engine_pump(s->engine);
	if (!s->lost)
		detach_all(s);
	free_targets(s);
	engine_drop_events(s->engine, NULL, s);
	for (at = &s->engine->servers; *at != s;)
		at = &(*at)->next;
	*at = s->next;
	rpc_free(s->rpc);
	arena_free(&s->texts);
	free(s->cache);
	free(s);
}
