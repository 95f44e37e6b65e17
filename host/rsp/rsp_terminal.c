/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_terminal.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/rsp/rsp_run.h"

enum { UNSAID_MS = 50 };

/* ---- what commands of breakpoints write ------------------------------------------------ */

/* As much of it as standard error takes at once: how many bytes. */
static size_t offer(const uint8_t *text, size_t n)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	size_t at = 0;

	while (at < n) {
		ssize_t done = send(fd.fd, text + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		/* That many a pipe takes that is writable at all. */
		if (done < 0 && errno == ENOTSOCK && poll(&fd, 1, 0) > 0 && fd.revents & POLLOUT)
			done = write(fd.fd, text + at, n - at < PIPE_BUF ? n - at : PIPE_BUF);
		if (done <= 0)
			break;
		at += (size_t)done;
	}
	return at;
}

static void offer_unsaid(struct rsp_terminal *m)
{
	struct buf *b = &m->unsaid;
	size_t done = b->len ? offer(b->p, b->len) : 0;
	char line[128];
	int n;

	if (done)
		memmove(b->p, b->p + done, b->len - done);
	b->len -= done;
	if (b->len || !m->lost)
		return;
	n = snprintf(line, sizeof(line),
	    "%zu bytes of what commands of breakpoints wrote were lost: nobody read them.\n",
	    m->lost);
	buf_raw(b, line, (size_t)n);
	m->lost = 0;
}

/* ---- the terminal ---------------------------------------------------------------- */

void rsp_terminal_init(struct rsp *r, bool own)
{
	struct rsp_terminal *m = calloc(1, sizeof(*m));

	r->terminal = m;
	if (!m)
		return;
	m->own = own;
	buf_init(&m->unsaid, RSP_TERMINAL_UNSAID);
	memset(m->streams, -1, sizeof(m->streams));
	m->tty = own && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* Every key goes to the program, whose own terminal makes of it what it wants; what we write
 * is treated as ever. */
static void change(struct rsp_terminal *m)
{
	struct termios t;

	if (m->changed || !m->tty || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
	    tcgetattr(STDIN_FILENO, &m->before) != 0)
		return;
	t = m->before;
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | IXON | ISTRIP);
	m->changed = tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
}

void rsp_terminal_end(struct rsp *r)
{
	struct rsp_terminal *m = r->terminal;

	if (m && m->changed)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &m->before);
	for (unsigned i = 0; m && i < 3; i++)
		rsp_terminal_stream(r, i, -1);
	if (m && m->unsaid.len)
		offer_unsaid(m);
	if (m)
		buf_free(&m->unsaid);
	free(m);
	r->terminal = NULL;
}

void rsp_terminal_stream(struct rsp *r, unsigned stream, int fd)
{
	int *at = &r->terminal->streams[stream];

	if (*at >= 0)
		close(*at);
	*at = fd;
	if (stream == 0)
		r->terminal->at_end = false;
}

/* A terminal even for a debugger's console: a line is seen when it is written. */
static bool wants_terminal(const struct rsp_terminal *m)
{
	if (m->streams[1] >= 0)
		return isatty(m->streams[1]);
	return !m->own || m->tty;
}

void rsp_terminal_ask(struct rsp *r, struct he_launch *q)
{
	struct winsize w;

	q->terminal = wants_terminal(r->terminal);
	/* GDB goes on with a child when its parent, which began the session, has ended. */
	q->apart = true;
	if (r->terminal->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0) {
		q->rows = w.ws_row;
		q->cols = w.ws_col;
	}
}

void rsp_terminal_begin(struct rsp *r, struct rsp_process *p)
{
	struct rsp_terminal *m = r->terminal;
	size_t taken;

	m->n = 0;
	m->end_told = false;
	if (m->own && m->streams[0] < 0)
		change(m);
	else if (!r->lldb) /* which sends what is typed itself */
		he_error_free(he_input(p->t, NULL, 0, true, &taken));
}

