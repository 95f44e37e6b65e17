/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "host/rsp/rsp_regs.h"
#include "host/rsp/rsp_signal.h"

unsigned rsp_signal_out(const struct rsp *r, uint32_t linux_signal)
{
	return r->lldb ? linux_signal : rsp_signal_to_gdb(linux_signal);
}

uint32_t rsp_signal_in(const struct rsp *r, uint64_t number)
{
	if (r->lldb)
		return number <= HE_SIGNALS ? (uint32_t)number : 0;
	return rsp_signal_to_linux(number);
}

/* ---- making -------------------------------------------------------------------------- */

static uint32_t child_of(const struct he_event *ev)
{
	struct he_target_info i = {0};

	if (ev->child)
		he_target_info(ev->child, &i);
	return i.pid;
}

struct rsp_stop *rsp_stop_of(struct rsp_process *p, const struct he_event *ev)
{
	struct rsp_stop *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct rsp_stop){.kind = RSP_STOP_THREAD,
	    .pid = p->pid,
	    .tid = ev->tid ? ev->tid : p->pid,
	    .generation = ev->generation,
	    .signal = ev->signal,
	    .status = ev->status,
	    .reason = ev->reason,
	    .caught = ev->caught,
	    .hardware = ev->hardware,
	    .returned = ev->returned,
	    .data_addr = ev->data_addr,
	    .number = ev->number,
	    .child = child_of(ev)};
	snprintf(s->text, sizeof(s->text), "%s", ev->text);
	if (ev->reason != HE_R_SIGNAL && ev->reason != HE_R_JOB)
		s->signal = SIGTRAP;
	return s;
}

struct rsp_stop *rsp_stop_plain(struct rsp_process *p, uint64_t tid, uint32_t signal)
{
	struct rsp_stop *s = calloc(1, sizeof(*s));

	if (s)
		*s = (struct rsp_stop){.kind = RSP_STOP_THREAD,
		    .pid = p->pid,
		    .tid = tid,
		    .signal = signal,
		    .reason = signal ? HE_R_SIGNAL : HE_R_REQUEST};
	return s;
}

/* ---- writing --------------------------------------------------------------------------- */

static void put_child(struct rsp *r, struct buf *b, const char *word, const struct rsp_stop *s)
{
	if (!s->child)
		return;
	rsp_putf(b, "%s:", word);
	rsp_put_id(b, r->knows & RSP_MULTIPROCESS, s->child, s->child);
	rsp_put_char(b, ';');
}

static void put_caught(struct rsp *r, struct buf *b, const struct rsp_stop *s)
{
	switch (s->caught) {
	case HE_CATCH_FORK:
		put_child(r, b, "fork", s);
		break;
	case HE_CATCH_VFORK:
		put_child(r, b, "vfork", s);
		break;
	case HE_CATCH_VFORK_DONE:
		rsp_put(b, "vforkdone:;");
		break;
	case HE_CATCH_EXEC:
		rsp_put(b, "exec:");
		rsp_put_hexstr(b, s->text);
		rsp_put_char(b, ';');
		break;
	case HE_CATCH_CLONE:
		rsp_put(b, "create:;");
		break;
	case HE_CATCH_SYSCALL:
		rsp_putf(b, "syscall_%s:%llx;", s->returned ? "return" : "entry",
		    (unsigned long long)s->number);
		break;
	default:
		break;
	}
}

/* GDB takes all three words for the same. */
static void put_why(struct rsp *r, struct buf *b, const struct rsp_stop *s)
{
	if (s->reason == HE_R_WATCH)
		rsp_putf(b, "watch:%llx;", (unsigned long long)s->data_addr);
	else if (s->reason == HE_R_BREAKPOINT && s->hardware && r->knows & RSP_HWBREAK)
		rsp_put(b, "hwbreak:;");
	else if (s->reason == HE_R_BREAKPOINT && !s->hardware && r->knows & RSP_SWBREAK)
		rsp_put(b, "swbreak:;");
	else if (s->reason == HE_R_CATCH)
		put_caught(r, b, s);
}

static void put_core(struct buf *b, struct rsp_process *p, uint64_t tid)
{
	struct he_threads *v = NULL;

	he_error_free(he_threads(p->t, &v));
	for (size_t i = 0; v && i < v->n; i++)
		if (v->v[i].tid == tid && v->v[i].cpu != UINT32_MAX)
			rsp_putf(b, "core:%x;", v->v[i].cpu);
	he_threads_free(v);
}

static void put_thread(struct rsp *r, struct buf *b, const struct rsp_stop *s)
{
	struct rsp_process *p = rsp_process_find(r, s->pid);

	rsp_putf(b, "%c%02x", r->without & RSP_NO_T ? 'S' : 'T', rsp_signal_out(r, s->signal));
	if (r->without & RSP_NO_T)
		return;
	put_why(r, b, s);
	if (!p)
		return;
	rsp_regs_expedite(b, p, s->tid);
	if (!(r->without & RSP_NO_TTHREAD)) {
		rsp_put(b, "thread:");
		rsp_put_id(b, r->knows & RSP_MULTIPROCESS, s->pid, s->tid);
		rsp_put_char(b, ';');
	}
	put_core(b, p, s->tid);
	for (size_t i = 0; rsp_parts[i]; i++)
		if (rsp_parts[i]->stop_fields)
			rsp_parts[i]->stop_fields(r, p, s->tid, b);
}

static void put_end(struct rsp *r, struct buf *b, const struct rsp_stop *s)
{
	if (s->status >= 0 && WIFSIGNALED(s->status))
		rsp_putf(b, "X%02x", rsp_signal_out(r, (uint32_t)WTERMSIG(s->status)));
	else
		rsp_putf(b, "W%02x",
		    s->status >= 0 && WIFEXITED(s->status) ? WEXITSTATUS(s->status) : 0);
	if (r->knows & RSP_MULTIPROCESS)
		rsp_putf(b, ";process:%x", s->pid);
}

void rsp_stop_put(struct rsp *r, const struct rsp_stop *s, struct buf *b)
{
	for (size_t i = 0; r->lldb && rsp_parts[i]; i++)
		if (rsp_parts[i]->stop && rsp_parts[i]->stop(r, s, b))
			return;
	if (s->kind == RSP_STOP_THREAD) {
		put_thread(r, b, s);
	} else if (s->kind == RSP_STOP_EXITED) {
		put_end(r, b, s);
	} else if (s->kind == RSP_STOP_NONE_RUN) {
		rsp_put_char(b, 'N');
	} else {
		rsp_putf(b, "w%02x;",
		    s->status >= 0 && WIFEXITED(s->status) ? WEXITSTATUS(s->status) : 0);
		rsp_put_id(b, r->knows & RSP_MULTIPROCESS, s->pid, s->tid);
	}
}
