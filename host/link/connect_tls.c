/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Boxes reached over TLS: the box's key is judged before ours is shown to anybody,
 * then ours is proven.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/proof.h"
#include "common/tls.h"
#include "host/link/config_file.h"
#include "host/link/connect_via.h"
#include "host/link/dial.h"
#include "host/errtext.h"
#include "host/link/hostgrant.h"
#include "host/link/hostkey.h"
#include "host/link/known_boxes.h"
#include "host/link/tls_text.h"

/* What is known about a box's key before it shows one. */
struct trust {
	char *path; /* of known_boxes */
	char *name; /* of the box in it */
	bool pinned, known;
	uint8_t key[FINGERPRINT_BYTES];
};

enum verdict { NOT_SEEN, TRUSTED, UNKNOWN, CHANGED, NOT_PIN };

/* One connection; belongs to its link. */
struct tls_box {
	const struct trust *trust; /* only until the link is greeted */
	struct tls *tls;
	struct key *key;
	bool granted; /* we have this to show: */
	uint8_t grant[GRANT_BYTES];
	char *name, *host; /* for sentences */
	char *user;        /* asked for, NULL = the row's first */
	char own[FINGERPRINT_SIZE], theirs[FINGERPRINT_SIZE];
	uint8_t shown[FINGERPRINT_BYTES];
	enum verdict verdict;
	bool greeted; /* shown is the key that a later connection has to have, too */
	struct sockaddr_storage peer;
	char lost[128];
};

static void box_free(struct tls_box *b)
{
	tls_free(b->tls);
	key_free(b->key);
	free(b->name);
	free(b->host);
	free(b->user);
	free(b);
}

/* ---- what the link asks -------------------------------------------------------- */

static bool on_key(void *arg, const uint8_t peer[FINGERPRINT_BYTES])
{
	struct tls_box *b = arg;
	bool same;

	if (b->greeted)
		return memcmp(b->shown, peer, FINGERPRINT_BYTES) == 0;
	same = memcmp(b->trust->key, peer, FINGERPRINT_BYTES) == 0;
	memcpy(b->shown, peer, FINGERPRINT_BYTES);
	fingerprint_format(b->theirs, peer);
	if (b->trust->pinned)
		b->verdict = same ? TRUSTED : NOT_PIN;
	else if (b->trust->known)
		b->verdict = same ? TRUSTED : CHANGED;
	else
		b->verdict = UNKNOWN;
	return b->verdict == TRUSTED;
}

/* What the proof has to say of the session that is to go on, if there is one. */
static bool take_up(struct proof *p, const struct wire_challenge *c, struct wire_proof *ret)
{
	static const uint8_t none[PROOF_SESSION];

	memcpy(p->session, ret->session, sizeof(p->session));
	if (memcmp(p->session, none, sizeof(none)) == 0)
		return true;
	if (!proof_resume_mac(p->mac, ret->resume_mac, c->nonce, ret->last_reply, ret->last_event))
		return false;
	memcpy(ret->resume_mac, p->mac, sizeof(ret->resume_mac));
	return true;
}

static struct he_error *prove(void *arg, const struct wire_challenge *c, struct wire_proof *ret)
{
	struct tls_box *b = arg;
	struct proof p = {.alpn = WIRE_ALPN_PROCSRV,
	    .version = WIRE_PROOF_VERSION,
	    .mode = PROOF_NORMAL,
	    .user = span_str(b->user)};

	if (c->proof_version != WIRE_PROOF_VERSION)
		return he_error_new(E_VERSION,
		    "%s wants version %u of the proof, hdb speaks %d. Update the older one",
		    b->name, c->proof_version, WIRE_PROOF_VERSION);
	if (p.user.n > PROOF_USER_MAX)
		return he_error_new(
		    E_NO_USER, "%s: user=%s is too long for a name", b->name, b->user);
	memcpy(p.nonce, c->nonce, sizeof(p.nonce));
	memcpy(p.server, b->shown, sizeof(p.server));
	if (!take_up(&p, c, ret))
		return he_error_new(E_NOMEM, "out of memory");
	if (proof_sign(ret->sig, &p, b->key) != 0)
		return he_error_new(
		    E_INTERNAL, "%s: cannot sign the proof (no randomness)", b->name);
	ret->proof_version = p.version;
	memcpy(ret->point, key_point(b->key), sizeof(ret->point));
	ret->mode = p.mode;
	ret->user = p.user;
	ret->grant = (struct span){b->grant, b->granted ? sizeof(b->grant) : 0};
	return NULL;
}

