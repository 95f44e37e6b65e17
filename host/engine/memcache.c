/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/memcache.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = MEMCACHE_PAGE / 64, BUCKETS_FIRST = 256 };

struct page {
	struct page *next;
	uint64_t number;      /* address / MEMCACHE_PAGE */
	uint64_t have[WORDS]; /* one bit a byte: it is in data */
	uint64_t bad[WORDS];  /* one bit a byte: it cannot be read */
	int os_errno;         /* why; of the newest such piece */
	uint8_t data[MEMCACHE_PAGE];
};

struct memcache {
	struct page **bucket;
	size_t n_buckets, n_pages, max_pages;
	bool keep;
};

struct memcache *memcache_new(size_t max_pages, int keep)
{
	struct memcache *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	*m = (struct memcache){.max_pages = max_pages, .keep = keep != 0};
	m->n_buckets = BUCKETS_FIRST;
	m->bucket = calloc(m->n_buckets, sizeof(struct page *));
	if (!m->bucket) {
		free(m);
		return NULL;
	}
	return m;
}

void memcache_flush(struct memcache *m)
{
	for (size_t i = 0; i < m->n_buckets; i++)
		while (m->bucket[i]) {
			struct page *p = m->bucket[i];

			m->bucket[i] = p->next;
			free(p);
		}
	m->n_pages = 0;
}

void memcache_free(struct memcache *m)
{
	if (!m)
		return;
	memcache_flush(m);
	free(m->bucket);
	free(m);
}

size_t memcache_pages(const struct memcache *m)
{
	return m->n_pages;
}

static size_t slot(const struct memcache *m, uint64_t number)
{
	return (size_t)((number * 0x9e3779b97f4a7c15u) >> 32) & (m->n_buckets - 1);
}

static struct page *find(const struct memcache *m, uint64_t addr)
{
	uint64_t number = addr / MEMCACHE_PAGE;
	struct page *p = m->bucket[slot(m, number)];

	while (p && p->number != number)
		p = p->next;
	return p;
}

/* Without memory the chains just get longer. */
static void rehash(struct memcache *m)
{
	size_t old = m->n_buckets;
	struct page **from = m->bucket, **to = calloc(old * 2, sizeof(struct page *));

	if (!to)
		return;
	m->bucket = to;
	m->n_buckets = old * 2;
	for (size_t i = 0; i < old; i++)
		while (from[i]) {
			struct page *p = from[i], **at = &to[slot(m, p->number)];

			from[i] = p->next;
			p->next = *at;
			*at = p;
		}
	free(from);
}

static struct page *obtain(struct memcache *m, uint64_t addr)
{
	struct page *p = find(m, addr), **at;

	if (p)
		return p;
	if (m->n_pages >= m->max_pages) {
		if (m->keep)
			return NULL;
		memcache_flush(m);
	}
	if (m->n_pages > m->n_buckets)
		rehash(m);
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->number = addr / MEMCACHE_PAGE;
	at = &m->bucket[slot(m, p->number)];
	p->next = *at;
	*at = p;
	m->n_pages++;
	return p;
}

/* ---- bits [from, from + n) of a page ----------------------------------- */

static uint64_t mask(size_t word, size_t from, size_t n)
{
	size_t lo = from > word * 64 ? from - word * 64 : 0;
	size_t end = from + n - word * 64;

	return (~UINT64_C(0) << lo) & (end >= 64 ? ~UINT64_C(0) : ~(~UINT64_C(0) << end));
}

static void mark(uint64_t *bits, size_t from, size_t n, bool on)
{
	for (size_t w = from / 64; n && w <= (from + n - 1) / 64; w++)
		if (on)
			bits[w] |= mask(w, from, n);
		else
			bits[w] &= ~mask(w, from, n);
}

/* How many bits from `from` on, up to n, have the value on. */
static size_t run(const uint64_t *bits, size_t from, size_t n, bool on)
{
	size_t i = from;

	while (i < from + n) {
		uint64_t w = (on ? ~bits[i / 64] : bits[i / 64]) >> (i % 64);

		if (w) {
			i += (size_t)__builtin_ctzll(w);
			break;
		}
		i += 64 - i % 64;
	}
	return i - from < n ? i - from : n;
}

