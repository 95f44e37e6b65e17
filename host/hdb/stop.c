/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/stop.h"

#include <signal.h>
#include <string.h>

#include "host/hdb/syscalls.h"

const char *stop_kind(enum he_break_kind kind, bool software)
{
	static const char *const text[] = {
	    [HE_BREAK_SOFT] = "Breakpoint",
	    [HE_BREAK_HARD] = "Hardware assisted breakpoint",
	    [HE_BREAK_WATCH] = "Hardware watchpoint",
	    [HE_BREAK_RWATCH] = "Hardware read watchpoint",
	    [HE_BREAK_AWATCH] = "Hardware access (read/write) watchpoint",
	    [HE_BREAK_CATCH] = "Catchpoint",
	};

	return software ? "Watchpoint" : text[kind];
}

/* GDB's texts; sigdescr_np has them but for a few. */
static const char *describe(uint32_t sig)
{
	static const struct {
		int sig;
		const char *text;
	} other[] = {
	    {SIGTRAP, "Trace/breakpoint trap"},
	    {SIGUSR1, "User defined signal 1"},
	    {SIGUSR2, "User defined signal 2"},
	    {SIGCHLD, "Child status changed"},
	    {SIGSTOP, "Stopped (signal)"},
	    {SIGTSTP, "Stopped (user)"},
	    {SIGURG, "Urgent I/O condition"},
	    {SIGWINCH, "Window size changed"},
	    {SIGIO, "I/O possible"},
	    {SIGPWR, "Power fail/restart"},
	    {SIGFPE, "Arithmetic exception"},
	    {SIGPROF, "Profiling timer expired"},
	};

	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		if ((uint32_t)other[i].sig == sig)
			return other[i].text;
	return sig < NSIG ? sigdescr_np((int)sig) : NULL;
}

const char *stop_signal(char buf[64], uint32_t sig)
{
	const char *text = describe(sig);
	char name[16];

	if (text)
		snprintf(buf, 64, "%s, %s", show_signal(name, sig), text);
	else if (sig >= 32)
		snprintf(buf, 64, "SIG%u, Real-time event %u", sig, sig);
	else
		snprintf(buf, 64, "SIG%u", sig);
	return buf;
}

/* ---- the parts --------------------------------------------------------------------- */

/* With several threads one wants to know which: "Thread 2 "worker"". */
static bool say_thread(struct hdb *h, const struct he_event *ev)
{
	struct he_target_info i;
	struct he_threads *p = NULL;
	struct he_error *e = he_threads(ev->target, &p);
	unsigned no;

	if (e) {
		he_error_free(e);
		return false;
	}
	he_target_info(ev->target, &i);
	numbers_see(&h->numbers, i.number, i.pid, p);
	no = numbers_of(h->numbers, i.number, ev->tid);
	for (size_t k = 0; k < p->n && (p->n > 1 || no > 1); k++) {
		if (p->v[k].tid != ev->tid)
			continue;
		fprintf(h->out, "Thread %u \"", no);
		show_text(h->out, p->v[k].name);
		fputc('"', h->out);
		he_threads_free(p);
		return true;
	}
	he_threads_free(p);
	return false;
}

static void say_hit(struct hdb *h, const struct he_event *ev)
{
	fputc('\n', h->out);
	if (say_thread(h, ev))
		fputs(" hit ", h->out);
}

static void say_trouble(struct hdb *h, const struct he_event *ev)
{
	if (!ev->trouble || !ev->n_breakpoints)
		return;
	fprintf(h->out, "Error in testing condition for breakpoint %u:\n", ev->breakpoints[0]);
	show_text(h->out, ev->trouble);
	fputc('\n', h->out);
}

static void say_breakpoint(struct hdb *h, const struct he_event *ev)
{
	say_trouble(h, ev);
	say_hit(h, ev);
	fprintf(h->out, "%s %u", ev->temporary ? "Temporary breakpoint" : "Breakpoint",
	    ev->n_breakpoints ? ev->breakpoints[0] : 0);
	if (ev->location)
		fprintf(h->out, ".%u", ev->location);
	fputs(", ", h->out);
}

