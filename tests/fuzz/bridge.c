/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A debugger that sends what it likes, and a box on which anything may happen: the whole
 * bridge - framing, table, handlers - over the engine of the unit tests (rsp_engine.h).
 * Every reply is a frame whose sum is right, there are no more of them than packets, and in
 * the end nothing is left attached to.
 *
 * The input is text, a line each act:
 *   $TEXT       a packet, framed and summed here
 *   <TEXT       bytes as they are
 *   ^           Ctrl-C
 *   !NUMBERS    something happens: kind, process, thread, reason, signal, status, caught, number
 *   =NUMBERS    how the box is from now on: bits of enum mood, threads
 *   @           what waits is told, and parts do what they do by themselves
 *   ~           the debugger leaves and another comes
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "host/rsp/rsp.h"
#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_run.h"
#include "host/rsp/rsp_terminal.h"
#include "rsp_engine.h"

enum mood { REFUSES = 1, AGAIN = 2, ANSWERS = 4, NARROW = 8, UNMAPPED = 16, NO_FILES = 32 };
enum { ACTS_MAX = 200, REPLIES = 4 * 1024 * 1024, MEMORY = 4096 };

static struct {
	struct rsp *r;
	int debugger;
	uint64_t ends; /* of frames that were sent: so many replies there can be */
	uint64_t replies;
	uint8_t memory[MEMORY];
} self;

/* ---- nothing of this machine is opened or written, whatever a packet says ------------- */

