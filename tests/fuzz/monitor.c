/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All that a conn, a guard and a channel in other hands may say to the monitor, over one
 * connection after the other, with sessions that are left and taken up between them.  The
 * monitor's own loop runs here; its clock moves as it waits, and what it starts is a guard
 * that says what the input has it say.
 *
 * The input is a row of acts: a byte of enum act, and what that takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/keymake.h"
#include "common/clock.h"
#include "common/wire.h"
#include "fuzz.h"
#include "procsrv/ipc.h"
#include "procsrv/run_dir.h"
#include "procsrv/session_walk.h"
#include "procsrv/spawn.h"

static uint64_t clock_ms;
static int fake_poll(struct pollfd *fds, nfds_t n, int timeout);
static int fake_kill(pid_t pid, int sig);
static pid_t fake_waitpid(pid_t pid, int *status, int flags);

uint64_t now_ms(void)
{
	return clock_ms;
}

int monitor_main(int argc, char **argv);
#define main monitor_main
#define poll fake_poll
#define kill fake_kill
#define waitpid fake_waitpid
#include "procsrv/monitor.c"
#include "procsrv/monitor_resume.c"
#undef main
#undef poll
#undef kill
#undef waitpid

enum { CONN = 77777, GUARD = 77778 }; /* pids; nobody is asked about them */

enum act {
	CONN_SAYS,     /* type, n, bytes: a well-formed message whose body begins with these */
	CONN_RAW,      /* n, bytes */
	CONN_PROVES,   /* bits of enum proving */
	CONN_ATTACHES, /* type: with a descriptor */
	CHANNEL_SAYS,  /* n */
	GUARD_SAYS,    /* type, n, bytes */
	GUARD_RAW,     /* n, bytes */
	GUARD_ENDS,
	TIME_PASSES, /* tenths of a second */
	MAP_CHANGES, /* which of maps[] */
	CONN_ENDS,   /* status; another connection may come */
	ACTS,
};

enum proving {
	RESUMES = 1,
	BAD_MAC = 2,
	OTHER_KEY = 4, /* with a row of its own, readonly and without a grace */
	STRANGER = 8,
	NAMES_USER = 16,
	READONLY = 32,
	BAD_NONCE = 64,
	OTHER_SERVER = 128,
};

enum { ALICE, OTHER, NOBODY, SERVER, KEYS };
static const char *const key_names[KEYS] = {"alice", "other", "nobody", "server"};

static const size_t sizes[IPC_TYPES] = {
#define IPC(number, name, pipe, phase, most, body) [number] = sizeof(struct body),
#include "procsrv/ipc.def"
};

static char dir[] = "/dev/shm/fuzz_monitor.XXXXXX";
static char user[64]; /* whom the map serves */
static char maps[4][512];
static struct key *clients[KEYS];

static struct {
	struct fuzz_input in;
	/* a connection */
	struct monitor *m;
	int conn, channel, life; /* conn's ends; closing life is its end */
	int status;
	bool killed, proved, opened, asked;
	unsigned signatures;
	/* the session, which outlives it */
	int guard, record, listen;
	uint8_t id[PROOF_SESSION], secret[PROOF_SECRET];
} world;

/* ---- the input ------------------------------------------------------------------- */

static uint8_t byte(void)
{
	return fuzz_byte(&world.in);
}

static struct span bytes(size_t n)
{
	return fuzz_bytes(&world.in, n);
}

/* ---- files ------------------------------------------------------------------------ */

static const char *path(const char *name)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s/%s", dir, name);
	return text;
}

static void write_map(unsigned which)
{
	int fd = open(path("map"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, maps[which], strlen(maps[which])) < 0)
		abort();
	close(fd);
}