static void say_value(struct hdb *h, const char *what, const char *value)
{
	fprintf(h->out, "%s = ", what);
	show_text(h->out, value);
	fputc('\n', h->out);
}

static void say_watch(struct hdb *h, const struct he_event *ev)
{
	say_trouble(h, ev);
	say_hit(h, ev);
	fprintf(h->out, "%s %u: ", stop_kind(ev->break_kind, !ev->hardware),
	    ev->n_breakpoints ? ev->breakpoints[0] : 0);
	show_text(h->out, ev->expression ? ev->expression : "");
	fputs("\n\n", h->out);
	if (ev->old_value)
		say_value(h, "Old value", ev->old_value);
	if (ev->value)
		say_value(h, ev->old_value ? "New value" : "Value", ev->value);
}

static void say_scope(struct hdb *h, const struct he_event *ev)
{
	fputc('\n', h->out);
	if (say_thread(h, ev))
		fputs(" hit ", h->out);
	for (size_t i = 0; i < ev->n_breakpoints; i++)
		fprintf(h->out,
		    "%sWatchpoint %u deleted because the program has left the block in\n"
		    "which its expression is valid.\n",
		    i ? "\n" : "", ev->breakpoints[i]);
}

static void say_library(struct hdb *h, const struct he_event *ev)
{
	if (ev->n_breakpoints)
		fprintf(h->out, "\n%s %u\n", ev->temporary ? "Temporary catchpoint" : "Catchpoint",
		    ev->breakpoints[0]);
	else
		fputs("\nStopped due to shared library event:\n", h->out);
	fprintf(h->out, "  Inferior %s ", ev->caught == HE_CATCH_LOAD ? "loaded" : "unloaded");
	show_text(h->out, ev->text);
	fputc('\n', h->out);
}

static void say_caught(struct hdb *h, const struct he_event *ev)
{
	static const char *const text[] = {
	    [HE_CATCH_THROW] = "exception thrown",
	    [HE_CATCH_RETHROW] = "exception rethrown",
	    [HE_CATCH_CATCH] = "exception caught",
	};
	char name[SYSCALL_TEXT];

	if (ev->caught == HE_CATCH_LOAD || ev->caught == HE_CATCH_UNLOAD) {
		say_library(h, ev);
		return;
	}
	say_trouble(h, ev);
	say_hit(h, ev);
	fprintf(h->out, "%s %u (", ev->temporary ? "Temporary catchpoint" : "Catchpoint",
	    ev->n_breakpoints ? ev->breakpoints[0] : 0);
	if (ev->caught == HE_CATCH_FORK || ev->caught == HE_CATCH_VFORK)
		fprintf(h->out, "%s process %lld",
		    ev->caught == HE_CATCH_FORK ? "forked" : "vforked", (long long)ev->number);
	else if (ev->caught == HE_CATCH_EXEC) {
		fputs("exec'd ", h->out);
		show_text(h->out, ev->text);
	} else if (ev->caught == HE_CATCH_SYSCALL)
		fprintf(h->out, "%s syscall %s", ev->returned ? "returned from" : "call to",
		    syscall_text(name, front_arch(h), (uint32_t)ev->number));
	else if (ev->caught == HE_CATCH_SIGNAL)
		fprintf(h->out, "signal %s", show_signal(name, ev->signal));
	else
		fputs(text[ev->caught], h->out);
	fputs("), ", h->out);
}

static void say_signal(struct hdb *h, const struct he_event *ev)
{
	char sig[64];

	fputc('\n', h->out);
	if (!say_thread(h, ev))
		fputs("Program", h->out);
	fprintf(h->out, " received signal %s.\n", stop_signal(sig, ev->signal));
}

bool stop_say(struct hdb *h, const struct he_event *ev)
{
	static void (*const say[])(struct hdb *, const struct he_event *) = {
	    [HE_R_SIGNAL] = say_signal,
	    [HE_R_BREAKPOINT] = say_breakpoint,
	    [HE_R_WATCH] = say_watch,
	    [HE_R_WATCH_SCOPE] = say_scope,
	    [HE_R_CATCH] = say_caught,
	};

	if ((size_t)ev->reason >= sizeof(say) / sizeof(*say) || !say[ev->reason])
		return false;
	say[ev->reason](h, ev);
	return true;
}
