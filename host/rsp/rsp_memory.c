/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory: m M X x, searches and checksums.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/rsp/rsp_again.h"
#include "host/rsp/rsp_parts.h"

enum {
	CHUNK = 64 * 1024,
	PATTERN_MAX = 16 * 1024,
};

/* ---- reading and writing ------------------------------------------------------------ */

struct he_error *rsp_read(
    struct rsp *r, struct rsp_process *p, uint64_t addr, void *buf, size_t len, size_t *got)
{
	(void)r;
	return he_read(p->t, addr, buf, len, got);
}

struct he_error *rsp_write(
    struct rsp *r, struct rsp_process *p, uint64_t addr, const void *data, size_t len)
{
	struct he_error *e = he_write(p->t, addr, data, len);

	rsp_stale(r, p);
	return e;
}

/* "addr,length" of the current process, into memory the caller frees: the readable prefix.
 * NULL: an error was put. */
static uint8_t *take_memory(struct rsp *r, struct rd *args, size_t max, size_t *got)
{
	uint64_t addr = rsp_take_hex(args), len;
	struct rsp_process *p;
	struct he_error *e;
	uint8_t *data;

	rsp_want_char(args, ',');
	len = rsp_take_hex(args);
	if (!rd_done(args)) {
		rsp_bad(r);
		return NULL;
	}
	p = rsp_current(r);
	if (!p)
		return NULL;
	len = len < max ? len : max;
	data = malloc(len + 1);
	*got = 0;
	e = data ? rsp_read(r, p, addr, data, len, got) : NULL;
	if (!data)
		rsp_fail_errno(r, ENOMEM);
	else if (!e || *got) {
		he_error_free(e);
		return data;
	} else
		rsp_done(r, e);
	free(data);
	return NULL;
}

static void read_hex(struct rsp *r, struct rd *args)
{
	size_t got;
	uint8_t *data = take_memory(r, args, RSP_PACKET / 2, &got);

	if (data)
		rsp_put_hex(&r->reply, data, got);
	free(data);
}

/* LLDB asks with a length of 0 whether there is such a packet. */
static void read_binary(struct rsp *r, struct rd *args)
{
	size_t got;
	uint8_t *data = take_memory(r, args, RSP_PACKET / 2, &got);

	if (data && got)
		rsp_put_binary(&r->reply, data, got);
	else if (data)
		rsp_ok(r);
	free(data);
}

static void write_to(struct rsp *r, uint64_t addr, const void *data, size_t len)
{
	struct rsp_process *p = rsp_current(r);

	if (!p || rsp_again_moved(r, p))
		return;
	if (len)
		rsp_done(r, rsp_write(r, p, addr, data, len));
	else
		rsp_ok(r);
}

static void take_place(struct rd *args, uint64_t *addr, uint64_t *len)
{
	*addr = rsp_take_hex(args);
	rsp_want_char(args, ',');
	*len = rsp_take_hex(args);
	rsp_want_char(args, ':');
}

static void write_hex(struct rsp *r, struct rd *args)
{
	uint64_t addr, len;
	struct buf data;

	buf_init(&data, RSP_PACKET);
	take_place(args, &addr, &len);
	rsp_take_pairs(args, &data);
	if (rd_done(args) && data.len == len)
		write_to(r, addr, data.p, data.len);
	else
		rsp_bad(r);
	buf_free(&data);
}

/* GDB asks with a length of 0 whether there is such a packet, perhaps without a process. */
static void write_binary(struct rsp *r, struct rd *args)
{
	struct span data;
	uint64_t addr, len;

	take_place(args, &addr, &len);
	data = rsp_take_rest(args);
	if (args->bad || data.n != len)
		rsp_bad(r);
	else if (!len)
		rsp_ok(r);
	else
		write_to(r, addr, data.p, data.n);
}

/* ---- searching ----------------------------------------------------------------------- */

/* What lies in [addr, addr + len), a chunk at a time with the overlap that a pattern across
 * two of them needs.  Broken off, the reply says so. */
