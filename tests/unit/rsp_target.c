/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The targets of that engine.
 */
#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "rsp_engine_parts.h"

/* ---- what is known of it
 * ------------------------------------------------------------------------- */

void he_target_info(const struct he_target *t, struct he_target_info *ret)
{
	fake_must(t->pid);
	*ret = (struct he_target_info){.number = 1,
	    .state = t->state,
	    .pid = t->pid,
	    .comm = "program",
	    .exe = fake_box.exe,
	    .address_bytes = fake_box.narrow ? 4 : 8,
	    .arch = fake_box.narrow ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64,
	    .launched = t->launched,
	    .terminal = t->launched,
	    .streams = t->launched ? HE_STREAMS_TERMINAL : HE_STREAMS_NONE};
}

struct he_error *he_threads(struct he_target *t, struct he_threads **ret)
{
	struct he_threads *all = calloc(1, sizeof(*all));

	all->n = fake_box.n_threads;
	all->v = calloc(FAKE_THREADS, sizeof(*all->v));
	memcpy(all->v, fake_box.threads, all->n * sizeof(*all->v));
	for (size_t i = 0; i < all->n; i++)
		all->v[i].tid += t->pid - FAKE_PID;
	*ret = all;
	return NULL;
}

void he_threads_free(struct he_threads *p)
{
	if (p)
		free(p->v);
	free(p);
}

static const char *const names[] = {"rax", "rbp", "rsp", "rip", "eflags"};

enum { REGISTERS = sizeof(names) / sizeof(names[0]), RIP = 3 };

struct he_error *he_registers(
    struct he_target *t, uint64_t tid, unsigned frame, struct he_registers **ret)
{
	struct he_registers *all;
	size_t at = tid - t->pid;

	(void)frame;
	if (tid < t->pid || at >= fake_box.n_threads)
		return fake_no(ESRCH, "no such thread.");
	all = calloc(1, sizeof(*all));
	all->v = calloc(REGISTERS, sizeof(*all->v));
	for (size_t i = 0; i < REGISTERS; i++) {
		all->v[i] = (struct he_register){names[i], "general", i == 4 ? 32 : 64, {0}};
		all->v[i].value[0] = (uint8_t)i;
	}
	for (size_t i = 0; i < 8; i++)
		all->v[RIP].value[i] = (uint8_t)(fake_box.pc[at] >> (8 * i));
	all->n = REGISTERS;
	*ret = all;
	return NULL;
}

struct he_error *he_general_registers(struct he_target *t, uint64_t tid, struct he_registers **ret)
{
	return he_registers(t, tid, 0, ret);
}

void he_registers_free(struct he_registers *p)
{
	if (p)
		free(p->v);
	free(p);
}

struct he_error *he_write_register(struct he_target *t, uint64_t tid, unsigned frame,
    const char *name, const void *value, size_t len)
{
	(void)frame;
	fake_asked("register %u/%llu %s", t->pid, (unsigned long long)tid, name);
	for (size_t i = 0; i < len; i++)
		fake_asked("%s%02x", i ? "" : " ", ((const uint8_t *)value)[i]);
	fake_asked("\n");
	return NULL;
}

struct he_error *he_write_registers(
    struct he_target *t, uint64_t tid, const struct he_register *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		he_error_free(he_write_register(t, tid, 0, v[i].name, v[i].value, v[i].bits / 8));
	return NULL;
}

struct he_error *he_maps(struct he_target *t, const struct he_mapping **v, size_t *n)
{
	(void)t;
	*v = fake_box.maps;
	*n = fake_box.n_maps;
	return NULL;
}

struct he_error *he_map(
    struct he_target *t, uint64_t tid, uint64_t size, unsigned prot, uint64_t *addr)
{
	(void)tid;
	fake_asked("map %u %llx %u\n", t->pid, (unsigned long long)size, prot);
	*addr = 0x7000000;
	return NULL;
}

struct he_error *he_unmap(struct he_target *t, uint64_t tid, uint64_t addr, uint64_t size)
{
	(void)tid;
	fake_asked(
	    "unmap %u %llx %llx\n", t->pid, (unsigned long long)addr, (unsigned long long)size);
	return NULL;
}

