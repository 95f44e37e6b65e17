/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "handlers.h"
#include "patch.h"
#include "reply.h"
#include "target.h"
#include "touch.h"
#include "tracer.h"

enum {
	PAGE = 4096,
	CHUNK_HEAD = 29,        /* bytes of a chunk's record beside its data */
	CHUNK_DATA = 15 * PAGE, /* most data of one, so that it fits a piece */
	RANGE_BYTES = 20,       /* of a range's record */
	RANGES = 60000 / RANGE_BYTES,
	FEW = 16,      /* ranges in one call after a fault */
	RAW_TRIES = 3, /* of what has to succeed if it can */
	NODE_MAX = 1024,
	NODES_MAX = 16384,
	NODES_BYTES = 1024 * 1024, /* of all together */
};

int mem_open(struct target *tg)
{
	bool looks = tg->how == WIRE_ATTACH_LOOK;

	if (tg->mem < 0)
		tg->mem = openat(tg->id.live, "mem", (looks ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	return tg->mem < 0 ? errno : 0;
}

void mem_close(struct target *tg)
{
	if (tg->mem >= 0)
		close(tg->mem);
	tg->mem = -1;
	touch_forget(tg);
}

/* ---- reading ---------------------------------------------------------------- */

/* Where process_vm_readv(2) is forbidden (some seccomp filters). */
static void read_file(struct target *tg, struct mem_want *w)
{
	int err = mem_open(tg);

	while (!err && w->got < w->most) {
		ssize_t n =
		    pread(tg->mem, w->to + w->got, w->most - w->got, (off_t)(w->addr + w->got));

		if (n > 0)
			w->got += (size_t)n;
		else
			err = n < 0 ? errno : ESRCH;
	}
	w->err = err;
}

/* Share n bytes out to the wants in order; how many of them are done with.  The
 * kernel stops at the first page it cannot read. */
static size_t share(struct mem_want *w, size_t count, size_t n)
{
	size_t i = 0;

	for (; i < count; i++) {
		size_t want = w[i].most - w[i].got;
		size_t part = n < want ? n : want;

		w[i].got += part;
		n -= part;
		if (part == want)
			continue;
		if ((w[i].addr + w[i].got) % PAGE == 0 && part) {
			w[i].err = EFAULT;
			i++;
		}
		break;
	}
	return i;
}

/* One call for n of them (not 0); how many are done with, or minus an errno value. */
static long read_some(pid_t pid, struct mem_want *w, size_t n)
{
	struct iovec here[IOV_MAX], there[IOV_MAX];
	ssize_t got;
	size_t i = 0;

	do {
		here[i] = (struct iovec){w[i].to + w[i].got, w[i].most - w[i].got};
		/* An address of another process. NOLINTNEXTLINE(performance-no-int-to-ptr) */
		there[i].iov_base = (void *)(uintptr_t)(w[i].addr + w[i].got);
		there[i].iov_len = w[i].most - w[i].got;
	} while (++i < n);
	got = process_vm_readv(pid, here, n, there, n, 0);
	if (got < 0 && errno == EFAULT) {
		w[0].err = EFAULT;
		return 1;
	}
	return got < 0 ? -errno : (long)share(w, n, (size_t)got);
}

static int by_file(struct target *tg, struct mem_want *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		read_file(tg, &w[i]);
		if (w[i].err == ESRCH)
			return E_GONE;
	}
	return E_OK;
}

static int by_call(struct target *tg, struct mem_want *w, size_t n)
{
	size_t batch = IOV_MAX;

	while (n) {
		size_t take = n < batch ? n : batch;
		long done = read_some(tg->id.pid, w, take);

		if (done == -ESRCH)
			return E_GONE;
		if (done < 0)
			return by_file(tg, w, n);
		/* Each call copies its list: after a fault shorter ones, so that a thousand
		 * faults do not copy a million entries. */
		batch = (size_t)done < take ? FEW : batch * 2 < IOV_MAX ? batch * 2 : IOV_MAX;
		w += done;
		n -= (size_t)done;
	}
	return E_OK;
}

static int gather(struct target *tg, struct mem_want *w, size_t n)
{
	int err = by_call(tg, w, n);

	if (err == E_GONE && proc_alive(&tg->id)) {
		/* Not gone: its first thread is, or it has executed another program since
		 * our descriptor was opened. */
		mem_close(tg);
		proc_relive(&tg->id);
		err = by_file(tg, w, n);
	}
	/* A number that we do not hold by tracing could have been used again before
	 * we read; alive now means it was not. */
	if (err == E_OK && !tg->count && !proc_alive(&tg->id))
		err = E_GONE;
	return err;
}

int mem_gather(struct target *tg, struct mem_want *w, size_t n)
{
	int err;

	for (size_t i = 0; i < n; i++) {
		w[i].got = 0;
		w[i].err = 0;
		w[i].most = touch(tg, w[i].addr, w[i].len);
	}
	err = gather(tg, w, n);
	for (size_t i = 0; i < n; i++) {
		if (!w[i].err && w[i].most < w[i].len)
			w[i].err = EBUSY;
		if (tg->patches)
			patch_hide(tg, w[i].addr, w[i].to, w[i].got);
	}
	return err;
}

size_t mem_read_one(struct target *tg, uint64_t addr, void *to, size_t len)
{
	struct mem_want w = {.addr = addr, .len = len, .to = to};

	return mem_gather(tg, &w, 1) == E_OK ? w.got : 0;
}

/* What we have planted has to come out again: a moment's want of memory, or whatever it is,
 * does not keep it there. */
size_t mem_read_raw(struct target *tg, uint64_t addr, void *to, size_t len)
{
	ssize_t n = -1;

	if (touch(tg, addr, len) != len) {
		errno = EBUSY;
		return 0;
	}
	for (unsigned i = 0; n <= 0 && i < RAW_TRIES && mem_open(tg) == 0; i++)
		n = pread(tg->mem, to, len, (off_t)addr);
	return n > 0 ? (size_t)n : 0;
}

size_t mem_write_raw(struct target *tg, uint64_t addr, const void *from, size_t len, int *os_errno)
{
	size_t done = 0;
	unsigned tries = 0;

	*os_errno = touch(tg, addr, len) == len ? mem_open(tg) : EBUSY;
	while (!*os_errno && done < len) {
		ssize_t n =
		    pwrite(tg->mem, (const uint8_t *)from + done, len - done, (off_t)(addr + done));

		if (n > 0)
			done += (size_t)n;
		else if (++tries == RAW_TRIES)
			*os_errno = n < 0 ? errno : ESRCH;
	}
	return done;
}

/* ---- chunks ----------------------------------------------------------------- */

static bool zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static bool zero_page(uint64_t addr, const uint8_t *p, size_t left)
{
	return addr % PAGE == 0 && left >= PAGE && zero(p, PAGE);
}

static size_t zero_run(uint64_t addr, const uint8_t *p, size_t left)
{
	size_t n = 0;

	while (n < left && zero_page(addr + n, p + n, left - n))
		n += PAGE;
	return n;
}

static size_t byte_run(uint64_t addr, const uint8_t *p, size_t left)
{
	size_t n = 0;

	while (n < left && n < CHUNK_DATA) {
		size_t step = PAGE - (size_t)((addr + n) % PAGE);

		if (zero_page(addr + n, p + n, left - n))
			break;
		n += step < left - n ? step : left - n;
	}
	return n < CHUNK_DATA ? n : CHUNK_DATA;
}

void mem_put(struct pack *p, unsigned list, uint64_t addr, const uint8_t *data, size_t len)
{
	while (len) {
		struct wire_rec_chunk c = {.addr = addr, .kind = WIRE_ZEROS};
		size_t n = zero_run(addr, data, len);

		if (!n) {
			n = byte_run(addr, data, len);
			c.kind = WIRE_BYTES;
			c.data = (struct span){data, (uint32_t)n};
		}
		c.len = n;
		wire_put_chunk(pack_room(p, list, CHUNK_HEAD + c.data.n), &c);
		addr += n;
		data += n;
		len -= n;
	}
}

void mem_put_unreadable(
    struct pack *p, unsigned list, uint32_t space, uint64_t addr, uint64_t len, int err)
{
	struct wire_rec_chunk c = {
	    .space = space, .addr = addr, .len = len, .kind = WIRE_UNREADABLE, .os_errno = err};

	wire_put_chunk(pack_room(p, list, CHUNK_HEAD), &c);
}

/* ---- requests ----------------------------------------------------------------- */

static void encode_memory(struct pack *p, struct buf *out)
{
	struct wire_memory m = {.chunks = pack_list(p, 0)};

	wire_encode_memory(out, &m);
}

/* The ranges of a request as wants, their bytes side by side in scratch.  How many,
 * -1 = more bytes than one request may ask. */
static int wants_of(struct span list, struct mem_want *w, uint8_t *scratch)
{
	struct wire_rec_range r;
	uint64_t total = 0;
	int n = 0;

	while (wire_next_range(&list, &r)) {
		if (r.len > TRACER_MAX_READ - total)
			return -1;
		/* Only space 0, virtual memory, can be read here. */
		w[n++] = (struct mem_want){
		    .addr = r.addr, .len = r.space ? 0 : (size_t)r.len, .to = scratch + total};
		total += r.len;
	}
	return n;
}

/* Anything at all, or nothing that does not come. */
static bool came(const struct mem_want *w, int n)
{
	bool busy = false;

	for (int i = 0; i < n; i++) {
		if (w[i].got)
			return true;
		busy |= w[i].err == EBUSY;
	}
	return !busy;
}

int on_mem_read(struct call *c)
{
	struct mem_want w[RANGES];
	struct wire_mem_read m;
	struct wire_rec_range r;
	struct pack p;
	int n, err;

	wire_decode_mem_read(c->body, &m);
	n = wants_of(m.ranges, w, c->tracer->scratch);
	if (n < 0)
		return E_TOO_BIG;
	err = mem_gather(c->target, w, (size_t)n);
	if (err == E_OK && !came(w, n))
		err = fault_set(&c->fault, E_BUSY, 0, (uint32_t)c->target->id.pid);
	if (err != E_OK)
		return err;
	pack_init(&p, c->reply, 4, encode_memory, NULL);
	for (int i = 0; wire_next_range(&m.ranges, &r); i++) {
		mem_put(&p, 0, r.addr, w[i].to, w[i].got);
		if (w[i].got < r.len)
			mem_put_unreadable(&p, 0, r.space, r.addr + w[i].got, r.len - w[i].got,
			    r.space ? ENXIO : w[i].err);
	}
	pack_flush(&p);
	pack_free(&p);
	reply_done(c->reply);
	return E_OK;
}

/* ---- linked lists --------------------------------------------------------------- */

struct walk {
	struct wire_mem_walk m;
	unsigned width; /* of a pointer */
	uint64_t addr;
	uint32_t err;
};

static void encode_nodes(struct pack *p, struct buf *out)
{
	const struct walk *w = p->arg;
	struct wire_nodes n = {.nodes = pack_list(p, 0), .err = w->err, .addr = w->addr};

	wire_encode_nodes(out, &n);
}

static unsigned pointer_width(uint32_t arch)
{
	return arch & __AUDIT_ARCH_64BIT ? 8 : 4;
}

static uint64_t successor(const struct walk *w, const uint8_t *node)
{
	uint64_t next = 0;

	memcpy(&next, node + w->m.next_off, w->width); /* hosts of procsrv are little-endian */
	return next;
}

static void follow(struct target *tg, struct walk *w, struct pack *p)
{
	uint8_t node[NODE_MAX];
	uint32_t count = 0, bytes = 0;

	for (w->addr = w->m.head; w->addr; w->addr = successor(w, node)) {
		struct wire_rec_node rec = {.addr = w->addr, .data = {node, w->m.size}};

		w->err = E_LIMIT;
		if (count >= w->m.limit || count >= NODES_MAX || bytes > NODES_BYTES)
			return;
		w->err = E_FAULT;
		if (mem_read_one(tg, w->addr, node, w->m.size) < w->m.size)
			return;
		wire_put_node(pack_room(p, 0, 12 + (size_t)w->m.size), &rec);
		count++;
		bytes += w->m.size;
	}
	w->err = E_OK;
}

int on_mem_walk(struct call *c)
{
	struct walk w = {.width = pointer_width(c->target->arch)};
	struct pack p;

	wire_decode_mem_walk(c->body, &w.m);
	if (w.m.space || w.m.size > NODE_MAX || w.m.size < w.width ||
	    w.m.next_off > w.m.size - w.width)
		return E_MALFORMED;
	if (c->target->count == 0 && !proc_alive(&c->target->id))
		return E_GONE;
	pack_init(&p, c->reply, 16, encode_nodes, &w);
	follow(c->target, &w, &p);
	pack_flush(&p);
	pack_free(&p);
	reply_done(c->reply);
	return E_OK;
}
