/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/actions.h"
#include "host/hdb/display.h"
#include "host/hdb/front.h"

#include <linux/audit.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A sentence, with the period its maker may have left out. */
static void say(struct hdb *h, const char *text)
{
	size_t n = strlen(text);

	progress_clear(&h->progress, h->err);
	fflush(h->out);
	if (h->interrupted && h->person) /* behind the terminal's ^C */
		fputc('\n', h->err);
	fputs(h->prefix, h->err);
	if (h->script) {
		show_text(h->err, h->script);
		fprintf(h->err, ":%u: ", h->script_line);
	}
	show_text(h->err, text);
	fputs(n && strchr(".?!)", text[n - 1]) ? "\n" : ".\n", h->err);
}

int fail(struct hdb *h, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	say(h, text ? text : "out of memory");
	free(text);
	return 1;
}

int fail_error(struct hdb *h, struct he_error *e)
{
	say(h, e->message);
	he_error_free(e);
	return 1;
}

void front_free(struct hdb *h)
{
	relay_rest(h);
	front_stale(h);
	for (struct he_target *t = NULL; (t = he_target_next(h->engine, t));)
		front_say_held(h, t);
	he_disconnect(h->server); /* detaches everything */
	h->busy = 0;
	he_free(h->engine);
	progress_clear(&h->progress, h->err);
	numbers_free(h->numbers);
	display_free(h->displays);
	actions_free(h);
	program_free(&h->program);
	free(h->list.file);
	free(h->list.directory);
	*h = (struct hdb){.out = h->out, .err = h->err, .screen = h->screen, .killed = h->killed};
}

struct he_server *front_server(struct hdb *h)
{
	struct he_error *e;

	if (h->server)
		return h->server;
	e = he_connect(h->engine, h->transport, &h->server);
	if (e) {
		h->server = NULL;
		fail_error(h, e);
		return NULL;
	}
	/* Of a box one should know what answered; this machine is known. */
	if (h->person && (h->transport || he_server_info(h->server)->key))
		front_banner(h);
	return h->server;
}

static const char *yama_sentence(int yama)
{
	static const char *const text[] = {
	    [1] = "Yama there (kernel.yama.ptrace_scope=1) lets nobody but root attach to a "
		  "process that is not its own child",
	    [2] = "Yama there (kernel.yama.ptrace_scope=2) lets nobody but root attach",
	    [3] = "Yama there (kernel.yama.ptrace_scope=3) forbids attaching until its next boot",
	};

	return yama > 0 && (size_t)yama < sizeof(text) / sizeof(text[0]) ? text[yama] : NULL;
}

void front_banner(struct hdb *h)
{
	const struct he_server_info *i = he_server_info(h->server);
	char *line = NULL;

	if (asprintf(&line, "connected: %s, %s, %s %s, you are %s%s", i->name, i->build, i->os,
		i->machine, i->user, i->rights & HE_RIGHT_STOP ? "" : " (read-only)") < 0)
		return;
	show_text(h->out, line);
	fputc('\n', h->out);
	free(line);
	if (yama_sentence(i->yama) && (i->uid || i->yama == 3))
		fprintf(h->out, "%s\n", yama_sentence(i->yama));
}

const char *front_name(struct hdb *h, struct he_target *t, char buf[FRONT_NAME])
{
	struct he_target_info i;
	char *clean;

	(void)h;
	he_target_info(t, &i);
	clean = show_clean(i.comm);
	snprintf(buf, FRONT_NAME, "%.64s (%u)", clean ? clean : "?", i.pid);
	free(clean);
	return buf;
}

struct show_style front_style(struct hdb *h)
{
	struct he_target_info i = {0};

	if (h->target)
		he_target_info(h->target, &i);
	return (struct show_style){
	    .colour = h->colour, .exe = i.exe, .address_bytes = front_address_bytes(h)};
}

unsigned front_address_bytes(struct hdb *h)
{
	struct he_target_info i = {0};

	if (h->target)
		he_target_info(h->target, &i);
	return i.address_bytes ? i.address_bytes : 8;
}

uint32_t front_arch(struct hdb *h)
{
	struct he_target_info i = {0};

	if (h->target)
		he_target_info(h->target, &i);
	return i.arch ? i.arch : AUDIT_ARCH_X86_64;
}

unsigned front_width(struct hdb *h)
{
	return screen_columns(h);
}

enum he_state front_state(struct he_target *t)
{
	struct he_target_info i;

	he_target_info(t, &i);
	return i.state;
}

void front_stale(struct hdb *h)
{
	he_stack_free(h->stack);
	h->stack = NULL;
	h->frame = 0;
	free(h->list.file);
	free(h->list.directory);
	h->list = (struct list_state){0};
}

void front_select_thread(struct hdb *h, uint64_t tid)
{
	front_stale(h);
	h->tid = tid;
}

/* The thread to begin with: the main one, else the first there is. */
static uint64_t first_thread(struct hdb *h, struct he_target *t)
{
	struct he_target_info i;
	struct he_threads *p;
	struct he_error *e = he_threads(t, &p);
	uint64_t ret = 0;

	if (e) {
		he_error_free(e);
		return 0;
	}
	he_target_info(t, &i);
	numbers_see(&h->numbers, i.number, i.pid, p);
	for (size_t n = 0; n < p->n; n++)
		if (p->v[n].tid == i.pid || !ret)
			ret = p->v[n].tid;
	he_threads_free(p);
	return ret;
}

void front_select(struct hdb *h, struct he_target *t)
{
	h->target = t;
	h->x = (struct x_state){0};
	front_select_thread(h, t && front_state(t) != HE_GONE ? first_thread(h, t) : 0);
}
