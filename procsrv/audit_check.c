/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading the record back: is it whole?  Older parts are those that logrotate(8) leaves,
 * FILE.1 the newest of them.
 */
#include "audit_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_chain.h"
#include "common/log.h"

enum { PARTS = 1000, TOLD = 100 };

struct reading {
	char path[CHAIN_PATH];
	unsigned line;
	struct chain_end last;    /* line that was read; n = 0: none yet */
	uint8_t made[CHAIN_HASH]; /* the hash that it has, whatever it says */
	bool sure;                /* one of the two is the one that the next line went on from */
	uint64_t first, lines;
	unsigned faults;
};

__attribute__((format(printf, 2, 3))) static void fault(struct reading *r, const char *fmt, ...)
{
	va_list ap;

	if (++r->faults > TOLD)
		return;
	printf("%s:%u: ", r->path, r->line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* Does it stand where it belongs? */
static bool follows(struct reading *r, uint64_t n)
{
	uint64_t want = r->last.n + 1;

	if (!r->last.n || n == want)
		return true;
	if (n == want + 1)
		fault(r, "record %" PRIu64 " is missing before this one", want);
	else if (n > want)
		fault(r, "records %" PRIu64 " to %" PRIu64 " are missing before this one", want,
		    n - 1);
	else
		fault(r, "record %" PRIu64 " stands behind record %" PRIu64 ": moved, or put in", n,
		    r->last.n);
	return false;
}

/* Whichever of its two halves was changed, the line before is to be told, and not this one. */
static bool holds(const struct reading *r, const struct chain_end *here, const char *line,
    size_t body, uint8_t made[CHAIN_HASH])
{
	uint8_t other[CHAIN_HASH];

	chain_hash(made, r->last.hash, line, body);
	chain_hash(other, r->made, line, body);
	return memcmp(made, here->hash, CHAIN_HASH) == 0 ||
	       memcmp(other, here->hash, CHAIN_HASH) == 0;
}

static void take(struct reading *r, const char *line, size_t n)
{
	uint8_t made[CHAIN_HASH];
	struct chain_end here;
	bool good, in_order;
	size_t body;

	if (!chain_parse(line, n, &here, &body)) {
		fault(r, "no record, or one that was changed");
		r->last.n += r->last.n > 0;
		r->sure = false;
		return;
	}
	r->lines++;
	r->first = r->first ? r->first : here.n;
	/* Of the first line that is left the one before may be gone with an older file. */
	in_order = follows(r, here.n);
	good = holds(r, &here, line, body, made);
	if (in_order && (r->sure || here.n == 1) && !good)
		fault(r, "record %" PRIu64 " was changed", here.n);
	if (here.n <= r->last.n)
		return;
	r->last = here;
	r->sure = true;
	memcpy(r->made, made, sizeof(made));
}

static void read_part(struct reading *r, FILE *f)
{
	char line[CHAIN_LINE + 1];

	r->line = 0;
	while (fgets(line, sizeof(line), f)) {
		size_t n = strlen(line);

		r->line++;
		if (n && line[n - 1] == '\n')
			take(r, line, n - 1);
		else if (feof(f))
			fault(r, "the last line has no end");
		else
			take(r, "", 0);
	}
	if (ferror(f))
		fault(r, "cannot be read: %s", strerror(errno));
	fclose(f);
}

static FILE *open_part(struct reading *r, const char *path, unsigned part)
{
	if (part)
		snprintf(r->path, sizeof(r->path), "%s.%u", path, part);
	else
		snprintf(r->path, sizeof(r->path), "%s", path);
	return fopen(r->path, "re");
}

/* What the end was, read before the files were: they may grow meanwhile. */
static void judge_end(struct reading *r, bool has_head, const struct chain_end *head)
{
	if (!has_head) {
		fault(r, "there is no %s.head, so that records may be missing at the end", r->path);
		return;
	}
	if (head->n > r->last.n + 1)
		fault(r, "records %" PRIu64 " to %" PRIu64 " are missing at the end", r->last.n + 1,
		    head->n);
	else if (head->n > r->last.n)
		fault(r, "record %" PRIu64 " is missing at the end", head->n);
	else if (head->n == r->last.n && memcmp(head->hash, r->last.hash, CHAIN_HASH) != 0)
		fault(r, "record %" PRIu64 " is not the one that was written", head->n);
}

static void conclude(const struct reading *r)
{
	if (r->faults > TOLD)
		printf("and %u faults more\n", r->faults - TOLD);
	if (!r->lines)
		printf("%s: no records\n", r->path);
	else
		printf("%s: records %" PRIu64 " to %" PRIu64 ", %s\n", r->path, r->first, r->last.n,
		    r->faults ? "NOT as they were written" : "whole");
}

int audit_check(const char *path)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct chain_end head;
	unsigned parts = 0, faults;
	bool has_head;
	FILE *f;

	if (!r)
		fatal(EXIT_FAILURE, "out of memory");
	has_head = chain_head(path, &head);
	while (parts < PARTS && (f = open_part(r, path, parts + 1)) != NULL) {
		fclose(f);
		parts++;
	}
	for (; parts; parts--)
		if ((f = open_part(r, path, parts)) != NULL)
			read_part(r, f);
	f = open_part(r, path, 0);
	if (f)
		read_part(r, f);
	else if (errno != ENOENT || !has_head)
		fatal(EXIT_FAILURE, "%s: %s", r->path, strerror(errno));
	judge_end(r, has_head, &head);
	conclude(r);
	faults = r->faults;
	free(r);
	return faults ? EXIT_FAILURE : 0;
}