int bridge_open_file(const char *path, int flags, ...);
ssize_t bridge_write(int fd, const void *p, size_t n);
int bridge_say(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int bridge_glob(const char *pattern, int flags, int (*fail)(const char *, int), glob_t *found);

int bridge_open_file(const char *path, int flags, ...)
{
	(void)flags;
	FUZZ_CHECK(path);
	errno = ENOENT;
	return -1;
}

ssize_t bridge_write(int fd, const void *p, size_t n)
{
	return fd > STDERR_FILENO ? write(fd, p, n) : (ssize_t)n;
}

/* In place of fprintf: what is said to a person is one line of printable text. */
int bridge_say(FILE *to, const char *fmt, ...)
{
	char line[8192];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = (size_t)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	FUZZ_CHECK(to == stderr && n < sizeof(line) && line[n - 1] == '\n');
	for (size_t i = 0; i + 1 < n; i++)
		FUZZ_CHECK((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
	return (int)n;
}

int bridge_glob(const char *pattern, int flags, int (*fail)(const char *, int), glob_t *found)
{
	(void)pattern;
	(void)flags;
	(void)fail;
	(void)found;
	return GLOB_NOMATCH;
}

/* ---- what goes to the debugger ---------------------------------------------------------- */

static uint8_t digit(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* A frame from its mark on; where it ends. */
static size_t take_frame(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;
	size_t i = 1;

	for (; i < n && p[i] != '#'; i++) {
		FUZZ_CHECK(p[i] != '$');
		sum = (uint8_t)(sum + p[i]);
	}
	FUZZ_CHECK(i + 2 < n);
	FUZZ_CHECK((uint8_t)(digit(p[i + 1]) << 4 | digit(p[i + 2])) == sum);
	/* Text for the console is no reply; "OK" is. */
	self.replies += p[0] == '$' && !(p[1] == 'O' && p[2] != 'K');
	return i + 3;
}

static void hear(void)
{
	static uint8_t text[REPLIES];
	size_t n = 0;
	ssize_t got;

	do {
		rsp_flush(self.r);
		got = recv(self.debugger, text + n, sizeof(text) - n, MSG_DONTWAIT);
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0 && n < sizeof(text));
	for (size_t i = 0; i < n && n < sizeof(text);)
		if (text[i] == '$' || text[i] == '%') {
			i += take_frame(text + i, n - i);
		} else {
			FUZZ_CHECK(text[i] == '+' || text[i] == '-');
			i++;
		}
	FUZZ_CHECK(self.replies <= self.ends);
}

/* ---- the debugger ---------------------------------------------------------------------------- */

static void leave(void)
{
	if (self.debugger < 0)
		return;
	rsp_close(self.r);
	close(self.debugger);
	self.debugger = -1;
}

static void come(void)
{
	int ends[2];

	leave();
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	self.debugger = ends[0];
	self.ends = self.replies = 0;
	rsp_open(self.r, ends[1], ends[1]);
}

static void say(const void *p, size_t n)
{
	const uint8_t *c = p;

	/* A reply is to a packet, to a break, or one more time what was not understood. */
	for (size_t i = 0; i < n; i++)
		self.ends += c[i] == '#' || c[i] == '-' || c[i] == 3;
	rsp_take(self.r, p, n);
}

static void ask(const uint8_t *p, size_t n)
{
	uint8_t *frame = malloc(n + 4), sum = 0;
	char digits[3];

	frame[0] = '$';
	memcpy(frame + 1, p, n);
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + p[i]);
	snprintf(digits, sizeof(digits), "%02x", sum);
	frame[n + 1] = '#';
	memcpy(frame + n + 2, digits, 2);
	say(frame, n + 4);
	free(frame);
}

/* ---- the box -------------------------------------------------------------------------------- */

static long number(const uint8_t **p, const uint8_t *end)
{
	long v = 0;
	bool minus;

	while (*p < end && **p == ' ')
		++*p;
	minus = *p < end && **p == '-';
	*p += minus;
	for (; *p < end && **p >= '0' && **p <= '9' && v < 1000000000; ++*p)
		v = v * 10 + **p - '0';
	return minus ? -v : v;
}

static const enum he_event_kind kinds[] = {HE_E_STOPPED, HE_E_STOPPED, HE_E_THREAD_EXITED,
    HE_E_EXITED, HE_E_RELEASED, HE_E_OUTPUT, HE_E_LINK_AWAY, HE_E_LINK_BACK, HE_E_THREAD_BORN};

/* What can be told of a target that is as it is. */
static bool befits(const struct he_target *t, struct he_event *ev)
{
	struct he_target_info i;

	if (ev->kind == HE_E_LINK_AWAY || ev->kind == HE_E_LINK_BACK)
		return true;
	if (!t)
		return false;
	he_target_info(t, &i);
	if (i.state == HE_GONE)
		return false;
	if (ev->kind == HE_E_STOPPED)
		fake_stands(i.pid);
	if (ev->kind == HE_E_EXITED || ev->kind == HE_E_RELEASED)
		fake_ends(i.pid);
	return true;
}

static void happens(const uint8_t *p, const uint8_t *end)
{
	unsigned long kind = (unsigned long)number(&p, end) % (sizeof(kinds) / sizeof(kinds[0]));
	struct he_event ev = {.kind = kinds[kind], .data = "output\r\n", .len = 8, .stream = 1};
	long pid = number(&p, end);

	ev.target = pid > 0 ? fake_target((uint32_t)pid) : NULL;
	ev.tid = (uint64_t)pid + (uint64_t)(number(&p, end) & 3);
	ev.reason = (enum he_reason)((unsigned long)number(&p, end) % (HE_R_LAUNCH + 1));
	ev.signal = (uint32_t)number(&p, end) % 65;
	ev.status = (int)number(&p, end);
	ev.caught = (enum he_catch)((unsigned long)number(&p, end) % (HE_CATCH_EXIT + 1));
	ev.number = number(&p, end);
	ev.by_loss = ev.status & 1;
	ev.generation = 1 + ((uint64_t)ev.status >> 1 & 3);
	/* Breakpoints at the beginning of memory, by the number's bits. */
	for (int k = HE_PATCH_SOFT; ev.reason == HE_R_BREAKPOINT && k <= HE_PATCH_WRITE; k++)
		if (ev.number >> k & 1)
			ev.patches[ev.n_patches++] = fake_patch((enum he_patch_kind)k, FAKE_AT);
	if (!befits(ev.target, &ev))
		return;
	if (ev.kind == HE_E_STOPPED && ev.reason == HE_R_CATCH && ev.number & 1)
		ev.child = fake_child((uint32_t)pid + FAKE_THREADS);
	snprintf(ev.text, sizeof(ev.text), "why\001");
	if (kind == 1) {
		fake_event(ev);
	} else {
		rsp_event(self.r, &ev);
		rsp_run_settle(self.r);
	}
	/* What nobody has taken up would be the engine's to end. */
	if (ev.child && !rsp_process_of(self.r, ev.child))
		he_error_free(he_detach(ev.child));
}

static void tell(void)
{
	struct he_event ev = {.kind = HE_E_NONE};

	do {
		he_error_free(he_wait(NULL, 0, &ev));
		if (ev.kind != HE_E_NONE)
			rsp_event(self.r, &ev);
		rsp_run_settle(self.r);
	} while (ev.kind != HE_E_NONE);
	for (size_t i = 0; rsp_parts[i]; i++)
		if (rsp_parts[i]->tick)
			rsp_parts[i]->tick(self.r);
}

static struct he_process processes[] = {
    {.pid = 42, .ppid = 1, .user = "al<ice", .comm = "a", .exe = "/bin/a", .args = ""},
    {.pid = 50, .ppid = 42, .user = "bob", .comm = "b}#", .exe = "", .args = "b -v"},
};
static const struct fake_file files[] = {{"/bin/a", "\177ELF\2\1\1 of no use", 0755},
    {"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbad\n", 0644}};
static struct he_mapping maps[] = {
    {.lo = FAKE_AT, .hi = FAKE_AT + MEMORY, .prot = 7, .name = "/bin/a", .build_id = "aabb"},
    {.lo = 0x7ffff000, .hi = 0x80000000, .prot = 3, .name = "[stack]"}};
static const struct he_link links[] = {{.name = "", .lm = 0x1000},
    {.name = "/lib/<l>.so", .lm = 0x2000, .lmid = 7},
    {.name = "/lib/m.so", .lm = 0x3000, .lmid = 8}};
static const char text[] =
    "1 (a) b) S 1 1 1 0 0 : 0 0 0\0key\t: value\nprocessor: 1\n0: 0100007F:1F90 "
    "00000000:0000 0A 0:0 0:0 0 33\n";

static void be(unsigned long mood, unsigned long threads)
{
	fake_box.refuses = mood & REFUSES ? "no." : NULL;
	fake_box.takes_again = mood & AGAIN;
	fake_box.answers = mood & ANSWERS;
	fake_box.narrow = mood & NARROW;
	fake_box.memory_n = mood & UNMAPPED ? 0 : MEMORY;
	fake_box.n_files = mood & NO_FILES ? 0 : 2;
	fake_box.n_threads = 1 + threads % FAKE_THREADS;
}

static void furnish(void)
{
	memset(self.memory, 'm', sizeof(self.memory));
	fake_box.memory = self.memory;
	fake_box.processes = processes;
	fake_box.n_processes = 2;
	fake_box.files = files;
	fake_box.maps = maps;
	fake_box.n_maps = 2;
	fake_box.links = links;
	fake_box.n_links = 3;
	fake_box.exe = "/bin/a";
	fake_box.siginfo_of = FAKE_PID;
	for (size_t i = 0; i < FAKE_TEXTS; i++)
		fake_box.texts[i] = (struct fake_text){text, sizeof(text)};
	be(ANSWERS, 1);
}

/* ---- lines --------------------------------------------------------------------------------------
 */

static void act(const uint8_t *p, size_t n)
{
	const uint8_t *at = p + 1;
	long mood;

	switch (*p) {
	case '$':
		ask(at, n - 1);
		break;
	case '<':
		say(at, n - 1);
		break;
	case '^':
		say("\003", 1);
		break;
	case '!':
		happens(at, p + n);
		break;
	case '=':
		mood = number(&at, p + n);
		be((unsigned long)mood, (unsigned long)number(&at, p + n));
		break;
	case '@':
		tell();
		break;
	case '~':
		come();
		break;
	default:
		break;
	}
	buf_reset(&fake_box.log);
	buf_reset(&fake_box.typed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	fake_box_reset();
	furnish();
	self.r = rsp_new(NULL, NULL);
	self.debugger = -1;
	FUZZ_CHECK(self.r);
	rsp_terminal_init(self.r, false);
	come();
	for (int i = 0; i < ACTS_MAX && data < end; i++) {
		const uint8_t *nl = memchr(data, '\n', (size_t)(end - data));
		size_t n = (size_t)((nl ? nl : end) - data);

		if (n)
			act(data, n);
		hear();
		if (self.r->hang_up)
			come();
		data = nl ? nl + 1 : end;
	}
	leave();
	rsp_free(self.r);
	FUZZ_CHECK(!fake_left());
	fake_box_free();
	return 0;
}
