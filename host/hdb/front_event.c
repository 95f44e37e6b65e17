/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Attaching, letting go, and what happens in between: the lines a person sees.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/hdb/actions.h"
#include "host/hdb/again.h"
#include "host/hdb/convenience.h"
#include "host/hdb/display.h"
#include "host/hdb/front.h"
#include "host/hdb/stop.h"

/* "local file /usr/lib/x" tells a person enough with its first words. */
static void say_source(FILE *f, const char *from)
{
	const char *path = strstr(from, " /");
	size_t n = strcspn(from, ":");
	char *words = strndup(from, path && (size_t)(path - from) < n ? (size_t)(path - from) : n);

	fputs(" (", f);
	show_text(f, words);
	fputc(')', f);
	free(words);
}

static void say_symbols(FILE *f, struct he_target *t)
{
	enum { SHOWN = 4 };
	struct he_modules *m;
	struct he_error *e = he_modules(t, &m);

	if (e) {
		fputs("; symbols: none (", f);
		show_text(f, e->message);
		fputc(')', f);
		he_error_free(e);
		return;
	}
	for (size_t i = 0; i < m->n && i < SHOWN; i++) {
		const char *from = m->v[i].symbols_from ? m->v[i].symbols_from : "none";

		fputs(i ? ", " : "; symbols: ", f);
		show_text(f, show_base(m->v[i].name));
		say_source(f, from);
	}
	if (m->n > SHOWN)
		fprintf(f, " and %zu more", m->n - SHOWN);
	he_modules_free(m);
}

static size_t count_threads(struct he_target *t)
{
	struct he_threads *p;
	struct he_error *e = he_threads(t, &p);
	size_t n = e ? 0 : p->n;

	if (e)
		he_error_free(e);
	else
		he_threads_free(p);
	return n;
}

static void say_begun(struct hdb *h, struct he_target *t, const char *stopped)
{
	const char *const how[] = {
	    [HE_RUNNING] = "attached and running",
	    [HE_STOPPED] = stopped,
	    [HE_LOOKING] = "open for looking only",
	    [HE_FROZEN] = "seen",
	    [HE_GONE] = "gone",
	};
	char name[FRONT_NAME];
	size_t n = count_threads(t), size;
	enum he_state state = front_state(t);
	char *symbols = NULL;
	FILE *f = open_memstream(&symbols, &size);

	/* Made first, for finding symbols may draw progress. */
	if (f && state == HE_STOPPED)
		say_symbols(f, t);
	if (f)
		fclose(f);
	progress_clear(&h->progress, h->err);
	fprintf(h->out, "%s %s, %zu thread%s%s\n", front_name(h, t, name), how[state], n,
	    n == 1 ? "" : "s", symbols ? symbols : "");
	free(symbols);
}

void front_say_launched(struct hdb *h, struct he_target *t)
{
	say_begun(h, t, "launched, held before its first instruction");
}

int front_attach(struct hdb *h, uint32_t pid, uint64_t start, enum he_how how)
{
	struct he_server *s = front_server(h);
	struct he_target *t;
	struct he_error *e;

	if (!s)
		return 1;
	e = he_attach(s, pid, start, how, &t);
	if (e)
		return fail_error(h, e);
	front_select(h, t);
	say_begun(h, t, "stopped");
	return 0;
}

void front_say_held(struct hdb *h, struct he_target *t)
{
	char name[FRONT_NAME], *what = NULL;
	struct he_threads *p;
	struct he_error *e;
	uint64_t held = 0;

	if (!h->screen.err_terminal || front_state(t) == HE_GONE || front_state(t) == HE_FROZEN)
		return;
	e = he_threads(t, &p);
	if (e) {
		he_error_free(e);
		return;
	}
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].state == HE_T_STOPPING)
			held = p->v[i].tid;
	he_threads_free(p);
	if (held && asprintf(&what,
			"letting %s go: the kernel does not interrupt thread %llu now (vfork, "
			"disk), it is waited for",
			front_name(h, t, name), (unsigned long long)held) >= 0)
		progress_show(&h->progress, h->err, what, 0, 0);
	free(what);
}