/* ---- filling ------------------------------------------------------------ */

/* What of len lies before the end of the address space. */
static uint64_t within(uint64_t addr, uint64_t len)
{
	return addr && len > -addr ? -addr : len;
}

static size_t page_part(uint64_t addr, uint64_t len)
{
	size_t room = MEMCACHE_PAGE - (size_t)(addr % MEMCACHE_PAGE);

	return len < room ? (size_t)len : room;
}

struct piece {
	const uint8_t *data; /* NULL: zeros, or unreadable when os_errno */
	int os_errno;
};

static void put_in_page(struct page *p, size_t at, size_t n, const struct piece *what)
{
	bool bad = what->os_errno != 0;

	mark(p->have, at, n, !bad);
	mark(p->bad, at, n, bad);
	if (bad)
		p->os_errno = what->os_errno;
	else if (what->data)
		memcpy(p->data + at, what->data, n);
	else
		memset(p->data + at, 0, n);
}

static void put(struct memcache *m, uint64_t addr, uint64_t len, struct piece what)
{
	/* More than the cache holds is nobody's honest piece. */
	if (len / MEMCACHE_PAGE > m->max_pages)
		return;
	for (len = within(addr, len); len;) {
		size_t n = page_part(addr, len);
		struct page *p = obtain(m, addr);

		if (!p)
			return;
		put_in_page(p, (size_t)(addr % MEMCACHE_PAGE), n, &what);
		if (what.data)
			what.data += n;
		addr += n;
		len -= n;
	}
}

void memcache_put(struct memcache *m, uint64_t addr, const void *data, size_t len)
{
	put(m, addr, len, (struct piece){.data = data});
}

void memcache_put_zeros(struct memcache *m, uint64_t addr, uint64_t len)
{
	put(m, addr, len, (struct piece){0});
}

void memcache_put_unreadable(struct memcache *m, uint64_t addr, uint64_t len, int os_errno)
{
	put(m, addr, len, (struct piece){.os_errno = os_errno ? os_errno : EFAULT});
}

/* ---- asking ------------------------------------------------------------- */

size_t memcache_get(const struct memcache *m, uint64_t addr, void *buf, size_t len, int *why)
{
	size_t all = (size_t)within(addr, len), done = 0;

	while (done < all) {
		size_t at = (size_t)((addr + done) % MEMCACHE_PAGE);
		size_t n = page_part(addr + done, all - done);
		const struct page *p = find(m, addr + done);
		size_t have = p ? run(p->have, at, n, true) : 0;

		if (have)
			memcpy((uint8_t *)buf + done, p->data + at, have);
		done += have;
		if (have < n) {
			at += have;
			*why = p && run(p->bad, at, 1, true) ? p->os_errno : 0;
			return done;
		}
	}
	if (all < len)
		*why = EFAULT;
	return done;
}

/* Bytes at addr, within its page and len, of which something is (or nothing is) known. */
static size_t stretch(const struct memcache *m, uint64_t addr, uint64_t len, bool known)
{
	size_t at = (size_t)(addr % MEMCACHE_PAGE), n = page_part(addr, len), done = 0;
	const struct page *p = find(m, addr);
	size_t have, bad;

	if (!p)
		return known ? 0 : n;
	if (!known) {
		have = run(p->have, at, n, false);
		bad = run(p->bad, at, n, false);
		return have < bad ? have : bad;
	}
	do {
		have = run(p->have, at + done, n - done, true);
		done += have;
		bad = run(p->bad, at + done, n - done, true);
		done += bad;
	} while (have + bad && done < n);
	return done;
}

struct mem_range memcache_missing(const struct memcache *m, uint64_t addr, uint64_t len)
{
	struct mem_range r = {addr, 0};
	uint64_t left = within(addr, len), n;

	while (left && (n = stretch(m, r.addr, left, true)) > 0) {
		r.addr += n;
		left -= n;
	}
	while (left && (n = stretch(m, r.addr + r.len, left, false)) > 0) {
		r.len += n;
		left -= n;
	}
	return r;
}
