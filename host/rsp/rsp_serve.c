/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_serve.h"

#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/rsp/rsp_launch.h"
#include "host/rsp/rsp_listen.h"
#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_run.h"
#include "host/rsp/rsp_terminal.h"

enum {
	READ_MAX = 64 * 1024,
	AGAIN_MS = 20,    /* a program that does not read is asked again */
	IN_A_ROW = 64,    /* packets, with no more than ... */
	IN_A_ROW_MS = 1,  /* ... between them */
	EVENTS_MAX = 256, /* taken in a row before the debugger is looked at */
	OTHERS_MAX = 16,
};

enum { FD_ENGINE, FD_WAKE, FD_IN, FD_OUT, FD_LISTEN, FD_STDIN, FDS };

struct serve {
	const struct rsp_options *o;
	struct rsp *r;
	struct rsp_listener listener;
	bool served;              /* a debugger was there */
	pid_t others[OTHERS_MAX]; /* bridges for processes of LLDB's platform; 0 = none */
};

extern char **environ;

/* ---- at the beginning ------------------------------------------------------------------ */

static int said(struct he_error *e)
{
	rsp_say("%s", e->message);
	he_error_free(e);
	return 1;
}

/* As gdbserver says it: people's scripts wait for these lines. */
static int begin(struct serve *v)
{
	struct rsp_process *p = NULL;
	struct he_error *e = NULL;

	if (v->o->attach) {
		e = rsp_launch_attach(v->r, v->o->attach, &p);
	} else if (v->o->program) {
		if (!rsp_launch_set_args(v->r->launch, v->o->program))
			return 1;
		e = rsp_launch_start(v->r, &p);
	}
	if (e)
		return said(e);
	if (p && v->o->attach)
		rsp_chat(v->r, "Attached; pid = %u", p->pid);
	else if (p)
		rsp_chat(v->r, "Process %s created; pid = %u", v->o->program[0], p->pid);
	return 0;
}

static int open_listener(struct serve *v)
{
	char why[512];

	if (rsp_listen_open(&v->listener, v->o->listen, why, sizeof(why)) != 0) {
		rsp_say("%s", why);
		return 1;
	}
	if (v->listener.path)
		rsp_say("Listening on %s", v->listener.path);
	else
		rsp_say("Listening on port %u", v->listener.port);
	return 0;
}

/* ---- further connections of a platform ------------------------------------------------- */

/* Where the next is noted; NULL: there are too many. */
static pid_t *reap(struct serve *v)
{
	pid_t *room = NULL;

	for (size_t i = 0; i < OTHERS_MAX; i++) {
		if (v->others[i] && waitpid(v->others[i], NULL, WNOHANG) != 0)
			v->others[i] = 0;
		if (!v->others[i])
			room = &v->others[i];
	}
	return room;
}

/* Each process has a bridge of its own, which ends with its connection.  False: none was
 * to come, or it cannot be started. */
static bool hand_over(struct serve *v, int fd)
{
	posix_spawn_file_actions_t to;
	pid_t *room = reap(v);
	int failed;

	if (!rsp_lldb_awaits(v->r) || !v->o->again || !room)
		return false;
	posix_spawn_file_actions_init(&to);
	posix_spawn_file_actions_adddup2(&to, fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&to, fd, STDOUT_FILENO);
	failed = posix_spawn(
	    room, "/proc/self/exe", &to, NULL, (char *const *)(uintptr_t)v->o->again, environ);
	posix_spawn_file_actions_destroy(&to);
	if (failed)
		*room = 0;
	return !failed;
}

/* ---- debuggers come and go ----------------------------------------------------------------- */

static void come(struct serve *v)
{
	char peer[128], why[256];
	int fd = rsp_listen_accept(&v->listener, peer, sizeof(peer), why, sizeof(why));

	if (fd < 0) {
		if (*why)
			rsp_say("%s", why);
	} else if (v->r->in >= 0) {
		/* The one that is there goes on undisturbed. */
		if (!hand_over(v, fd))
			rsp_say("a second debugger (%s) was refused.", peer);
		close(fd);
	} else {
		rsp_say("Remote debugging from host %s", peer);
		rsp_open(v->r, fd, fd);
		v->served = true;
		if (v->o->once)
			rsp_listen_close(&v->listener);
	}
}

/* Nobody is left to serve, and nobody will come. */
static bool over(const struct serve *v)
{
	return v->r->end || *v->o->quit ||
	       (v->r->in < 0 && v->served &&
		   (v->listener.fd < 0 || (!v->r->extended && !v->o->multi && !v->r->processes)));
}

static void leave(struct serve *v)
{
	rsp_close(v->r);
	if (!over(v))
		rsp_say("Remote side has terminated connection.  The bridge waits for another.");
}

