/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Mutations of inputs that are lines (bridge.c): packets that the table has, with words that
 * packets have, are put in; lines are moved, doubled and left out; and now and then the
 * fuzzer's own mutations are made in one line.
 */
#include <string.h>

#include "fuzz.h"
#include "host/rsp/rsp.h"

/* libFuzzer's; not there where a corpus is only replayed. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

enum { LINE = 512 };

static uint32_t state;

static unsigned pick(size_t n)
{
	state = state * 1664525u + 1013904223u;
	return (unsigned)((state >> 8) % n);
}

static const char *const words[] = {"", "0", "1", "2a", "2b", "2c", "2d", "32", "4d", "401000",
    "401fff", "402000", "ffffffff", "7fffffffffffffff", "ffffffffffffffff", "10000000000000000",
    "-1", "p2a.2a", "p2a.-1", "p-1.-1", "p2a", "p0.0", "p32.32", "p4d.0", "99999", ":0,1000",
    ":10,4", "target.xml", "auxv", "threads", "processes", "sockets", "start=2000", "2f62696e2f61",
    "2f6574632f706173737764", "68656c70", "7374617473", "X2,2200", "xyz", "}]", "*", "=",
    "[{\"file\":\"/bin/a\"}]", "c", "s", "t", "C0b", "S0b", "r401000,401010",
    "read:", "write:", "name_match:equals;name:61;", "A=b"};
static const char marks[] = ";,:.=-";

static const char *const events[] = {"!0 42 0 5 0", "!0 42 1 1 11", "!0 42 0 6 0 0 0",
    "!0 42 0 7 0 0 4", "!0 42 0 7 0 0 0 1", "!0 42 0 8 0", "!1 42 1 1 10", "!1 42 0 0 0", "!2 42 1",
    "!3 42 0 0 0 256", "!3 42 0 0 0 9", "!4 42 0 0 0 1", "!5 77", "!6 0", "!7 0", "!0 50 0 5",
    "!0 77 0 1 5", "@", "^", "~", "=4 1", "=1 1", "=6 3", "=12 1", "=20 0", "=36 2"};

static size_t put(char *to, size_t at, const char *text)
{
	size_t n = strlen(text);

	if (at + n > LINE)
		return at;
	memcpy(to + at, text, n);
	return at + n;
}

static size_t make_packet(char *to)
{
	const struct rsp_row *row;
	const struct rsp_part *part;
	size_t n = 1, parts = 0, rows = 0;

	*to = '$';
	while (rsp_parts[parts])
		parts++;
	part = rsp_parts[pick(parts)];
	row = part->lldb && pick(2) ? part->lldb : part->rows;
	while (row && row[rows].prefix)
		rows++;
	if (!rows)
		return put(to, 0, events[pick(sizeof(events) / sizeof(events[0]))]);
	row += pick(rows);
	n = put(to, n, row->prefix);
	for (unsigned i = row->match == RSP_PREFIX || !pick(8) ? pick(6) : 0; i > 0; i--) {
		n = put(to, n, words[pick(sizeof(words) / sizeof(words[0]))]);
		if (n < LINE && !pick(3))
			to[n++] = marks[pick(sizeof(marks) - 1)];
	}
	return n;
}

static size_t make_line(char *to)
{
	if (!pick(4))
		return put(to, 0, events[pick(sizeof(events) / sizeof(events[0]))]);
	return make_packet(to);
}

/* Where a line begins, somewhere. */
static size_t somewhere(const uint8_t *data, size_t size)
{
	size_t at = size ? pick(size) : 0;

	while (at && data[at - 1] != '\n')
		at--;
	return at;
}

/* Its length with what ends it. */
static size_t line_at(const uint8_t *data, size_t size, size_t at)
{
	const uint8_t *nl = size > at ? memchr(data + at, '\n', size - at) : NULL;

	return nl ? (size_t)(nl - data) - at + 1 : size - at;
}

static size_t insert(uint8_t *data, size_t size, size_t max, size_t at, const void *line, size_t n)
{
	if (n > max - size)
		return size;
	memmove(data + at + n, data + at, size - at);
	memcpy(data + at, line, n);
	return size + n;
}

static size_t mutate_one(uint8_t *data, size_t size, size_t max)
{
	size_t at = somewhere(data, size), n = line_at(data, size, at), changed;
	uint8_t line[LINE];

	if (!n || n > LINE || !LLVMFuzzerMutate)
		return size;
	memcpy(line, data + at, n);
	changed = LLVMFuzzerMutate(line, n, LINE);
	memmove(data + at, data + at + n, size - at - n);
	return insert(data, size - n, max, at, line, changed);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size_t at, n;
	char line[LINE + 1];
	uint8_t copy[LINE];

	state = seed;
	at = somewhere(data, size);
	n = line_at(data, size, at);
	switch (pick(6)) {
	case 0: /* left out */
		memmove(data + at, data + at + n, size - at - n);
		return size - n;
	case 1: /* once more, somewhere */
		if (n > LINE)
			return size;
		memcpy(copy, data + at, n);
		return insert(data, size, max, somewhere(data, size), copy, n);
	case 2:
		return mutate_one(data, size, max);
	default:
		n = make_line(line);
		line[n] = '\n';
		return insert(data, size, max, at, line, n + 1);
	}
}
