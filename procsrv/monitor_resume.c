/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A session that has lost its link, or is about to lose it to this one: found on the file
 * system by its id, and taken up by who has both its key and its secret.
 */
#include "monitor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "bounds.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/wire.h"

enum {
	ANSWER_MS = 5000, /* the tracer's loop may be held up by its targets */
	WAIT_LOOK_MS = 500,
};

/* Is it this key's, and this user's? */
static enum err judge(struct monitor *m)
{
	const struct session_facts *f = &m->dir.facts;
	char text[FINGERPRINT_SIZE];

	fingerprint_format(text, m->row->key);
	if (strcmp(f->fingerprint, text) != 0)
		return E_NO_SESSION;
	if (!*m->user_asked)
		m->user = map_row_user(m->row, span_str(f->user));
	return m->user && strcmp(m->user->name, f->user) == 0 ? E_OK : E_NO_USER;
}

/* Under the lock, so that of two that race the later has the secret that counts and is the
 * one the guard keeps. */
static enum err hand_over(struct monitor *m)
{
	struct ipc_resume r = {
	    .last_reply = m->proof.last_reply,
	    .last_event = m->proof.last_event,
	    .rights = monitor_rights(m),
	    .bounds = m->row->bounds ? bounds_sum(m->row->bounds) : 0,
	};

	snprintf(r.from, sizeof(r.from), "%s", m->from);
	if (secret_read(m->dir.own, &m->secret) != 0)
		return E_NO_SESSION;
	if (!secret_turn(&m->secret, m->proof.mac, m->nonce, r.last_reply, r.last_event))
		return E_BAD_PROOF;
	m->guard_pipe = session_connect(&m->dir);
	if (m->guard_pipe < 0)
		return errno == EAGAIN ? E_BUSY : E_NO_SESSION;
	if (secret_write(m->dir.own, &m->secret) != 0)
		return E_OS;
	if (ipc_send_fds(m->guard_pipe, IPC_RESUME, &r, sizeof(r), &m->channel, 1) != 0)
		return E_NO_SESSION;
	return E_OK;
}

static enum err await_answer(struct monitor *m)
{
	uint64_t end = now_ms() + ANSWER_MS, now;
	uint16_t type;
	size_t size;

	while ((now = now_ms()) < end) {
		struct pollfd p = {.fd = m->guard_pipe, .events = POLLIN};

		if (poll(&p, 1, (int)(end - now)) <= 0)
			continue;
		if (ipc_recv(m->guard_pipe, &type, &m->resumed, sizeof(m->resumed), &size) != 0 ||
		    !ipc_check(&m->guard_phase, type) || type != IPC_RESUMED)
			return E_NO_SESSION;
		return (enum err)m->resumed.result;
	}
	return E_TIMEOUT;
}

static void fill_session(struct monitor *m)
{
	struct ipc_session *s = &m->session;

	memcpy(s->id, m->proof.session, sizeof(s->id));
	s->number = m->dir.facts.number;
	s->rights = m->resumed.rights;
	s->grace_ms = m->resumed.grace_ms;
	s->max_stop_ms = m->resumed.max_stop_ms;
}

/* Our session, unless another connection has it by now.  True: d is to be closed. */
static bool find_ours(const struct monitor *m, struct session_dir *d, struct session_secret *s)
{
	char why[256];

	if (session_find(d, m->session.id, why, sizeof(why)) != E_OK)
		return false;
	if (secret_read(d->own, s) == 0 && memcmp(s->now, m->secret.now, sizeof(s->now)) == 0)
		return true;
	session_close(d, false);
	return false;
}

static void note_link(const struct monitor *m)
{
	struct session_dir d;
	struct session_secret s;

	if (!find_ours(m, &d, &s))
		return;
	session_set_link(&d, m->from);
	session_close(&d, false);
}

enum err monitor_resume(struct monitor *m)
{
	char why[256] = "";
	enum err err = (enum err)session_find(&m->dir, m->proof.session, why, sizeof(why));

	if (err != E_OK)
		return err;
	m->guard_phase = (struct ipc_state){T_G, PHASE_OPENED, {0}};
	m->guard = m->dir.facts.pid;
	err = judge(m);
	if (err == E_OK)
		err = hand_over(m);
	flock(m->dir.all, LOCK_UN); /* others need not wait for the answer */
	if (err == E_OK)
		err = await_answer(m);
	if (err == E_OK)
		audit_spooled(m); /* its guard speaks to us from now on */
	session_close(&m->dir, false);
	if (err != E_OK)
		return err;
	fill_session(m);
	note_link(m);
	close(m->channel);
	m->channel = -1;
	snprintf(why, sizeof(why), "user %s", m->user->name);
	audit(m, "resumed", 0, 0, E_OK, why);
	return E_OK;
}

void monitor_settle(struct monitor *m)
{
	struct session_dir d;
	struct session_secret s;

	if (!find_ours(m, &d, &s))
		return;
	s.has_before = 0;
	memset(s.before, 0, sizeof(s.before));
	if (secret_write(d.own, &s) != 0)
		log_warn("session secret: %s", strerror(errno));
	session_close(&d, false);
}

void monitor_lost(struct monitor *m)
{
	struct session_dir d;
	struct session_secret s;

	if (!m->session.grace_ms || !find_ours(m, &d, &s))
		return;
	session_set_lost(&d, time(NULL));
	session_close(&d, false);
}

/* The guard of our session while that has no link: a pidfd, or -1. */
static int guard_that_waits(const struct monitor *m)
{
	struct session_dir d;
	char why[256];
	int fd = -1;

	if (session_find(&d, m->session.id, why, sizeof(why)) != E_OK)
		return -1;
	/* Its lock is held: the number is still the guard's. */
	if (d.facts.lost)
		fd = pidfd_open(d.facts.pid, 0);
	session_close(&d, false);
	return fd;
}

void monitor_wait(struct monitor *m)
{
	enum err err = E_OK;
	int fd = -1, n = 0;

	/* Of the connection nothing is left. */
	close_range(STDERR_FILENO + 1, ~0U, 0);
	m->pipe = m->channel = m->guard_pipe = m->conn_fd = m->listener = -1;
	while (m->session.grace_ms && err == E_OK && n == 0 && (fd = guard_that_waits(m)) >= 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		n = poll(&p, 1, WAIT_LOOK_MS);
		err = n == 0 ? monitor_judge_again(m) : E_OK;
		if (err != E_OK) {
			audit(m, "revoked", 0, 0, (int)err, err_text((int)err));
			pidfd_send_signal(fd, SIGTERM, NULL, 0);
		}
		close(fd);
	}
}
