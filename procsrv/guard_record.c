/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The guard's part of the record.  A line is in the tracer's journal, in what a monitor
 * was sent, in the spool, or on record: whoever is killed, somebody is left who has it,
 * and it may get there twice.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit_line.h"
#include "audit_spool.h"
#include "common/clock.h"
#include "common/log.h"
#include "guard.h"

enum { ANSWERS_MS = 2000 };

/* The tracer need not keep it any longer. */
static void let_go(const struct guard *g, const struct ipc_audit *a)
{
	if (g->keeper.journal)
		journal_recorded(g->keeper.journal, a->kept);
}

void guard_keep_record(struct guard *g, const struct ipc_audit *a)
{
	if (!g->stdio)
		audit_of(&g->session, a);
	/* Where there is no room for it, it stays where it is. */
	if (g->stdio || spool_write(FD_SPOOL, a) == 0)
		let_go(g, a);
}

short guard_monitor_events(const struct guard *g)
{
	bool full = g->type == IPC_AUDIT && g->sent.n == GUARD_SENT;

	return g->carrying && !full ? POLLIN | POLLOUT : POLLIN;
}

int guard_send_record(struct guard *g, const struct ipc_audit *a)
{
	struct guard_sent *s = &g->sent;
	struct ipc_audit out = *a;
	int err;

	if (s->n == GUARD_SENT)
		return EAGAIN;
	out.kept = 1;
	err = ipc_send(g->monitor, IPC_AUDIT, &out, sizeof(out));
	if (!err)
		s->of[(s->first + s->n++) % GUARD_SENT] = *a;
	return err;
}

void guard_record(struct guard *g, const struct ipc_audit *a)
{
	if (g->monitor < 0 || guard_send_record(g, a) != 0)
		guard_keep_record(g, a);
}

/* ---- answers -------------------------------------------------------------- */

static const struct ipc_audit *take_oldest(struct guard_sent *s)
{
	const struct ipc_audit *a = &s->of[s->first];

	if (!s->n)
		return NULL;
	s->first = (s->first + 1) % GUARD_SENT;
	s->n--;
	return a;
}

static void answered(const struct guard *g, struct guard_sent *s)
{
	const struct ipc_audit *a = take_oldest(s);

	if (a)
		let_go(g, a);
}

static void keep_all(struct guard *g, struct guard_sent *s)
{
	const struct ipc_audit *a;

	while ((a = take_oldest(s)))
		guard_keep_record(g, a);
	if (s->pipe >= 0)
		close(s->pipe);
	s->pipe = -1;
}

void guard_recorded(struct guard *g)
{
	answered(g, &g->sent);
}

void guard_leave_records(struct guard *g, bool gone)
{
	keep_all(g, &g->before);
	g->before = g->sent;
	g->before.pipe = g->monitor;
	g->sent = (struct guard_sent){.pipe = -1};
	/* That is the end it waits for; its answers still come. */
	if (g->before.pipe >= 0)
		shutdown(g->before.pipe, SHUT_WR);
	if (gone || !g->before.n)
		keep_all(g, &g->before);
}

void guard_hear_before(struct guard *g)
{
	struct ipc_verdict any;
	uint16_t type;
	size_t size;
	int err = ipc_recv(g->before.pipe, &type, &any, sizeof(any), &size);

	if (err == EAGAIN)
		return;
	if (!err && type == IPC_RECORDED)
		answered(g, &g->before);
	if (err || !g->before.n)
		keep_all(g, &g->before);
}

void guard_settle_records(struct guard *g)
{
	uint64_t end = now_ms() + ANSWERS_MS, now;

	while ((g->carrying || g->sent.n || g->before.n) && (now = now_ms()) < end) {
		struct pollfd p[] = {
		    {.fd = g->monitor, .events = guard_monitor_events(g)},
		    {.fd = g->before.pipe, .events = POLLIN},
		};

		if (poll(p, 2, (int)(end - now)) < 0 && errno != EINTR)
			break;
		if (p[0].revents & ~POLLOUT)
			guard_hear_monitor(g);
		if (p[1].revents && g->before.pipe >= 0)
			guard_hear_before(g);
		if (g->carrying)
			guard_carry(g);
		guard_hear_out_tracer(g);
	}
	guard_drop_monitor(g, true);
	guard_hear_out_tracer(g);
	keep_all(g, &g->before);
}
