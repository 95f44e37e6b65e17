/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-reader: one per session at a time, as the mapped user; answers requests that
 * read files, /proc and mappings, one after the other.  What it reads may block for ever:
 * then the tracer, which started it, kills it and starts another.  Ends with its socket.
 *
 *   procsrv-reader          requests (reader_ipc.h)
 *   procsrv-reader -touch   pages of memory (touch.h)
 */
#include "reader.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bounds.h"
#include "common/log.h"
#include "handlers.h"
#include "reader_ipc.h"
#include "target.h"
#include "touch.h"
#include "tracer.h"

static struct {
	struct reader_ask ask;
	uint8_t body[READER_DATA];
	struct tracer tracer;  /* what files were recorded of late, and nothing else of it */
	struct proc_id target; /* of the request; its pid 0 = none so far */
	struct buf scratch;
} self;

/* ---- the socket ------------------------------------------------------------------------ */

/* Whoever cannot be told is gone. */
static void say(enum reader_kind kind, const struct reader_say *what, struct span body)
{
	struct reader_say s = *what;
	struct iovec iov[2] = {{&s, sizeof(s)}, {(void *)body.p, body.n}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	s.id = self.ask.id;
	s.kind = (uint32_t)kind;
	s.n = body.n;
	if (sendmsg(READER_FD, &msg, MSG_NOSIGNAL) < 0)
		exit(0);
}

static bool next_request(void)
{
	struct iovec iov[2] = {{&self.ask, sizeof(self.ask)}, {self.body, sizeof(self.body)}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n = recvmsg(READER_FD, &msg, 0);

	return n >= (ssize_t)sizeof(self.ask) && !(msg.msg_flags & MSG_TRUNC) &&
	       (size_t)n - sizeof(self.ask) == self.ask.n;
}

/* ---- what the handlers want of others ------------------------------------------------------ */

/* The target's descriptors are the tracer's: ours are kept for the next request. */
static int open_target(struct reader_who *w, struct fault *f)
{
	int err;

	if (!self.ask.pid)
		return E_NO_TARGET;
	if (self.target.pid != (pid_t)self.ask.pid || self.target.start != self.ask.start) {
		if (self.target.pid)
			proc_close(&self.target);
		if (proc_open(&self.target, self.ask.pid, self.ask.start, f) != E_OK) {
			self.target.pid = 0;
			return E_GONE;
		}
	}
	proc_relive(&self.target);
	err = bounds_check(&self.tracer.bounds, &self.target, f);
	w->id = self.target;
	return err;
}

static int open_other(uint32_t pid, uint64_t start, struct reader_who *w, struct fault *f)
{
	int err = proc_open(&w->id, pid, start, f);

	if (err != E_OK)
		return err;
	err = bounds_check(&self.tracer.bounds, &w->id, f);
	if (err != E_OK)
		proc_close(&w->id);
	return err;
}

int reader_open(struct call *c, uint32_t pid, uint64_t start, struct reader_who *w)
{
	w->own = pid != 0;
	return pid ? open_other(pid, start, w, &c->fault) : open_target(w, &c->fault);
}

int target_audit(int event, const struct proc_id *id, const char *name, uint64_t size, int result)
{
	struct reader_say s = {.what.audit = {.event = (uint32_t)event,
				   .pid = (uint32_t)id->pid,
				   .start = id->start,
				   .size = size,
				   .result = (uint32_t)result}};
	struct reader_recorded r;
	struct stat st;

	if (id->live >= 0 && fstatat(id->live, "exe", &st, 0) == 0) {
		s.what.audit.exe_dev = st.st_dev;
		s.what.audit.exe_ino = st.st_ino;
	}
	strncpy(s.what.audit.name, name, sizeof(s.what.audit.name) - 1);
	say(READER_RECORD, &s, (struct span){NULL, 0});
	return recv(READER_FD, &r, sizeof(r), 0) == (ssize_t)sizeof(r) ? r.err : E_LIMIT;
}

struct buf *serve_scratch(struct serve *s)
{
	(void)s;
	buf_reset(&self.scratch);
	return &self.scratch;
}

void serve_ok(struct reply *r)
{
	reply_piece(r, (struct span){NULL, 0});
	reply_done(r);
}

/* ---- requests -------------------------------------------------------------------------------- */

static handler *const handlers[WIRE_TYPES] = {
    [WIRE_ps] = on_ps,
    [WIRE_facts] = on_facts,
    [WIRE_maps] = on_maps,
    [WIRE_auxv] = on_auxv,
    [WIRE_environment] = on_environment,
    [WIRE_proc_text] = on_proc_text,
    [WIRE_file_stat] = on_file_stat,
    [WIRE_file_look] = on_file_look,
    [WIRE_file_read] = on_file_read,
    [WIRE_file_link] = on_file_link,
    [WIRE_file_list] = on_file_list,
    [WIRE_file_write] = on_file_write,
    [WIRE_file_change] = on_file_change,
};

/* A refill that failed has left an error's body instead of a piece. */
static void say_error(struct span body)
{
	struct reader_say s = {0};
	struct fault *f = &s.what.fault;
	struct wire_error e;

	wire_decode_error(body, &e);
	fault_set(f, e.code, e.os_errno, e.pid);
	f->addr = e.addr;
	memcpy(f->subject, e.subject.p, e.subject.n < sizeof(f->subject) ? e.subject.n : 0);
	memcpy(f->detail, e.detail.p, e.detail.n < sizeof(f->detail) ? e.detail.n : 0);
	say(READER_FAIL, &s, (struct span){NULL, 0});
}

/* False: it has failed. */
static bool say_pieces(struct reply *r)
{
	const struct reader_say none = {0};
	struct piece *p;

	while ((p = reply_take(r))) {
		struct span body = {p->body, p->n};

		if (r->type == WIRE_error)
			say_error(body);
		else
			say(READER_PIECE, &none, body);
		free(p);
	}
	return r->type != WIRE_error;
}

static void answer(struct reply *r)
{
	const struct reader_say none = {0};

	while (!r->done && r->refill) {
		r->later = false;
		r->refill(r);
		if (!say_pieces(r))
			return;
	}
	if (say_pieces(r))
		say(READER_DONE, &none, (struct span){NULL, 0});
}

/* It comes once, before any request. */
static bool take_bounds(void)
{
	bool ours = self.ask.type == READER_BOUNDS && self.ask.n == sizeof(self.tracer.bounds);

	if (ours)
		memcpy(&self.tracer.bounds, self.body, sizeof(self.tracer.bounds));
	return ours;
}

static void serve_one(void)
{
	const struct wire_head h = {
	    .type = self.ask.type, .len = self.ask.n, .target = self.ask.target};
	struct reader_say failed = {0};
	size_t total = 0;
	struct call c = {.tracer = &self.tracer,
	    .h = &h,
	    .body = {self.body, self.ask.n},
	    .reply = reply_new(self.ask.type, 1, 0, &total)};
	int err = E_NOMEM;

	if (c.reply)
		err = h.type < WIRE_TYPES && handlers[h.type] ? handlers[h.type](&c) : E_UNKNOWN;
	if (err == E_OK) {
		answer(c.reply);
	} else {
		failed.what.fault = c.fault;
		failed.what.fault.code = err;
		say(READER_FAIL, &failed, (struct span){NULL, 0});
	}
	if (c.reply)
		reply_free(c.reply);
}

int main(int argc, char **argv)
{
	sigset_t none;

	prctl(PR_SET_DUMPABLE, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	log_init("procsrv-reader", false);
	if (argc > 1 && strcmp(argv[1], TOUCH_OPTION) == 0) {
		touch_serve();
		return 0;
	}
	buf_init(&self.scratch, WIRE_PIECE);
	while (next_request())
		if (!take_bounds())
			serve_one();
	return 0;
}