int front_detach(struct hdb *h, struct he_target *t)
{
	struct he_target_info i;
	struct he_error *e;
	bool selected = t == h->target;

	he_target_info(t, &i);
	numbers_forget(&h->numbers, i.number);
	program_forget(h, t);
	if (selected)
		front_select(h, NULL);
	front_say_held(h, t);
	e = he_detach(t);
	progress_clear(&h->progress, h->err);
	if (selected)
		front_select(h, he_target_next(h->engine, NULL));
	return e ? fail_error(h, e) : 0;
}

/* ---- events -------------------------------------------------------------- */

static void say_thread(struct hdb *h, const struct he_event *ev)
{
	struct he_target_info i;

	unsigned no;

	he_target_info(ev->target, &i);
	no = numbers_of(h->numbers, i.number, ev->tid);
	if (no && ev->tid != i.pid)
		fprintf(h->out, ", thread %u (LWP %llu)", no, (unsigned long long)ev->tid);
	else if (ev->tid && ev->tid != i.pid)
		fprintf(h->out, ", LWP %llu", (unsigned long long)ev->tid);
}

/* A stop that nobody but the person asked for. */
static void say_stopped(struct hdb *h, const struct he_event *ev, const char *name)
{
	char sig[16];

	fprintf(h->out, "%s stopped", name);
	if (ev->signal)
		fprintf(h->out, " with %s", show_signal(sig, ev->signal));
	say_thread(h, ev);
	fputc('\n', h->out);
}

/* Of several that were hit at one place the first is shown whose commands do not begin with
 * "silent"; false: all of theirs do. */
static bool choose_shown(struct hdb *h, struct he_event *ev)
{
	size_t n = 0;

	while (n < ev->n_breakpoints && actions_silent(h, ev->breakpoints[n]))
		n++;
	if (!n)
		return true;
	if (n == ev->n_breakpoints || ev->reason != HE_R_BREAKPOINT)
		return false;
	ev->breakpoints += n;
	ev->n_breakpoints -= n;
	/* These are the first one's. */
	ev->location = 0;
	ev->temporary = false;
	return true;
}

/* The lines are GDB's for what one of its users knows; breakpoints of a target that is not
 * selected select it, since their lines are to run in it. */
/* What a finished function returned. */
static void say_result(struct hdb *h, struct he_value *v)
{
	const struct he_format f = {.top = true, .elements = h->elements};

	fputs("Value returned is ", h->out);
	(void)print_numbered(h, v, &f);
}

static void on_stopped(struct hdb *h, const struct he_event *stop, const char *name)
{
	struct he_event shown = *stop, *ev = &shown;
	uint64_t keep = ev->target == h->target ? h->tid : 0;

	if (!h->target || ev->n_breakpoints)
		h->target = ev->target;
	if (ev->target != h->target) {
		say_stopped(h, ev, name);
		return;
	}
	front_select_thread(h, ev->tid ? ev->tid : keep ? keep : h->tid);
	actions_due(h, ev->breakpoints, ev->n_breakpoints);
	if (!choose_shown(h, ev))
		return;
	if (ev->reason == HE_R_STEP) {
		front_say_place(h, !ev->same_frame);
		if (ev->result)
			say_result(h, ev->result);
	} else if (stop_say(h, ev)) {
		front_say_place(h, true);
	} else {
		say_stopped(h, ev, name);
		front_say_frame(h);
	}
	display_all(h);
}

static void on_forked(struct hdb *h, const struct he_event *ev, const char *name)
{
	struct he_settings s;

	(void)name;
	he_settings(h->engine, &s);
	if (!ev->child) {
		fprintf(h->out, "[Detaching after fork from child process %lld]\n",
		    (long long)ev->number);
		return;
	}
	fprintf(h->out, "[%s child process %lld]\n",
	    s.follow_child ? "Attaching after fork to" : "Also attached to", (long long)ev->number);
	if (!s.follow_child || h->target != ev->target)
		return;
	h->target = ev->child;
	front_select_thread(h, (uint64_t)ev->number);
}

