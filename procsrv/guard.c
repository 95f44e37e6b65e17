/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-guard: one per session, as the mapped user.  Parent and subreaper of the
 * tracer; holds what has to outlive it (the session's record, socket and journal,
 * descriptors 5 to 7).  Parses nothing from the network, allocates nothing.
 *
 *   procsrv-guard               started by a monitor: see ipc.h for its descriptors
 *   procsrv-guard -stdio [-v]   frames on stdin and stdout, no network, no keys
 *   procsrv-guard -repair       put right what the journal at descriptor 3 says, and end
 */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/wire.h"

enum {
	EXIT_USAGE = 2,
	EXIT_STARTED = 126, /* could not start the tracer */
	LET_GO_S = 5,       /* for the tracer to detach everything, which it does within one */
};

static struct guard self; /* begun in main: 300 KB of it would stand in the file */

/* ---- the session ---------------------------------------------------------- */

static void make_session(bool verbose)
{
	struct ipc_session *s = &self.session;
	const struct passwd *pw = getpwuid(geteuid());

	s->rights =
	    1u << WIRE_R_LOOK | 1u << WIRE_R_STOP | 1u << WIRE_R_WRITE | 1u << WIRE_R_LAUNCH;
	s->verbose = verbose;
	s->since = time(NULL);
	if (pw)
		snprintf(s->user, sizeof(s->user), "%s", pw->pw_name);
	else
		snprintf(s->user, sizeof(s->user), "%u", (unsigned)geteuid());
	snprintf(s->key, sizeof(s->key), "%s", s->user);
	snprintf(s->from, sizeof(s->from), "local");
}

static void receive_session(void)
{
	struct ipc_state state = {M_G, PHASE_START, {0}};
	uint16_t type;
	size_t size;
	int err = ipc_recv(FD_PIPE, &type, &self.session, sizeof(self.session), &size);

	if (err == EPIPE)
		exit(0); /* the monitor changed its mind */
	if (err || !ipc_check(&state, type))
		fatal(EXIT_FAILURE, "no session from the monitor: %s", strerror(err));
	self.session.user[sizeof(self.session.user) - 1] = 0;
	self.session.key[sizeof(self.session.key) - 1] = 0;
	self.session.from[sizeof(self.session.from) - 1] = 0;
	if (self.session.bounded &&
	    (ipc_recv(FD_PIPE, &type, &self.bounds, sizeof(self.bounds), &size) != 0 ||
		type != IPC_BOUNDS || !ipc_check(&state, type)))
		fatal(EXIT_FAILURE, "no bounds from the monitor");
	self.monitor = FD_PIPE;
	self.lease.grace_ms = self.session.grace_ms;
}

/* What ps shows, and what others read who find a process held by us. */
static void make_title(char *title, size_t size)
{
	const struct ipc_session *s = &self.session;
	time_t since = (time_t)s->since;
	char name[160], at[16] = "?";
	struct tm tm;

	if (localtime_r(&since, &tm))
		strftime(at, sizeof(at), "%H:%M", &tm);
	log_escape(name, sizeof(name), s->key, strlen(s->key));
	if (self.stdio)
		snprintf(title, size, "procsrv-tracer: local session (%s, since %s)", name, at);
	else
		snprintf(
		    title, size, "procsrv-tracer: session %u (%s, since %s)", s->number, name, at);
}

static void make_journal(void)
{
	int fd = self.stdio ? -1 : FD_JOURNAL, err = keeper_journal(&self.keeper, fd);

	if (err == EAGAIN) { /* more than may be locked, setrlimit(2) */
		munlockall();
		mlockall(MCL_CURRENT);
		err = keeper_journal(&self.keeper, fd);
	}
	if (err)
		fatal(EXIT_FAILURE, "cannot make the session's journal: %s", strerror(err));
}

/* ---- the tracer ----------------------------------------------------------- */

static bool tracer_path(char *path, size_t size)
{
	static const char tracer[] = "/procsrv-tracer";
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (n <= 0)
		return false;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) + sizeof(tracer) > size)
		return false;
	memcpy(slash, tracer, sizeof(tracer));
	return true;
}

