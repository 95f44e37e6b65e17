/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a proven key to a session: what its row allows, the session's directory,
 * and the guard that runs it as the mapped user.
 */
#include "monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/wire.h"
#include "lease.h"
#include "policy.h"
#include "spawn.h"

enum err monitor_find(const struct monitor *m, const struct usermap *map, struct map_granted *made,
    const struct map_row **ret)
{
	enum err err = E_NO_KEY;

	*ret = usermap_find(map, m->client);
	if (*ret)
		return E_OK;
	if (m->granted)
		err = usermap_granted(made, map, m->grant, m->client);
	if (err == E_OK)
		*ret = &made->row;
	return err;
}

enum err monitor_judge(struct monitor *m)
{
	enum err err = usermap_valid(m->map, m->row, time(NULL));

	if (err != E_OK)
		return err;
	if (!map_row_from(m->row, (const struct sockaddr *)&m->peer))
		return E_FROM;
	if (m->mode != PROOF_NORMAL && m->mode != PROOF_READONLY)
		return E_MODE;
	if (m->row->rights & IPC_RIGHT_ROOT && !spawn_may_give(SPAWN_CAPS_ROOT))
		return E_ALLOW_ROOT;
	monitor_note_until(m, m->row);
	m->user = map_row_user(m->row, span_str(m->user_asked));
	return m->user ? E_OK : E_NO_USER;
}

uint32_t monitor_rights(const struct monitor *m)
{
	uint32_t all = m->row->rights;

	if (m->mode == PROOF_READONLY)
		all &= 1u << WIRE_R_NONE | 1u << WIRE_R_LOOK | IPC_RIGHT_ROOT;
	return all;
}

static void fill_session(struct monitor *m, const struct ipc_open *ask)
{
	struct ipc_session *s = &m->session;

	s->number = m->dir.facts.number;
	s->rights = monitor_rights(m);
	s->loss = ask->loss;
	s->max_stop_ms = m->row->max_stop_ms;
	s->keep_launched = m->row->keep_launched;
	s->bounded = m->row->bounds != NULL;
	s->verbose = m->verbose;
	s->greeted = 1;
	s->since = m->dir.facts.since;
	snprintf(s->user, sizeof(s->user), "%s", m->user->name);
	snprintf(s->key, sizeof(s->key), "%s", m->row->name);
	snprintf(s->from, sizeof(s->from), "%s", m->from);
}

enum err monitor_open(struct monitor *m, const struct ipc_open *ask)
{
	struct session_facts f = {.pid = getpid(), .since = time(NULL)};
	struct ipc_session *s = &m->session;
	char why[256] = "", of[64] = "";
	enum err err;

	s->grace_ms = lease_grace(ask->grace_ms, m->row->has_grace, m->row->grace_ms);
	err = (enum err)policy_session(ask->loss);
	if (err == E_MALFORMED || (err != E_OK && !s->grace_ms))
		return err;
	if (key_random(NULL, m->session.id, sizeof(m->session.id)) != 0 ||
	    key_random(NULL, m->secret.now, sizeof(m->secret.now)) != 0)
		return E_INTERNAL;
	fingerprint_format(f.fingerprint, m->row->key);
	snprintf(f.key, sizeof(f.key), "%s", m->row->name);
	snprintf(f.user, sizeof(f.user), "%s", m->user->name);
	snprintf(f.from, sizeof(f.from), "%s", m->from);
	f.any = (monitor_rights(m) & IPC_RIGHT_ROOT) != 0;
	if (m->record_path)
		snprintf(f.audit, sizeof(f.audit), "%s", m->record_path);
	err = (enum err)session_create(
	    &m->dir, &f, m->session.id, m->row->max_sessions, why, sizeof(why));
	if (err != E_OK) {
		log_debug("%s", why);
		return err;
	}
	fill_session(m, ask);
	if (s->grace_ms && secret_write(m->dir.own, &m->secret) != 0)
		return E_OS;
	if (m->row->grant)
		snprintf(of, sizeof(of), " (grant %" PRIu64 " of line %u)", m->row->grant->serial,
		    m->row->line);
	snprintf(why, sizeof(why), "user %s may look%s%s%s%s%s", m->user->name,
	    s->rights & 1u << WIRE_R_STOP ? ", stop" : "",
	    s->rights & 1u << WIRE_R_WRITE ? ", write" : "",
	    s->rights & 1u << WIRE_R_LAUNCH ? ", launch" : "",
	    s->rights & IPC_RIGHT_ROOT ? ", any process" : "", of);
	return audit(m, "open", 0, 0, E_OK, why);
}

static int spawn_guard(struct monitor *m, int pipe)
{
	struct spawn_user user = {m->user->uid, m->user->gid, m->user->groups, m->user->ngroups,
	    m->session.rights & IPC_RIGHT_ROOT ? SPAWN_CAPS_ROOT : 0};
	struct spawn s = {
	    .program = m->guard_program,
	    .argv = {"procsrv-guard", NULL},
	    .fds = {pipe, m->channel, m->dir.record, m->dir.listen, m->dir.journal, m->dir.spool},
	    .nfds = 6,
	    .dir = -1,
	    .own_session = true,
	    .nofile = &m->nofile,
	    .user = m->user_mode ? NULL : &user,
	};

	m->guard = spawn(&s);
	return m->guard > 0 ? 0 : -1;
}

int monitor_start_guard(struct monitor *m)
{
	int pipes[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pipes) != 0)
		return -1;
	err = spawn_guard(m, pipes[1]);
	close(pipes[1]);
	m->guard_pipe = pipes[0];
	if (!err && ipc_send(m->guard_pipe, IPC_SESSION, &m->session, sizeof(m->session)) != 0)
		err = -1;
	if (!err && m->session.bounded &&
	    ipc_send(m->guard_pipe, IPC_BOUNDS, m->row->bounds, sizeof(*m->row->bounds)) != 0)
		err = -1;
	if (err)
		return -1;
	m->guard_phase = (struct ipc_state){T_G, PHASE_OPENED, {0}};
	session_set_pid(&m->dir, m->guard);
	/* The lock, the socket and the channel are the guard's now, and its alone. */
	close(m->channel);
	m->channel = -1;
	session_close(&m->dir, false);
	return 0;
}

void monitor_serve_guard(struct monitor *m)
{
	union {
		struct ipc_audit audit;
		struct ipc_resumed resumed;
		struct ipc_none none;
	} body;
	uint16_t type;
	size_t size;
	int err = ipc_recv(m->guard_pipe, &type, &body, sizeof(body), &size);

	if (err == EAGAIN)
		return;
	if (!err && ipc_check(&m->guard_phase, type)) {
		if (type == IPC_AUDIT)
			audit_guard(m, &body.audit);
		else if (type == IPC_ACKED)
			monitor_settle(m);
		return;
	}
	if (err != EPIPE)
		log_error("the guard does not keep to the rules of its pipe");
	close(m->guard_pipe);
	m->guard_pipe = -1;
}
