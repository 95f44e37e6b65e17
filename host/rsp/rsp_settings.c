/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the debugger wants to hear of, and how: signals, system calls, events of threads,
 * non-stop.
 */
#include <stdlib.h>

#include "host/rsp/rsp_parts.h"
#include "host/rsp/rsp_run.h"

enum { SYSCALLS_MAX = 4096 };

static void everywhere(struct rsp *r)
{
	for (struct rsp_process *p = r->processes; p; p = p->next)
		rsp_run_catch(r, p);
}

/* "sig;sig;...", by the debugger's numbers. */
static uint64_t take_signals(struct rsp *r, struct rd *args)
{
	uint64_t mask = 0;

	while (args->left && !args->bad) {
		uint64_t number = rsp_take_hex(args);
		uint32_t n = rsp_signal_in(r, number);

		/* GDB's SIGPOLL is none that comes: it comes as SIGIO. */
		if (n && rsp_signal_out(r, n) == number)
			mask |= UINT64_C(1) << (n - 1);
		/* LLDB's tests put a blank behind the last. */
		if (args->left && !rsp_take_char(args, ' '))
			rsp_want_char(args, ';');
	}
	return mask;
}

static void set_mask(struct rsp *r, struct rd *args, uint64_t *to)
{
	uint64_t mask = take_signals(r, args);

	if (args->bad) {
		rsp_bad(r);
		return;
	}
	*to = mask;
	everywhere(r);
	rsp_ok(r);
}

static void pass_signals(struct rsp *r, struct rd *args)
{
	set_mask(r, args, &r->run->pass);
}

static void program_signals(struct rsp *r, struct rd *args)
{
	set_mask(r, args, &r->run->program);
}

/* ---- system calls --------------------------------------------------------------------- */

static void catch_syscalls(struct rsp *r, struct rd *args)
{
	uint64_t on = rsp_take_hex(args);
	uint32_t *v = calloc(SYSCALLS_MAX, sizeof(*v));
	struct rsp_process *p;
	size_t n = 0;

	while (v && args->left && !args->bad && n < SYSCALLS_MAX) {
		rsp_want_char(args, ';');
		v[n++] = (uint32_t)rsp_take_hex(args);
	}
	if (!v || !rd_done(args) || on > 1) {
		rsp_bad(r);
		free(v);
		return;
	}
	p = rsp_current(r);
	if (!p) {
		free(v);
		return;
	}
	free(p->stops->numbers);
	p->stops->syscalls = on;
	p->stops->numbers = v;
	p->stops->n_numbers = n;
	rsp_run_catch(r, p);
	rsp_ok(r);
}

/* ---- switches ---------------------------------------------------------------------------- */

/* "0" or "1"; -1: neither, and the reply says so. */
static int take_switch(struct rsp *r, struct rd *args)
{
	uint64_t on = rsp_take_hex(args);

	if (rd_done(args) && on <= 1)
		return (int)on;
	rsp_bad(r);
	return -1;
}

static void thread_events(struct rsp *r, struct rd *args)
{
	int on = take_switch(r, args);

	if (on < 0)
		return;
	r->run->thread_events = on;
	everywhere(r);
	rsp_ok(r);
}

static void non_stop(struct rsp *r, struct rd *args)
{
	int on = take_switch(r, args);

	if (on < 0)
		return;
	r->non_stop = on;
	/* What it did before was noted in the other way. */
	for (struct rsp_process *p = r->processes; p; p = p->next)
		p->stops->n_went = 0;
	rsp_ok(r);
}

static const struct rsp_row rows[] = {
    {"QPassSignals:", RSP_PREFIX, pass_signals, "gdb 6.6, lldb"},
    {"QProgramSignals:", RSP_PREFIX, program_signals, "gdb 7.5"},
    {"QCatchSyscalls:", RSP_PREFIX, catch_syscalls, "gdb 7.11"},
    {"QThreadEvents:", RSP_PREFIX, thread_events, "gdb 7.11"},
    {"QNonStop:", RSP_PREFIX, non_stop, "gdb 7.0"},
    {0},
};

const struct rsp_part rsp_part_settings = {
    .rows = rows,
    .offers = "QPassSignals+;QProgramSignals+;QCatchSyscalls+;QThreadEvents+;QNonStop+;"
	      "fork-events+;vfork-events+;exec-events+;no-resumed+;swbreak+;hwbreak+",
};