/* In the child: descriptors and signals as the tracer wants them, then exec. */
static void become_tracer(int pipe, const char *path, char *title)
{
	char *argv[] = {title, NULL};
	sigset_t none;

	if (dup2(pipe, FD_PIPE) < 0)
		_exit(EXIT_STARTED);
	/* The record's lock is held until both of us have ended. */
	close_range(self.stdio ? FD_CHANNEL : FD_LISTEN, FD_JOURNAL - 1, 0);
	close_range(FD_JOURNAL + 1, ~0U, 0);
	keeper_offer();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execv(path, argv);
	_exit(EXIT_STARTED);
}

static void start_tracer(void)
{
	char path[4096], title[256];
	int pair[2], high;

	make_title(title, sizeof(title));
	if (!tracer_path(path, sizeof(path)))
		fatal(EXIT_FAILURE, "cannot tell where procsrv-tracer is: /proc is not readable");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		fatal(EXIT_FAILURE, "cannot make a pipe: %s", strerror(errno));
	/* Out of the way of the fixed numbers. */
	high = fcntl(pair[1], F_DUPFD_CLOEXEC, FD_SPOOL + 1);
	self.tracer = fcntl(pair[0], F_DUPFD_CLOEXEC, FD_SPOOL + 1);
	close(pair[0]);
	close(pair[1]);
	if (high < 0 || self.tracer < 0 || fcntl(self.tracer, F_SETFL, O_NONBLOCK) != 0)
		fatal(EXIT_FAILURE, "cannot make a pipe: %s", strerror(errno));
	self.child = fork();
	if (self.child < 0)
		fatal(EXIT_FAILURE, "cannot start the tracer: %s", strerror(errno));
	if (self.child == 0)
		become_tracer(high, path, title);
	close(high);
	keeper_begin(&self.keeper, self.child);
	if (ipc_send(self.tracer, IPC_SESSION, &self.session, sizeof(self.session)) != 0 ||
	    (self.session.bounded &&
		ipc_send(self.tracer, IPC_BOUNDS, &self.bounds, sizeof(self.bounds)) != 0))
		log_error("cannot tell the tracer its session");
}

/* The channel is the tracer's alone, so that its end is seen at both sides. */
static void let_go_of_channel(void)
{
	int null;

	if (!self.stdio) {
		close(FD_CHANNEL);
		return;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		fatal(EXIT_FAILURE, "cannot open /dev/null: %s", strerror(errno));
	if (null > 1)
		close(null);
}

/* A tracer that hangs (in a read of memory that nobody provides, say) would keep its
 * targets standing: the kernel detaches and resumes them when it is killed. */
void guard_end_soon(struct guard *g)
{
	if (!g->stopping)
		alarm(LET_GO_S);
	g->stopping = true;
}

void guard_stop_tracer(struct guard *g)
{
	if (g->child <= 0)
		return;
	kill(g->child, SIGTERM);
	guard_end_soon(g);
}

/* ---- its end -------------------------------------------------------------- */

static void record_repairs(void)
{
	const struct journal *j = self.keeper.journal;

	for (unsigned i = 0; j && i < JOURNAL_TARGETS; i++) {
		const struct journal_target *t = &j->targets[i];
		struct ipc_audit a = {
		    .event = IPC_REPAIRED, .pid = (uint32_t)t->pid, .start = t->start};

		strcpy(a.name, "its tracer died");
		if (t->pid > 0)
			guard_record(&self, &a);
	}
}

static void repair(void)
{
	unsigned n;

	record_repairs();
	n = keeper_ended(&self.keeper);
	if (n)
		log_warn("the tracer died with %u process%s in hand, which %s put right", n,
		    n == 1 ? "" : "es", n == 1 ? "was" : "were");
}

static _Noreturn void ended(int status)
{
	/* Its number is nobody's from now on. */
	self.child = 0;
	repair();
	guard_hear_out_tracer(&self);
	guard_settle_records(&self);
	if (WIFSIGNALED(status)) {
		log_error("the tracer was killed by signal %d", WTERMSIG(status));
		exit(128 + WTERMSIG(status));
	}
	if (WEXITSTATUS(status) == EXIT_STARTED)
		log_error("cannot execute procsrv-tracer beside procsrv-guard");
	exit(WEXITSTATUS(status));
}

/* Does not return when the tracer has ended. */
static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != self.child)
			continue;
		if (!WIFSTOPPED(status))
			ended(status);
		keeper_stopped(&self.keeper, status);
	}
}

