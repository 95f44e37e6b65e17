/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-tracer: one per session, as the mapped user; ptrace and /proc for that
 * user's own processes.  Started by procsrv-guard and by nobody else.  Ends, with
 * everything detached and running, when its channel, its guard or a SIGTERM says so.
 */
#include "tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "dying.h"
#include "launch.h"
#include "reading.h"
#include "loss.h"
#include "serve.h"
#include "target.h"
#include "touch.h"

enum { BEAT_US = 250000 };

static struct {
	struct tracer tracer;
	int signals;
	struct event *on_signal, *on_guard;
} self;

static void finish(struct tracer *t)
{
	event_base_loopbreak(t->base);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct tracer *t = arg;
	struct signalfd_siginfo si;
	bool child = false;

	(void)what;
	while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo != SIGCHLD) {
			serve_shutdown(t->serve, E_SHUTDOWN);
			return;
		}
		child = true;
	}
	if (child)
		trace_changed(t);
	serve_pump(t->serve);
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = {0, BEAT_US};
	struct tracer *t = arg;

	(void)fd;
	(void)what;
	t->journal->beats++;
	if (t->journal->targets_used)
		event_add(t->beat, &soon);
}

/* Another channel in place of the one there was, or none. */
static void change_link(struct tracer *t, const struct ipc_resume *r, int fd)
{
	struct ipc_resumed a = {
	    .rights = t->session.rights,
	    .grace_ms = t->session.grace_ms,
	    .max_stop_ms = t->session.max_stop_ms,
	    .number = t->session.number,
	    .last_id = serve_last_id(t->serve),
	    .last_event = serve_last_event(t->serve),
	};

	if (fd < 0) {
		serve_unwatched(t->serve);
		return;
	}
	loss_over(t);
	a.result = (uint32_t)serve_resume(t->serve, fd, r->last_reply, r->last_event);
	if (a.result == E_NO_SESSION)
		close(fd);
	ipc_send(FD_PIPE, IPC_RESUMED, &a, sizeof(a));
	if (a.result != E_OK)
		serve_shutdown(t->serve, (int)a.result);
}

static void on_guard(evutil_socket_t fd, short what, void *arg)
{
	struct ipc_state state = {G_T, PHASE_OPENED, {0}};
	struct tracer *t = arg;
	int fds[IPC_FDS];
	union {
		struct ipc_resume resume;
		struct ipc_verdict end;
		struct ipc_none none;
	} body;
	uint16_t type;
	size_t size;

	(void)what;
	if (ipc_recv_fds(fd, &type, &body, sizeof(body), &size, fds) != 0 ||
	    !ipc_check(&state, type)) {
		serve_shutdown(t->serve, E_SHUTDOWN);
		return;
	}
	if (type == IPC_CHANNEL)
		change_link(t, &body.resume, fds[0]);
	else if (type == IPC_LIFT)
		loss_lift(t);
	else if (type == IPC_REFUSE)
		t->unrecorded = body.end.result != E_OK;
	else
		serve_shutdown(t->serve, (int)body.end.result);
	serve_pump(t->serve);
}

static bool is_past(const struct ipc_audit *a)
{
	return a->result != E_OK || a->event == IPC_DETACH || a->event == IPC_EXITED ||
	       a->event == IPC_WROTE_MEM || a->event == IPC_WROTE_REGS;
}

int tracer_record(const struct ipc_audit *a)
{
	const struct tracer *t = &self.tracer;
	struct ipc_audit out = *a;
	int err;

	if (t->unrecorded && !is_past(a))
		return E_UNRECORDED;
	/* Who reads a journal of ours alone?  Nobody would ever take anything out of it. */
	out.kept = t->journal_fd >= 0 ? journal_say(t->journal, a, is_past(a)) : 0;
	if (t->journal_fd >= 0 && !out.kept && !is_past(a))
		return E_UNRECORDED;
	err = ipc_send(FD_PIPE, IPC_AUDIT, &out, sizeof(out));
	if (err != EAGAIN && err != ENOBUFS && err != ENOMEM)
		return E_OK; /* a guard that is gone leaves it where it is */
	/* What has been done all the same stays there, for the end. */
	if (!is_past(a) || a->result != E_OK)
		journal_recorded(t->journal, out.kept);
	return E_UNRECORDED;
}

