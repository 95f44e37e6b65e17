/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All that a host may ask of a tracer, while everything that can happen to a process happens:
 * the whole tracer over a kernel of ours (mock_kernel.h).  In the end every thread has been
 * let go and no byte of the text is another than before, whether the tracer left in order or
 * its last handler did it.
 *
 * The input is a row of acts: a byte of enum act, and what that takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "fuzz.h"
#include "mock_kernel.h"
#include "procsrv/dying.h"
#include "procsrv/launch.h"
#include "procsrv/launch_child.h"
#include "procsrv/reader.h"
#include "procsrv/reader_ipc.h"
#include "procsrv/reading.h"
#include "procsrv/repair.h"
#include "procsrv/serve.h"
#include "procsrv/target.h"
#include "procsrv/touch.h"
#include "procsrv/trace_wait.h"
#include "procsrv/tracer.h"
#include "tests/wire_gen.h"

enum { HANDLES = 3, TURNS = 3, BODY = 60000 };

enum act {
	ASKS_ANYTHING, /* row, mode, seed, handle: a message with contents */
	ASKS_RAW,      /* type, handle, n, bytes */
	ATTACHES,      /* handle, how */
	PLANTS,        /* handle, id, place, kind, told */
	CLEARS,        /* handle, id */
	GOES,          /* handle, thread, action, stops */
	CATCHES,       /* handle, events, follow */
	WRITES,        /* handle, place, n: of its text */
	DETACHES,      /* handle */
	HAPPENS,       /* enum mock_event, thread, argument */
	TIME_PASSES,   /* tenths of a second */
	KILL_AT,       /* calls from now on */
	READER_SAYS,   /* kind, n, bytes */
	RECORD_FULL,   /* or not any more */
	DIES,          /* of a fault: its last handler does what it can */
	ACTS,
};

static struct {
	struct fuzz_input in;
	struct tracer t;
	int host;
	struct evbuffer *heard;
	uint64_t id;
	struct gen gen;
	int reader; /* -1 = none was started */
	uint64_t reader_id;
	bool full, over;
} world;

static struct repair last; /* what the last handler works with */

/* ---- in place of clock.c, ipc.c and launch_child.c --------------------------------- */

uint64_t now_ms(void)
{
	return mock_now_ms();
}

/* In place of tracer.c's own. */
int tracer_record(const struct ipc_audit *a)
{
	FUZZ_CHECK(a->event >= IPC_ATTACH && a->event <= IPC_FILE_CHANGE);
	return world.full ? E_UNRECORDED : E_OK;
}

int ipc_send(int fd, enum ipc_type type, const void *body, size_t size)
{
	return ipc_send_fds(fd, type, body, size, NULL, 0);
}

int ipc_send_fds(
    int fd, enum ipc_type type, const void *body, size_t size, const int *fds, unsigned n)
{
	FUZZ_CHECK(fd == FD_PIPE && body && size <= IPC_MAX && (fds || !n));
	FUZZ_CHECK(
	    type == IPC_AUDIT || type == IPC_TARGET || type == IPC_LOST || type == IPC_ACKED);
	return world.full ? EAGAIN : 0;
}

const struct launch_ends launch_no_ends = {-1, -1, -1, -1};

void launch_ends_close(const struct launch_ends *e)
{
	FUZZ_CHECK(e->in < 0 && e->out < 0 && e->err < 0 && e->socket < 0);
}

int launch_hindered(const struct ipc_session *s, struct fault *f)
{
	(void)s;
	(void)f;
	return E_OK;
}

/* Nothing can be started here. */
int launch_child(
    const struct wire_launch *m, int spec, struct launch_ends *ends, pid_t *pid, struct fault *f)
{
	(void)m;
	(void)pid;
	FUZZ_CHECK(spec >= 0);
	*ends = launch_no_ends;
	return fault_set(f, E_OS, EAGAIN, 0);
}

void launch_drain(int out, int err)
{
	FUZZ_CHECK(out < 0 && err < 0);
}

pid_t launch_reader(int socket, bool service)
{
	(void)service;
	if (world.reader >= 0)
		close(world.reader);
	world.reader = fcntl(socket, F_DUPFD_CLOEXEC, 0);
	fcntl(world.reader, F_SETFL, O_NONBLOCK);
	return 1 << 30;
}

/* What is not in memory does not come. */
pid_t launch_toucher(int socket)
{
	(void)socket;
	return -1;
}

/* The reader's: no part of a tracer, but of files that it shares with it. */
int reader_open(struct call *c, uint32_t pid, uint64_t start, struct reader_who *w)
{
	(void)c;
	(void)pid;
	(void)start;
	(void)w;
	abort();
}

/* ---- the input --------------------------------------------------------------------- */

static uint8_t byte(void)
{
	return fuzz_byte(&world.in);
}

static struct span bytes(size_t n)
{
	return fuzz_bytes(&world.in, n);
}

/* ---- requests ---------------------------------------------------------------------- */

