/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What each object of qXfer holds: GDB's manual, "qXfer" in General Query Packets, and the
 * formats of its own chapters.  Texts of the target are escaped.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/rsp/rsp_features.h"
#include "host/rsp/rsp_file.h"
#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_osdata.h"
#include "host/rsp/rsp_queue.h"
#include "host/rsp/rsp_regs.h"
#include "host/rsp/rsp_run.h"
#include "host/rsp/rsp_siginfo.h"
#include "host/rsp/rsp_stop.h"
#include "host/rsp/rsp_xfer.h"

enum { SI_ADDR = 16 }; /* in the siginfo of a fault, 64 bits wide */

/* The reply for e. */
static bool refuse(struct rsp *r, struct he_error *e)
{
	rsp_done(r, e);
	return false;
}

static bool no_annex(struct rsp *r, const struct rd *annex)
{
	if (annex->left)
		rsp_bad(r);
	return !annex->left;
}

/* ---- auxv, exec-file, features ------------------------------------------------------------ */

static bool auxv(struct rsp *r, struct rd *annex, struct buf *out)
{
	struct rsp_process *p = no_annex(r, annex) ? rsp_current(r) : NULL;
	struct he_error *e;
	const void *data;
	size_t n;

	if (!p)
		return false;
	e = he_auxv(p->t, &data, &n);
	if (e)
		return refuse(r, e);
	buf_raw(out, data, n);
	return true;
}

/* annex: the process's number; none: the current one. */
static bool exec_file(struct rsp *r, struct rd *annex, struct buf *out)
{
	struct he_target_info info;
	struct rsp_process *p;

	if (annex->left)
		p = rsp_process_find(r, rsp_take_hex(annex));
	else
		p = rsp_current(r);
	if (!p || !rd_done(annex))
		return rsp_bad(r), false;
	he_target_info(p->t, &info);
	if (!info.exe || !*info.exe)
		return rsp_fail_errno(r, ENOENT), false;
	rsp_file_expect(r, info.exe);
	rsp_put(out, info.exe);
	return true;
}

static bool features(struct rsp *r, struct rd *annex, struct buf *out)
{
	uint64_t tid;
	struct rsp_process *p = rsp_current_thread(r, &tid);
	const struct rsp_regs *d = NULL;
	struct he_error *e;

	if (!p)
		return false;
	if (!rsp_take_word(annex, "target.xml") || annex->left)
		return rsp_bad(r), false;
	if (r->lldb)
		e = rsp_lldb_features(r, p, out);
	else
		e = rsp_regs_of(p, tid, &d);
	if (e)
		return refuse(r, e);
	if (d)
		buf_raw(out, d->xml.p, d->xml.len);
	return true;
}

/* ---- threads -------------------------------------------------------------------------------- */

/* Its pthread_t, which on x86-64 is the address of its TCB (glibc, musl). */
static void put_handle(const struct rsp_process *p, const struct he_thread *t, struct buf *out)
{
	struct he_registers *v = NULL;

	if (t->state != HE_T_STOPPED)
		return;
	he_error_free(he_general_registers(p->t, t->tid, &v));
	for (size_t i = 0; v && i < v->n; i++)
		if (strcmp(v->v[i].name, "fs_base") == 0) {
			rsp_put(out, " handle=\"");
			rsp_put_hex(out, v->v[i].value, v->v[i].bits / 8u);
			rsp_put_char(out, '"');
		}
	he_registers_free(v);
}

static bool put_threads(struct rsp *r, const struct rsp_process *p, struct buf *out)
{
	struct he_threads *v;
	struct he_error *e = he_threads(p->t, &v);

	if (e && rsp_gone(p)) {
		/* Until its end was told there is a thread of it. */
		he_error_free(e);
		rsp_put(out, "<thread id=\"");
		rsp_put_id(out, r->knows & RSP_MULTIPROCESS, p->pid, p->pid);
		rsp_put(out, "\"/>\n");
		return true;
	}
	if (e)
		return refuse(r, e);
	for (size_t i = 0; i < v->n; i++) {
		if (!rsp_thread_lives(&v->v[i]))
			continue;
		rsp_put(out, "<thread id=\"");
		rsp_put_id(out, r->knows & RSP_MULTIPROCESS, p->pid, v->v[i].tid);
		rsp_put_char(out, '"');
		if (v->v[i].cpu != UINT32_MAX)
			rsp_putf(out, " core=\"%" PRIu32 "\"", v->v[i].cpu);
		rsp_put(out, " name=\"");
		rsp_put_xml(out, v->v[i].name ? v->v[i].name : "");
		rsp_put_char(out, '"');
		put_handle(p, &v->v[i], out);
		rsp_put(out, "/>\n");
	}
	he_threads_free(v);
	return true;
}

