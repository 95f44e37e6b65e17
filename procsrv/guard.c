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

#include "audit_line.h"
#include "audit_spool.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/wire.h"
#include "ipc.h"
#include "keeper.h"
#include "lease.h"

enum {
	EXIT_USAGE = 2,
	EXIT_STARTED = 126, /* could not start the tracer */
	LET_GO_S = 5,       /* for the tracer to detach everything, which it does within one */
};

static struct {
	struct ipc_session session;
	bool stdio, repairs;
	int monitor; /* pipes; -1 = none (stdio), or gone */
	int tracer;
	int signals;
	pid_t child;
	bool stopping; /* it was told to end */
	struct ipc_state from_tracer;
	/* read from the tracer, to be given to the monitor */
	union {
		struct ipc_audit audit;
		struct ipc_resumed resumed;
		struct ipc_target target;
		struct ipc_none none;
	} body;
	enum ipc_type type;
	size_t size;
	bool carrying; /* there is one */
	struct lease lease;
	unsigned handing; /* channels given to the tracer that it has not answered */
	int caller;       /* a monitor that has not said what it wants; -1 = none */
	struct keeper keeper;
} self; /* begun in main: 300 KB of it would stand in the file */

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
	int err = keeper_journal(&self.keeper, self.stdio ? -1 : FD_JOURNAL);

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
	if (high < 0 || self.tracer < 0)
		fatal(EXIT_FAILURE, "cannot make a pipe: %s", strerror(errno));
	self.child = fork();
	if (self.child < 0)
		fatal(EXIT_FAILURE, "cannot start the tracer: %s", strerror(errno));
	if (self.child == 0)
		become_tracer(high, path, title);
	close(high);
	keeper_begin(&self.keeper, self.child);
	if (ipc_send(self.tracer, IPC_SESSION, &self.session, sizeof(self.session)) != 0)
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
static void end_soon(void)
{
	if (!self.stopping)
		alarm(LET_GO_S);
	self.stopping = true;
}

static void stop_tracer(void)
{
	if (self.child <= 0)
		return;
	kill(self.child, SIGTERM);
	end_soon();
}

/* ---- what comes in ---------------------------------------------------------- */

static void told_of_target(const int fds[IPC_FDS])
{
	struct ipc_target t;

	memcpy(&t, &self.body, sizeof(t));
	keeper_told(&self.keeper, &t, fds);
}

static void tell_tracer(enum ipc_type type, const void *body, size_t size)
{
	if (self.tracer >= 0 && ipc_send(self.tracer, type, body, size) != 0)
		log_error("cannot reach the tracer");
}

/* Where it is taken from one day. */
static void keep_record(const struct ipc_audit *a)
{
	if (self.stdio)
		return;
	audit_of(&self.session, a);
	spool_write(FD_SPOOL, a);
}

static void record(const struct ipc_audit *a)
{
	if (self.monitor < 0 || ipc_send(self.monitor, IPC_AUDIT, a, sizeof(*a)) != 0)
		keep_record(a);
}

static void record_end(enum ipc_event event, const char *why)
{
	struct ipc_audit a = {.event = event, .result = E_LOST};

	snprintf(a.name, sizeof(a.name), "%s", why);
	record(&a);
}

/* What the monitor does not take any more is kept here. */
static void drop_carried(void)
{
	if (self.carrying && self.type == IPC_AUDIT)
		keep_record(&self.body.audit);
	self.carrying = false;
}

/* The monitor goes with its connection: this tells it that nothing follows. */
static void let_go_of_monitor(void)
{
	drop_carried();
	if (self.monitor >= 0)
		close(self.monitor);
	self.monitor = -1;
}

static void lose_link(void)
{
	char why[64];

	if (self.lease.lost || self.stopping)
		return;
	let_go_of_monitor();
	if (!self.lease.grace_ms) {
		stop_tracer();
		return;
	}
	lease_lost(&self.lease, now_ms());
	snprintf(why, sizeof(why), "kept for %u ms", (unsigned)self.lease.grace_ms);
	record_end(IPC_LINK_LOST, why);
}