static void hear(struct serve *v)
{
	static uint8_t data[READ_MAX];
	struct rsp *r = v->r;

	/* Debuggers ask many small things in a row while nothing runs: each is answered without
	 * looking at everything else in between. */
	for (int i = 0; i < IN_A_ROW; i++) {
		struct pollfd fd = {.fd = r->in, .events = POLLIN};
		ssize_t n = read(r->in, data, sizeof(data));

		if (n > 0)
			rsp_take(r, data, (size_t)n);
		else if (n == 0 || (errno != EINTR && errno != EAGAIN))
			leave(v);
		if (n <= 0 || r->hang_up || r->run->waiting || r->non_stop || r->lldb ||
		    poll(&fd, 1, IN_A_ROW_MS) <= 0)
			return;
	}
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* True: more may be waiting. */
static bool take_events(struct serve *v)
{
	for (int i = 0; i < EVENTS_MAX; i++) {
		struct he_event ev = {0};
		struct he_error *e = he_wait(v->r->engine, 0, &ev);

		if (e) {
			said(e);
			v->r->end = true;
			v->r->status = 1;
			return false;
		}
		if (ev.kind == HE_E_NONE)
			return false;
		rsp_event(v->r, &ev);
		rsp_run_settle(v->r);
	}
	return true;
}

/* The soonest that a part wants to be called again; -1 = none does. */
static int tick(struct rsp *r)
{
	int soonest = -1;

	for (size_t i = 0; rsp_parts[i]; i++) {
		int ms = rsp_parts[i]->tick ? rsp_parts[i]->tick(r) : -1;

		if (ms >= 0 && (soonest < 0 || ms < soonest))
			soonest = ms;
	}
	return soonest;
}

/* How long to sleep, ms. */
static int patience(struct rsp *r, bool more, bool typed)
{
	int ms = tick(r);

	if (more)
		return 0;
	return typed && (ms < 0 || ms > AGAIN_MS) ? AGAIN_MS : ms;
}

static void sleep_and_serve(struct serve *v, bool more)
{
	struct rsp *r = v->r;
	bool typed = r->terminal->n > 0, waits = rsp_frame_waiting(&r->frame).n > 0;
	struct pollfd fds[FDS] = {
	    [FD_ENGINE] = {he_event_fd(r->engine), POLLIN, 0},
	    [FD_WAKE] = {v->o->wake_fd, POLLIN, 0},
	    [FD_IN] = {r->in, POLLIN, 0},
	    [FD_OUT] = {waits ? r->out : -1, POLLOUT, 0},
	    [FD_LISTEN] = {v->listener.fd, POLLIN, 0},
	    [FD_STDIN] = {rsp_terminal_in(r), POLLIN, 0},
	};
	uint64_t count;

	if (poll(fds, FDS, patience(r, more, typed)) < 0)
		return;
	if (fds[FD_WAKE].revents && read(v->o->wake_fd, &count, sizeof(count)) < 0)
		return;
	if (fds[FD_OUT].revents)
		rsp_flush(r);
	if (fds[FD_STDIN].revents || typed)
		rsp_terminal_input(r, fds[FD_STDIN].revents != 0);
	if (fds[FD_IN].revents)
		hear(v);
	if (fds[FD_LISTEN].revents)
		come(v);
}

static void loop(struct serve *v)
{
	while (!over(v)) {
		bool more = take_events(v);

		if (v->r->hang_up && v->r->in >= 0) {
			rsp_flush(v->r);
			leave(v);
		}
		if (!over(v))
			sleep_and_serve(v, more);
	}
	rsp_flush(v->r);
}

int rsp_serve(struct he_engine *e, struct he_server *s, const struct rsp_options *o)
{
	struct serve v = {.o = o, .r = rsp_new(e, s), .listener = {.fd = -1}};
	int ret = v.r ? 0 : 1;

	if (v.r) {
		v.r->without = o->without;
		v.r->launch->wrapper = o->wrapper;
		v.r->launch->n_wrapper = o->n_wrapper;
		v.r->chatty = o->listen != NULL;
		rsp_terminal_init(v.r, o->listen != NULL);
		ret = v.r->terminal ? begin(&v) : 1;
	}
	if (!ret && o->listen) {
		ret = open_listener(&v);
		v.r->listener = &v.listener;
	}
	if (!ret && !o->listen) {
		rsp_open(v.r, STDIN_FILENO, STDOUT_FILENO);
		v.served = true;
	}
	if (!ret) {
		loop(&v);
		ret = v.r->status;
	}
	rsp_listen_close(&v.listener);
	rsp_free(v.r);
	return ret;
}
