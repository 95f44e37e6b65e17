/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/actions.h"
#include "host/hdb/console.h"

#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "host/hdb/cmd.h"

enum { HISTORY_LINES = 1000 };

struct console {
	struct hdb *h;
	EditLine *el;
	FILE *out; /* that it draws on */
	History *history;
	char *file; /* of the history, NULL = none */
	char *line;
	mbstate_t shift; /* of the character that is being read */
};

static struct console *of(EditLine *el)
{
	void *c = NULL;

	el_get(el, EL_CLIENTDATA, &c);
	return c;
}

static char *prompt(EditLine *el)
{
	static char text[] = "(hdb) ", more[] = ">";

	return actions_open(of(el)->h) ? more : text;
}

/* ---- reading, with events in between ------------------------------------------- */

/* The line that is being typed, on a cleared one. */
static void redraw(struct console *c)
{
	fputs("\r\033[K", c->h->out);
	fflush(c->h->out);
	el_set(c->el, EL_REFRESH);
}

/* What happened is shown above the line that is being typed. */
static void show_events(struct console *c)
{
	fputs("\r\033[K", c->h->out);
	front_events(c->h);
	el_set(c->el, EL_REFRESH);
}

/* A signal came: the person broke off, or the screen is another one. */
static void on_wake(struct console *c)
{
	uint64_t count;

	if (read(c->h->wake_fd, &count, sizeof(count)) < 0)
		return; /* somebody was faster: the flags tell */
	if (!c->h->stale)
		return;
	c->h->stale = 0;
	el_resize(c->el);
	el_set(c->el, EL_PREP_TERM, 1); /* the shell had it while we were in the background */
	redraw(c);
}

/* Until a byte can be read: 1, 0 at the end, -1 when the person broke off. */
static int wait_byte(struct console *c)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN},
	    {.fd = c->h->wake_fd, .events = POLLIN}};

	while (!c->h->interrupted && !c->h->quit) {
		fds[1].fd = he_event_fd(c->h->engine);
		if (poll(fds, 3, -1) < 0) {
			if (errno != EINTR)
				return 0;
			continue;
		}
		if (fds[2].revents)
			on_wake(c);
		if (fds[1].revents)
			show_events(c);
		/* What was typed behind Ctrl-C belongs to the next line. */
		if (fds[0].revents && !c->h->interrupted)
			return 1;
	}
	return -1;
}

