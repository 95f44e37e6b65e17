/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What conn may ask its monitor for: one signature, the judgement of one proof,
 * one session.  Nothing conn says is believed; ipc.def says what comes when.
 */
#include "monitor.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/wire.h"
#include "run_dir.h"
#include "spawn.h"

#define CONN_USER "procsrv-conn"

enum {
	HANDSHAKE_MS = 10000,
	PROOF_MS = 10000,
	SLACK_MS = 5000,      /* conn keeps these times itself; a hostile one is cut off then */
	LAST_WORDS_MS = 5000, /* from ENDED to its end */
};

/* ---- starting it --------------------------------------------------------------- */

/* A long list of keys is more than the pipe holds, and conn has still to be loaded. */
static int tell_one(struct monitor *m, enum ipc_type type, const void *body, size_t size)
{
	struct pollfd p = {.fd = m->pipe, .events = POLLOUT};
	int err;

	do
		err = ipc_send(m->pipe, type, body, size);
	while (err == EAGAIN && poll(&p, 1, HANDSHAKE_MS) > 0);
	return err;
}

static int tell_keys(struct monitor *m)
{
	struct ipc_keys keys = {0};
	const struct map_row *row;
	int err = 0;

	for (size_t i = 0; !err && (row = usermap_row(m->map, i)) != NULL; i++) {
		if (row->ca)
			continue;
		memcpy(keys.hash[keys.n++], row->key, FINGERPRINT_BYTES);
		if (keys.n < IPC_KEYS_EACH)
			continue;
		err = tell_one(m, IPC_KEYS, &keys, sizeof(keys));
		keys = (struct ipc_keys){0};
	}
	if (!err && keys.n)
		err = tell_one(m, IPC_KEYS, &keys, sizeof(keys));
	return err;
}

static int tell(struct monitor *m)
{
	struct ipc_setup setup = {
	    .verbose = m->verbose,
	    .user_mode = m->user_mode,
	    .any_key = usermap_find_ca(m->map, NULL) != NULL,
	    .handshake_ms = HANDSHAKE_MS,
	    .proof_ms = PROOF_MS,
	};
	struct span cert = key_cert(m->key);
	int err;

	setup.cert_n = cert.n;
	memcpy(setup.cert, cert.p, cert.n); /* key_load bounds it by KEY_CERT_MAX */
	memcpy(setup.point, key_point(m->key), KEY_POINT);
	memcpy(setup.nonce, m->nonce, PROOF_NONCE);
	err = tell_one(m, IPC_SETUP, &setup, sizeof(setup));
	if (!err)
		err = tell_keys(m);
	if (!err)
		err = tell_one(m, IPC_GO, &(struct ipc_none){0}, sizeof(struct ipc_none));
	return err;
}

/* In root's mode conn has a user of its own and an empty root to be locked into. */
static int become_nobody(struct spawn_user *u, int *dir, char *why, size_t size)
{
	const struct passwd *pw = getpwnam(CONN_USER);

	if (!pw || pw->pw_uid == 0) {
		snprintf(
		    why, size, "the user " CONN_USER " does not exist: make install creates it");
		return -1;
	}
	*u = (struct spawn_user){pw->pw_uid, pw->pw_gid, NULL, 0, 1u << CAP_SYS_CHROOT};
	*dir = run_dir_empty(why, size);
	return *dir < 0 ? -1 : 0;
}

int monitor_could_start_conn(const struct monitor *m, char *why, size_t size)
{
	struct spawn_user nobody;
	int fd = spawn_program("procsrv-conn", why, size);

	if (fd < 0)
		return -1;
	close(fd);
	if (m->user_mode)
		return 0;
	if (become_nobody(&nobody, &fd, why, size) != 0)
		return -1;
	close(fd);
	return 0;
}