static struct tls_story story(const struct tls_box *b, bool hello)
{
	return (struct tls_story){
	    .name = b->name, .host = b->host, .key = b->own, .hello = hello, .granted = b->granted};
}

static struct he_error *on_closed(void *arg, int os_errno, bool hello)
{
	struct tls_box *b = arg;
	struct tls_story s = story(b, hello);

	return tls_failure(&s, tls_report(b->tls), os_errno);
}

static struct he_error *on_refused(void *arg, const struct wire_error *w)
{
	struct tls_box *b = arg;
	struct tls_story s = story(b, true);

	return w->code == E_NO_KEY ? tls_unknown_key(&s) : NULL;
}

static const char *on_lost(void *arg, int os_errno)
{
	struct tls_box *b = arg;

	return tls_loss(b->lost, sizeof(b->lost), tls_report(b->tls), os_errno);
}

/* The same address: the box may be known by no name any more. */
static int on_again(void *arg, void **filter_arg)
{
	struct tls_box *b = arg;
	struct tls_client how = {
	    .alpn = WIRE_ALPN_PROCSRV, .accept = on_key, .arg = b, .key = b->key};
	struct tls *tls = tls_client_new(&how);
	int fd = tls ? dial_again((const struct sockaddr *)&b->peer) : -1;

	if (fd < 0) {
		tls_free(tls);
		return -1;
	}
	tls_free(b->tls);
	b->tls = tls;
	*filter_arg = tls;
	return fd;
}

static void on_bye(void *arg)
{
	struct tls_box *b = arg;

	tls_close(b->tls);
}

static void on_end(void *arg)
{
	box_free(arg);
}

/* ---- one attempt ------------------------------------------------------------------ */

static char *name_of(const struct transport *t)
{
	char *name = NULL;
	int n =
	    asprintf(&name, strchr(t->server, ':') ? "[%s]:%u" : "%s:%u", t->server, t->port_lo);

	return n < 0 ? NULL : name;
}

static struct he_error *box_new(
    const struct connecting *c, const struct trust *trust, struct tls_box **ret)
{
	struct tls_box *b = calloc(1, sizeof(*b));
	struct tls_client how = {.alpn = WIRE_ALPN_PROCSRV, .accept = on_key, .arg = b};
	struct he_error *e = NULL;

	if (!b)
		return he_error_new(E_NOMEM, "out of memory");
	b->trust = trust;
	b->name = name_of(c->t);
	b->host = strdup(c->t->server);
	b->user = c->t->user ? strdup(c->t->user) : NULL;
	e = hostkey_load(c->config, c->t->key, &b->key);
	if (!e)
		e = hostgrant_load(c->config, c->t->key, b->grant, &b->granted);
	if (!e) {
		fingerprint_format(b->own, key_fingerprint(b->key));
		how.key = b->key;
		b->tls = tls_client_new(&how);
	}
	if (!e && (!b->name || !b->host || (c->t->user && !b->user) || !b->tls))
		e = he_error_new(E_NOMEM, "out of memory");
	if (e)
		box_free(b);
	else
		*ret = b;
	return e;
}

/* The link over a connected socket, greeted.  *b tells the verdict in any case but
 * without memory; it is the link's (or gone with *ret NULL). */
static struct he_error *greet(
    const struct connecting *c, struct tls_box *b, int fd, struct rpc **ret)
{
	struct rpc_via via = {.fd = fd,
	    .filter = &tls_filter,
	    .filter_arg = b->tls,
	    .again = on_again,
	    .prove = prove,
	    .closed = on_closed,
	    .refused = on_refused,
	    .lost = on_lost,
	    .bye = on_bye,
	    .end = on_end,
	    .arg = b,
	    .keyed = true,
	    .grace_ms = c->config->grace_ms,
	    .hello_ms = RPC_OPEN_MS,
	    .dump = c->config->dump};
	const char *box = c->as_box ? c->as_box : c->t->as ? c->t->as : c->t->server;

	via.name = strdup(b->name);
	via.box = strdup(box);
	if (!via.name || !via.box) {
		free(via.name);
		free(via.box);
		close(fd);
		box_free(b);
		return he_error_new(E_NOMEM, "out of memory");
	}
	*ret = rpc_new(c->inbox, &via);
	return *ret ? rpc_greeted(*ret) : he_error_new(E_NOMEM, "out of memory");
}

