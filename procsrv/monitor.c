/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-monitor: one per connection, with the rights of the listener.  It keeps
 * the server's key and the map away from conn, which speaks with the network;
 * judges the client's proof itself; and starts the session as the mapped user.
 * It ends with its connection.
 *
 *   procsrv-monitor -key FILE -map FILE [-audit FILE] [-v] [-user-mode]     on FD_SOCKET
 *   procsrv-monitor -check -key FILE -map FILE [-audit FILE] [-user-mode]
 */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"
#include "audit_chain.h"
#include "common/clock.h"
#include "common/log.h"
#include "spawn.h"

enum {
	EXIT_USAGE = 2,
	WHY = 512,
	DESCRIPTORS = 32,
	LETTING_GO_MS = 2000,
};

static struct monitor self = {
    .listener = -1,
    .conn_fd = -1,
    .pipe = -1,
    .channel = -1,
    .guard_pipe = -1,
    .guard_program = -1,
    .yama = -1,
    .dir = {.all = -1, .own = -1, .record = -1, .listen = -1, .journal = -1, .spool = -1},
};

/* ---- start -------------------------------------------------------------------- */

static bool options(struct monitor *m, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *o = argv[i][0] == '-' && argv[i][1] == '-' ? argv[i] + 1 : argv[i];

		if (strcmp(o, "-key") == 0 && i + 1 < argc)
			m->key_path = argv[++i];
		else if (strcmp(o, "-map") == 0 && i + 1 < argc)
			m->map_path = argv[++i];
		else if (strcmp(o, "-audit") == 0 && i + 1 < argc)
			m->record_path = argv[++i];
		else if (strcmp(o, "-check") == 0)
			m->check = true;
		else if (strcmp(o, "-user-mode") == 0)
			m->user_mode = true;
		else if (strcmp(o, "-v") == 0)
			m->verbose = true;
		else
			return false;
	}
	return m->key_path && m->map_path;
}

/* Nobody looks into this process, and it holds few descriptors.  Soft limits only:
 * what a session launches one day inherits the hard ones. */
static void close_up(struct monitor *m)
{
	prctl(PR_SET_DUMPABLE, 0); /* no core file either, core(5) */
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a record that may not grow is one that cannot be written */
	if (getrlimit(RLIMIT_NOFILE, &m->nofile) == 0)
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){DESCRIPTORS, m->nofile.rlim_max});
}

/* Everything that decides about rights is read before the first remote byte. */
static void read_files(struct monitor *m)
{
	char why[WHY];
	FILE *f;

	if (m->user_mode && geteuid() == 0)
		fatal(MONITOR_CONFIG, "root has no user mode: it would serve root to the network");
	if (geteuid() != 0)
		m->user_mode = true;
	m->key = key_load(m->key_path, why, sizeof(why));
	if (!m->key)
		fatal(MONITOR_CONFIG, "%s", why);
	monitor_note_files(m);
	if (usermap_load(&m->map, m->map_path, m->user_mode, why, sizeof(why)) != 0)
		fatal(MONITOR_CONFIG, "%s", why);
	f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	if (f) {
		if (fscanf(f, "%d", &m->yama) != 1)
			m->yama = -1;
		fclose(f);
	}
}

static int check(struct monitor *m)
{
	char text[FINGERPRINT_SIZE], why[WHY];

	if (monitor_could_start_conn(m, why, sizeof(why)) != 0 ||
	    (m->record_path && chain_check(m->record_path, why, sizeof(why)) != 0))
		fatal(MONITOR_CONFIG, "%s", why);
	printf("pin=%s keys=%zu\n", fingerprint_format(text, key_fingerprint(m->key)),
	    usermap_count(m->map));
	return fflush(stdout) == 0 ? MONITOR_DONE : MONITOR_FAILED;
}

/* Descriptors: FD_SOCKET, perhaps FD_PIPE, and nothing else. */
static void take_descriptors(struct monitor *m)
{
	struct stat st;

	close_range(FD_SOCKET + 1, ~0U, 0);
	if (fstat(FD_SOCKET, &st) != 0 || !S_ISSOCK(st.st_mode))
		fatal(EXIT_USAGE, "started by procsrv, with a connection as descriptor %d",
		    FD_SOCKET);
	fcntl(FD_SOCKET, F_SETFD, FD_CLOEXEC);
	if (fstat(FD_PIPE, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))) {
		m->listener = FD_PIPE;
		fcntl(FD_PIPE, F_SETFD, FD_CLOEXEC);
		fcntl(FD_PIPE, F_SETFL, O_NONBLOCK);
	}
}

static void name_peer(struct monitor *m)
{
	socklen_t len = sizeof(m->peer);

	getpeername(FD_SOCKET, (struct sockaddr *)&m->peer, &len);
	address_text((const struct sockaddr *)&m->peer, m->from, sizeof(m->from));
}

/* ---- the loop -------------------------------------------------------------------- */

static void kill_conn(struct monitor *m, const char *why)
{
	if (m->broke_rules)
		return;
	m->broke_rules = true;
	kill(m->conn, SIGKILL);
	audit(m, "crash", 0, 0, E_PROTOCOL, why);
}

static void first_request(struct monitor *m)
{
	char byte;
	ssize_t n = recv(m->channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && monitor_start_guard(m) != 0)
		log_error("cannot start a session: %s", strerror(errno));
	/* Without a guard, or with conn gone: closing tells the other side. */
	if (m->channel >= 0)
		close(m->channel);
	m->channel = -1;
}

static int time_left(const struct monitor *m)
{
	uint64_t now = now_ms();

	if (!m->deadline)
		return -1;
	return now >= m->deadline ? 0 : (int)(m->deadline - now);
}