static void on_signalled(struct hdb *h, const struct he_event *ev, const char *name)
{
	char sig[16];

	fprintf(h->out, "%s got %s", name, show_signal(sig, ev->signal));
	say_thread(h, ev);
	fputc('\n', h->out);
}

static void on_born(struct hdb *h, const struct he_event *ev, const char *name)
{
	if (h->verbose || h->thread_events)
		fprintf(h->out, "%s: thread %llu begins\n", name, (unsigned long long)ev->tid);
}

static void on_thread_exited(struct hdb *h, const struct he_event *ev, const char *name)
{
	if (h->verbose || h->thread_events)
		fprintf(h->out, "%s: thread %llu ends\n", name, (unsigned long long)ev->tid);
}

static void on_exited(struct hdb *h, const struct he_event *ev, const char *name)
{
	char how[64];
	int s = ev->status;

	fprintf(h->out, "%s %s\n", name, show_ending(how, s));
	if (s >= 0)
		convenience_set(h, WIFEXITED(s) ? "_exitcode" : "_exitsignal",
		    WIFEXITED(s) ? WEXITSTATUS(s) : WTERMSIG(s));
}

static void on_executed(struct hdb *h, const struct he_event *ev, const char *name)
{
	struct he_target_info i;

	he_target_info(ev->target, &i);
	if (ev->target == h->target)
		front_stale(h);
	fprintf(h->out, "%s now runs ", name);
	show_text(h->out, i.exe ? i.exe : "another program");
	fputc('\n', h->out);
}

static void on_job_stopped(struct hdb *h, const struct he_event *ev, const char *name)
{
	char sig[16];

	fprintf(h->out, "%s was stopped by %s; SIGCONT lets it go on\n", name,
	    show_signal(sig, ev->signal));
}

static void on_job_continued(struct hdb *h, const struct he_event *ev, const char *name)
{
	(void)ev;
	fprintf(h->out, "%s goes on after SIGCONT\n", name);
}

static void on_released(struct hdb *h, const struct he_event *ev, const char *name)
{
	if (ev->by_loss) {
		again_released(h, ev, name);
		return;
	}
	fprintf(h->out, "%s was let go by its box (", name);
	show_text(h->out, ev->text);
	fputs("); it runs on there\n", h->out);
}

static void on_lost(struct hdb *h, const struct he_event *ev)
{
	const struct he_server_info *i = he_server_info(ev->server);
	char name[FRONT_NAME];
	char *text = NULL;

	h->lost = true;
	if (asprintf(&text, "link to %s lost (%s).", i->name, ev->text) >= 0)
		show_text(h->err, text);
	free(text);
	for (struct he_target *t = NULL; (t = he_target_next(h->engine, t));) {
		struct he_target_info of;

		he_target_info(t, &of);
		/* Not of one that had ended before, of a snapshot, or of another box's. */
		if (of.lost && of.server == ev->server)
			fprintf(h->err, " %s runs on there.", front_name(h, t, name));
	}
	fputc('\n', h->err);
}

static void on_output(struct hdb *h, const struct he_event *ev, const char *name)
{
	(void)name;
	relay_output(h, ev);
}

void front_event(struct hdb *h, const struct he_event *ev)
{
	static void (*const on[])(struct hdb *, const struct he_event *, const char *) = {
	    [HE_E_STOPPED] = on_stopped,
	    [HE_E_SIGNALLED] = on_signalled,
	    [HE_E_THREAD_BORN] = on_born,
	    [HE_E_THREAD_EXITED] = on_thread_exited,
	    [HE_E_EXITED] = on_exited,
	    [HE_E_EXECUTED] = on_executed,
	    [HE_E_JOB_STOPPED] = on_job_stopped,
	    [HE_E_JOB_CONTINUED] = on_job_continued,
	    [HE_E_RELEASED] = on_released,
	    [HE_E_OUTPUT] = on_output,
	    [HE_E_FORKED] = on_forked,
	};
	char name[FRONT_NAME];

	if (ev->kind != HE_E_NONE && ev->kind != HE_E_OUTPUT)
		relay_rest(h);
	if (ev->kind == HE_E_STOPPED && ev->target == h->program.target)
		h->program.fresh = false;
	if (ev->kind == HE_E_LINK_LOST) {
		fputs(h->prefix, h->err);
		on_lost(h, ev);
	} else if (ev->kind == HE_E_LINK_AWAY || ev->kind == HE_E_LINK_BACK) {
		again_link(h, ev);
	} else if ((size_t)ev->kind < sizeof(on) / sizeof(on[0]) && on[ev->kind] && ev->target) {
		on[ev->kind](h, ev, front_name(h, ev->target, name));
	}
}

