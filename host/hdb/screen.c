/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/hdb/front.h"
#include "host/hdb/query.h"

enum {
	PIECE = 4096, /* a pipe that poll(2) says is writable takes so much at once */
	TAB = 8,
};

/* ---- waiting ----------------------------------------------------------------- */

/* With the signals blocked but while asleep, none can come between the look at the flags
 * and the sleep. */
bool screen_wait(struct hdb *h, int fd, short events, bool interruptible)
{
	struct pollfd p = {.fd = fd, .events = events};
	sigset_t ours, before;
	bool ready = false;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ours, &before);
	while (!ready && !h->killed && !(interruptible && h->interrupted)) {
		int n = ppoll(&p, 1, NULL, &before);

		ready = n > 0 || (n < 0 && errno != EINTR);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ready;
}

bool screen_line(struct hdb *h, int fd, char *text, size_t size)
{
	bool whole = false;
	size_t n = 0;
	char c;

	while (!whole && screen_wait(h, fd, POLLIN, true) && read(fd, &c, 1) == 1) {
		whole = c == '\n';
		if (!whole && n + 1 < size)
			text[n++] = c;
	}
	text[n] = 0;
	return whole;
}

/* ---- writing ------------------------------------------------------------------- */

/* Once it is to end, only what can be written without waiting. */
static bool may_write(struct hdb *h, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return h->killed ? poll(&p, 1, 0) > 0 : screen_wait(h, fd, POLLOUT, false);
}

/* False: it cannot be written to, errno. */
static bool write_all(struct hdb *h, int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done;

		if (!may_write(h, fd)) {
			if (h->killed)
				return true;
			continue;
		}
		done = write(fd, p, n < PIECE ? n : PIECE);
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return true;
}

/* ---- pages --------------------------------------------------------------------- */

static unsigned terminal_size(const struct hdb *h, bool rows)
{
	struct winsize w;

	if (!h->screen.terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0)
		return 0;
	return rows ? w.ws_row : w.ws_col;
}

unsigned screen_columns(const struct hdb *h)
{
	return h->screen.columns >= 0 ? (unsigned)h->screen.columns : terminal_size(h, false);
}

unsigned screen_rows(const struct hdb *h)
{
	return h->screen.rows >= 0 ? (unsigned)h->screen.rows : terminal_size(h, true);
}

void screen_begin(struct hdb *h)
{
	struct screen *s = &h->screen;

	s->paging = h->person && s->terminal;
	s->endless_now = s->dropping = s->escape = false;
	s->row = s->column = 0;
}

void screen_end(struct hdb *h)
{
	fflush(h->out);
	h->screen.paging = h->screen.dropping = false;
}

/* One byte more; true: a row is full. */
static bool advance(struct screen *s, char c, unsigned columns)
{
	if (s->escape) {
		s->escape = c == '[' || c == ';' || (c >= '0' && c <= '9');
		return false;
	}
	s->escape = c == '\033';
	if (c == '\n' || c == '\r') {
		s->column = 0;
		return c == '\n';
	}
	if (s->escape || ((unsigned char)c & 0xc0) == 0x80) /* more of a character */
		return false;
	s->column += c == '\t' ? TAB - s->column % TAB : 1;
	if (!columns || s->column <= columns)
		return false;
	s->column = 1;
	return true;
}

/* How much of the text fits the page; n when all of it does. */
static size_t fits(struct hdb *h, const char *p, size_t n)
{
	struct screen *s = &h->screen;
	unsigned rows = screen_rows(h), columns = screen_columns(h);

	if (!s->paging || s->endless || s->endless_now || !rows)
		return n;
	for (size_t i = 0; i < n; i++) {
		/* The question takes the last row. */
		if (s->row + 1 >= rows)
			return i;
		s->row += advance(s, p[i], columns);
	}
	return n;
}

/* The page is full: what does the person want? */
static void turn_page(struct hdb *h)
{
	static const char question[] =
	    "--Type <RET> for more, q to quit, c to continue without paging--";
	struct screen *s = &h->screen;
	char answer[16];

	s->row = s->column = 0;
	write_all(h, STDOUT_FILENO, question, sizeof(question) - 1);
	if (!query_line(h, answer, sizeof(answer)) || answer[0] == 'q') {
		/* As Ctrl-C: what prints for long looks for that. */
		s->dropping = true;
		h->interrupted = 1;
	} else if (answer[0] == 'c') {
		s->endless_now = true;
	}
}

/* ---- the streams ----------------------------------------------------------------- */

void screen_died(struct hdb *h)
{
	h->screen.failed = true;
	h->quit = h->interrupted = 1;
}

static ssize_t put_out(void *arg, const char *p, size_t n)
{
	struct hdb *h = arg;
	struct screen *s = &h->screen;

	for (size_t at = 0; at < n && !s->dropping;) {
		size_t part = fits(h, p + at, n - at);

		if (!write_all(h, STDOUT_FILENO, p + at, part)) {
			if (errno == EPIPE || errno == EIO)
				screen_died(h);
			s->failed = true;
			return 0;
		}
		at += part;
		if (at < n)
			turn_page(h);
	}
	return (ssize_t)n;
}

static ssize_t put_err(void *arg, const char *p, size_t n)
{
	return write_all(arg, STDERR_FILENO, p, n) ? (ssize_t)n : 0;
}

static ssize_t put_plain(void *arg, const char *p, size_t n)
{
	return write_all(arg, STDOUT_FILENO, p, n) ? (ssize_t)n : 0;
}

FILE *screen_plain(struct hdb *h)
{
	return fopencookie(h, "w", (cookie_io_functions_t){.write = put_plain});
}

bool screen_open(struct hdb *h)
{
	struct screen *s = &h->screen;

	s->terminal = isatty(STDOUT_FILENO);
	s->err_terminal = isatty(STDERR_FILENO);
	s->columns = s->rows = SCREEN_UNSET;
	h->out = fopencookie(h, "w", (cookie_io_functions_t){.write = put_out});
	h->err = fopencookie(h, "w", (cookie_io_functions_t){.write = put_err});
	if (!h->out || !h->err)
		return false;
	setvbuf(h->out, NULL, s->terminal ? _IOLBF : _IOFBF, PIECE);
	setvbuf(h->err, NULL, _IOLBF, PIECE);
	return true;
}

bool screen_close(struct hdb *h)
{
	bool whole = fclose(h->out) == 0 && !h->screen.failed;

	fclose(h->err);
	h->out = stdout;
	h->err = stderr;
	return whole;
}