/* ---- output ---------------------------------------------------------------------------- */

/* Line ends as they were before a terminal made \r\n of them, in place. */
static size_t unreturn(char *text, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++)
		if (text[i] != '\r' || i + 1 == n || text[i + 1] != '\n')
			text[to++] = text[i];
	return to;
}

static void write_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t done = write(fd, text, n);

		if (done <= 0)
			return;
		text += done;
		n -= (size_t)done;
	}
}

static void show(struct rsp *r, unsigned stream, const char *text, size_t n)
{
	int fd = r->terminal->streams[stream == 2 ? 2 : 1];

	if (fd >= 0)
		write_all(fd, text, n);
	else if (r->terminal->own && !r->lldb)
		write_all(stream == 2 ? STDERR_FILENO : STDOUT_FILENO, text, n);
	else if (r->run->waiting || r->lldb)
		rsp_console(r, text, n);
	else
		/* Nobody reads O packets now; GDB shows our standard error. */
		write_all(STDERR_FILENO, text, n);
}

void rsp_terminal_output(struct rsp *r, const struct he_event *ev)
{
	struct he_target_info i;
	char *text;
	size_t n = ev->len;

	he_target_info(ev->target, &i);
	text = n ? malloc(n) : NULL;
	if (!text)
		return;
	memcpy(text, ev->data, n);
	if (i.streams == HE_STREAMS_TERMINAL && (!r->lldb || r->terminal->streams[1] >= 0) &&
	    !isatty(r->terminal->streams[1]))
		n = unreturn(text, n);
	show(r, ev->stream, text, n);
	free(text);
}

/* GDB reads standard error of a bridge that it started only when that sends something: the
 * program would stand for it, and nobody would know. */
void rsp_terminal_say(struct rsp *r, const void *text, size_t n)
{
	struct rsp_terminal *m = r->terminal;

	if (!m->own && r->run->waiting && r->in >= 0) {
		rsp_console(r, text, n);
		return;
	}
	if (m->lost || n > m->unsaid.max - m->unsaid.len)
		m->lost += n;
	else
		buf_raw(&m->unsaid, text, n);
	offer_unsaid(m);
}

int rsp_terminal_tick(struct rsp *r)
{
	if (r->terminal->unsaid.len)
		offer_unsaid(r->terminal);
	return r->terminal->unsaid.len ? UNSAID_MS : -1;
}

/* ---- input ------------------------------------------------------------------------------- */

/* The program that was started last, or what it forked. */
static struct rsp_process *reader(const struct rsp *r)
{
	struct rsp_process *last = NULL;
	struct he_target_info i;

	for (struct rsp_process *p = r->processes; p; p = p->next) {
		he_target_info(p->t, &i);
		if (i.streams && i.state != HE_GONE)
			last = p;
	}
	return last;
}

static int input(const struct rsp_terminal *m)
{
	if (m->streams[0] >= 0)
		return m->streams[0];
	return m->own ? STDIN_FILENO : -1;
}

int rsp_terminal_in(const struct rsp *r)
{
	const struct rsp_terminal *m = r->terminal;

	return !m->at_end && !m->n && reader(r) ? input(m) : -1;
}

void rsp_terminal_input(struct rsp *r, bool readable)
{
	struct rsp_terminal *m = r->terminal;
	struct rsp_process *p = reader(r);
	size_t taken = 0;

	if (!p)
		return;
	if (readable && !m->n) {
		ssize_t n = read(input(m), m->room, sizeof(m->room));

		m->at = 0;
		m->n = n > 0 ? (size_t)n : 0;
		m->at_end = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
	}
	if (m->n)
		he_error_free(he_input(p->t, m->room + m->at, m->n, false, &taken));
	m->at += taken;
	m->n -= taken;
	if (m->at_end && !m->n && !m->end_told) {
		m->end_told = true;
		he_error_free(he_input(p->t, NULL, 0, true, &taken));
	}
}