static int start(struct monitor *m, int pipe, int channel, char *why, size_t size)
{
	struct spawn_user nobody;
	struct spawn s = {
	    .argv = {"procsrv-conn", NULL},
	    .fds = {pipe, channel, FD_SOCKET},
	    .nfds = 3,
	    .dir = -1,
	    .quiet = !m->verbose,
	    .no_new_privs = true,
	    .expendable = true, /* its loss is a lost link's, and strangers can make it grow */
	};

	if (!m->user_mode) {
		if (become_nobody(&nobody, &s.dir, why, size) != 0)
			return -1;
		s.user = &nobody;
	}
	s.program = spawn_program("procsrv-conn", why, size);
	if (s.program < 0)
		return -1;
	m->conn = spawn(&s);
	close(s.program);
	if (s.dir >= 0)
		close(s.dir);
	if (m->conn > 0)
		m->conn_fd = (int)syscall(SYS_pidfd_open, m->conn, 0);
	if (m->conn > 0 && m->conn_fd >= 0)
		return 0;
	snprintf(why, size, "cannot start procsrv-conn: %s", strerror(errno));
	return -1;
}

int monitor_start_conn(struct monitor *m, char *why, size_t size)
{
	int pipes[2], channels[2], err;

	if (key_random(NULL, m->nonce, sizeof(m->nonce)) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pipes) != 0) {
		snprintf(why, size, "cannot make a pipe: %s", strerror(errno));
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channels) != 0) {
		snprintf(why, size, "cannot make a channel: %s", strerror(errno));
		return -1;
	}
	m->pipe = pipes[0];
	m->channel = channels[0];
	err = start(m, pipes[1], channels[1], why, size);
	close(pipes[1]);
	close(channels[1]);
	close(FD_SOCKET);
	if (err)
		return -1;
	err = tell(m);
	if (err)
		snprintf(why, size, "cannot set up procsrv-conn: %s", strerror(err));
	m->phase = (struct ipc_state){C_M, PHASE_HANDSHAKE, {0}};
	m->deadline = now_ms() + HANDSHAKE_MS + PROOF_MS + SLACK_MS;
	return err ? -1 : 0;
}

/* ---- what it may ask for ------------------------------------------------------------ */

union body {
	struct ipc_hash hash;
	struct ipc_grant grant;
	struct ipc_proof proof;
	struct ipc_open open;
	struct ipc_ended ended;
};

static bool answer(struct monitor *m, enum ipc_type type, const void *body, size_t size)
{
	int err = ipc_send(m->pipe, type, body, size);

	if (err)
		log_debug("%s to conn: %s", ipc_name((uint16_t)type), strerror(err));
	return err == 0 || err == EPIPE;
}

/* The key has done its work then. */
static bool on_sign(struct monitor *m, const union body *b)
{
	struct ipc_signature sig = {0};

	if (key_sign(m->key, b->hash.hash, sig.sig) != 0)
		sig.result = E_INTERNAL;
	key_forget(m->key);
	m->phase.phase = PHASE_SIGNED;
	return answer(m, IPC_SIGNATURE, &sig, sizeof(sig));
}

static bool channel_is_empty(const struct monitor *m)
{
	struct pollfd p = {.fd = m->channel, .events = POLLIN};

	return poll(&p, 1, 0) == 0 || !(p.revents & POLLIN);
}

/* Whose proof it is follows from our own map, never from what TLS said. */
static enum err judge_proof(struct monitor *m, const struct ipc_proof *ask)
{
	struct proof p = {
	    .alpn = WIRE_ALPN_PROCSRV,
	    .version = ask->version,
	    .mode = ask->mode,
	    .user = {ask->user, ask->user_n},
	};
	enum err err;

	if (ask->version != WIRE_PROOF_VERSION || ask->user_n > sizeof(ask->user) ||
	    (ask->granted && !m->granted))
		return E_BAD_PROOF;
	memcpy(p.nonce, m->nonce, sizeof(p.nonce));
	memcpy(p.server, key_fingerprint(m->key), sizeof(p.server));
	memcpy(p.session, ask->session, sizeof(p.session));
	memcpy(p.mac, ask->mac, sizeof(p.mac));
	key_hash_point(m->client, ask->point);
	err = monitor_find(m, m->map, &m->made, &m->row);
	if (err != E_OK)
		return err;
	return proof_verify(&p, ask->point, ask->sig) ? E_OK : E_BAD_PROOF;
}

