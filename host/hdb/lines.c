/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/hdb/actions.h"
#include "host/hdb/cmd.h"
#include "host/hdb/convenience.h"

enum {
	LINE_MAX_BYTES = 1 << 20,
	NESTED = 16, /* files that read files */
};

/* ---- one ---------------------------------------------------------------------- */

static int run_one(struct hdb *h, const char *line)
{
	struct he_event ev;
	int ret;

	h->interrupted = h->killed;
	h->busy = 1;
	if (!h->script_depth)
		screen_begin(h);
	convenience_tell(h);
	ret = cmd_run(h, line);
	h->busy = 0;
	progress_clear(&h->progress, h->err);
	if (!h->script_depth)
		screen_end(h);
	/* Ctrl-C that came too late to break anything off must not do so later. */
	if (h->interrupted) {
		struct he_error *e = he_wait(h->engine, 0, &ev);

		if (!e)
			front_event(h, &ev);
		he_error_free(e);
	}
	front_events(h);
	return ret;
}

int lines_run(struct hdb *h, const char *line)
{
	int ret;

	if (actions_open(h))
		return actions_line(h, line);
	ret = run_one(h, line);
	return ret | actions_run(h, run_one);
}

/* ---- many ---------------------------------------------------------------------- */

struct reader {
	int fd;
	size_t at, n; /* of room: not yet taken */
	char room[4096];
	char *line;
	size_t len;
	int err; /* errno, 0 = none */
};

/* Have at least one byte; false: that was the end, or hdb is to end. */
static bool fill(struct hdb *h, struct reader *r)
{
	ssize_t n = 0;

	while (r->at == r->n) {
		if (!screen_wait(h, r->fd, POLLIN, false))
			return false;
		n = read(r->fd, r->room, sizeof(r->room));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		r->err = n < 0 ? errno : 0;
		if (n <= 0)
			return false;
		r->at = 0;
		r->n = (size_t)n;
	}
	return true;
}

static bool append(struct reader *r, const char *p, size_t n)
{
	char *line = r->len + n < LINE_MAX_BYTES ? realloc(r->line, r->len + n + 1) : NULL;

	if (!line)
		return false;
	memcpy(line + r->len, p, n);
	r->line = line;
	r->len += n;
	line[r->len] = 0;
	return true;
}

/* The next line, valid until the next call; NULL: there is none. */
static const char *next_line(struct hdb *h, struct reader *r)
{
	bool whole = false, any = false;

	r->len = 0;
	while (!whole && fill(h, r)) {
		const char *from = r->room + r->at, *end = memchr(from, '\n', r->n - r->at);
		size_t n = end ? (size_t)(end - from) : r->n - r->at;

		whole = end != NULL;
		any = true;
		r->at += n + whole;
		if (!append(r, from, n)) {
			r->err = E2BIG;
			return NULL;
		}
	}
	return any && !h->killed ? r->line : NULL;
}

int lines_from_input(struct hdb *h)
{
	struct reader r = {.fd = STDIN_FILENO};
	const char *line;
	int ret = 0;

	while (!h->quit && (line = next_line(h, &r)))
		ret |= lines_run(h, line);
	free(r.line);
	if (r.err)
		ret = fail(h, "standard input: %s", strerror(r.err));
	return ret;
}

static int from_descriptor(struct hdb *h, int fd)
{
	struct reader r = {.fd = fd};
	bool open_before = actions_open(h);
	const char *line;
	int ret = 0;

	while (!h->quit && !h->interrupted && !ret) {
		line = next_line(h, &r);
		if (!line)
			break;
		h->script_line++;
		ret = lines_run(h, line);
	}
	if (!open_before)
		actions_end(h);
	free(r.line);
	if (r.err)
		ret = fail(h, "%s",
		    r.err == E2BIG ? "a line of commands is longer than 1 MiB" : strerror(r.err));
	return ret | (h->interrupted != 0);
}

/* "~/x" as a shell has it; the caller frees it. */
static char *expand(const char *path)
{
	const char *home = strncmp(path, "~/", 2) == 0 ? getenv("HOME") : NULL;
	char *full = NULL;

	if (!home)
		return strdup(path);
	return asprintf(&full, "%s%s", home, path + 1) < 0 ? NULL : full;
}

int lines_from_file(struct hdb *h, const char *path)
{
	const char *script = h->script;
	unsigned line = h->script_line;
	char *full = expand(path);
	int fd = full ? open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1, ret;

	if (fd < 0) {
		ret = fail(h, "%s: %s", path, full ? strerror(errno) : "out of memory");
	} else if (h->script_depth == NESTED) {
		ret = fail(
		    h, "%s: files of commands read one another %u deep", path, h->script_depth);
	} else {
		h->script = path;
		h->script_line = 0;
		h->script_depth++;
		ret = from_descriptor(h, fd);
		h->script_depth--;
		h->script = script;
		h->script_line = line;
	}
	if (fd >= 0)
		close(fd);
	free(full);
	return ret;
}
