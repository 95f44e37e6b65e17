/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes: the list, and the facts of one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "handlers.h"
#include "reader.h"
#include "tracer.h"

enum {
	PROC_REC = 4 * 6 + 16 + 2 + 2 + 64 + 2 + 256 + 2 + 64 + 2 + 4096 + 4 + 4096,
	TEXT = 8192,
	AT_ONCE = 32, /* processes looked at before others get the loop */
};

void reader_done(struct reader_who *w)
{
	if (w->own)
		proc_close(&w->id);
}

void reader_user_name(uint32_t uid, char *name, size_t size)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(name, size, "%s", pw->pw_name);
	else
		snprintf(name, size, "%u", uid);
}

/* ---- one process ------------------------------------------------------------- */

/* Everything about one, with room for the texts its record points into. */
struct facts {
	struct wire_rec_proc rec;
	struct buf stat, status, cgroup, exe, args;
	char user[64];
};

/* The newest user, so that a list of one user's processes asks for its name once. */
struct name_cache {
	uint32_t uid;
	bool valid;
	char name[64];
};

static void facts_init(struct facts *f)
{
	*f = (struct facts){0};
	buf_init(&f->stat, TEXT);
	buf_init(&f->status, TEXT);
	buf_init(&f->cgroup, TEXT);
	buf_init(&f->exe, 4096);
	buf_init(&f->args, 4096);
}

static void facts_reset(struct facts *f)
{
	buf_reset(&f->stat);
	buf_reset(&f->status);
	buf_reset(&f->cgroup);
	buf_reset(&f->exe);
	buf_reset(&f->args);
}

static void facts_free(struct facts *f)
{
	buf_free(&f->stat);
	buf_free(&f->status);
	buf_free(&f->cgroup);
	buf_free(&f->exe);
	buf_free(&f->args);
}

static bool read_stat(int dir, struct facts *f)
{
	struct proc_stat st;

	if (proc_read(dir, "stat", &f->stat) != 0 || !proc_parse_stat(span_buf(&f->stat), &st))
		return false;
	f->rec.pid = (uint32_t)st.pid;
	f->rec.ppid = (uint32_t)st.ppid;
	f->rec.threads = st.threads;
	f->rec.start = st.start;
	f->rec.state = (uint8_t)st.state;
	f->rec.kthread = (st.flags & PROC_PF_KTHREAD) != 0;
	f->rec.comm = st.comm;
	return true;
}

static void read_status(int dir, struct facts *f, struct name_cache *names)
{
	uint64_t ids[4] = {0}, tracer = 0;
	struct span text;

	proc_read(dir, "status", &f->status);
	text = span_buf(&f->status);
	if (proc_status_numbers(text, "Uid", 10, ids, 4) >= 2)
		f->rec.uid = (uint32_t)ids[1];
	if (proc_status_numbers(text, "Gid", 10, ids, 4) >= 2)
		f->rec.gid = (uint32_t)ids[1];
	if (proc_status_numbers(text, "TracerPid", 10, &tracer, 1))
		f->rec.tracer = (uint32_t)tracer;
	if (!names->valid || names->uid != f->rec.uid) {
		names->uid = f->rec.uid;
		names->valid = true;
		reader_user_name(names->uid, names->name, sizeof(names->name));
	}
	snprintf(f->user, sizeof(f->user), "%s", names->name);
	f->rec.user = span_str(f->user);
}

/* False: it is gone. */
static bool read_facts(int dir, uint64_t ns, struct facts *f, struct name_cache *names)
{
	facts_reset(f);
	f->rec = (struct wire_rec_proc){.ns = ns};
	if (!read_stat(dir, f))
		return false;
	read_status(dir, f, names);
	proc_read(dir, "cgroup", &f->cgroup);
	f->rec.unit = proc_unit(span_buf(&f->cgroup));
	if (f->rec.kthread)
		return true;
	proc_readlink(dir, "exe", &f->exe);
	proc_read(dir, "cmdline", &f->args);
	f->rec.exe = span_buf(&f->exe);
	f->rec.args = span_buf(&f->args);
	return true;
}

bool reader_proc(const struct proc_id *id, const char *us, struct buf *list, uint32_t *threads)
{
	struct name_cache names = {.uid = geteuid(), .valid = true};
	struct facts f;
	bool ok;

	snprintf(names.name, sizeof(names.name), "%s", us);
	facts_init(&f);
	ok = read_facts(id->dir, id->ns, &f, &names);
	if (ok)
		wire_put_proc(list, &f.rec);
	if (threads)
		*threads = f.rec.threads;
	facts_free(&f);
	return ok;
}

/* ---- the list ------------------------------------------------------------------ */

struct ps {
	const struct tracer *tracer;
	DIR *proc;
	struct wire_ps m;
	uint8_t pattern[256];
	uint32_t shown, more;
	struct name_cache names;
	struct facts facts;
	struct pack pack;
};

static void encode_processes(struct pack *p, struct buf *out)
{
	const struct ps *ps = p->arg;
	struct wire_processes m = {.procs = pack_list(p, 0), .more = ps->more};

	wire_encode_processes(out, &m);
}

static bool has(struct span text, struct span part)
{
	return text.n >= part.n && memmem(text.p, text.n, part.p, part.n);
}