static void from_signals(void)
{
	struct signalfd_siginfo si;

	while (read(self.signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
		if (si.ssi_signo == SIGCHLD)
			reap();
		else if (si.ssi_signo == SIGALRM)
			kill(self.child, SIGKILL);
		else
			guard_stop_tracer(&self);
}

static int patience(void)
{
	int keeper = keeper_patience(&self.keeper);
	int lease = self.stopping ? -1 : lease_wait(&self.lease, now_ms());

	return keeper < 0 || (lease >= 0 && lease < keeper) ? lease : keeper;
}

static void watch(void)
{
	for (;;) {
		struct pollfd fds[] = {
		    {.fd = self.signals, .events = POLLIN},
		    {.fd = self.monitor, .events = guard_monitor_events(&self)},
		    {.fd = self.carrying ? -1 : self.tracer, .events = POLLIN},
		    {.fd = guard_socket(&self), .events = POLLIN},
		    {.fd = self.before.pipe, .events = POLLIN},
		};

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), patience()) < 0 && errno != EINTR)
			fatal(EXIT_FAILURE, "poll: %s", strerror(errno));
		keeper_look(&self.keeper);
		if (fds[0].revents)
			from_signals();
		guard_keep_lease(&self);
		if (fds[4].revents && self.before.pipe >= 0)
			guard_hear_before(&self);
		if (fds[2].revents)
			guard_hear_tracer(&self);
		if (fds[3].revents)
			guard_hear_socket(&self);
		if (self.monitor >= 0 && fds[1].revents & (POLLIN | POLLHUP | POLLERR))
			guard_hear_monitor(&self);
		else if (self.carrying)
			guard_carry(&self);
	}
}

/* ---- start -------------------------------------------------------------------- */

static void take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGALRM);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* whoever is of our user can set that limit, at any time */
	self.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (self.signals >= 0 && self.signals <= FD_SPOOL) {
		int high = fcntl(self.signals, F_DUPFD_CLOEXEC, FD_SPOOL + 1);

		close(self.signals);
		self.signals = high;
	}
	if (self.signals < 0)
		fatal(EXIT_FAILURE, "signalfd: %s", strerror(errno));
}

static bool options(int argc, char **argv, bool *verbose)
{
	for (int i = 1; i < argc; i++) {
		const char *o = argv[i][0] == '-' && argv[i][1] == '-' ? argv[i] + 1 : argv[i];

		if (strcmp(o, "-stdio") == 0)
			self.stdio = true;
		else if (strcmp(o, "-repair") == 0)
			self.repairs = true;
		else if (strcmp(o, "-v") == 0)
			*verbose = true;
		else
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	bool verbose = false;

	self.monitor = self.tracer = self.caller = self.sent.pipe = self.before.pipe = -1;
	self.from_tracer = (struct ipc_state){T_G, PHASE_OPENED, {0}};
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	log_init("procsrv-guard", false);
	if (!options(argc, argv, &verbose))
		fatal(EXIT_USAGE, "started by procsrv; by hand only as: procsrv-guard -stdio [-v]");
	if (self.repairs)
		return keeper_mend(&self.keeper, FD_PIPE) ? 0 : EXIT_FAILURE;
	close_range(self.stdio ? FD_PIPE : FD_SPOOL + 1, ~0U, 0);
	take_signals();
	if (self.stdio)
		make_session(verbose);
	else
		receive_session();
	log_init("procsrv-guard", self.session.verbose);
	/* What we have to do one day is to be done at once.  But of the journal only what is in
	 * use: all of it would be megabytes a session. */
	mlockall(MCL_CURRENT);
	mlockall(MCL_FUTURE | MCL_ONFAULT);
	make_journal();
	start_tracer();
	let_go_of_channel();
	watch();
}