/* Until conn has ended.  Returns its wait status. */
static int serve(struct monitor *m)
{
	int status;

	for (;; monitor_look(m), audit_retry(m)) {
		/* The channel is looked at in phase OPENED only: before, it has to stay
		 * empty, which the proof checks. */
		struct pollfd fds[4] = {
		    {.fd = m->conn_fd, .events = POLLIN},
		    {.fd = m->broke_rules ? -1 : m->pipe, .events = POLLIN},
		    {.fd = m->phase.phase == PHASE_OPENED ? m->channel : -1, .events = POLLIN},
		    {.fd = m->holding ? -1 : m->guard_pipe, .events = POLLIN},
		};
		int n = poll(fds, 4, monitor_patience(m, time_left(m)));

		if (n < 0 && errno != EINTR)
			fatal(MONITOR_FAILED, "poll: %s", strerror(errno));
		if (n <= 0) {
			if (m->deadline && now_ms() >= m->deadline) {
				kill_conn(m, "conn did not keep its times");
				m->deadline = 0;
			}
			continue;
		}
		if (fds[1].revents && !monitor_serve(m))
			kill_conn(m, "conn broke the rules of its pipe");
		if (fds[2].revents)
			first_request(m);
		if (fds[3].revents)
			monitor_serve_guard(m);
		if (fds[0].revents && waitpid(m->conn, &status, WNOHANG) == m->conn)
			return status;
	}
}

/* conn has ended: what it said last still counts. */
static void drain_conn(struct monitor *m)
{
	struct pollfd p = {.fd = m->pipe, .events = POLLIN};

	while (!m->broke_rules && m->pipe >= 0 && poll(&p, 1, 0) > 0) {
		if (!monitor_serve(m))
			kill_conn(m, "conn broke the rules of its pipe");
		p.fd = m->pipe;
	}
}

/* The session lets go of its targets now: the records of that belong before the one
 * that closes it.  A guard that takes longer writes no more of them. */
static void drain_guard(struct monitor *m)
{
	uint64_t end = now_ms() + LETTING_GO_MS;

	while (m->guard_pipe >= 0) {
		struct pollfd p = {.fd = m->guard_pipe, .events = POLLIN};
		uint64_t now = now_ms();

		audit_retry(m);
		if (m->holding || now >= end ||
		    (poll(&p, 1, (int)(end - now)) < 0 && errno != EINTR))
			return;
		if (p.revents)
			monitor_serve_guard(m);
	}
}

/* ---- the end ----------------------------------------------------------------------- */

static enum monitor_exit exit_of(const struct monitor *m)
{
	switch (m->refused) {
	case E_OK:
		break;
	case E_BAD_PROOF:
		return MONITOR_BAD_PROOF;
	default:
		return MONITOR_REFUSED;
	}
	if (m->phase.phase >= PHASE_PROVED)
		return MONITOR_DONE;
	return m->has_ended && m->ended.code == E_TIMEOUT ? MONITOR_SILENT : MONITOR_REFUSED;
}

/* One line about how it ended, unless its refusal was told already. */
static enum monitor_exit conclude(struct monitor *m, int status)
{
	char why[AUDIT_WORD];

	if (m->broke_rules)
		return MONITOR_CRASH;
	if (WIFSIGNALED(status) || (!m->has_ended && WEXITSTATUS(status) != 0)) {
		snprintf(why, sizeof(why),
		    WIFSIGNALED(status) ? "conn died of signal %d" : "conn ended with status %d",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		audit(m, "crash", 0, 0, E_INTERNAL, why);
		/* Whoever may send SIGKILL is no client, who may want to come back. */
		if (m->phase.phase >= PHASE_OPENED && WIFSIGNALED(status) &&
		    WTERMSIG(status) == SIGKILL)
			return MONITOR_DONE;
		return MONITOR_CRASH;
	}
	if (m->refused == E_OK && m->phase.phase < PHASE_PROVED)
		audit(m, "refused", 0, 0, m->ended.code ? (int)m->ended.code : E_PROTOCOL,
		    audit_reason(why, sizeof(why), &m->ended));
	else if (m->refused == E_OK)
		audit(m, "close", 0, 0, (int)m->ended.code, err_text((int)m->ended.code));
	return exit_of(m);
}

int main(int argc, char **argv)
{
	struct monitor *m = &self;
	enum monitor_exit end;
	char why[WHY];
	int status;

	close_up(m);
	log_init("procsrv-monitor", false);
	if (!options(m, argc, argv))
		fatal(EXIT_USAGE,
		    "usage: procsrv-monitor [-check] -key FILE -map FILE [-audit FILE] "
		    "[-v] [-user-mode]; started by procsrv");
	log_init("procsrv-monitor", m->verbose);
	read_files(m);
	if (!m->check)
		take_descriptors(m);
	m->guard_program = spawn_program("procsrv-guard", why, sizeof(why));
	if (m->guard_program < 0)
		fatal(MONITOR_CONFIG, "%s", why);
	if (m->check)
		return check(m);
	name_peer(m);
	if (monitor_start_conn(m, why, sizeof(why)) != 0)
		fatal(MONITOR_FAILED, "%s", why);
	status = serve(m);
	drain_conn(m);
	drain_guard(m);
	if (m->guard > 0)
		monitor_lost(m);
	session_close(&m->dir, true);
	end = conclude(m, status);
	key_free(m->key);
	/* Who is to be kept out for a while is so from now on. */
	if (end == MONITOR_DONE && m->guard > 0)
		monitor_wait(m);
	usermap_free(m->map);
	return (int)end;
}