/* The key is named as the proof claims it: that is what an admin looks for. */
static void refuse(struct monitor *m, enum err err, const struct ipc_proof *ask)
{
	uint8_t hash[FINGERPRINT_BYTES];
	char text[FINGERPRINT_SIZE], why[AUDIT_WORD];

	key_hash_point(hash, ask->point);
	snprintf(why, sizeof(why), "%s (%s)", err_text((int)err), fingerprint_format(text, hash));
	m->row = NULL; /* nobody has proven to be that */
	m->refused = err;
	audit(m, "refused", 0, 0, (int)err, why);
}

/* Judged with the proof. */
static bool on_grant(struct monitor *m, const union body *b)
{
	_Static_assert(sizeof(b->grant) == GRANT_BYTES, "the pipe carries a whole grant");
	m->granted = true;
	memcpy(m->grant, b->grant.bytes, sizeof(m->grant));
	return true;
}

static bool on_proof(struct monitor *m, const union body *b)
{
	static const uint8_t none[PROOF_SESSION];
	const struct ipc_proof *ask = &b->proof;
	struct ipc_verdict verdict;

	if (!channel_is_empty(m))
		return false;
	verdict.result = judge_proof(m, ask);
	if (verdict.result == E_OK) {
		m->phase.phase = PHASE_PROVED;
		m->mode = ask->mode;
		m->wants_resume = memcmp(ask->session, none, sizeof(none)) != 0;
		m->proof = *ask;
		memcpy(m->user_asked, ask->user, ask->user_n);
		if (m->listener >= 0 && write(m->listener, "", 1) != 1)
			m->listener = -1;
	} else {
		refuse(m, (enum err)verdict.result, ask);
	}
	return answer(m, IPC_PROVEN, &verdict, sizeof(verdict));
}

/* What the host needs to come back. */
static void tell_secret(const struct monitor *m, struct ipc_opened *o)
{
	if (!m->session.grace_ms)
		return;
	memcpy(o->session, m->session.id, sizeof(o->session));
	memcpy(o->secret, m->secret.now, sizeof(o->secret));
	o->resumed = m->wants_resume;
	o->last_id = m->resumed.last_id;
	o->last_event = m->resumed.last_event;
}

static bool on_open(struct monitor *m, const union body *b)
{
	struct ipc_opened opened = {.yama = m->yama};
	enum err err = monitor_judge(m);

	if (err == E_OK)
		err = m->wants_resume ? monitor_resume(m) : monitor_open(m, &b->open);
	opened.result = err;
	snprintf(opened.key, sizeof(opened.key), "%s", m->row->name);
	snprintf(opened.user, sizeof(opened.user), "%s", m->user ? m->user->name : m->user_asked);
	if (err == E_OK) {
		opened.uid = m->user->uid;
		opened.gid = m->user->gid;
		opened.rights = m->session.rights & ~IPC_RIGHT_ROOT;
		opened.grace_ms = m->session.grace_ms;
		opened.max_stop_ms = m->session.max_stop_ms;
		tell_secret(m, &opened);
		m->phase.phase = PHASE_OPENED;
		m->deadline = 0;
	} else {
		m->refused = err;
		audit(m, "refused", 0, 0, (int)err, err_text((int)err));
	}
	return answer(m, IPC_OPENED, &opened, sizeof(opened));
}

static bool on_ended(struct monitor *m, const union body *b)
{
	m->ended = b->ended;
	m->has_ended = true;
	m->deadline = now_ms() + LAST_WORDS_MS;
	return true;
}

static const struct {
	bool (*serve)(struct monitor *m, const union body *b);
} table[IPC_TYPES] = {
    [IPC_SIGN] = {on_sign},
    [IPC_GRANT] = {on_grant},
    [IPC_PROOF] = {on_proof},
    [IPC_OPEN] = {on_open},
    [IPC_ENDED] = {on_ended},
};

bool monitor_serve(struct monitor *m)
{
	union body body = {0};
	uint16_t type;
	size_t size;
	int err = ipc_recv(m->pipe, &type, &body, sizeof(body), &size);

	if (err == EPIPE) {
		close(m->pipe);
		m->pipe = -1;
		if (!m->deadline)
			m->deadline = now_ms() + LAST_WORDS_MS;
		return true;
	}
	if (err == EAGAIN)
		return true;
	if (err || m->has_ended || !ipc_check(&m->phase, type) || !table[type].serve)
		return false;
	log_debug("conn: %s", ipc_name(type));
	return table[type].serve(m, &body);
}