/* In place of run_dir.c, whose place is the machine's when root asks. */
int run_dir_below(const char *name, mode_t mode, char *why, size_t size)
{
	(void)why;
	(void)size;
	mkdir(path(name), mode);
	return open(path(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int run_dir_empty(char *why, size_t size)
{
	return run_dir_below("empty", 0700, why, size);
}

static void remove_files(void)
{
	static const char *const names[] = {"map", "alice", "other", "nobody", "server", "s"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(path(names[i]));
	rmdir(dir);
}

static void make_maps(void)
{
	const struct passwd *pw = geteuid() ? getpwuid(geteuid()) : getpwnam("nobody");
	char alice[FINGERPRINT_SIZE], other[FINGERPRINT_SIZE];

	if (!pw)
		abort();
	snprintf(user, sizeof(user), "%s", pw->pw_name);
	fingerprint_format(alice, key_fingerprint(clients[ALICE]));
	fingerprint_format(other, key_fingerprint(clients[OTHER]));
	snprintf(maps[0], sizeof(maps[0]),
	    "%s user=%s # alice\n%s user=%s readonly grace=0s # other\n", alice, user, other, user);
	snprintf(maps[1], sizeof(maps[1]), "%s user=%s readonly # alice\n", alice, user);
	snprintf(maps[2], sizeof(maps[2]), "%s user=%s # other\n", other, user);
	snprintf(maps[3], sizeof(maps[3]), "nonsense\n");
}

static void prepare(void)
{
	char why[WHY];

	if (!mkdtemp(dir))
		abort();
	for (unsigned i = 0; i < KEYS; i++) {
		if (key_make(path(key_names[i]), key_names[i], why, sizeof(why)) != 0)
			abort();
		clients[i] = key_load(path(key_names[i]), why, sizeof(why));
	}
	make_maps();
	atexit(remove_files);
}

/* ---- what the monitor starts -------------------------------------------------------- */

int spawn_program(const char *name, char *why, size_t size)
{
	(void)name;
	(void)why;
	(void)size;
	return dup(STDERR_FILENO);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void end_guard(void)
{
	close_fd(&world.guard);
	close_fd(&world.record);
	close_fd(&world.listen);
}

/* Nobody's rights are to be had. */
bool spawn_may_give(uint32_t caps)
{
	(void)caps;
	return false;
}

/* The guard: of a proven client whose session was opened, and not before its first byte. */
pid_t spawn(const struct spawn *s)
{
	FUZZ_CHECK(world.proved && world.opened && world.asked && !world.killed);
	FUZZ_CHECK(strcmp(s->argv[0], "procsrv-guard") == 0 && s->nfds == 6);
	FUZZ_CHECK(!s->user || s->user->uid != 0);
	end_guard();
	world.guard = fcntl(s->fds[0], F_DUPFD_CLOEXEC, 0);
	world.record = fcntl(s->fds[2], F_DUPFD_CLOEXEC, 0);
	world.listen = fcntl(s->fds[3], F_DUPFD_CLOEXEC, 0);
	fcntl(world.guard, F_SETFL, O_NONBLOCK);
	return GUARD;
}

static int fake_kill(pid_t pid, int sig)
{
	FUZZ_CHECK(pid == CONN && sig == SIGKILL && !world.killed);
	world.killed = true;
	world.status = SIGKILL;
	close_fd(&world.conn);
	close_fd(&world.channel);
	close_fd(&world.life);
	return 0;
}

static pid_t fake_waitpid(pid_t pid, int *status, int flags)
{
	FUZZ_CHECK(pid == CONN && flags == WNOHANG && world.life < 0);
	*status = world.status;
	return CONN;
}

/* ---- acts ------------------------------------------------------------------------------ */

static void say(int fd, unsigned type, const void *body, size_t n, int attached)
{
	struct {
		uint16_t version, type;
		uint32_t size;
		uint8_t body[IPC_MAX];
	} packet = {IPC_VERSION, (uint16_t)type, type < IPC_TYPES ? (uint32_t)sizes[type] : 0, {0}};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec iov = {&packet, 8 + packet.size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	memcpy(packet.body, body, n < packet.size ? n : packet.size);
	if (attached >= 0) {
		memcpy(CMSG_DATA(&control.head), &attached, sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	if (fd >= 0)
		(void)!sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say_raw(int fd)
{
	struct span s = bytes(byte());

	if (fd >= 0)
		(void)!send(fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say_message(int fd)
{
	unsigned type = byte() % IPC_TYPES;
	struct span s = bytes(byte());

	/* Its proofs are those of prove() alone: nobody else has a key. */
	say(fd, type, s.p, s.n, -1);
}

static void prove(void)
{
	unsigned how = byte();
	struct key *key = clients[how & STRANGER ? NOBODY : how & OTHER_KEY ? OTHER : ALICE];
	struct proof p = {.alpn = WIRE_ALPN_PROCSRV,
	    .version = WIRE_PROOF_VERSION,
	    .mode = how & READONLY ? PROOF_READONLY : PROOF_NORMAL,
	    .user = span_str(how & NAMES_USER ? user : "")};
	struct ipc_proof says = {
	    .version = WIRE_PROOF_VERSION, .mode = p.mode, .user_n = (uint8_t)p.user.n};

	memcpy(p.nonce, world.m->nonce, sizeof(p.nonce));
	p.nonce[0] ^= (how & BAD_NONCE) != 0;
	memcpy(p.server, key_fingerprint(clients[how & OTHER_SERVER ? OTHER : SERVER]),
	    sizeof(p.server));
	if (how & RESUMES) {
		memcpy(p.session, world.id, sizeof(p.session));
		proof_resume_mac(p.mac, world.secret, p.nonce, 0, 0);
		p.mac[0] ^= (how & BAD_MAC) != 0;
	}
	if (proof_sign(says.sig, &p, key) != 0)
		abort();
	memcpy(says.user, p.user.p, p.user.n);
	memcpy(says.point, key_point(key), sizeof(says.point));
	memcpy(says.session, p.session, sizeof(says.session));
	memcpy(says.mac, p.mac, sizeof(says.mac));
	world.proved |= !(how & (STRANGER | BAD_NONCE | OTHER_SERVER));
	say(world.conn, IPC_PROOF, &says, sizeof(says), -1);
}

static void say_in_channel(void)
{
	static const uint8_t zeros[256];
	size_t n = byte();

	if (world.channel >= 0 && n)
		(void)!send(world.channel, zeros, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	world.asked |= n > 0;
}

static void end_conn(int status)
{
	world.status = status;
	close_fd(&world.conn);
	close_fd(&world.channel);
	close_fd(&world.life);
}

static void act(void)
{
	switch (world.in.n ? (enum act)(byte() % ACTS) : CONN_ENDS) {
	case CONN_SAYS:
		say_message(world.conn);
		break;
	case CONN_RAW:
		say_raw(world.conn);
		break;
	case CONN_PROVES:
		prove();
		break;
	case CONN_ATTACHES:
		say(world.conn, byte() % IPC_TYPES, "", 0, STDERR_FILENO);
		break;
	case CHANNEL_SAYS:
		say_in_channel();
		break;
	case GUARD_SAYS:
		say_message(world.guard);
		break;
	case GUARD_RAW:
		say_raw(world.guard);
		break;
	case GUARD_ENDS:
		end_guard();
		break;
	case TIME_PASSES:
		clock_ms += 100U * byte();
		break;
	case MAP_CHANGES:
		write_map(byte() % 4);
		break;
	case CONN_ENDS:
	case ACTS:
		end_conn((int)byte() << 8);
		break;
	}
}

/* ---- what must hold of all it says -------------------------------------------------------- */

static void check_opened(const struct ipc_opened *o)
{
	if (o->result != E_OK)
		return;
	FUZZ_CHECK(world.proved && !world.opened);
	FUZZ_CHECK(!(world.m->mode == PROOF_READONLY &&
		     o->rights & ~(1u << WIRE_R_NONE | 1u << WIRE_R_LOOK)));
	world.opened = true;
	if (!o->grace_ms)
		return;
	memcpy(world.id, o->session, sizeof(world.id));
	memcpy(world.secret, o->secret, sizeof(world.secret));
}

static void listen_to_monitor(void)
{
	union {
		struct ipc_signature signature;
		struct ipc_verdict verdict;
		struct ipc_opened opened;
	} b;
	uint16_t type;
	size_t size;

	while (world.conn >= 0 && ipc_recv(world.conn, &type, &b, sizeof(b), &size) == 0) {
		FUZZ_CHECK(type == IPC_SIGNATURE || type == IPC_PROVEN || type == IPC_OPENED);
		if (type == IPC_SIGNATURE)
			FUZZ_CHECK(++world.signatures == 1 && b.signature.result == E_OK);
		if (type == IPC_PROVEN)
			FUZZ_CHECK(world.proved || b.verdict.result != E_OK);
		if (type == IPC_OPENED)
			check_opened(&b.opened);
	}
}

/* A monitor that takes the session up is the guard's from now on. */
static void answer_door(void)
{
	uint8_t body[IPC_MAX];
	int fds[IPC_FDS], fd = world.listen >= 0
				   ? accept4(world.listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)
				   : -1;
	uint16_t type;
	size_t size;

	if (fd < 0)
		return;
	FUZZ_CHECK(world.proved && !world.killed);
	FUZZ_CHECK(ipc_recv_fds(fd, &type, body, sizeof(body), &size, fds) == 0);
	FUZZ_CHECK(type == IPC_RESUME && fds[0] >= 0);
	for (unsigned i = 0; i < IPC_FDS; i++)
		close_fd(&fds[i]);
	close_fd(&world.guard);
	world.guard = fd;
}

static int fake_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int ready;

	answer_door();
	act();
	ready = poll(fds, n, 0);
	if (ready == 0 && timeout > 0)
		clock_ms += (uint64_t)timeout;
	listen_to_monitor();
	return ready;
}

/* ---- a connection ---------------------------------------------------------------------------- */

static void make_pair(int type, int *ours, int *theirs)
{
	int pair[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	*ours = pair[0];
	*theirs = pair[1];
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
}

static void begin(struct monitor *m)
{
	char why[WHY];

	world.m = m;
	world.killed = world.proved = world.opened = world.asked = false;
	world.signatures = 0;
	*m = self;
	m->user_mode = geteuid() != 0;
	m->map_path = path("map");
	m->key = key_load(path("server"), why, sizeof(why));
	m->conn = CONN;
	m->phase = (struct ipc_state){C_M, PHASE_HANDSHAKE, {0}};
	m->deadline = clock_ms + 25000;
	make_pair(SOCK_SEQPACKET, &m->pipe, &world.conn);
	make_pair(SOCK_STREAM, &m->channel, &world.channel);
	make_pair(SOCK_STREAM, &m->conn_fd, &world.life);
	memset(m->nonce, (int)(clock_ms & 0xff), sizeof(m->nonce));
}

static void connection(void)
{
	static char map[256];
	enum monitor_exit end;
	struct monitor m;
	char why[WHY];
	int status;

	begin(&m);
	snprintf(map, sizeof(map), "%s", path("map"));
	m.map_path = map;
	/* No listener lets one begin without a map that can be used. */
	if (usermap_load(&m.map, map, m.user_mode, why, sizeof(why)) != 0) {
		write_map(0);
		if (usermap_load(&m.map, map, m.user_mode, why, sizeof(why)) != 0)
			abort();
	}
	if (stat(map, &m.map_file) != 0)
		abort();
	status = serve(&m);
	drain_conn(&m);
	drain_guard(&m);
	if (m.guard > 0)
		monitor_lost(&m);
	end = conclude(&m, status);
	FUZZ_CHECK(world.proved || end != MONITOR_DONE);
	FUZZ_CHECK(!world.killed || end == MONITOR_CRASH || m.has_ended || status == SIGKILL);
	session_close(&m.dir, true);
	end_conn(0);
	key_free(m.key);
	usermap_free(m.map);
	close_fd(&m.pipe);
	close_fd(&m.channel);
	close_fd(&m.conn_fd);
	close_fd(&m.guard_pipe);
}

static void sweep(int all, const struct session_facts *f, void *arg)
{
	(void)arg;
	session_delete(all, f->id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	char why[WHY];
	int all;

	if (!ready)
		prepare();
	ready = true;
	memset(&world, 0, sizeof(world));
	world.in = (struct fuzz_input){data, size};
	world.guard = world.record = world.listen = -1;
	clock_ms = 1000000;
	write_map(0);
	do
		connection();
	while (world.in.n);
	end_guard();
	all = session_lock_all(why, sizeof(why));
	if (all >= 0) {
		session_walk(all, sweep, NULL);
		close(all);
	}
	return 0;
}