/* Free what ended: targets that are gone, a server whose link broke. */
static void bury(struct hdb *h)
{
	struct he_target *next;

	if (h->lost) {
		front_select(h, NULL);
		he_disconnect(h->server);
		h->server = NULL;
		h->lost = false;
	}
	for (struct he_target *t = he_target_next(h->engine, NULL); t; t = next) {
		next = he_target_next(h->engine, t);
		if (front_state(t) == HE_GONE)
			front_detach(h, t);
	}
	again_attach(h);
}

void front_events(struct hdb *h)
{
	enum { AT_ONCE = 1000 }; /* the rest is for the next time: a person wants to type */
	struct he_event ev = {.kind = HE_E_NONE};
	struct he_error *e;
	int n = 0;

	do {
		e = he_wait(h->engine, 0, &ev);
		if (!e)
			front_event(h, &ev);
	} while (!e && ev.kind != HE_E_NONE && ++n < AT_ONCE);
	relay_rest(h);
	if (e)
		fail_error(h, e);
	bury(h);
	fflush(h->out);
}

/* Ctrl-C while t runs: stop it; when that was asked for already, give up. */
static int on_break(struct hdb *h, struct he_target *t, bool *asked)
{
	char name[FRONT_NAME];
	struct he_error *e;

	h->interrupted = 0;
	if (h->person) /* behind the terminal's ^C */
		fputc('\n', h->out);
	if (*asked)
		return fail(h, "%s does not stop; it is still running", front_name(h, t, name));
	*asked = true;
	e = he_interrupt(t, 0);
	return e ? fail_error(h, e) : 0;
}

/* One of its threads has stopped, and the others run on, for ever maybe. */
static bool one_stopped(const struct hdb *h, const struct he_target *t, const struct he_event *ev)
{
	struct he_settings s;

	he_settings(h->engine, &s);
	return s.non_stop && ev->kind == HE_E_STOPPED && ev->target == t;
}

/* Does that end the wait for t?  Where it stands before its stop was told it may be let run
 * again: what the stop means is decided when its turn comes. */
static bool is_over(struct he_target *t, const struct he_event *ev)
{
	return front_state(t) != HE_RUNNING &&
	       (ev->kind == HE_E_NONE || (ev->kind == HE_E_STOPPED && ev->target == t));
}

static int wait_while_it_runs(struct hdb *h, struct he_target *t)
{
	bool asked = false;
	struct he_event ev;
	struct he_error *e;

	for (;;) {
		if (front_state(t) == HE_RUNNING)
			relay_sleep(h, t);
		e = he_wait(h->engine, 0, &ev);
		if (e)
			return fail_error(h, e);
		front_event(h, &ev);
		if (h->lost || h->quit)
			return 1;
		if (one_stopped(h, t, &ev))
			return 0;
		/* A child that is followed is waited for in the place of its parent. */
		if (h->target)
			t = h->target;
		if (is_over(t, &ev))
			return 0;
		if (ev.kind == HE_E_NONE && h->interrupted && on_break(h, t, &asked) != 0)
			return 1;
	}
}

int front_wait(struct hdb *h, struct he_target *t)
{
	int ret = wait_while_it_runs(h, t);

	relay_rest(h);
	return ret;
}

int front_wait_end(struct hdb *h, struct he_target *t)
{
	struct he_event ev;
	struct he_error *e;

	while (front_state(t) != HE_GONE) {
		e = he_wait(h->engine, -1, &ev);
		if (e)
			return fail_error(h, e);
		front_event(h, &ev);
		if (h->lost || h->quit)
			return 1;
		if (ev.kind == HE_E_NONE && h->interrupted)
			return fail(h, "it has not ended yet");
	}
	return 0;
}