static struct he_error *search(struct rsp *r, struct rsp_process *p, uint64_t addr, uint64_t len,
    struct span pattern, uint64_t *found)
{
	uint8_t *data = malloc(CHUNK + PATTERN_MAX);
	struct he_error *e = NULL;

	*found = 0;
	if (!data)
		rsp_fail_errno(r, ENOMEM);
	while (data && !e && len >= pattern.n && !rsp_interrupted(r)) {
		size_t want = len < CHUNK + pattern.n ? len : CHUNK + pattern.n, got = 0;
		const uint8_t *at;

		e = rsp_read(r, p, addr, data, want, &got);
		at = memmem(data, got, pattern.p, pattern.n);
		if (at) {
			*found = addr + (uint64_t)(at - data) + 1;
			break;
		}
		if (want == len)
			break;
		addr += CHUNK;
		len -= CHUNK;
	}
	free(data);
	if (*found) {
		he_error_free(e);
		e = NULL;
	}
	return e;
}

static void search_memory(struct rsp *r, struct rd *args)
{
	uint64_t addr = rsp_take_hex(args), len, found;
	struct rsp_process *p;
	struct span pattern;
	struct he_error *e;

	rsp_want_char(args, ';');
	len = rsp_take_hex(args);
	rsp_want_char(args, ';');
	pattern = rsp_take_rest(args);
	if (args->bad || !pattern.n || pattern.n > PATTERN_MAX) {
		rsp_bad(r);
		return;
	}
	p = rsp_current(r);
	if (!p)
		return;
	e = search(r, p, addr, len, pattern, &found);
	if (e)
		rsp_done(r, e);
	else if (r->reply.len)
		; /* it was broken off */
	else if (found)
		rsp_putf(&r->reply, "1,%llx", (unsigned long long)found - 1);
	else
		rsp_put(&r->reply, "0");
}

/* ---- checksums ------------------------------------------------------------------------- */

/* CRC-32 with the polynomial 0x04c11db7, most significant bit first, as GDB's compare-sections
 * has it: begins with all ones, is not inverted at its end. */
static uint32_t crc(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sum ^= (uint32_t)p[i] << 24;
		for (int bit = 0; bit < 8; bit++)
			sum = sum & 0x80000000u ? sum << 1 ^ 0x04c11db7u : sum << 1;
	}
	return sum;
}

static void checksum(struct rsp *r, struct rd *args)
{
	uint64_t addr = rsp_take_hex(args), len;
	struct rsp_process *p;
	struct he_error *e = NULL;
	uint32_t sum = 0xffffffffu;
	uint8_t *data;

	rsp_want_char(args, ',');
	len = rsp_take_hex(args);
	if (!rd_done(args)) {
		rsp_bad(r);
		return;
	}
	p = rsp_current(r);
	if (!p)
		return;
	data = malloc(CHUNK);
	if (!data)
		rsp_fail_errno(r, ENOMEM);
	while (data && len && !e && !rsp_interrupted(r)) {
		size_t want = len < CHUNK ? len : CHUNK, got = 0;

		e = rsp_read(r, p, addr, data, want, &got);
		sum = crc(sum, data, got);
		addr += want;
		len -= want;
	}
	free(data);
	if (e)
		rsp_done(r, e);
	else if (!r->reply.len)
		rsp_putf(&r->reply, "C%x", sum);
}

static const struct rsp_row rows[] = {
    {"m", RSP_PREFIX, read_hex, "gdb, lldb"},
    {"M", RSP_PREFIX, write_hex, "gdb, lldb"},
    {"X", RSP_PREFIX, write_binary, "gdb"},
    {"x", RSP_PREFIX, read_binary, "lldb, gdb 16"},
    {"qSearch:memory:", RSP_PREFIX, search_memory, "gdb 7.0"},
    {"qCRC:", RSP_PREFIX, checksum, "gdb: compare-sections"},
    {0},
};

const struct rsp_part rsp_part_memory = {.rows = rows};