static bool threads(struct rsp *r, struct rd *annex, struct buf *out)
{
	if (!no_annex(r, annex))
		return false;
	rsp_put(out, "<threads>\n");
	for (const struct rsp_process *p = r->processes; p; p = p->next)
		if (!rsp_unheard(r, p) && !put_threads(r, p, out))
			return false;
	rsp_put(out, "</threads>\n");
	return true;
}

/* ---- libraries-svr4 ----------------------------------------------------------------------------
 */

/* "lmid=HEX;start=HEX;prev=HEX", as far as they are there. */
struct from {
	uint64_t lmid, start, prev;
};

static void take_from(struct rd *annex, struct from *f)
{
	while (annex->left && !annex->bad) {
		if (rsp_take_word(annex, "lmid="))
			f->lmid = rsp_take_hex(annex);
		else if (rsp_take_word(annex, "start="))
			f->start = rsp_take_hex(annex);
		else if (rsp_take_word(annex, "prev="))
			f->prev = rsp_take_hex(annex);
		else
			rsp_take_until(annex, ";");
		if (annex->left)
			rsp_want_char(annex, ';');
	}
}

/* LLDB's own tests take no further attributes. */
static void put_link(struct rsp *r, const struct he_link *l, struct buf *out)
{
	rsp_file_expect(r, l->name);
	rsp_put(out, "<library name=\"");
	rsp_put_xml(out, l->name);
	rsp_putf(out, "\" lm=\"0x%" PRIx64 "\" l_addr=\"0x%" PRIx64 "\" l_ld=\"0x%" PRIx64 "\"",
	    l->lm, l->addr, l->ld);
	if (!r->lldb)
		rsp_putf(out, " lmid=\"0x%" PRIx64 "\"", l->lmid);
	rsp_put(out, "/>");
}

/* From a link on, its namespace only. */
static void put_some(struct rsp *r, const struct he_links *v, uint64_t start, struct buf *out)
{
	size_t i = 0;

	while (i < v->n && v->v[i].lm != start)
		i++;
	for (uint64_t lmid = i < v->n ? v->v[i].lmid : 0; i < v->n && v->v[i].lmid == lmid; i++)
		if (*v->v[i].name)
			put_link(r, &v->v[i], out);
}

static bool libraries(struct rsp *r, struct rd *annex, struct buf *out)
{
	struct rsp_process *p = rsp_current(r);
	struct from from = {0};
	struct he_links *v;
	struct he_error *e;

	take_from(annex, &from);
	if (!p)
		return false;
	if (annex->bad)
		return rsp_bad(r), false;
	e = he_links(p->t, &v);
	if (e)
		return refuse(r, e);
	/* GDB then looks itself, by the linker's symbols: the program is the linker, say. */
	if (v->unlisted && !r->lldb) {
		he_links_free(v);
		return rsp_bad(r), false;
	}
	rsp_put(out, "<library-list-svr4 version=\"1.0\"");
	if (from.start) {
		rsp_put_char(out, '>');
		put_some(r, v, from.start, out);
	} else {
		/* LLDB would take it for where the address of r_debug stands. */
		if (v->main_lm && !r->lldb)
			rsp_putf(out, " main-lm=\"0x%" PRIx64 "\"", v->main_lm);
		rsp_put_char(out, '>');
		for (size_t i = 0; i < v->n; i++)
			if (v->v[i].lm != v->main_lm && *v->v[i].name)
				put_link(r, &v->v[i], out);
	}
	rsp_put(out, "</library-list-svr4>");
	he_links_free(v);
	return true;
}

/* ---- siginfo -------------------------------------------------------------------------- */