static int read_char(EditLine *el, wchar_t *wc)
{
	struct console *c = of(el);
	char byte;

	for (;;) {
		int ready = wait_byte(c);
		ssize_t n = ready > 0 ? read(STDIN_FILENO, &byte, 1) : ready;

		if (n < 0 && ready > 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		switch (mbrtowc(wc, &byte, 1, &c->shift)) {
		case (size_t)-2:
			continue;
		case (size_t)-1: /* not of this locale: drop it */
			memset(&c->shift, 0, sizeof(c->shift));
			continue;
		default:
			return 1;
		}
	}
}

const char *console_line(struct console *c)
{
	HistEvent ev;
	const char *line;
	int n;

	for (;;) {
		c->h->interrupted = 0;
		line = el_gets(c->el, &n);
		if (line && n > 0)
			break;
		fputc('\n', c->h->out);
		fflush(c->h->out);
		if (!c->h->interrupted || c->h->quit)
			return NULL;
		/* Ctrl-C drops what was typed. */
		el_reset(c->el);
	}
	free(c->line);
	c->line = strndup(line, strcspn(line, "\n"));
	if (c->line && c->line[strspn(c->line, " \t")])
		history(c->history, &ev, H_ENTER, c->line);
	return c->line;
}

/* ---- the Tab key ------------------------------------------------------------------ */

struct candidates {
	char **v;
	size_t n, room;
};

static void add_candidate(void *arg, const char *text)
{
	struct candidates *c = arg;

	if (c->n == c->room) {
		size_t room = c->room ? c->room * 2 : 32;
		char **v = reallocarray(c->v, room, sizeof(*v));

		if (!v)
			return;
		c->v = v;
		c->room = room;
	}
	c->v[c->n] = strdup(text);
	if (c->v[c->n])
		c->n++;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_once(struct candidates *c)
{
	size_t n = 0;

	if (c->n)
		qsort(c->v, c->n, sizeof(*c->v), by_text);
	for (size_t i = 0; i < c->n; i++)
		if (n && strcmp(c->v[n - 1], c->v[i]) == 0)
			free(c->v[i]);
		else
			c->v[n++] = c->v[i];
	c->n = n;
}

/* How many bytes all begin with. */
static size_t common_prefix(const struct candidates *c)
{
	size_t n = strlen(c->v[0]);

	for (size_t i = 1; i < c->n; i++) {
		size_t k = 0;

		while (k < n && c->v[0][k] == c->v[i][k])
			k++;
		n = k;
	}
	return n;
}

static void list_candidates(struct hdb *h, const struct candidates *c)
{
	size_t widest = 0, width = front_width(h), per_line;

	for (size_t i = 0; i < c->n; i++)
		widest = strlen(c->v[i]) > widest ? strlen(c->v[i]) : widest;
	per_line = width / (widest + 2) ? width / (widest + 2) : 1;
	fputc('\n', h->out);
	for (size_t i = 0; i < c->n; i++)
		fprintf(h->out, "%-*s%s", (int)widest, c->v[i],
		    (i + 1) % per_line && i + 1 < c->n ? "  " : "\n");
	fflush(h->out);
}

static unsigned char insert(EditLine *el, struct hdb *h, const struct candidates *c, size_t typed)
{
	size_t n = c->n ? common_prefix(c) : 0;
	char *more = c->n ? strndup(c->v[0] + typed, n - typed) : NULL;
	unsigned char ret = CC_REFRESH;

	if (!more)
		return CC_ERROR;
	if (c->n > 1 && !*more) {
		list_candidates(h, c);
		ret = CC_REDISPLAY;
	}
	el_insertstr(el, more);
	if (c->n == 1 && c->v[0][n - 1] != '/')
		el_insertstr(el, " ");
	free(more);
	return ret;
}

static unsigned char complete(EditLine *el, int ch)
{
	struct console *c = of(el);
	const LineInfo *line = el_line(el);
	size_t n = (size_t)(line->cursor - line->buffer), start;
	struct candidates found = {0};
	unsigned char ret;

	(void)ch;
	cmd_complete(c->h, line->buffer, n, &start, add_candidate, &found);
	sort_once(&found);
	ret = insert(el, c->h, &found, n - start);
	for (size_t i = 0; i < found.n; i++)
		free(found.v[i]);
	free(found.v);
	return ret;
}

/* ---- start and end ------------------------------------------------------------------- */

/* Make dir and what it stands in; their owner alone may look into it. */
static void make_dir(const char *dir)
{
	char *copy = strdup(dir);

	for (char *p = copy; copy && (p = strchr(p + 1, '/'));) {
		*p = 0;
		mkdir(copy, 0700);
		*p = '/';
	}
	if (copy)
		mkdir(copy, 0700);
	free(copy);
}

static void load_history(struct console *c, const char *dir)
{
	HistEvent ev;

	history(c->history, &ev, H_SETSIZE, HISTORY_LINES);
	history(c->history, &ev, H_SETUNIQUE, 1);
	if (!dir)
		return;
	make_dir(dir);
	if (asprintf(&c->file, "%s/history", dir) < 0)
		c->file = NULL;
	if (c->file)
		history(c->history, &ev, H_LOAD, c->file);
}

struct console *console_new(struct hdb *h, const char *dir)
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->h = h;
	c->history = history_init();
	c->out = screen_plain(h);
	c->el = c->out ? el_init_fd("hdb", stdin, c->out, stderr, STDIN_FILENO, STDOUT_FILENO,
			     STDERR_FILENO)
		       : NULL;
	if (!c->history || !c->el) {
		console_free(c);
		return NULL;
	}
	load_history(c, dir);
	el_set(c->el, EL_CLIENTDATA, c);
	el_set(c->el, EL_SIGNAL, 0); /* Ctrl-C is ours */
	el_set(c->el, EL_PROMPT, prompt);
	el_set(c->el, EL_HIST, history, c->history);
	el_set(c->el, EL_GETCFN, read_char);
	el_set(c->el, EL_EDITOR, "emacs");
	/* The wide form, for the other one leaks its strings. */
	el_wset(c->el, EL_ADDFN, L"hdb-complete", L"complete commands and arguments", complete);
	el_set(c->el, EL_BIND, "^I", "hdb-complete", NULL);
	el_set(c->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(c->el, NULL);
	return c;
}

void console_free(struct console *c)
{
	HistEvent ev;

	if (!c)
		return;
	if (c->file)
		history(c->history, &ev, H_SAVE, c->file);
	if (c->el)
		el_end(c->el);
	if (c->history)
		history_end(c->history);
	if (c->out)
		fclose(c->out);
	free(c->file);
	free(c->line);
	free(c);
}
