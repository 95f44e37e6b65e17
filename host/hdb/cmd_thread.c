/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "host/hdb/cmd.h"

/* The selected target's threads, with numbers given to new ones; NULL: said why. */
static struct he_threads *see_threads(struct hdb *h)
{
	struct he_target_info i;
	struct he_threads *p;
	struct he_error *e = he_threads(h->target, &p);

	if (e) {
		fail_error(h, e);
		return NULL;
	}
	he_target_info(h->target, &i);
	numbers_see(&h->numbers, i.number, i.pid, p);
	return p;
}

static unsigned number_of(struct hdb *h, uint64_t tid)
{
	struct he_target_info i;

	he_target_info(h->target, &i);
	return numbers_of(h->numbers, i.number, tid);
}

/* Thread number n; else the thread whose LWP it is (what top shows). */
static const struct he_thread *thread_numbered(
    struct hdb *h, const struct he_threads *p, uint64_t n)
{
	for (size_t i = 0; i < p->n && h->target; i++)
		if (number_of(h, p->v[i].tid) == n)
			return &p->v[i];
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].tid == n)
			return &p->v[i];
	return NULL;
}

bool cmd_thread_numbered(struct hdb *h, uint64_t number, uint64_t *tid)
{
	struct he_threads *p = h->target ? see_threads(h) : NULL;
	const struct he_thread *t = p ? thread_numbered(h, p, number) : NULL;

	if (t)
		*tid = t->tid;
	he_threads_free(p);
	return t != NULL;
}

unsigned cmd_thread_number(struct hdb *h, uint64_t tid)
{
	return h->target ? number_of(h, tid) : 0;
}

static void say_name(struct hdb *h, const struct he_thread *t)
{
	fprintf(h->out, "LWP %llu", (unsigned long long)t->tid);
	if (t->name && *t->name) {
		fputs(" \"", h->out);
		show_text(h->out, t->name);
		fputc('"', h->out);
	}
}

/* Many stacks are about to be read; that it cannot be prepared shows there. */
static void get_ready(struct hdb *h)
{
	enum he_state state = front_state(h->target);

	if (state == HE_STOPPED || state == HE_FROZEN)
		he_error_free(he_prefetch_stacks(h->target));
	if (state == HE_STOPPED)
		he_error_free(he_prefetch_arguments(h->target));
}

struct order {
	unsigned no;
	const struct he_thread *thread; /* NULL ends the list */
};

static int upwards(const void *a, const void *b)
{
	unsigned x = ((const struct order *)a)->no, y = ((const struct order *)b)->no;

	return x < y ? -1 : x > y;
}

static int downwards(const void *a, const void *b)
{
	return upwards(b, a);
}

/* All threads by number, the highest first as GDB has it: the main thread ends up at the
 * bottom of the screen.  The caller frees it. */
static struct order *in_order(struct hdb *h, const struct he_threads *p, bool ascending)
{
	struct order *o = calloc(p->n + 1, sizeof(*o));

	for (size_t i = 0; o && i < p->n; i++)
		o[i] = (struct order){number_of(h, p->v[i].tid), &p->v[i]};
	if (o)
		qsort(o, p->n, sizeof(*o), ascending ? upwards : downwards);
	return o;
}

/* ---- info threads ----------------------------------------------------------- */

static void thread_place(FILE *f, struct hdb *h, const struct he_thread *t)
{
	static const char *const why[] = {[HE_T_RUNNING] = "(running)",
	    [HE_T_STOPPING] = "(stopping)",
	    [HE_T_EXITING] = "(exiting)"};
	struct show_style style = front_style(h);
	struct he_stack *s;
	struct he_error *e;

	style.colour = false;
	if (t->state != HE_T_STOPPED) {
		fputs(why[t->state], f);
		return;
	}
	e = he_backtrace(h->target, t->tid, 1, &s);
	if (e) {
		fprintf(f, "(%s)", e->message);
		he_error_free(e);
		return;
	}
	he_error_free(he_stack_arguments(h->target, t->tid, s, 0, s->n < 1 ? s->n : 1));
	if (s->n)
		show_place(f, &style, &s->v[0], NULL);
	he_stack_free(s);
}

