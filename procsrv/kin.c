/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources: ptrace(2), clone(2), kcmp(2).
 */
#include "kin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/heart.h"
#include "patch.h"
#include "serve.h"
#include "target.h"
#include "trace_wait.h"
#include "tracer.h"

enum { HANDLES = 0x7fffffff, REPORT_MS = 50 };

#define OWN_HANDLE 0x80000000u /* the agent's choice; the host's are below */

/* ---- facts ------------------------------------------------------------------------- */

static bool stat_of(pid_t pid, struct proc_stat *st)
{
	char name[32];
	int dir, err;

	snprintf(name, sizeof(name), "/proc/%d", (int)pid);
	dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	err = proc_stat(dir, st);
	close(dir);
	return !err;
}

static pid_t parent_of(pid_t pid)
{
	struct proc_stat st;

	return stat_of(pid, &st) ? st.ppid : 0;
}

/* We trace it; what it has reported stays to be taken. */
static bool is_ours(pid_t pid)
{
	siginfo_t si;

	return waitid(P_PID, (id_t)pid, &si, WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

/* A thread that still has the target's memory. */
static const struct tracee *witness(const struct tracee *child)
{
	const struct target *tg = child->target;
	const struct tracee *t = tracee_by_tid(tg->tracer, child->kin.maker);

	if (t && t->target == tg && !t->foreign)
		return t;
	for (t = tg->first; t; t = t->next)
		if (!t->foreign && t->state != TRACEE_DEAD)
			break;
	return t;
}

static bool shares_memory(const struct tracee *child)
{
	const struct tracee *t = witness(child);
	long order = t ? syscall(SYS_kcmp, t->tid, child->tid, KCMP_VM, 0, 0) : 1;

	/* A kernel without it: what the calls usually mean. */
	return order < 0 ? child->kin.vforked : order == 0;
}

/* ---- children in the target's memory ------------------------------------------------- */

static void borrow(struct target *tg)
{
	const struct patches *ps = tg->patches;

	if (tg->kin.sharing++)
		return;
	for (unsigned i = 0; ps && i < ps->nsites; i++)
		site_lift(tg, ps->sites[i]);
}

/* What cannot be planted any more has been unmapped meanwhile, as could be at any time. */
static void give_back(struct target *tg)
{
	const struct patches *ps = tg->patches;

	if (--tg->kin.sharing)
		return;
	patch_locate(tg);
	for (unsigned i = 0; ps && i < ps->nsites; i++)
		if (ps->sites[i]->patches)
			site_plant(tg, ps->sites[i]);
}

/* One of no vfork: nobody tells us that it is out, but that it has ended. */
struct kin_sharer {
	struct kin_sharer *next;
	struct target *target;
	struct event *end;
	int pidfd;
};

static void sharer_free(struct kin_sharer *s)
{
	if (s->end)
		event_free(s->end);
	if (s->pidfd >= 0)
		close(s->pidfd);
	free(s);
}

static void on_sharer_end(evutil_socket_t fd, short what, void *arg)
{
	struct kin_sharer *s = arg, **at = &s->target->kin.sharers;

	(void)fd;
	(void)what;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	give_back(s->target);
	sharer_free(s);
}

/* Without memory or a pidfd the target stays without software patches: that harms
 * nobody. */
static void watch_sharer(struct target *tg, pid_t pid)
{
	struct kin_sharer *s = calloc(1, sizeof(*s));

	borrow(tg);
	if (!s)
		return;
	s->target = tg;
	s->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (s->pidfd >= 0)
		s->end = event_new(tg->tracer->base, s->pidfd, EV_READ, on_sharer_end, s);
	if (!s->end || event_add(s->end, NULL) != 0) {
		sharer_free(s);
		return;
	}
	s->next = tg->kin.sharers;
	tg->kin.sharers = s;
}

void kin_free(struct target *tg)
{
	while (tg->kin.sharers) {
		struct kin_sharer *s = tg->kin.sharers;

		tg->kin.sharers = s->next;
		sharer_free(s);
	}
}

static void begin_sharing(struct tracee *child)
{
	struct target *tg = child->target;
	struct tracee *maker = tracee_by_tid(tg->tracer, child->kin.maker);

	if (!child->kin.vforked) {
		watch_sharer(tg, child->tid);
	} else if (maker && maker->target == tg && !maker->kin.vforking) {
		maker->kin.vforking = true;
		borrow(tg);
	}
}

void kin_vfork_done(struct tracee *maker)
{
	if (maker->kin.vforking)
		give_back(maker->target);
	maker->kin.vforking = false;
}

void kin_let_go(struct tracee *t)
{
	if (!shares_memory(t))
		patch_clean(t->target, t->tid, NULL);
	else if (!t->target->leaving)
		begin_sharing(t);
}

/* ---- followed ---------------------------------------------------------------------------- */

static void tell_forked(const struct target *tg, const struct tracee *child, uint32_t handle)
{
	struct wire_forked e = {
	    .tid = (uint64_t)child->kin.maker,
	    .vfork = child->kin.vforked,
	    .pid = (uint32_t)child->tid,
	    .handle = handle,
	};
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct proc_stat st;

	if (!tg->handle || !tg->caught.asked)
		return;
	if (stat_of(child->tid, &st))
		e.start = st.start;
	wire_encode_forked(&b, &e);
	serve_event_body(tg->tracer->serve, WIRE_forked, tg->handle, &b);
}

static uint32_t new_handle(struct tracer *t)
{
	do
		t->children = (t->children + 1) & HANDLES;
	while (target_by_handle(t, OWN_HANDLE | t->children));
	return OWN_HANDLE | t->children;
}

/* The target of a child, still without its thread; NULL: it cannot be followed. */
static struct target *new_target(const struct target *from, pid_t pid)
{
	struct tracer *t = from->tracer;
	struct target *tg;
	struct fault f = {0};

	if (target_new(t, new_handle(t), (uint32_t)pid, 0, &tg, &f) != E_OK)
		return NULL;
	if (target_journal(tg) != E_OK || target_audit(IPC_ATTACH, &tg->id, "", 0, E_OK) != E_OK) {
		target_free(tg);
		return NULL;
	}
	tg->how = WIRE_ATTACH_STOP;
	tg->arch = from->arch;
	tg->streams = from->streams;
	tg->preorder = from->preorder;
	tg->loss = from->loss;
	tg->grace_ms = from->grace_ms;
	tg->max_stop_ms = from->max_stop_ms;
	tg->caught = from->caught;
	tg->stop_scope = from->stop_scope;
	tg->stop_signals = from->stop_signals;
	tg->report_signals = from->report_signals;
	tg->ignore_signals = from->ignore_signals;
	return tg;
}

/* False: it is to be let go. */
static bool follow(struct tracee *child)
{
	struct target *from = child->target, *tg = NULL;
	bool shares;

	if (from->caught.follow != WIRE_FOLLOW_PARENT && !from->leaving && !from->killed)
		tg = new_target(from, child->tid);
	if (!tg)
		return false;
	shares = shares_memory(child);
	kin_let_go(child);
	tell_forked(from, child, tg->handle);
	child->foreign = false;
	tracee_move(child, tg);
	/* Not its maker's, which can be that it ends with us. */
	caught_set_options(child);
	if (!shares)
		patch_copy(from, tg);
	trace_hold(tg, NULL);
	trace_tick(tg);
	/* Not at once: whoever is walking its threads has to come to an end first. */
	from->kin.leave = from->caught.follow == WIRE_FOLLOW_CHILD;
	return true;
}

/* ---- coming ---------------------------------------------------------------------------------- */

static void go_on(struct tracee *maker)
{
	maker->kin.waits = false;
	if (maker->state == TRACEE_STANDS && !tracee_has_to_stand(maker))
		trace_pass(maker);
}

/* It stands, and its maker has told of it. */
static enum kin_fate settle(struct tracee *child)
{
	struct tracee *maker = tracee_by_tid(child->target->tracer, child->kin.maker);

	if (follow(child))
		return KIN_LEFT;
	if (maker && maker->kin.waits)
		go_on(maker);
	tell_forked(child->target, child, 0);
	return trace_detach(child) ? KIN_LAST : KIN_LEFT;
}

bool kin_made(struct tracee *maker, pid_t pid, bool vfork)
{
	struct target *tg = maker->target;
	struct tracee *e = tracee_by_tid(tg->tracer, pid);

	/* One that is not ours was untraced, or has ended and been waited for. */
	if (pid <= 0 || (e && !e->foreign) || (!e && !is_ours(pid)))
		return false;
	if (!e)
		e = tracee_add(tg, pid);
	if (!e)
		return false;
	if (e->target != tg)
		tracee_move(e, tg);
	e->foreign = e->born = true;
	e->kin = (struct kin_thread){.made = true, .vforked = vfork, .maker = maker->tid};
	if (e->state != TRACEE_STANDS) {
		/* In a vfork the maker could not be detached before its child is out. */
		maker->kin.waits = tg->caught.follow == WIRE_FOLLOW_CHILD;
		return false;
	}
	/* The maker is on the list, too: the target stays. */
	settle(e);
	return true;
}

enum kin_fate kin_stands(struct tracee *t)
{
	return t->kin.made ? settle(t) : KIN_WAITS;
}

static struct target *maker_of(const struct tracer *t, pid_t parent)
{
	struct target *tg = t->targets;

	while (tg && !(tg->count && tg->id.pid == parent))
		tg = tg->next;
	return tg;
}

/* Children have their maker's process as parent, or (CLONE_PARENT) its parent. */
static struct target *relative(struct tracer *t, pid_t parent)
{
	struct target *tg = maker_of(t, parent);

	for (struct target *s = t->targets; s && !tg; s = s->next)
		if (s->count && parent_of(s->id.pid) == parent)
			tg = s;
	return tg;
}

/* Of a maker that has ended, and nobody can tell which: what one target has planted may be
 * what another's program has at that address. */
static void clean_of_all(const struct tracer *t, pid_t pid)
{
	char name[32];
	struct buf maps;
	bool known;

	snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
	buf_init(&maps, PROC_MAPS_MAX);
	known = proc_read(AT_FDCWD, name, &maps) == 0;
	for (const struct target *tg = t->targets; tg; tg = tg->next)
		patch_clean(tg, pid, known ? &maps : NULL);
	buf_free(&maps);
}

bool kin_stranger(struct tracer *t, pid_t pid, int status)
{
	pid_t parent = parent_of(pid);
	struct target *tg = parent > 0 ? relative(t, parent) : NULL;
	struct tracee *e = tg ? tracee_add(tg, pid) : NULL;

	if (!e) {
		clean_of_all(t, pid);
		return false;
	}
	e->foreign = e->born = true;
	e->state = TRACEE_STANDS;
	e->status = status;
	return true;
}

/* ---- makers that have ended ------------------------------------------------------ */

/* Whether its first thread, which may have ended, is on a list or not. */
static bool is_target(const struct tracer *t, pid_t pid)
{
	const struct target *tg = t->targets;

	while (tg && tg->id.pid != pid)
		tg = tg->next;
	return tg != NULL;
}

/* Nothing has been heard of it, and it is no other target's. */
static bool is_unheard_of(const struct target *tg, pid_t pid)
{
	struct tracer *t = tg->tracer;
	const struct target *maker;
	pid_t parent;

	if (pid <= 0 || tracee_by_tid(t, pid) || is_target(t, pid) || !is_ours(pid))
		return false;
	parent = parent_of(pid);
	maker = maker_of(t, parent);
	/* Our own children are readers, and programs about to be started. */
	return parent != getpid() && (!maker || maker == tg);
}

/* A maker that was killed just when it had made one has not told of it, and the child has
 * not stood yet: the kernel alone knows that we trace it. */
static void adopt(struct target *tg)
{
	DIR *all = tg->patches ? opendir("/proc") : NULL;
	const struct dirent *e;

	while (all && (e = readdir(all)) != NULL) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		struct tracee *t = is_unheard_of(tg, pid) ? tracee_add(tg, pid) : NULL;

		if (t)
			t->foreign = true;
	}
	if (all)
		closedir(all);
}

/* Made, but not heard of yet: it only has to be given the processor. */
static bool await(struct tracee *t)
{
	uint64_t end = now_ms() + REPORT_MS;

	while (t->state != TRACEE_STANDS && now_ms() < end) {
		if (waitpid(t->tid, &t->status, __WALL | WNOHANG) != t->tid) {
			sched_yield();
			continue;
		}
		if (!WIFSTOPPED(t->status))
			return false;
		t->state = TRACEE_STANDS;
	}
	return t->state == TRACEE_STANDS;
}

/* Its memory is its own by now, even if it was not before.  It is cleaned first: whoever
 * does not stand in time is let go when it does, as one that nobody knows. */
static void let_go_orphan(struct tracee *t)
{
	clean_of_all(t->target->tracer, t->tid);
	if (await(t))
		ptrace(PTRACE_DETACH, t->tid, 0, 0);
	tracee_remove(t);
}

/* Nobody has told of it, and its parent is not who it is taken for: the maker may have been
 * the one that ends now. */
static bool is_doubtful(const struct tracee *t)
{
	return t->foreign && !t->kin.made && parent_of(t->tid) != t->target->id.pid;
}

void kin_orphans(struct target *tg)
{
	struct tracee *next;

	adopt(tg);
	for (struct tracee *t = tg->first; t; t = next) {
		next = t->next;
		if (t->foreign)
			let_go_orphan(t);
	}
	for (struct target *other = tg->tracer->targets; other; other = other->next)
		for (struct tracee *t = other->first; t; t = next) {
			next = t->next;
			if (is_doubtful(t))
				let_go_orphan(t);
		}
}

void kin_executed(struct target *tg)
{
	kin_orphans(tg);
	kin_free(tg);
	tg->kin.sharing = 0;
	for (struct tracee *t = tg->first; t; t = t->next)
		t->kin.vforking = false;
}