/* What concerns the session, not its targets, or is handed on. */
static void heard(uint16_t type, size_t size)
{
	if (type == IPC_LOST) {
		/* Else it is the link before the one that was handed over. */
		if (!self.handing)
			lose_link();
		return;
	}
	if (type == IPC_RESUMED && self.handing)
		self.handing--;
	/* It is of the link before, or answers one that has been put out since: the newest
	 * monitor hears its answer first. */
	if (self.handing) {
		if (type == IPC_AUDIT)
			keep_record(&self.body.audit);
		return;
	}
	self.type = (enum ipc_type)type;
	self.size = size;
	self.carrying = self.monitor >= 0;
	if (!self.carrying && type == IPC_AUDIT)
		record(&self.body.audit);
}

static void from_tracer(void)
{
	uint16_t type;
	size_t size;
	int fds[IPC_FDS];
	int err = ipc_recv_fds(self.tracer, &type, &self.body, sizeof(self.body), &size, fds);

	if (!err && !ipc_check(&self.from_tracer, type))
		err = EPROTO;
	if (err) {
		if (err == EPROTO)
			log_error("the tracer does not keep to the rules of its pipe");
		close(self.tracer);
		self.tracer = -1;
		if (err == EPROTO)
			stop_tracer();
		return;
	}
	if (type == IPC_TARGET)
		told_of_target(fds);
	else
		heard(type, size);
}

static void to_monitor(void)
{
	int err = ipc_send(self.monitor, self.type, &self.body, self.size);

	/* Full: the packet stays, the tracer's pipe fills up, and the tracer refuses
	 * what it could not have recorded. */
	if (err == EAGAIN)
		return;
	if (err)
		drop_carried();
	self.carrying = false;
}

/* It says that the session has to end, or nothing: then it has ended, and its connection
 * is not to be trusted without it. */
static void from_monitor(void)
{
	static const struct ipc_resume none;
	struct ipc_state state = {M_G, PHASE_OPENED, {0}};
	struct ipc_verdict end;
	uint16_t type;
	size_t size;
	int err = ipc_recv(self.monitor, &type, &end, sizeof(end), &size);

	if (err == EAGAIN)
		return;
	if (!err && ipc_check(&state, type)) {
		tell_tracer(type == IPC_END ? IPC_FINISH : IPC_REFUSE, &end, sizeof(end));
		if (type == IPC_END)
			end_soon();
		return;
	}
	let_go_of_monitor();
	if (!self.lease.grace_ms)
		stop_tracer();
	else if (!self.lease.lost)
		tell_tracer(IPC_CHANNEL, &none, sizeof(none));
}

