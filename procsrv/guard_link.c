/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the guard is told and passes on: by its tracer, by the monitor of the session's
 * connection, by those of later ones; and how long the session waits for one.
 */
#include "guard.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bounds.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"

/* ---- common to them ------------------------------------------------------- */

static void tell_tracer(const struct guard *g, enum ipc_type type, const void *body, size_t size)
{
	if (g->child > 0 && g->tracer >= 0 && ipc_send(g->tracer, type, body, size) != 0)
		log_error("cannot reach the tracer");
}

static void record_end(struct guard *g, enum ipc_event event, const char *why)
{
	struct ipc_audit a = {.event = event, .result = E_LOST};

	snprintf(a.name, sizeof(a.name), "%s", why);
	guard_record(g, &a);
}

/* What the monitor does not take any more is kept here. */
static void drop_carried(struct guard *g)
{
	if (g->carrying && g->type == IPC_AUDIT)
		guard_keep_record(g, &g->body.audit);
	g->carrying = false;
}

/* This tells it that nothing follows. */
void guard_drop_monitor(struct guard *g, bool gone)
{
	guard_leave_records(g, gone);
	drop_carried(g);
	g->monitor = -1;
}

static void lose_link(struct guard *g)
{
	char why[64];

	if (g->lease.lost || g->stopping)
		return;
	guard_drop_monitor(g, false);
	if (!g->lease.grace_ms) {
		guard_stop_tracer(g);
		return;
	}
	lease_lost(&g->lease, now_ms());
	snprintf(why, sizeof(why), "kept for %u ms", (unsigned)g->lease.grace_ms);
	record_end(g, IPC_LINK_LOST, why);
}

/* ---- the tracer ----------------------------------------------------------- */

static void told_of_target(struct guard *g, const int fds[IPC_FDS])
{
	struct ipc_target t;

	memcpy(&t, &g->body, sizeof(t));
	keeper_told(&g->keeper, &t, fds);
}

/* What concerns the session, not its targets, or is handed on. */
static void heard(struct guard *g, uint16_t type, size_t size)
{
	if (type == IPC_LOST) {
		/* Else it is the link before the one that was handed over. */
		if (!g->handing)
			lose_link(g);
		return;
	}
	if (type == IPC_RESUMED && g->handing)
		g->handing--;
	/* It is of the link before, or answers one that has been put out since: the newest
	 * monitor hears its answer first. */
	if (g->handing) {
		if (type == IPC_AUDIT)
			guard_keep_record(g, &g->body.audit);
		return;
	}
	g->type = (enum ipc_type)type;
	g->size = size;
	g->carrying = g->monitor >= 0;
	if (!g->carrying && type == IPC_AUDIT)
		guard_keep_record(g, &g->body.audit);
}

void guard_hear_tracer(struct guard *g)
{
	uint16_t type;
	size_t size;
	int fds[IPC_FDS], err;

	if (g->tracer < 0 || g->carrying)
		return;
	err = ipc_recv_fds(g->tracer, &type, &g->body, sizeof(g->body), &size, fds);
	if (err == EAGAIN)
		return;
	if (!err && !ipc_check(&g->from_tracer, type))
		err = EPROTO;
	if (err) {
		if (err == EPROTO)
			log_error("the tracer does not keep to the rules of its pipe");
		ipc_close_fds(fds);
		close(g->tracer);
		g->tracer = -1;
		if (err == EPROTO)
			guard_stop_tracer(g);
		return;
	}
	if (type == IPC_TARGET) {
		told_of_target(g, fds);
		return;
	}
	ipc_close_fds(fds);
	heard(g, type, size);
}

void guard_hear_out_tracer(struct guard *g)
{
	struct pollfd p = {.fd = g->tracer, .events = POLLIN};

	while (g->tracer >= 0 && poll(&p, 1, 0) == 1) {
		if (g->carrying)
			guard_carry(g);
		if (g->carrying)
			return;
		guard_hear_tracer(g);
	}
}

/* ---- the monitor ---------------------------------------------------------- */

void guard_carry(struct guard *g)
{
	int err = g->type == IPC_AUDIT ? guard_send_record(g, &g->body.audit)
				       : ipc_send(g->monitor, g->type, &g->body, g->size);

	/* Full: the packet stays, the tracer's pipe fills up, and the tracer refuses
	 * what it could not have recorded. */
	if (err == EAGAIN)
		return;
	if (err)
		drop_carried(g);
	g->carrying = false;
}