/* Arguments are parted by NULs, which nobody can type: match as if by blanks. */
static bool args_have(struct buf *args, struct span part)
{
	uint8_t text[4096];
	uint32_t n = 0;

	for (; n < args->len && n < sizeof(text); n++)
		text[n] = args->p[n] ? args->p[n] : ' ';
	return has((struct span){text, n}, part);
}

static bool matches(struct ps *ps)
{
	const struct wire_rec_proc *r = &ps->facts.rec;
	struct span part = ps->m.pattern;

	if (r->kthread && !ps->m.threads)
		return false;
	if (!part.n)
		return true;
	return has(r->comm, part) || has(r->exe, part) || has(r->unit, part) ||
	       args_have(&ps->facts.args, part);
}

/* Through a directory opened first, so that all facts are of one process. */
static bool look_at(struct ps *ps, const char *name)
{
	int dir = openat(dirfd(ps->proc), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	uint64_t ns = 0;
	bool ok;

	if (dir < 0)
		return false;
	if (fstatat(dir, "ns/pid", &st, 0) == 0)
		ns = st.st_ino;
	ok = bounds_has(&ps->tracer->bounds, dir) && read_facts(dir, ns, &ps->facts, &ps->names) &&
	     matches(ps);
	close(dir);
	return ok;
}

static void refill_ps(struct reply *r)
{
	struct ps *ps = r->state;
	const struct dirent *e;

	for (unsigned looked = 0; looked < AT_ONCE && !r->done;) {
		e = readdir(ps->proc);
		if (!e) {
			pack_flush(&ps->pack);
			if (!r->done)
				reply_done(r);
			return;
		}
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		looked++;
		if (!look_at(ps, e->d_name))
			continue;
		if (ps->m.limit && ps->shown == ps->m.limit) {
			ps->more++;
			continue;
		}
		wire_put_proc(pack_room(&ps->pack, 0, PROC_REC), &ps->facts.rec);
		ps->shown++;
	}
	r->later = !r->done;
}

static void drop_ps(struct reply *r)
{
	struct ps *ps = r->state;

	if (ps->proc)
		closedir(ps->proc);
	facts_free(&ps->facts);
	pack_free(&ps->pack);
	free(ps);
}

int on_ps(struct call *c)
{
	struct ps *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return E_NOMEM;
	ps->tracer = c->tracer;
	wire_decode_ps(c->body, &ps->m);
	if (ps->m.pattern.n)
		memcpy(ps->pattern, ps->m.pattern.p, ps->m.pattern.n);
	ps->m.pattern.p = ps->pattern;
	ps->proc = opendir("/proc");
	facts_init(&ps->facts);
	pack_init(&ps->pack, c->reply, 8, encode_processes, ps);
	c->reply->state = ps;
	c->reply->drop = drop_ps;
	if (!ps->proc)
		return fault_set(&c->fault, E_OS, errno, 0);
	c->reply->refill = refill_ps;
	return E_OK;
}

/* ---- facts of one ------------------------------------------------------------------ */

static void more_facts(const struct proc_id *id, struct facts *f, struct wire_fact_list *m)
{
	struct span text = span_buf(&f->status);
	uint64_t v[8] = {0};
	struct stat st;
	unsigned n;

	if (proc_status_numbers(text, "Uid", 10, v, 4))
		m->ruid = (uint32_t)v[0];
	if (proc_status_numbers(text, "Gid", 10, v, 4))
		m->rgid = (uint32_t)v[0];
	if (proc_status_numbers(text, "CapPrm", 16, v, 1))
		m->caps = v[0];
	n = proc_status_numbers(text, "NSpid", 10, v, 8);
	m->ns_pid = n ? (uint32_t)v[n - 1] : (uint32_t)id->pid;
	if (fstatat(id->live, "exe", &st, 0) == 0) {
		m->exe_dev = st.st_dev;
		m->exe_ino = st.st_ino;
	}
	m->status = text;
}

int on_facts(struct call *c)
{
	struct name_cache names = {0};
	struct wire_fact_list m = {0};
	struct reader_who who;
	struct wire_facts q;
	struct buf proc, cwd, root, *body = serve_scratch(c->serve);
	struct facts f;
	int err;

	wire_decode_facts(c->body, &q);
	err = reader_open(c, q.pid, q.start, &who);
	if (err != E_OK)
		return err;
	facts_init(&f);
	buf_init(&proc, 16384);
	buf_init(&cwd, 4096);
	buf_init(&root, 4096);
	if (read_facts(who.id.dir, who.id.ns, &f, &names)) {
		wire_put_proc(&proc, &f.rec);
		proc_readlink(who.id.live, "cwd", &cwd);
		proc_readlink(who.id.live, "root", &root);
		m.procs = span_buf(&proc);
		m.cwd = span_buf(&cwd);
		m.root = span_buf(&root);
		more_facts(&who.id, &f, &m);
		wire_encode_fact_list(body, &m);
		err = serve_answer(c, body);
	} else {
		err = who.own ? E_NO_PROCESS : E_GONE;
	}
	facts_free(&f);
	buf_free(&proc);
	buf_free(&cwd);
	buf_free(&root);
	reader_done(&who);
	return err;
}