/* Only who reaches the session's directory gets here: root, or who serves himself. */
static bool is_one_of_us(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

static void refuse(int fd, enum err why)
{
	struct ipc_resumed no = {.result = why};

	ipc_send(fd, IPC_RESUMED, &no, sizeof(no));
	close(fd);
}

/* A later connection takes the session up: its monitor is ours from now on, and the one
 * before has lost its link, if it did not know yet. */
static void take_up(int fd, const struct ipc_resume *r, int channel)
{
	int err;

	if (self.stopping || self.tracer < 0) {
		refuse(fd, E_NO_SESSION);
		return;
	}
	if (self.session.rights & ~r->rights) {
		refuse(fd, E_RIGHT);
		return;
	}
	err = ipc_send_fds(self.tracer, IPC_CHANNEL, r, sizeof(*r), &channel, 1);
	if (err) {
		refuse(fd, E_BUSY);
		return;
	}
	let_go_of_monitor();
	self.handing++;
	self.monitor = fd;
	lease_resumed(&self.lease);
	memcpy(self.session.from, r->from, sizeof(self.session.from));
	self.session.from[sizeof(self.session.from) - 1] = 0;
}

static void hear_caller(void)
{
	struct ipc_state state = {M_G, PHASE_START, {0}};
	int fds[IPC_FDS] = {-1, -1}, fd = self.caller, err;
	struct ipc_resume r;
	uint16_t type;
	size_t size;

	err = ipc_recv_fds(fd, &type, &r, sizeof(r), &size, fds);
	if (err == EAGAIN)
		return;
	self.caller = -1;
	if (err || !ipc_check(&state, type) || type != IPC_RESUME || fds[0] < 0)
		close(fd);
	else
		take_up(fd, &r, fds[0]);
	for (unsigned i = 0; i < IPC_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* One at a time, in the order they came. */
static void from_socket(void)
{
	if (self.caller >= 0) {
		hear_caller();
		return;
	}
	self.caller = accept4(FD_LISTEN, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (self.caller >= 0 && !is_one_of_us(self.caller)) {
		close(self.caller);
		self.caller = -1;
	}
}

static int socket_to_watch(void)
{
	if (!self.lease.grace_ms)
		return -1;
	return self.caller >= 0 ? self.caller : FD_LISTEN;
}

static void keep_lease(void)
{
	static const struct ipc_none none;

	switch (self.stopping ? LEASE_NOTHING : lease_due(&self.lease, now_ms())) {
	case LEASE_LIFT:
		tell_tracer(IPC_LIFT, &none, sizeof(none));
		break;
	case LEASE_OVER:
		record_end(IPC_EXPIRED, "nobody took the session up again");
		stop_tracer();
		break;
	case LEASE_NOTHING:
		break;
	}
}

static int patience(void)
{
	int keeper = keeper_patience(&self.keeper);
	int lease = self.stopping ? -1 : lease_wait(&self.lease, now_ms());

	return keeper < 0 || (lease >= 0 && lease < keeper) ? lease : keeper;
}

/* What the tracer said before it ended still has to reach the record. */
static void drain_tracer(void)
{
	while (self.tracer >= 0 && self.monitor >= 0) {
		if (self.carrying)
			to_monitor();
		if (self.carrying)
			return;
		from_tracer();
	}
}

static void record_repairs(void)
{
	const struct journal *j = self.keeper.journal;

	for (unsigned i = 0; j && i < JOURNAL_TARGETS; i++) {
		const struct journal_target *t = &j->targets[i];
		struct ipc_audit a = {
		    .event = IPC_REPAIRED, .pid = (uint32_t)t->pid, .start = t->start};

		strcpy(a.name, "its tracer died");
		if (t->pid > 0)
			record(&a);
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

/* Exits when the tracer has ended. */
static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != self.child)
			continue;
		if (WIFSTOPPED(status)) {
			keeper_stopped(&self.keeper, status);
			continue;
		}
		repair();
		drain_tracer();
		if (WIFSIGNALED(status)) {
			log_error("the tracer was killed by signal %d", WTERMSIG(status));
			exit(128 + WTERMSIG(status));
		}
		if (WEXITSTATUS(status) == EXIT_STARTED)
			log_error("cannot execute procsrv-tracer beside procsrv-guard");
		exit(WEXITSTATUS(status));
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
			stop_tracer();
}

static void watch(void)
{
	for (;;) {
		struct pollfd fds[4] = {
		    {.fd = self.signals, .events = POLLIN},
		    {.fd = self.monitor, .events = self.carrying ? POLLIN | POLLOUT : POLLIN},
		    {.fd = self.carrying ? -1 : self.tracer, .events = POLLIN},
		    {.fd = socket_to_watch(), .events = POLLIN},
		};

		if (poll(fds, 4, patience()) < 0 && errno != EINTR)
			fatal(EXIT_FAILURE, "poll: %s", strerror(errno));
		keeper_look(&self.keeper);
		if (fds[0].revents)
			from_signals();
		keep_lease();
		if (fds[2].revents)
			from_tracer();
		if (fds[3].revents)
			from_socket();
		if (self.monitor >= 0 && fds[1].revents & (POLLIN | POLLHUP | POLLERR))
			from_monitor();
		else if (self.carrying)
			to_monitor();
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

	self.monitor = self.tracer = self.caller = -1;
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
	make_journal();
	start_tracer();
	/* What we have to do one day is to be done at once. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	let_go_of_channel();
	watch();
}