/* ---- a key that is not trusted ------------------------------------------------------- */

/* What a person calls the box in `hdb -trust`. */
static const char *trust_name(const struct tls_box *b, const struct trust *t)
{
	return strncmp(t->name, "as=", 3) == 0 ? t->name : b->name;
}

static struct he_error *changed(const struct tls_box *b, const struct trust *t)
{
	char before[FINGERPRINT_SIZE];

	fingerprint_format(before, t->key);
	if (b->verdict == NOT_PIN)
		return he_error_new(E_BAD_PROOF,
		    "%s shows key %s, but pin= says %s: not the box that was meant. Not connected",
		    b->name, b->theirs, before);
	return he_error_new(E_BAD_PROOF,
	    "WARNING: %s SHOWS ANOTHER KEY THAN BEFORE: %s instead of %s. Somebody may stand "
	    "between you and the box. Not connected. To trust the new key: hdb -replace -trust %s "
	    "%s (only if you know that the box has a new one)",
	    b->name, b->theirs, before, trust_name(b, t), b->theirs);
}

/* Ask the person; NULL when the key is trusted from now on. */
static struct he_error *ask(
    const struct he_config *config, const struct tls_box *b, struct trust *t)
{
	char question[512];
	struct he_error *e;

	snprintf(question, sizeof(question),
	    "%s shows key %s, never seen before. Trust it (yes/no)?", b->name, b->theirs);
	if (!config->ask)
		return he_error_new(E_BAD_PROOF,
		    "%s shows key %s, never seen before, and there is no terminal to ask on. To "
		    "trust "
		    "it: hdb -trust %s %s (compare first with what procsrv -status says there)",
		    b->name, b->theirs, trust_name(b, t), b->theirs);
	if (!config->ask(config->arg, question))
		return he_error_new(E_BAD_PROOF, "%s: its key %s is not trusted. Not connected",
		    b->name, b->theirs);
	t->known = true;
	memcpy(t->key, b->shown, FINGERPRINT_BYTES);
	e = known_boxes_keep(t->path, t->name, t->key);
	if (e && config->notice)
		config->notice(config->arg, e->message);
	he_error_free(e); /* it is trusted this once */
	return NULL;
}

static struct he_error *trust_find(const struct connecting *c, struct trust *t)
{
	*t = (struct trust){.path = config_path(c->config->config_dir, "known_boxes"),
	    .name = known_boxes_name(c->t)};
	if (!t->path || !t->name)
		return he_error_new(E_NOMEM, "out of memory");
	if (c->t->has_pin) {
		t->pinned = true;
		memcpy(t->key, c->t->pin, FINGERPRINT_BYTES);
		return NULL;
	}
	return known_boxes_find(t->path, t->name, &t->known, t->key);
}

/* Connect once; *again: the person was asked and said yes. */
static struct he_error *attempt(
    const struct connecting *c, struct trust *t, struct rpc **ret, bool *again)
{
	struct tls_box *b = NULL;
	struct he_error *e, *worse = NULL;
	struct rpc *r = NULL;
	socklen_t size;
	int fd;

	e = box_new(c, t, &b);
	if (e)
		return e;
	e = dial_tcp(c->t->server, c->t->port_lo, b->name, c->inbox, &fd);
	if (e) {
		box_free(b);
		return e;
	}
	size = sizeof(b->peer);
	getpeername(fd, (struct sockaddr *)&b->peer, &size);
	e = greet(c, b, fd, &r);
	if (!r)
		return e;
	if (!e) {
		b->greeted = true;
		rpc_set_key(r, strdup(b->theirs));
		*ret = r;
		return NULL;
	}
	*again = false;
	if (b->verdict == UNKNOWN) {
		worse = ask(c->config, b, t);
		*again = !worse;
	} else if (b->verdict == CHANGED || b->verdict == NOT_PIN) {
		worse = changed(b, t);
	}
	rpc_free(r);
	if (!worse)
		return e;
	he_error_free(e);
	return worse;
}

struct he_error *connect_tls(const struct connecting *c, struct rpc **ret)
{
	bool again = false;
	struct trust t;
	struct he_error *e;

	e = trust_find(c, &t);
	if (!e)
		e = attempt(c, &t, ret, &again);
	if (e && again) {
		he_error_free(e);
		e = attempt(c, &t, ret, &again);
	}
	free(t.path);
	free(t.name);
	return e;
}