static void take(struct guard *g, uint16_t type, const struct ipc_verdict *v)
{
	if (type == IPC_RECORDED) {
		guard_recorded(g);
		return;
	}
	tell_tracer(g, type == IPC_END ? IPC_FINISH : IPC_REFUSE, v, sizeof(*v));
	if (type == IPC_END)
		guard_end_soon(g);
}

/* It says that the session has to end, or nothing: then it has ended, and its connection
 * is not to be trusted without it. */
void guard_hear_monitor(struct guard *g)
{
	static const struct ipc_resume none;
	struct ipc_state state = {M_G, PHASE_OPENED, {0}};
	struct ipc_verdict end;
	uint16_t type;
	size_t size;
	int err = ipc_recv(g->monitor, &type, &end, sizeof(end), &size);

	if (err == EAGAIN)
		return;
	if (!err && ipc_check(&state, type)) {
		take(g, type, &end);
		return;
	}
	guard_drop_monitor(g, true);
	if (!g->lease.grace_ms)
		guard_stop_tracer(g);
	else if (!g->lease.lost)
		tell_tracer(g, IPC_CHANNEL, &none, sizeof(none));
}

/* ---- later connections ---------------------------------------------------- */

/* Only who reaches the session's directory gets here: root, or who serves himself. */
static bool is_one_of_us(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

static void refuse(int fd, enum err why)
{
	struct ipc_resumed no = {.result = why};

	ipc_send(fd, IPC_RESUMED, &no, sizeof(no));
	close(fd);
}

/* A later connection takes the session up: its monitor is ours from now on, and the one
 * before has lost its link, if it did not know yet. */
static void take_up(struct guard *g, int fd, const struct ipc_resume *r, int channel)
{
	/* That the monitor before could not write its record is nothing this one has said. */
	static const struct ipc_verdict can_record = {.result = E_OK};
	int err;

	if (g->stopping || g->tracer < 0) {
		refuse(fd, E_NO_SESSION);
		return;
	}
	if (g->session.rights & ~r->rights || bounds_sum(&g->bounds) != r->bounds) {
		refuse(fd, E_RIGHT);
		return;
	}
	err = ipc_send_fds(g->tracer, IPC_CHANNEL, r, sizeof(*r), &channel, 1);
	if (err) {
		refuse(fd, E_BUSY);
		return;
	}
	tell_tracer(g, IPC_REFUSE, &can_record, sizeof(can_record));
	guard_drop_monitor(g, false);
	g->handing++;
	g->monitor = fd;
	lease_resumed(&g->lease);
	memcpy(g->session.from, r->from, sizeof(g->session.from));
	g->session.from[sizeof(g->session.from) - 1] = 0;
}

static void hear_caller(struct guard *g)
{
	struct ipc_state state = {M_G, PHASE_START, {0}};
	int fds[IPC_FDS] = {-1, -1}, fd = g->caller, err;
	struct ipc_resume r;
	uint16_t type;
	size_t size;

	err = ipc_recv_fds(fd, &type, &r, sizeof(r), &size, fds);
	if (err == EAGAIN)
		return;
	g->caller = -1;
	if (err || !ipc_check(&state, type) || type != IPC_RESUME || fds[0] < 0)
		close(fd);
	else
		take_up(g, fd, &r, fds[0]);
	ipc_close_fds(fds);
}

/* One at a time, in the order they came. */
void guard_hear_socket(struct guard *g)
{
	if (g->caller >= 0) {
		hear_caller(g);
		return;
	}
	g->caller = accept4(FD_LISTEN, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (g->caller >= 0 && !is_one_of_us(g->caller)) {
		close(g->caller);
		g->caller = -1;
	}
}

int guard_socket(const struct guard *g)
{
	if (!g->lease.grace_ms)
		return -1;
	return g->caller >= 0 ? g->caller : FD_LISTEN;
}

void guard_keep_lease(struct guard *g)
{
	static const struct ipc_none none;

	switch (g->stopping ? LEASE_NOTHING : lease_due(&g->lease, now_ms())) {
	case LEASE_LIFT:
		tell_tracer(g, IPC_LIFT, &none, sizeof(none));
		break;
	case LEASE_OVER:
		record_end(g, IPC_EXPIRED, "nobody took the session up again");
		guard_stop_tracer(g);
		break;
	case LEASE_NOTHING:
		break;
	}
}
