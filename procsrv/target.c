/* SPDX-License-Identifier: BSD-2-Clause */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bounds.h"
#include "change.h"
#include "dying.h"
#include "handlers.h"
#include "launch.h"
#include "loss.h"
#include "policy.h"
#include "reader.h"
#include "refuse.h"
#include "run.h"
#include "serve.h"
#include "trace_mem.h"
#include "trace_snapshot.h"
#include "tracer.h"

/* ---- the list --------------------------------------------------------------- */

struct target *target_by_handle(struct tracer *t, uint32_t handle)
{
	struct target *tg = t->targets;

	while (tg && tg->handle != handle)
		tg = tg->next;
	return handle ? tg : NULL;
}

struct target *target_by_pid(struct tracer *t, pid_t pid)
{
	struct target *tg = t->targets;

	/* A number on our list that has been used again was reaped by its parent
	 * after we saw its end, or will be found dead here. */
	while (tg && (tg->id.pid != pid || !proc_alive(&tg->id)))
		tg = tg->next;
	return tg;
}

int target_add(struct tracer *t, uint32_t handle, uint32_t pid, uint64_t start, struct target **out,
    struct fault *f)
{
	struct target *tg;
	int err;

	if (t->ntargets >= TRACER_TARGETS)
		return fault_set(f, E_LIMIT, 0, 0);
	tg = calloc(1, sizeof(*tg));
	if (!tg)
		return fault_set(f, E_NOMEM, 0, 0);
	err = proc_open(&tg->id, pid, start, f);
	if (err != E_OK) {
		free(tg);
		return err;
	}
	tg->tracer = t;
	tg->handle = handle;
	tg->mem = tg->pagemap = -1;
	tg->next = t->targets;
	t->targets = tg;
	t->ntargets++;
	*out = tg;
	return E_OK;
}

int target_new(struct tracer *t, uint32_t handle, uint32_t pid, uint64_t start, struct target **out,
    struct fault *f)
{
	int err = target_add(t, handle, pid, start, out, f);

	if (err != E_OK)
		return err;
	err = bounds_check(&t->bounds, &(*out)->id, f);
	if (err != E_OK)
		target_free(*out);
	return err;
}

void target_free(struct target *tg)
{
	struct target **at = &tg->tracer->targets;

	while (*at != tg)
		at = &(*at)->next;
	*at = tg->next;
	tg->tracer->ntargets--;
	journal_end(tg->tracer->journal, tg->journal);
	loss_free(tg);
	launch_free(tg);
	change_record(tg);
	kin_free(tg);
	trace_forget(tg);
	run_free(tg);
	if (tg->timer)
		event_free(tg->timer);
	if (tg->death)
		event_free(tg->death);
	mem_close(tg);
	proc_close(&tg->id);
	free(tg);
}

void target_exited(struct target *tg, int status)
{
	struct tracer *t = tg->tracer;
	struct wire_exited e = {.status = status};
	uint8_t room[8];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	if (tg->snapshot)
		snapshot_gone(tg->snapshot);
	launch_exited(tg);
	kin_orphans(tg);
	run_tell_counts(tg);
	if (tg->handle) {
		target_audit(IPC_EXITED, &tg->id, "", 0, E_OK);
		wire_encode_exited(&b, &e);
		serve_event_body(t->serve, WIRE_exited, tg->handle, &b);
	}
	if (tg->leave_reply)
		reply_fail_code(tg->leave_reply, E_GONE);
	target_free(tg);
}

void target_hand_over(struct target *tg)
{
	struct ipc_target m = {
	    .index = (uint32_t)(tg->journal - tg->tracer->journal->targets),
	    .image = tg->journal->image,
	    .start = tg->id.start,
	    .pid = tg->id.pid,
	};

	if (mem_open(tg) != 0)
		return;
	dying_hold(m.index, m.image, tg->id.pidfd, tg->mem);
	/* Without them, or with the pipe full, they open their own as long as they may. */
	ipc_send_fds(
	    FD_PIPE, IPC_TARGET, &m, sizeof(m), (const int[]){tg->id.pidfd, tg->mem}, IPC_FDS);
}

int target_journal(struct target *tg)
{
	static const struct timeval now = {0, 0};
	struct tracer *t = tg->tracer;

	if (tg->journal)
		return E_OK;
	tg->journal = journal_begin(t->journal, t->journal_fd, tg->id.pid, tg->id.start);
	if (!tg->journal)
		return E_LIMIT;
	event_add(t->beat, &now);
	target_hand_over(tg);
	return E_OK;
}

/* ---- audit ------------------------------------------------------------------ */

int target_audit(int event, const struct proc_id *id, const char *name, uint64_t size, int result)
{
	struct ipc_audit a = {
	    .event = (uint32_t)event,
	    .pid = (uint32_t)id->pid,
	    .start = id->start,
	    .result = (uint32_t)result,
	    .size = size,
	};
	struct statx st;

	/* As the kernel knows it: a file server that is asked may be dead. */
	if (statx(id->live, "exe", AT_STATX_DONT_SYNC, STATX_INO, &st) == 0) {
		a.exe_dev = makedev(st.stx_dev_major, st.stx_dev_minor);
		a.exe_ino = st.stx_ino;
	}
	strncpy(a.name, name, sizeof(a.name) - 1);
	return tracer_record(&a);
}