static void receive_session(struct ipc_session *s, struct ipc_bounds *b)
{
	struct ipc_state state = {M_G, PHASE_START, {0}};
	uint16_t type;
	size_t size;
	int err = ipc_recv(FD_PIPE, &type, s, sizeof(*s), &size);

	if (err || type != IPC_SESSION || !ipc_check(&state, type))
		fatal(EXIT_FAILURE, "started by procsrv-guard, not by hand");
	if (s->bounded && (ipc_recv(FD_PIPE, &type, b, sizeof(*b), &size) != 0 ||
			      type != IPC_BOUNDS || !ipc_check(&state, type)))
		fatal(EXIT_FAILURE, "the guard does not say which processes are meant");
}

/* Blocked, so that stops do not interrupt us a thousand times while we collect
 * them; the descriptor says when there are any. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* as in our guard: what does not fit is an error */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void listen_to(struct tracer *t)
{
	int in = t->session.greeted ? FD_CHANNEL : 0;
	int out = t->session.greeted ? FD_CHANNEL : 1;

	self.on_signal = event_new(t->base, self.signals, EV_READ | EV_PERSIST, on_signal, t);
	self.on_guard = event_new(t->base, FD_PIPE, EV_READ | EV_PERSIST, on_guard, t);
	t->beat = event_new(t->base, -1, 0, on_beat, t);
	if (!self.on_signal || !self.on_guard || !t->beat || event_add(self.on_signal, NULL) != 0 ||
	    event_add(self.on_guard, NULL) != 0)
		fatal(EXIT_FAILURE, "out of memory");
	t->serve = serve_new(t, t->base, in, out, finish);
	if (!t->serve)
		fatal(EXIT_FAILURE, "out of memory");
}

/* Those of ipc.h and no others.  The guard has made the journal; alone we have one that
 * serves our own last handler. */
static void take_descriptors(struct tracer *t)
{
	unsigned first = t->session.greeted ? FD_CHANNEL + 1 : FD_CHANNEL;

	t->journal_fd = FD_JOURNAL;
	t->journal = journal_open(FD_JOURNAL);
	if (t->journal) {
		if (!t->session.greeted)
			close_range(first, FD_JOURNAL - 1, 0);
		close_range(FD_RECORD, FD_JOURNAL, CLOSE_RANGE_CLOEXEC);
		close_range(FD_JOURNAL + 1, ~0U, 0);
	} else {
		close_range(first, ~0U, 0);
		t->journal_fd = -1;
		t->journal = journal_make(-1);
	}
	if (t->journal)
		t->journal->tracer = getpid();
}

static void clean_up(struct tracer *t)
{
	trace_leave_all(t);
	launch_forget_texts(t);
	reading_free(t);
	touch_free(t);
	serve_free(t->serve);
	event_free(self.on_signal);
	event_free(self.on_guard);
	event_free(t->beat);
	event_base_free(t->base);
	free(t->scratch);
	close(self.signals);
}

int main(void)
{
	struct tracer *t = &self.tracer;

	prctl(PR_SET_DUMPABLE, 0);
	log_init("procsrv-tracer", false);
	receive_session(&t->session, &t->bounds);
	log_init("procsrv-tracer", t->session.verbose);
	take_descriptors(t);
	self.signals = take_signals();
	t->base = event_base_new();
	t->scratch = malloc(TRACER_SCRATCH);
	if (self.signals < 0 || !t->base || !t->scratch || !t->journal ||
	    dying_prepare(t->journal) != 0)
		fatal(EXIT_FAILURE, "cannot start: %s", strerror(errno));
	listen_to(t);
	event_base_dispatch(t->base);
	clean_up(t);
	return 0;
}