struct he_error *he_read(struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got)
{
	uint64_t end = FAKE_AT + fake_box.memory_n;

	(void)t;
	fake_box.reads++;
	*got = 0;
	if (addr >= FAKE_AT && addr < end)
		*got = end - addr < len ? (size_t)(end - addr) : len;
	if (*got)
		memcpy(buf, fake_box.memory + (addr - FAKE_AT), *got);
	return *got < len ? fake_no(EFAULT, "nothing is mapped there.") : NULL;
}

struct he_error *he_write(struct he_target *t, uint64_t addr, const void *data, size_t len)
{
	if (addr < FAKE_AT || addr > FAKE_AT + fake_box.memory_n ||
	    len > FAKE_AT + fake_box.memory_n - addr)
		return fake_no(EFAULT, "nothing is mapped there.");
	memcpy(fake_box.memory + (addr - FAKE_AT), data, len);
	fake_asked("memory %u %llx %zu\n", t->pid, (unsigned long long)addr, len);
	return NULL;
}

struct he_error *he_facts(struct he_target *t, unsigned what, struct he_facts **ret)
{
	(void)what;
	*ret = calloc(1, sizeof(**ret));
	(*ret)->process = (struct he_process){.pid = t->pid, .ppid = 7, .uid = 1000, .gid = 100};
	return NULL;
}

void he_facts_free(struct he_facts *f)
{
	free(f);
}

struct he_error *he_auxv(struct he_target *t, const void **data, size_t *len)
{
	(void)t;
	*data = "auxv";
	*len = 4;
	return NULL;
}

struct he_error *he_links(struct he_target *t, struct he_links **ret)
{
	struct he_links *all;

	(void)t;
	if (!fake_box.links)
		return fake_no(ENOENT, "no list of libraries.");
	all = calloc(1, sizeof(*all));
	all->v = calloc(fake_box.n_links, sizeof(*all->v));
	memcpy(all->v, fake_box.links, fake_box.n_links * sizeof(*all->v));
	all->n = fake_box.n_links;
	all->main_lm = all->v[0].lm;
	*ret = all;
	return NULL;
}

void he_links_free(struct he_links *p)
{
	if (p)
		free(p->v);
	free(p);
}

struct he_error *he_dt_debug(struct he_target *t, uint64_t *ret)
{
	(void)t;
	*ret = fake_box.links ? FAKE_AT : 0;
	return NULL;
}

struct he_error *he_tls(
    struct he_target *t, uint64_t tid, uint64_t link_map, uint64_t offset, uint64_t *addr)
{
	struct he_error *e = fake_no(0, "this thread has no thread-local storage of that module.");

	(void)t;
	(void)tid;
	(void)addr;
	e->code = E_STATE;
	if (link_map != FAKE_AT)
		return e;
	he_error_free(e);
	*addr = FAKE_AT + offset;
	return NULL;
}

static struct he_error *no_siginfo(void)
{
	struct he_error *e = fake_no(0, "it stopped with no signal.");

	e->code = E_STATE;
	return e;
}

struct he_error *he_siginfo(struct he_target *t, uint64_t tid, void *buf, size_t *len)
{
	(void)t;
	if (!tid || tid != fake_box.siginfo_of)
		return no_siginfo();
	*len = *len < FAKE_SIGINFO ? *len : FAKE_SIGINFO;
	memcpy(buf, fake_box.siginfo, *len);
	return NULL;
}

struct he_error *he_set_siginfo(struct he_target *t, uint64_t tid, const void *data, size_t len)
{
	(void)t;
	if (!tid || tid != fake_box.siginfo_of)
		return no_siginfo();
	fake_must(len == FAKE_SIGINFO);
	memcpy(fake_box.siginfo, data, len);
	return NULL;
}

/* ---- running -------------------------------------------------------------------------- */

static struct he_error *go(
    struct he_target *t, const struct he_go *v, size_t n, bool alone, bool past)
{
	static const char *const actions[] = {
	    [HE_GO_CONT] = "cont", [HE_GO_STEP] = "step", [HE_GO_RANGE] = "range"};

