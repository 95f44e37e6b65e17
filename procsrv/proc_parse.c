/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Texts of /proc, read without trusting them.
 */
#include <ctype.h>
#include <string.h>

#include "proc.h"

/* Take a number off the front; false when there is none or it does not fit. */
static bool number(struct span *s, unsigned base, uint64_t *v)
{
	bool any = false;

	*v = 0;
	while (s->n) {
		unsigned c = s->p[0], digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (base == 16 && c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else
			break;
		if (__builtin_mul_overflow(*v, (uint64_t)base, v) ||
		    __builtin_add_overflow(*v, (uint64_t)digit, v))
			return false;
		any = true;
		s->p++;
		s->n--;
	}
	return any;
}

static bool letter(struct span *s, char c)
{
	if (!s->n || s->p[0] != (uint8_t)c)
		return false;
	s->p++;
	s->n--;
	return true;
}

static void blanks(struct span *s)
{
	while (s->n && (s->p[0] == ' ' || s->p[0] == '\t')) {
		s->p++;
		s->n--;
	}
}

/* ---- stat ----------------------------------------------------------------- */

/* The name stands in parentheses and may hold any of them: it ends at the last. */
static bool split_comm(struct span *s, struct span *comm)
{
	const uint8_t *end = memrchr(s->p, ')', s->n);

	if (!letter(s, '(') || !end || end < s->p)
		return false;
	*comm = (struct span){s->p, (uint32_t)(end - s->p)};
	s->n -= comm->n + 1;
	s->p = end + 1;
	return true;
}

/* Fields from the fourth on, in the kernel's numbering. */
static bool fields(struct span *s, struct proc_stat *st)
{
	uint64_t v[40] = {0};

	for (unsigned i = 4; i < 40; i++) {
		blanks(s);
		letter(s, '-');
		if (!number(s, 10, &v[i]))
			return false;
	}
	st->ppid = (pid_t)v[4];
	st->flags = (uint32_t)v[9];
	st->threads = (uint32_t)v[20];
	st->start = v[22];
	st->cpu = (uint32_t)v[39];
	return true;
}

bool proc_parse_stat(struct span text, struct proc_stat *s)
{
	uint64_t pid;

	*s = (struct proc_stat){0};
	if (!text.n || !number(&text, 10, &pid) || !letter(&text, ' ') ||
	    !split_comm(&text, &s->comm))
		return false;
	s->pid = (pid_t)pid;
	blanks(&text);
	if (!text.n)
		return false;
	s->state = (char)text.p[0];
	text.p++;
	text.n--;
	return fields(&text, s);
}

/* ---- status --------------------------------------------------------------- */

static struct span take_line(struct span *text)
{
	const uint8_t *nl = text->n ? memchr(text->p, '\n', text->n) : NULL;
	struct span line = {text->p, nl ? (uint32_t)(nl - text->p) : text->n};

	text->p += line.n;
	text->n -= line.n;
	letter(text, '\n');
	return line;
}

struct span proc_status_field(struct span text, const char *key)
{
	size_t n = strlen(key);

	while (text.n) {
		struct span line = take_line(&text);

		if (line.n <= n || line.p[n] != ':' || memcmp(line.p, key, n) != 0)
			continue;
		line.p += n + 1;
		line.n -= (uint32_t)n + 1;
		blanks(&line);
		return line;
	}
	return (struct span){NULL, 0};
}

unsigned proc_status_numbers(struct span text, const char *key, int base, uint64_t *v, unsigned max)
{
	struct span s = proc_status_field(text, key);
	unsigned n = 0;

	while (n < max) {
		blanks(&s);
		if (!number(&s, (unsigned)base, &v[n]))
			break;
		n++;
	}
	return n;
}

/* ---- maps ----------------------------------------------------------------- */

/* "rwxp" */
static bool prot(struct span *s, uint8_t *bits)
{
	static const char on[4] = "rwxs";

	*bits = 0;
	if (s->n < 4)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		if (s->p[i] == (uint8_t)on[i])
			*bits |= (uint8_t)(1u << i);
		else if (s->p[i] != (i == 3 ? 'p' : '-'))
			return false;
	}
	s->p += 4;
	s->n -= 4;
	return true;
}

/* As makedev(3) of glibc encodes it, and as stat(2) gives it. */
static uint64_t device(uint64_t major, uint64_t minor)
{
	return (major & 0xfff) << 8 | (major & ~0xfffULL) << 32 | (minor & 0xff) |
	       (minor & ~0xffULL) << 12;
}

bool proc_next_map(struct span *text, struct proc_map *m)
{
	struct span s = take_line(text);
	uint64_t major, minor;

	if (!number(&s, 16, &m->lo) || !letter(&s, '-') || !number(&s, 16, &m->hi) || m->hi < m->lo)
		return false;
	if (!letter(&s, ' ') || !prot(&s, &m->prot) || !letter(&s, ' ') ||
	    !number(&s, 16, &m->offset))
		return false;
	if (!letter(&s, ' ') || !number(&s, 16, &major) || !letter(&s, ':') ||
	    !number(&s, 16, &minor))
		return false;
	if (!letter(&s, ' ') || !number(&s, 10, &m->ino))
		return false;
	m->dev = device(major, minor);
	blanks(&s);
	m->name = s;
	return true;
}

/* ---- cgroup --------------------------------------------------------------- */

static bool ends_with(struct span s, const char *end)
{
	size_t n = strlen(end);

	return s.n > n && memcmp(s.p + s.n - n, end, n) == 0;
}

/* The innermost path component that names a service, scope or other unit. */
static struct span unit_of_path(struct span path)
{
	struct span unit = {NULL, 0};

	while (path.n) {
		const uint8_t *slash = memchr(path.p, '/', path.n);
		struct span part = {path.p, slash ? (uint32_t)(slash - path.p) : path.n};

		if (ends_with(part, ".service") || ends_with(part, ".scope") ||
		    ends_with(part, ".socket") || ends_with(part, ".mount"))
			unit = part;
		path.p += part.n;
		path.n -= part.n;
		letter(&path, '/');
	}
	return unit;
}

/* Lines are "ID:CONTROLLERS:PATH"; systemd's is the unified one ("0::") or name=systemd. */
bool proc_next_cgroup(struct span *text, struct span *path)
{
	while (text->n) {
		struct span line = take_line(text);
		const uint8_t *colon = line.n > 2 ? memchr(line.p + 2, ':', line.n - 2) : NULL;
		bool ours = line.n > 3 && memcmp(line.p, "0::", 3) == 0;

		if (ours)
			colon = line.p + 2;
		else if (!colon || !memmem(line.p, (size_t)(colon - line.p), ":name=systemd", 13))
			continue;
		*path = (struct span){colon + 1, (uint32_t)(line.p + line.n - colon - 1)};
		return true;
	}
	return false;
}

struct span proc_unit(struct span cgroup)
{
	struct span path, unit = {NULL, 0};

	while (!unit.n && proc_next_cgroup(&cgroup, &path))
		unit = unit_of_path(path);
	return unit;
}