static void ask(uint16_t type, uint32_t handle, struct span body)
{
	struct wire_head h = {.len = body.n, .type = type, .target = handle, .id = ++world.id};
	struct evbuffer *out = evbuffer_new();

	if (type == WIRE_mem_write || type == WIRE_map_drop)
		mock_excuse_text();
	frame_put(out, h, body);
	evbuffer_write(out, world.host);
	evbuffer_free(out);
}

#define ASK(type, handle, ...)                                                                     \
	do {                                                                                       \
		struct wire_##type m_ = {__VA_ARGS__};                                             \
		struct buf b_;                                                                     \
                                                                                                   \
		buf_init(&b_, BODY);                                                               \
		wire_encode_##type(&b_, &m_);                                                      \
		ask(WIRE_##type, (handle), span_buf(&b_));                                         \
		buf_free(&b_);                                                                     \
	} while (0)

static void ask_anything(void)
{
	const struct gen_row *row = &gen_rows[byte() % GEN_ROWS];
	uint32_t handle;
	struct buf b;

	world.gen.mode = (enum gen_mode)(byte() % 4);
	world.gen.seed = byte();
	world.gen.used = 0;
	world.gen.left = 1 + (size_t)byte() * 8;
	handle = byte() % (HANDLES + 1);
	buf_init(&b, BODY);
	row->make(&world.gen, &b);
	ask(row->type, handle, span_buf(&b));
	buf_free(&b);
}

static void ask_raw(void)
{
	uint16_t type = (uint16_t)(byte() | byte() << 8);
	uint32_t handle = byte() % (HANDLES + 1);

	ask(type, handle, bytes(byte()));
}

static uint32_t handle_of_input(void)
{
	return 1 + byte() % HANDLES;
}

static void plant(void)
{
	uint32_t handle = handle_of_input(), id = byte();
	const struct mock_place *p = &mock_places[byte() % mock_nplaces];
	uint8_t kind = byte() % 4, how = byte();
	struct wire_rec_patch r = {
	    .id = id,
	    .kind = kind,
	    .addr = p->addr,
	    .len = kind == WIRE_PATCH_SOFT ? 0 : 1,
	    .ignore = how & 2 ? 1 : 0,
	    .stop = how >> 2 & 1,
	};
	struct buf list;

	if (how & 1) {
		r.insn = p->insn.kind;
		r.fix = p->insn.fix;
		r.bytes = (struct span){p->insn.bytes, p->insn.len};
	}
	if (kind == WIRE_PATCH_WRITE || kind == WIRE_PATCH_ACCESS)
		r.addr = MOCK_DATA + 8 * id;
	buf_init(&list, BODY);
	wire_put_patch(&list, &r);
	ASK(patch_set, handle, .patches = span_buf(&list));
	buf_free(&list);
}

static void clear(void)
{
	uint32_t handle = handle_of_input();
	struct wire_rec_patch_id r = {.id = byte()};
	struct buf list;

	buf_init(&list, BODY);
	wire_put_patch_id(&list, &r);
	ASK(patch_clear, handle, .ids = span_buf(&list));
	buf_free(&list);
}

static void go(void)
{
	uint32_t handle = handle_of_input();
	unsigned thread = byte();
	struct wire_rec_go r = {
	    .tid = thread < MOCK_THREADS + 1 ? (uint64_t)mock_tid(thread) : 0,
	    .action = byte() % 4,
	    .signal = (int32_t)(byte() % 32) - 1,
	    .lo = MOCK_TEXT + 0x100,
	    .hi = MOCK_TEXT + 0x200,
	};
	struct buf list;

	buf_init(&list, BODY);
	wire_put_go(&list, &r);
	ASK(go, handle, .threads = span_buf(&list), .stop = byte() % 2);
	buf_free(&list);
}

static void write_text(void)
{
	static const uint8_t data[256] = {0x90, 0xcc, 0xc3};
	uint32_t handle = handle_of_input();
	struct wire_rec_write r = {.addr = MOCK_TEXT + 0xf0 + byte(), .data = {data, byte()}};
	struct buf list;

	buf_init(&list, BODY);
	wire_put_write(&list, &r);
	ASK(mem_write, handle, .writes = span_buf(&list));
	buf_free(&list);
}

/* ---- the reader, which the tracer does not trust ----------------------------------- */

static void read_orders(void)
{
	static uint8_t room[WIRE_PIECE + sizeof(struct reader_ask)];
	struct reader_ask ask;

	while (world.reader >= 0 &&
	       recv(world.reader, room, sizeof(room), MSG_DONTWAIT) >= (ssize_t)sizeof(ask)) {
		memcpy(&ask, room, sizeof(ask));
		world.reader_id = ask.id;
	}
}

static void reader_says(void)
{
	struct {
		struct reader_say say;
		uint8_t data[256];
	} m;
	struct span s;
	unsigned how = byte();

	memset(&m, 0, sizeof(m));
	s = bytes(byte());
	m.say.kind = how % 5;
	m.say.id = world.reader_id + (how >> 6 & 1);
	m.say.n = how & 128 ? 0 : s.n;
	memcpy(how & 8 ? (void *)&m.say.what : m.data, s.p, s.n);
	read_orders();
	if (world.reader >= 0)
		(void)!send(world.reader, &m, sizeof(m.say) + s.n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- a session --------------------------------------------------------------------- */

static void finish(struct tracer *t)
{
	(void)t;
	world.over = true;
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Handlers of signals are the fuzzer's. */
static void prepare_last(struct journal *j)
{
	static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
	struct sigaction before[5];
	stack_t stack;

	sigaltstack(NULL, &stack);
	for (unsigned i = 0; i < 5; i++)
		sigaction(signals[i], NULL, &before[i]);
	dying_prepare(j);
	for (unsigned i = 0; i < 5; i++)
		sigaction(signals[i], &before[i], NULL);
	sigaltstack(&stack, NULL);
}

static void begin(void)
{
	struct tracer *t = &world.t;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	world.host = pair[1];
	world.heard = evbuffer_new();
	t->session.greeted = 1;
	t->session.rights =
	    1u << WIRE_R_LOOK | 1u << WIRE_R_STOP | 1u << WIRE_R_WRITE | 1u << WIRE_R_LAUNCH;
	t->journal_fd = -1;
	t->journal = journal_make(-1);
	t->base = event_base_new();
	t->scratch = malloc(TRACER_SCRATCH);
	t->beat = event_new(t->base, -1, 0, on_beat, t);
	t->serve = serve_new(t, t->base, pair[0], pair[0], finish);
	if (!t->journal || !t->scratch || !t->serve)
		abort();
	prepare_last(t->journal);
}

/* What the tracer says is whole and can be read by a host. */
static void listen_to_tracer(void)
{
	struct wire_msg m;
	int verdict;

	evbuffer_read(world.heard, world.host, -1);
	while ((verdict = frame_next(world.heard, WIRE_FROM_AGENT, &m)) == E_OK)
		frame_drop(world.heard, &m);
	FUZZ_CHECK(verdict == FRAME_WAIT);
}

static void turn(void)
{
	for (unsigned i = 0; i < TURNS; i++) {
		event_base_loop(world.t.base, EVLOOP_NONBLOCK);
		if (world.over)
			return;
		trace_changed(&world.t);
		serve_pump(world.t.serve);
	}
	read_orders();
	listen_to_tracer();
}

/* As the last handler does it; the tracer is not asked any more. */
static void die(void)
{
	repair_init(&last, world.t.journal, true);
	repair_text(&last);
	repair_threads(&last, 1000);
	for (unsigned i = 0; i < JOURNAL_TARGETS; i++)
		if (last.held[i].pid)
			repair_hold(&last, i, 0, -1, -1);
	world.over = true;
}

static void act(void)
{
	uint32_t handle;
	uint8_t a, b;

	switch ((enum act)(byte() % ACTS)) {
	case ASKS_ANYTHING:
		ask_anything();
		break;
	case ASKS_RAW:
		ask_raw();
		break;
	case ATTACHES:
		handle = handle_of_input();
		ASK(attach, handle, .pid = (uint32_t)mock_tid(0), .how = byte() % 3);
		break;
	case PLANTS:
		plant();
		break;
	case CLEARS:
		clear();
		break;
	case GOES:
		go();
		break;
	case CATCHES:
		handle = handle_of_input();
		a = byte();
		ASK(catch, handle, .events = a, .follow = byte() % 4);
		break;
	case WRITES:
		write_text();
		break;
	case DETACHES:
		ask(WIRE_detach, handle_of_input(), (struct span){NULL, 0});
		break;
	case HAPPENS:
		a = byte() % MOCK_EVENTS;
		b = byte();
		mock_happens((enum mock_event)a, b, byte());
		break;
	case TIME_PASSES:
		mock_pass(100U * byte());
		break;
	case KILL_AT:
		mock_kill_at(byte());
		break;
	case READER_SAYS:
		reader_says();
		break;
	case RECORD_FULL:
		world.full = !world.full;
		break;
	case DIES:
		die();
		break;
	case ACTS:
		break;
	}
}

/* ---- the end ----------------------------------------------------------------------- */

static void end(void)
{
	struct tracer *t = &world.t;
	bool orderly = !world.over || last.journal != t->journal;

	if (orderly)
		trace_leave_all(t);
	mock_check();
	while (t->targets) /* the rest is the kernel's business when it ends */
		target_free(t->targets);
	launch_forget_texts(t);
	reading_free(t);
	touch_free(t);
	serve_free(t->serve);
	event_free(t->beat);
	event_base_free(t->base);
	free(t->scratch);
	munmap(t->journal, sizeof(*t->journal));
	evbuffer_free(world.heard);
	close(world.host);
	if (world.reader >= 0)
		close(world.reader);
	free(world.gen.pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&world, 0, sizeof(world));
	memset(&last, 0, sizeof(last));
	world.in = (struct fuzz_input){data, size};
	world.reader = -1;
	if (!gen_init(&world.gen))
		abort();
	mock_begin();
	begin();
	while (world.in.n && !world.over) {
		act();
		if (!world.over)
			turn();
	}
	end();
	return 0;
}