static void thread_row(struct show_table *table, struct hdb *h, const struct he_thread *t)
{
	char *place = NULL;
	size_t size;
	FILE *f;

	table_cell(table, "%s", t->tid == h->tid ? "*" : "");
	table_cell(table, "%u", number_of(h, t->tid));
	table_cell(table, "LWP %llu \"%s\"", (unsigned long long)t->tid, t->name ? t->name : "");
	f = open_memstream(&place, &size);
	if (f) {
		thread_place(f, h, t);
		fclose(f);
	}
	table_cell(table, "%s", place ? place : "");
	free(place);
}

int cmd_info_threads(struct hdb *h, const char *args)
{
	static const char *const heads[] = {"", "Id", "Target Id", "Frame"};
	struct show_table *table;
	struct he_threads *p;
	struct order *v;

	if (*args)
		return fail(h, "info threads takes no argument");
	p = see_threads(h);
	if (!p)
		return 1;
	get_ready(h);
	v = in_order(h, p, true);
	table = table_new(heads, 4);
	for (size_t i = 0; v && v[i].thread && !h->interrupted; i++)
		thread_row(table, h, v[i].thread);
	table_end(table, h->out, 0);
	free(v);
	he_threads_free(p);
	return 0;
}

/* ---- thread, thread apply ---------------------------------------------------- */

static int say_selected(struct hdb *h, const struct he_thread *t)
{
	fprintf(h->out, "[Thread %u (", number_of(h, t->tid));
	say_name(h, t);
	fputs(t->state == HE_T_STOPPED ? ")]\n" : ")] (running)\n", h->out);
	return t->state == HE_T_STOPPED ? front_say_frame(h) : 0;
}

int cmd_thread(struct hdb *h, const char *args)
{
	struct he_threads *p = see_threads(h);
	const struct he_thread *t;
	uint64_t n = h->tid;
	int ret;

	if (!p)
		return 1;
	if (*args && (!cmd_number(&args, UINT64_MAX, &n) || *args)) {
		ret = fail(h, "thread takes a thread's number or apply; info threads lists them");
	} else if (!(t = thread_numbered(h, p, n))) {
		ret = fail(h, "no thread %llu; info threads lists them", (unsigned long long)n);
	} else {
		if (t->tid != h->tid)
			front_select_thread(h, t->tid);
		ret = say_selected(h, t);
	}
	he_threads_free(p);
	return ret;
}

static int apply_one(struct hdb *h, const struct he_thread *t, const char *command)
{
	/* The command before may have been detach. */
	if (!h->target)
		return fail(h, "the process is no longer attached");
	fprintf(h->out, "\nThread %u (", number_of(h, t->tid));
	say_name(h, t);
	fputs("):\n", h->out);
	front_select_thread(h, t->tid);
	return cmd_run(h, command);
}

static bool take_range(const char **args, uint64_t *from, uint64_t *to)
{
	if (!cmd_number(args, UINT32_MAX, from))
		return false;
	*to = *from;
	if (**args != '-')
		return true;
	(*args)++;
	return cmd_number(args, UINT32_MAX, to);
}

static int apply_range(
    struct hdb *h, struct he_threads *p, uint64_t from, uint64_t to, const char *command)
{
	int ret = 0;

	for (; from <= to && !ret && !h->interrupted; from++) {
		const struct he_thread *t = thread_numbered(h, p, from);

		ret = t ? apply_one(h, t, command)
			: fail(h, "no thread %llu", (unsigned long long)from);
	}
	return ret;
}

/* Numbers (N or N-M) up to the first word that does not begin like one: the command. */
static int apply_list(struct hdb *h, struct he_threads *p, const char *args)
{
	const char *command = args;
	uint64_t from, to;
	int ret = 0;

	while (isdigit((unsigned char)*command))
		command +=
		    strcspn(command, " \t") + strspn(command + strcspn(command, " \t"), " \t");
	if (!*command)
		return fail(h, "thread apply needs a command behind the threads");
	while (args < command && !ret && !h->interrupted) {
		if (!take_range(&args, &from, &to))
			return fail(h, "%.20s: threads are written N or N-M", args);
		if (to < from)
			return fail(h, "thread %llu comes before thread %llu",
			    (unsigned long long)to, (unsigned long long)from);
		ret = apply_range(h, p, from, to, command);
	}
	return ret;
}

