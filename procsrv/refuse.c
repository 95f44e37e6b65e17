/* SPDX-License-Identifier: BSD-2-Clause */
#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader.h"

enum { TEXT = 8192, LOOKS = 4 };

/* What the rules of ptrace(2), section "Ptrace access mode checking", look at. */
struct facts {
	struct span comm;
	char state;
	bool kthread;
	uint64_t tracer;
	uint64_t uid[3], gid[3]; /* real, effective, saved */
	uint64_t caps;           /* permitted */
	bool memory;             /* it still has some */
	struct buf stat, status;
};

static bool read_facts(int dir, struct facts *f)
{
	struct proc_stat st;
	struct span text;

	*f = (struct facts){0};
	buf_init(&f->stat, TEXT);
	buf_init(&f->status, TEXT);
	if (proc_read(dir, "stat", &f->stat) != 0 || !proc_parse_stat(span_buf(&f->stat), &st))
		return false;
	f->comm = st.comm;
	f->state = st.state;
	f->kthread = (st.flags & PROC_PF_KTHREAD) != 0;
	proc_read(dir, "status", &f->status);
	text = span_buf(&f->status);
	proc_status_numbers(text, "TracerPid", 10, &f->tracer, 1);
	proc_status_numbers(text, "CapPrm", 16, &f->caps, 1);
	f->memory = proc_status_field(text, "VmSize").n != 0;
	return proc_status_numbers(text, "Uid", 10, f->uid, 3) == 3 &&
	       proc_status_numbers(text, "Gid", 10, f->gid, 3) == 3;
}

static void free_facts(struct facts *f)
{
	buf_free(&f->stat);
	buf_free(&f->status);
}

/* Of a thread that lives, if there is one: whichever was found can end before it is
 * read. */
static bool read_live(struct proc_id *id, struct facts *f)
{
	bool ok;

	for (unsigned look = 1;; look++) {
		proc_relive(id);
		ok = read_facts(id->live, f);
		if (f->memory || f->kthread || look == LOOKS)
			return ok;
		free_facts(f);
	}
}

static void put(char *to, size_t size, struct span s)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;

	if (n)
		memcpy(to, s.p, n);
	to[n] = 0;
}

static int own_facts(struct facts *own)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = dir >= 0 && read_facts(dir, own);

	if (dir < 0)
		*own = (struct facts){0};
	else
		close(dir);
	return ok ? 0 : -1;
}