static int32_t trap_code(const struct rsp_stop *s)
{
	static const int32_t codes[] = {
	    [HE_R_BREAKPOINT] = SI_KERNEL, [HE_R_STEP] = TRAP_TRACE, [HE_R_WATCH] = TRAP_HWBKPT};

	if (s->reason == HE_R_BREAKPOINT && s->hardware)
		return TRAP_HWBKPT;
	return s->reason < sizeof(codes) / sizeof(codes[0]) ? codes[s->reason] : 0;
}

/* The engine keeps what came with signals, and of a trap what it was for: the kernel's words
 * for that (x86's traps.c).  Any other thread was made to stand: stubs do so by SIGSTOP, and
 * debuggers show it as that. */
static void make_siginfo(
    struct rsp_process *p, uint64_t tid, const struct rsp_stop *s, uint8_t data[RSP_SIGINFO])
{
	bool told = s && s->kind == RSP_STOP_THREAD && s->pid == p->pid && s->tid == tid;
	int32_t head[] = {SIGSTOP, 0, SI_TKILL}, code = told ? trap_code(s) : 0;
	uint64_t pc;

	memset(data, 0, RSP_SIGINFO);
	if (code) {
		head[0] = SIGTRAP;
		head[2] = code;
		pc = code == SI_KERNEL ? 0 : rsp_regs_pc(p, tid);
		memcpy(data + SI_ADDR, &pc, sizeof(pc));
	}
	memcpy(data, head, sizeof(head));
}

static struct he_error *siginfo_of(
    struct rsp *r, struct rsp_process *p, uint64_t tid, uint8_t data[RSP_SIGINFO], size_t *n)
{
	struct he_error *e = he_siginfo(p->t, tid, data, n);

	if (!e || e->code != E_STATE)
		return e;
	he_error_free(e);
	*n = RSP_SIGINFO;
	make_siginfo(p, tid, r->run->last, data);
	return NULL;
}

static bool siginfo(struct rsp *r, struct rd *annex, struct buf *out)
{
	uint64_t tid;
	struct rsp_process *p = no_annex(r, annex) ? rsp_current_thread(r, &tid) : NULL;
	uint8_t data[RSP_SIGINFO];
	size_t n = sizeof(data);
	struct he_error *e;

	if (!p)
		return false;
	e = siginfo_of(r, p, tid, data, &n);
	if (e)
		return refuse(r, e);
	if (rsp_siginfo_is_narrow(p->t))
		rsp_siginfo_narrow(data);
	buf_raw(out, data, n);
	return true;
}

/* Part of it, as the debugger has the whole. */
static struct he_error *patch_siginfo(
    struct rsp *r, struct rsp_process *p, uint64_t tid, uint64_t at, struct span data)
{
	bool narrow = rsp_siginfo_is_narrow(p->t);
	uint8_t all[RSP_SIGINFO];
	size_t n = sizeof(all);
	struct he_error *e = he_siginfo(p->t, tid, all, &n);

	if (e)
		return e;
	if (at > n || data.n > n - at) {
		rsp_bad(r);
		return NULL;
	}
	if (narrow)
		rsp_siginfo_narrow(all);
	if (data.n)
		memcpy(all + at, data.p, data.n);
	if (narrow)
		rsp_siginfo_widen(all);
	e = he_set_siginfo(p->t, tid, all, n);
	if (!e)
		rsp_putf(&r->reply, "%" PRIx32, data.n);
	return e;
}

static void write_siginfo(struct rsp *r, struct rd *annex, uint64_t at, struct span data)
{
	uint64_t tid;
	struct rsp_process *p = no_annex(r, annex) ? rsp_current_thread(r, &tid) : NULL;
	struct he_error *e = p ? patch_siginfo(r, p, tid, at, data) : NULL;

	if (e)
		rsp_done(r, e);
	else if (p)
		rsp_stale(r, p);
}

/* ---- osdata
 * ------------------------------------------------------------------------------------------ */

static bool osdata(struct rsp *r, struct rd *annex, struct buf *out)
{
	struct he_error *e = rsp_osdata(r->server, rsp_take_rest(annex), out);

	return e ? refuse(r, e) : true;
}

const struct rsp_object rsp_objects[] = {
    {"auxv", auxv, NULL, false},
    {"exec-file", exec_file, NULL, false},
    {"features", features, NULL, false},
    {"libraries-svr4", libraries, NULL, true},
    {"osdata", osdata, NULL, false},
    {"siginfo", siginfo, write_siginfo, false},
    {"threads", threads, NULL, false},
    {0},
};