static int apply_all(struct hdb *h, struct he_threads *p, const char *args)
{
	static const char up[] = "-ascending";
	bool ascending = strncmp(args, up, sizeof(up) - 1) == 0;
	struct order *v;
	int ret = 0;

	if (ascending)
		args += sizeof(up) - 1 + strspn(args + sizeof(up) - 1, " \t");
	if (!*args)
		return fail(h, "thread apply all needs a command");
	v = in_order(h, p, ascending);
	if (!v)
		return fail(h, "out of memory");
	for (size_t i = 0; v[i].thread && !ret && !h->interrupted; i++)
		ret = apply_one(h, v[i].thread, args);
	free(v);
	return ret;
}

int cmd_thread_apply(struct hdb *h, const char *args)
{
	struct he_target *target = h->target;
	uint64_t tid = h->tid;
	struct he_threads *p;
	int ret;

	if (!*args)
		return fail(h, "thread apply needs threads and a command: thread apply all bt");
	p = see_threads(h);
	if (!p)
		return 1;
	get_ready(h);
	if (strncmp(args, "all", 3) == 0 && strchr(" \t", args[3]))
		ret = apply_all(h, p, args + 3 + strspn(args + 3, " \t"));
	else if (isdigit((unsigned char)*args))
		ret = apply_list(h, p, args);
	else
		ret = fail(h, "thread apply takes all, or numbers as in 1 3-5, before the command");
	he_threads_free(p);
	if (h->target == target && h->tid != tid)
		front_select_thread(h, tid);
	return ret;
}

int cmd_all_stacks(struct hdb *h)
{
	return cmd_thread_apply(h, "all backtrace");
}

/* ---- running ----------------------------------------------------------------- */

/* Words of continue and interrupt. */
static int parse_words(struct hdb *h, const char *args, bool *thread, bool *background)
{
	char word[8];

	while (*args) {
		if (!cmd_token(&args, word, sizeof(word)))
			return fail(h, "only -t%s may stand here", background ? " and &" : "");
		if (strcmp(word, "-t") == 0)
			*thread = true;
		else if (background && strcmp(word, "&") == 0)
			*background = true;
		else
			return fail(h, "only -t%s may stand here", background ? " and &" : "");
	}
	return 0;
}

/* The others are to stand while one runs. */
static bool is_locked(const struct hdb *h)
{
	struct he_settings s;

	he_settings(h->engine, &s);
	return s.scheduler == HE_LOCK_ON;
}

int cmd_continue(struct hdb *h, const char *args)
{
	bool thread = false, background = false;
	char name[FRONT_NAME];
	struct he_error *e;

	if (parse_words(h, args, &thread, &background) != 0)
		return 1;
	if (front_state(h->target) == HE_RUNNING && !thread)
		return background ? fail(h, "%s runs already", front_name(h, h->target, name))
				  : front_wait(h, h->target);
	thread |= is_locked(h);
	e = he_continue(h->target, thread ? h->tid : 0);
	if (e)
		return fail_error(h, e);
	front_stale(h);
	if (h->person && thread)
		fprintf(h->out, "thread %u of ", number_of(h, h->tid));
	if (h->person)
		fprintf(h->out, "%s runs%s\n", front_name(h, h->target, name),
		    background ? "" : "; Ctrl-C stops it");
	return background ? 0 : front_wait(h, h->target);
}

int cmd_interrupt(struct hdb *h, const char *args)
{
	bool thread = false;
	char name[FRONT_NAME];
	struct he_error *e;

	if (parse_words(h, args, &thread, NULL) != 0)
		return 1;
	if (front_state(h->target) == HE_STOPPED && !thread)
		return fail(h, "%s stands already", front_name(h, h->target, name));
	e = he_interrupt(h->target, thread ? h->tid : 0);
	if (e)
		return fail_error(h, e);
	/* The others may run on for ever; the one's stop comes as an event. */
	return thread ? 0 : front_wait(h, h->target);
}