int refuse_yama_scope(void)
{
	uint8_t room[32] = {0};
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	if (proc_read(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", &b) != 0 || !b.len)
		return -1;
	return room[0] - '0';
}

/* ---- one rule each: true when it is the reason ------------------------------------- */

/* Or as good as: one that is about to end has no memory any more, and its files in
 * /proc look like those of an undumpable one. */
static bool zombie(const struct facts *f, struct fault *out)
{
	if (!f->memory || f->state == 'Z' || f->state == 'X')
		out->code = E_ZOMBIE;
	return out->code;
}

static bool kernel_thread(const struct facts *f, struct fault *out)
{
	if (f->kthread)
		out->code = E_KERNEL_THREAD;
	return out->code;
}

/* The holder's process title says whose session it is. */
static bool traced(const struct facts *f, struct fault *out)
{
	char name[64];
	struct buf title;

	if (!f->tracer)
		return false;
	buf_init(&title, sizeof(out->detail) - 1);
	snprintf(name, sizeof(name), "/proc/%llu/cmdline", (unsigned long long)f->tracer);
	proc_read(AT_FDCWD, name, &title);
	for (size_t i = 0; i + 1 < title.len; i++)
		if (!title.p[i])
			title.p[i] = ' ';
	put(out->detail, sizeof(out->detail), span_buf(&title));
	buf_free(&title);
	out->pid = (uint32_t)f->tracer;
	out->code = E_TRACED;
	return true;
}

static bool all_equal(const uint64_t id[3], uint64_t own)
{
	return id[0] == own && id[1] == own && id[2] == own;
}

static bool other_user(const struct facts *f, const struct facts *own, struct fault *out)
{
	if (all_equal(f->uid, own->uid[1]))
		return false;
	reader_user_name((uint32_t)f->uid[1], out->detail, sizeof(out->detail));
	out->code = E_OTHER_USER;
	return true;
}

static void group_name(uint64_t gid, char *name, size_t size)
{
	const struct group *g = getgrgid((gid_t)gid);

	if (g)
		snprintf(name, size, "%s", g->gr_name);
	else
		snprintf(name, size, "%llu", (unsigned long long)gid);
}

static bool other_group(const struct facts *f, const struct facts *own, struct fault *out)
{
	if (all_equal(f->gid, own->gid[1]))
		return false;
	group_name(f->gid[1], out->detail, sizeof(out->detail));
	out->code = E_OTHER_GROUP;
	return true;
}

static bool more_caps(const struct facts *f, const struct facts *own, struct fault *out)
{
	if (!(f->caps & ~own->caps))
		return false;
	reader_user_name((uint32_t)own->uid[1], out->detail, sizeof(out->detail));
	out->code = E_MORE_CAPS;
	return true;
}

/* The files of an undumpable process belong to root, whoever it runs as. */
static bool undumpable(int dir, const struct facts *f, struct fault *out)
{
	struct stat st;

	if (f->uid[1] == 0 || fstatat(dir, "environ", &st, 0) != 0 || st.st_uid == f->uid[1])
		return false;
	out->code = E_UNDUMPABLE;
	return true;
}

static bool yama(struct fault *out)
{
	int scope = refuse_yama_scope();

	if (scope < 1)
		return false;
	out->addr = (uint64_t)scope;
	out->code = E_YAMA;
	return true;
}

/* ---- all of them ---------------------------------------------------------------- */

int refuse_early(struct proc_id *id, struct fault *f)
{
	struct facts facts;

	fault_set(f, E_OK, 0, (uint32_t)id->pid);
	if (id->pid == getpid() || id->pid == getppid())
		return fault_set(f, E_SELF, 0, (uint32_t)id->pid);
	if (!read_live(id, &facts) && !facts.stat.len)
		f->code = E_NO_PROCESS;
	else if (!kernel_thread(&facts, f))
		zombie(&facts, f);
	if (f->code)
		put(f->subject, sizeof(f->subject), facts.comm);
	free_facts(&facts);
	return f->code;
}

/* What CAP_SYS_PTRACE passes by; false: none of these. */
static bool find_credentials(
    const struct proc_id *id, const struct facts *f, const struct facts *own, struct fault *out)
{
	if (own->caps >> CAP_SYS_PTRACE & 1)
		return false;
	return other_user(f, own, out) || other_group(f, own, out) || more_caps(f, own, out) ||
	       undumpable(id->live, f, out);
}

/* In the order in which an answer helps most: what no right would change comes
 * first, and Yama, which asks nothing about the two users, last. */
static void find(
    const struct proc_id *id, const struct facts *f, const struct facts *own, struct fault *out)
{
	if (kernel_thread(f, out) || zombie(f, out) || traced(f, out))
		return;
	if (!find_credentials(id, f, own, out) && !yama(out))
		out->code = E_FILTERED;
}

/* Only reading was refused, which asks less: neither a tracer nor Yama is in its way. */
static void find_look(
    const struct proc_id *id, const struct facts *f, const struct facts *own, struct fault *out)
{
	if (!zombie(f, out))
		find_credentials(id, f, own, out);
}

static int why(struct proc_id *id, int os_errno, struct fault *f,
    void (*search)(
	const struct proc_id *, const struct facts *, const struct facts *, struct fault *))
{
	struct facts facts, own;

	fault_set(f, E_OS, os_errno, (uint32_t)id->pid);
	if (os_errno != EPERM && os_errno != EACCES)
		return f->code;
	f->code = E_OK;
	if (!read_live(id, &facts) && !facts.stat.len) {
		f->code = E_NO_PROCESS;
	} else if (own_facts(&own) == 0) {
		search(id, &facts, &own, f);
		free_facts(&own);
	}
	if (!f->subject[0])
		put(f->subject, sizeof(f->subject), facts.comm);
	free_facts(&facts);
	if (!f->code)
		f->code = E_OS;
	return f->code;
}

int refuse_why(struct proc_id *id, int os_errno, struct fault *f)
{
	return why(id, os_errno, f, find);
}

int refuse_look(struct proc_id *id, int os_errno, struct fault *f)
{
	return why(id, os_errno, f, find_look);
}