/* ---- attach ------------------------------------------------------------------- */

/* One that we do not trace tells us nothing: its pidfd does. */
static void on_death(evutil_socket_t fd, short what, void *arg)
{
	struct target *tg = arg;
	struct tracer *t = tg->tracer;
	int status;

	(void)fd;
	(void)what;
	/* But a first thread that ended while an earlier target of this process traced it
	 * is still ours to wait for. */
	if (waitpid(tg->id.pid, &status, __WALL | WNOHANG) != tg->id.pid)
		status = -1;
	target_exited(tg, status);
	serve_pump(t->serve);
}

static int watch_death(struct target *tg)
{
	tg->death = event_new(tg->tracer->base, tg->id.pidfd, EV_READ, on_death, tg);
	return tg->death && event_add(tg->death, NULL) == 0 ? E_OK : E_NOMEM;
}

/* Would it let us look at all?  Say so now, with the reason. */
static int start_looking(struct target *tg, struct fault *f)
{
	int os_errno = mem_open(tg);

	return os_errno ? refuse_why(&tg->id, os_errno, f) : E_OK;
}

static int start_tracing(struct target *tg, struct fault *f)
{
	int err = refuse_early(&tg->id, f);

	if (err == E_OK) {
		err = target_audit(IPC_ATTACH, &tg->id, "", 0, E_OK);
		if (err != E_OK)
			return fault_set(f, err, EAGAIN, (uint32_t)tg->id.pid);
		err = tg->how == WIRE_ATTACH_LOOK ? start_looking(tg, f) : trace_seize(tg, f);
	}
	/* The record goes before the deed; this one tells that nothing came of it. */
	if (err != E_OK)
		target_audit(IPC_ATTACH, &tg->id, "", 0, err);
	return err;
}

int target_attached(const struct target *tg, struct buf *body)
{
	struct wire_attached a = {
	    .pid = (uint32_t)tg->id.pid,
	    .start = tg->id.start,
	    .ns = tg->id.ns,
	    .arch = tg->arch,
	    .threads = tg->count,
	};
	struct buf proc;
	int err;

	buf_init(&proc, 16384);
	reader_proc(&tg->id, tg->tracer->session.user, &proc, &a.threads);
	a.procs = span_buf(&proc);
	if (tg->count)
		a.threads = tg->count;
	wire_encode_attached(body, &a);
	err = proc.bad || body->bad ? E_NOMEM : E_OK;
	buf_free(&proc);
	return err;
}

static int answer_attached(struct call *c, const struct target *tg)
{
	struct buf *body = serve_scratch(c->serve);
	int err = target_attached(tg, body);

	return err == E_OK ? serve_answer(c, body) : err;
}

static int check_attach(struct call *c, const struct wire_attach *a)
{
	int err = policy_target(&c->tracer->session, a->loss, a->grace_ms);

	if (a->how > WIRE_ATTACH_LOOK || err == E_MALFORMED || c->h->target == 0)
		return E_MALFORMED;
	if (a->how != WIRE_ATTACH_LOOK && !(c->tracer->session.rights & 1u << WIRE_R_STOP))
		return E_RIGHT;
	if (c->target || launch_has_handle(c->tracer, c->h->target))
		return E_IN_USE;
	if (a->pid <= INT32_MAX && target_by_pid(c->tracer, (pid_t)a->pid))
		return fault_set(&c->fault, E_ATTACHED, 0, a->pid);
	return err;
}

int on_attach(struct call *c)
{
	struct wire_attach a;
	struct target *tg;
	int err;

	wire_decode_attach(c->body, &a);
	err = check_attach(c, &a);
	if (err == E_OK)
		err = target_new(c->tracer, c->h->target, a.pid, a.start, &tg, &c->fault);
	if (err != E_OK)
		return err;
	tg->how = a.how;
	loss_set(tg, a.loss, a.grace_ms, a.max_stop_ms);
	err = preorder_set(&tg->preorder, a.recipes, a.notes);
	if (err == E_OK)
		err = start_tracing(tg, &c->fault);
	tg->arch = proc_arch(tg->id.live);
	if (err == E_OK && (tg->how == WIRE_ATTACH_LOOK || tg->leader_dead))
		err = watch_death(tg);
	if (err == E_OK)
		err = answer_attached(c, tg);
	if (err != E_OK)
		trace_abandon(tg);
	if (err != E_OK || tg->how != WIRE_ATTACH_STOP)
		return err;
	trace_hold(tg, NULL);
	trace_collect(tg);
	return E_OK;
}

/* ---- the small ones -------------------------------------------------------------- */

int on_detach(struct call *c)
{
	struct target *tg = c->target;

	if (tg->leaving)
		return E_BUSY;
	trace_leave(tg, c->reply);
	return E_OK;
}

int on_preorder(struct call *c)
{
	struct wire_preorder p;
	int err;

	wire_decode_preorder(c->body, &p);
	err = preorder_set(&c->target->preorder, p.recipes, p.notes);
	if (err == E_OK)
		serve_ok(c->reply);
	return err;
}

int on_signals(struct call *c)
{
	struct wire_signals s;

	wire_decode_signals(c->body, &s);
	c->target->stop_signals = s.stop;
	c->target->report_signals = s.report;
	c->target->ignore_signals = s.ignore;
	serve_ok(c->reply);
	return E_OK;
}