	fake_must(n);
	fake_asked("go %u%s%s", t->pid, alone ? " alone" : "", past ? " past" : "");
	for (size_t i = 0; i < n; i++) {
		fake_must(v[i].action <= HE_GO_RANGE && v[i].signal >= -1 && v[i].signal <= 64);
		fake_asked(
		    " %llu:%s:%d", (unsigned long long)v[i].tid, actions[v[i].action], v[i].signal);
	}
	fake_asked("\n");
	t->state = HE_RUNNING;
	return NULL;
}

struct he_error *he_go(struct he_target *t, const struct he_go *v, size_t n, bool alone)
{
	return go(t, v, n, alone, false);
}

struct he_error *he_go_past(struct he_target *t, const struct he_go *v, size_t n, bool alone)
{
	return go(t, v, n, alone, true);
}

bool he_also_stopped(struct he_target *t, struct he_event *ret)
{
	for (size_t i = 0; i < 2; i++)
		if (fake_box.also[i].tid) {
			*ret = fake_box.also[i];
			ret->target = t;
			fake_box.also[i].tid = 0;
			return true;
		}
	return false;
}

struct he_error *he_interrupt(struct he_target *t, uint64_t tid)
{
	fake_asked("interrupt %u/%llu\n", t->pid, (unsigned long long)tid);
	if (fake_box.answers)
		fake_event((struct he_event){.kind = HE_E_STOPPED,
		    .target = t,
		    .tid = tid ? tid : t->pid,
		    .reason = HE_R_REQUEST});
	return NULL;
}

struct he_error *he_signal(struct he_target *t, uint64_t tid, uint32_t signal)
{
	fake_asked("signal %u/%llu %u\n", t->pid, (unsigned long long)tid, signal);
	return NULL;
}

/* ---- events --------------------------------------------------------------------------- */

static struct he_event waiting[FAKE_EVENTS];
static size_t n_waiting;

void fake_event(struct he_event ev)
{
	if (n_waiting < FAKE_EVENTS)
		waiting[n_waiting++] = ev;
}

void fake_events_drop(void)
{
	n_waiting = 0;
}

struct he_error *he_wait(struct he_engine *e, int timeout_ms, struct he_event *ret)
{
	(void)e;
	(void)timeout_ms;
	*ret = (struct he_event){0};
	if (!n_waiting)
		return NULL;
	*ret = waiting[0];
	memmove(waiting, waiting + 1, --n_waiting * sizeof(*waiting));
	if (!ret->target->pid)
		*ret = (struct he_event){0};
	else if (ret->kind == HE_E_STOPPED && ret->target->state == HE_RUNNING)
		ret->target->state = HE_STOPPED;
	return NULL;
}

int he_event_fd(struct he_engine *e)
{
	(void)e;
	return -1;
}

uint32_t fake_patch(enum he_patch_kind kind, uint64_t addr)
{
	return (uint32_t)(addr << 2) | kind;
}

struct he_error *he_patch(struct he_target *t, const struct he_patch *q, uint32_t *id)
{
	for (size_t i = 0; i < q->n_conditions; i++)
		fake_must(q->conditions[i].data || !q->conditions[i].len);
	fake_asked("patch %u %d %llx\n", t->pid, q->kind, (unsigned long long)q->addr);
	*id = fake_patch(q->kind, q->addr);
	return NULL;
}

bool he_unpatch_at(struct he_target *t, enum he_patch_kind kind, uint64_t addr, uint32_t len)
{
	(void)len;
	fake_asked("unpatch %u %d %llx\n", t->pid, kind, (unsigned long long)addr);
	return true;
}

struct he_error *he_catch_events(struct he_target *t, const struct he_catches *q)
{
	(void)t;
	(void)q;
	return NULL;
}

struct he_error *he_pass_signals(struct he_target *t, uint64_t pass, uint64_t drop)
{
	(void)t;
	(void)pass;
	(void)drop;
	return NULL;
}
