/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/hdb/front.h"

enum { AGAIN_MS = 20 /* a program that does not read is asked again */ };

void relay_init(struct hdb *h, bool commands)
{
	struct relay *r = &h->relay;

	r->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	r->input = r->terminal || !commands;
}

void relay_begin(struct hdb *h, struct he_target *t)
{
	struct relay *r = &h->relay;
	size_t taken;

	r->deaf = r->end_told = false;
	if (r->input)
		return;
	/* What stands there is for us: it must not wait for it. */
	he_error_free(he_input(t, NULL, 0, true, &taken));
	r->deaf = true;
}

/* ---- the terminal ------------------------------------------------------------------ */

static void enter_raw(struct relay *r)
{
	struct termios raw;

	if (r->raw || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
	    tcgetattr(STDIN_FILENO, &r->cooked) != 0)
		return;
	raw = r->cooked;
	cfmakeraw(&raw);
	r->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void relay_rest(struct hdb *h)
{
	struct relay *r = &h->relay;

	if (r->raw) {
		fflush(h->out);
		tcsetattr(STDIN_FILENO, TCSADRAIN, &r->cooked);
		r->raw = false;
	}
	if (r->midline && r->terminal)
		fputc('\n', h->out);
	r->midline = false;
}

bool relay_size(struct relay *r)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 ||
	    (w.ws_row == r->rows && w.ws_col == r->cols))
		return false;
	r->rows = w.ws_row;
	r->cols = w.ws_col;
	return true;
}

static void tell_size(struct relay *r, struct he_target *t)
{
	if (relay_size(r))
		he_error_free(he_window(t, r->rows, r->cols));
}

/* Signals came.  After SIGCONT the terminal is as the shell left it. */
static void woken(struct hdb *h, struct he_target *t, bool terminal)
{
	uint64_t count;

	if (read(h->wake_fd, &count, sizeof(count)) < 0 || !h->stale)
		return;
	h->stale = 0;
	h->relay.raw = false;
	if (terminal)
		tell_size(&h->relay, t);
}

/* ---- input ---------------------------------------------------------------------------- */

static void fill(struct relay *r)
{
	ssize_t n = read(STDIN_FILENO, r->room, sizeof(r->room));

	r->at = 0;
	r->n = n > 0 ? (size_t)n : 0;
	r->at_end = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

/* What was read and not yet taken.  That the program closed its side is its affair. */
static void give(struct relay *r, struct he_target *t)
{
	struct he_error *e = NULL;
	size_t taken = 0;

	if (r->n)
		e = he_input(t, r->room + r->at, r->n, false, &taken);
	r->at += taken;
	r->n -= taken;
	if (!e && !r->n && r->at_end && !r->end_told) {
		e = he_input(t, NULL, 0, true, &taken);
		r->end_told = true;
	}
	if (e)
		r->deaf = true;
	he_error_free(e);
}

void relay_sleep(struct hdb *h, struct he_target *t)
{
	struct relay *r = &h->relay;
	struct he_target_info i;
	bool gives;

	he_target_info(t, &i);
	gives = i.launched && r->input && !r->deaf;
	if (i.terminal && r->terminal && !r->raw) {
		tell_size(r, t); /* it may have changed at the prompt */
		enter_raw(r);
	}
	if (gives)
		give(r, t);
	struct pollfd fds[] = {{.fd = he_event_fd(h->engine), .events = POLLIN},
	    {.fd = h->wake_fd, .events = POLLIN},
	    {.fd = gives && !r->n && !r->at_end ? STDIN_FILENO : -1, .events = POLLIN},
	    {.fd = STDOUT_FILENO}};

	fflush(h->out);
	if (poll(fds, 4, gives && r->n ? AGAIN_MS : -1) <= 0)
		return;
	if (fds[3].revents & (POLLERR | POLLHUP))
		screen_died(h);
	if (fds[1].revents)
		woken(h, t, i.terminal);
	if (fds[2].revents) {
		fill(r);
		give(r, t);
	}
}

/* ---- output -------------------------------------------------------------------------- */

void relay_output(struct hdb *h, const struct he_event *ev)
{
	const char *text = ev->data;
	FILE *to = ev->stream == 2 ? h->err : h->out;
	bool paging;

	if (!ev->len)
		return;
	/* As it is: whoever starts a program wants to see what it writes. */
	fflush(ev->stream == 2 ? h->out : h->err);
	paging = h->screen.paging;
	h->screen.paging = false;
	fwrite(text, 1, ev->len, to);
	fflush(to);
	h->screen.paging = paging;
	h->relay.midline = text[ev->len - 1] != '\n';
}
