/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { VERSION = 3 };
static const struct journal_head made = {"procsrvJ", VERSION, sizeof(struct journal)};

/* ---- the mapping ----------------------------------------------------------------- */

static void *map(int fd)
{
	void *p = mmap(NULL, sizeof(struct journal), PROT_READ | PROT_WRITE,
	    MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* What is written to has to have memory behind it: a full file system would show itself
 * by SIGBUS. */
static int reserve(int fd, size_t at, size_t n)
{
	return fd < 0 ? 0 : posix_fallocate(fd, (off_t)at, (off_t)n);
}

struct journal *journal_make(int fd)
{
	struct journal *j;

	if (fd >= 0 && ftruncate(fd, sizeof(*j)) != 0)
		return NULL;
	errno = reserve(fd, 0, offsetof(struct journal, sites));
	j = errno ? NULL : map(fd);
	if (j)
		j->head = made;
	return j;
}

static bool is_journal(int fd)
{
	struct journal_head head;
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size == (off_t)sizeof(struct journal) &&
	       pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       memcmp(&head, &made, sizeof(head)) == 0;
}

struct journal *journal_open(int fd)
{
	return is_journal(fd) ? map(fd) : NULL;
}

bool journal_peek(int fd, unsigned index, struct journal_target *t)
{
	return is_journal(fd) &&
	       pread(fd, t, sizeof(*t),
		   (off_t)(offsetof(struct journal, targets) + index * sizeof(*t))) ==
		   (ssize_t)sizeof(*t);
}

bool journal_peek_bytes(int fd, struct journal_bytes *b)
{
	return is_journal(fd) &&
	       pread(fd, b, sizeof(*b), offsetof(struct journal, bytes)) == (ssize_t)sizeof(*b);
}

/* ---- order ------------------------------------------------------------------------- */

/* The reader looks when the writer has died, or is its own signal handler: only the
 * compiler must not move stores past each other. */
static void barrier(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* ---- for the record ---------------------------------------------------------------- */

static bool is_free(const struct journal_record *s)
{
	return !__atomic_load_n(&s->audit.kept, __ATOMIC_ACQUIRE);
}

/* A free one behind those that were said last; NULL: there is none. */
static struct journal_record *next_record(struct journal_records *r, bool past)
{
	for (unsigned i = 0; i < JOURNAL_RECORDS; i++) {
		struct journal_record *s = &r->of[r->next++ % JOURNAL_RECORDS];

		if (is_free(s))
			return s;
	}
	for (unsigned i = JOURNAL_RECORDS; past && i < JOURNAL_KEPT; i++)
		if (is_free(&r->of[i]))
			return &r->of[i];
	return NULL;
}

uint32_t journal_say(struct journal *j, const struct ipc_audit *a, bool past)
{
	struct journal_record *s = next_record(&j->records, past);

	if (!s)
		return 0;
	*s = (struct journal_record){time(NULL), *a};
	s->audit.kept = 0;
	barrier();
	s->audit.kept = (uint32_t)(s - j->records.of) + 1;
	return s->audit.kept;
}

void journal_recorded(struct journal *j, uint32_t kept)
{
	if (kept >= 1 && kept <= JOURNAL_KEPT)
		__atomic_store_n(&j->records.of[kept - 1].audit.kept, 0, __ATOMIC_RELEASE);
}

/* The oldest stands where the next is to be said, or behind. */
static bool read_next(int fd, uint64_t *next)
{
	return is_journal(fd) &&
	       pread(fd, next, sizeof(*next), offsetof(struct journal, records.next)) ==
		   (ssize_t)sizeof(*next);
}

static off_t place_of(uint64_t next, unsigned n)
{
	uint64_t i = n < JOURNAL_RECORDS ? (next + n) % JOURNAL_RECORDS : n;

	return (off_t)(offsetof(struct journal, records.of) + i * sizeof(struct journal_record));
}

bool journal_peek_record(int fd, unsigned *n, struct journal_record *r)
{
	uint64_t next;
	bool is = read_next(fd, &next);

	for (; is && *n < JOURNAL_KEPT; ++*n) {
		is = pread(fd, r, sizeof(*r), place_of(next, *n)) == (ssize_t)sizeof(*r);
		if (is && r->audit.kept)
			return true;
	}
	return false;
}

int journal_drop_record(int fd, unsigned n)
{
	off_t kept = (off_t)offsetof(struct journal_record, audit.kept);
	uint32_t none = 0;
	uint64_t next;

	if (!read_next(fd, &next))
		return EINVAL;
	return pwrite(fd, &none, sizeof(none), place_of(next, n) + kept) == (ssize_t)sizeof(none)
		   ? 0
		   : EIO;
}

/* ---- targets ----------------------------------------------------------------------- */

struct journal_target *journal_begin(struct journal *j, int fd, pid_t pid, uint64_t start)
{
	struct journal_target *t = j->targets;
	size_t i = 0;

	while (i < JOURNAL_TARGETS && t[i].pid)
		i++;
	if (i == JOURNAL_TARGETS ||
	    reserve(fd, offsetof(struct journal, sites) + i * sizeof(j->sites[0]),
		sizeof(j->sites[0])) != 0)
		return NULL;
	t[i] = (struct journal_target){.start = start};
	barrier();
	t[i].pid = pid;
	j->targets_used++;
	return &t[i];
}

static struct journal_site *sites_of(struct journal *j, const struct journal_target *t)
{
	return j->sites[t - j->targets];
}

void journal_end(struct journal *j, struct journal_target *t)
{
	if (!t)
		return;
	t->pid = 0;
	barrier();
	j->targets_used--;
	for (uint32_t i = 0; i < t->nsites; i++)
		sites_of(j, t)[i].state = JOURNAL_FREE;
}

void journal_executed(struct journal *j, struct journal_target *t)
{
	for (uint32_t i = 0; i < t->nsites; i++)
		sites_of(j, t)[i].state = JOURNAL_FREE;
	t->nsites = 0;
	t->debugregs = t->stepped = 0;
	t->call.tid = 0;
	for (unsigned i = 0; i < JOURNAL_SIGNALS; i++)
		t->signals[i].tid = 0;
	t->image++;
}

/* ---- sites ------------------------------------------------------------------------- */

/* A free one; else the one that was lifted the longest time ago. */
static struct journal_site *find_room(struct journal *j, struct journal_target *t)
{
	struct journal_site *s = sites_of(j, t), *oldest = NULL;

	for (uint32_t i = 0; i < t->nsites; i++) {
		if (s[i].state == JOURNAL_FREE)
			return &s[i];
		if (s[i].state == JOURNAL_LIFTED &&
		    (!oldest || s[i].generation < oldest->generation))
			oldest = &s[i];
	}
	if (t->nsites < JOURNAL_SITES) {
		s[t->nsites].state = JOURNAL_FREE;
		barrier();
		return &s[t->nsites++];
	}
	return oldest;
}

struct journal_site *journal_intend(
    struct journal *j, struct journal_target *t, const struct journal_site *what)
{
	struct journal_site *s = find_room(j, t);

	if (!s)
		return NULL;
	s->state = JOURNAL_FREE;
	barrier();
	*s = *what;
	s->state = JOURNAL_FREE;
	s->generation = ++t->generation;
	barrier();
	s->state = JOURNAL_INTENT;
	barrier();
	return s;
}

void journal_renew(struct journal_target *t, struct journal_site *s, const uint8_t *saved)
{
	memcpy(s->saved, saved, sizeof(s->saved));
	s->generation = ++t->generation;
	barrier();
}

void journal_state(struct journal_site *s, enum journal_state now)
{
	barrier();
	s->state = (uint8_t)now;
	barrier();
}

/* ---- calls ------------------------------------------------------------------------- */

void journal_call(
    struct journal_target *t, pid_t tid, const struct user_regs_struct *regs, uint64_t mask)
{
	t->call.regs = *regs;
	t->call.mask = mask;
	barrier();
	t->call.tid = tid;
	barrier();
}

void journal_called(struct journal_target *t)
{
	barrier();
	t->call.tid = 0;
}

/* ---- signals ----------------------------------------------------------------------- */

/* With more of them than there is room for the others are not known. */
void journal_signal(struct journal_target *t, pid_t tid, const siginfo_t *info)
{
	unsigned i = 0;

	while (i < JOURNAL_SIGNALS && t->signals[i].tid)
		i++;
	if (i == JOURNAL_SIGNALS)
		return;
	t->signals[i].info = *info;
	barrier();
	t->signals[i].tid = tid;
}

void journal_signal_over(struct journal_target *t, pid_t tid)
{
	for (unsigned i = 0; i < JOURNAL_SIGNALS; i++)
		if (t->signals[i].tid == tid)
			t->signals[i].tid = 0;
}
