/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Takes the place of procsrv-conn below a private libexec directory, and does to its
 * monitor whatever the test tells it over the "network" socket, line by line.  Each
 * line is answered by one; what the monitor sent is reported in full.
 *
 *   setup                    receive everything up to GO: "setup NONCE CERT"
 *   packet HEX [PAD]         one packet as it stands, PAD zero bytes more
 *   message TYPE [HEX]       a well-formed one, its body zeros but for HEX
 *   descriptor TYPE          a well-formed one with a descriptor attached
 *   random SEED N            N packets, some of them well-formed
 *   steps SEED               a sequence: what comes next by the rules, or nearly, or anything
 *   sequence SEED            both in one: setup, steps
 *   channel N                N bytes into the channel of frames
 *   answer                   wait for one: "answer TYPE HEX", "silence" or "end"
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "procsrv/ipc.h"

enum { WAIT_MS = 2000, LINE = 16 * 1024, STEPS = 12 };

static const size_t sizes[IPC_TYPES] = {
#define IPC(number, name, pipe, phase, most, body) [number] = sizeof(struct body),
#include "procsrv/ipc.def"
};

struct head {
	uint16_t version;
	uint16_t type;
	uint32_t size;
};

static char line[LINE];
static uint8_t packet[64 * 1024];

static bool read_line(void)
{
	size_t n = 0;
	char c;

	while (read(FD_SOCKET, &c, 1) == 1) {
		if (c == '\n') {
			line[n] = 0;
			return true;
		}
		if (n + 1 < sizeof(line))
			line[n++] = c;
	}
	return false;
}

static void report(const char *what)
{
	dprintf(FD_SOCKET, "%s\n", what);
}

static void report_bytes(const char *what, unsigned type, const uint8_t *p, size_t n)
{
	static char text[2 * sizeof(packet) + 64];
	int at = snprintf(text, sizeof(text), "%s %u ", what, type);

	for (size_t i = 0; i < n; i++)
		at += sprintf(text + at, "%02x", p[i]);
	report(text);
}

static size_t unhex(uint8_t *to, size_t max, const char *hex)
{
	size_t n = 0;

	for (unsigned b; hex && n < max && sscanf(hex, "%2x", &b) == 1; hex += 2)
		to[n++] = (uint8_t)b;
	return n;
}

static bool put(size_t n, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {packet, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = control.room;
		m.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&m);
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
		    .cmsg_level = SOL_SOCKET,
		    .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(FD_PIPE, &m, MSG_NOSIGNAL) >= 0;
}

static void transmit(size_t n, int fd)
{
	report(put(n, fd) ? "sent" : "not sent");
}

static size_t well_formed(unsigned type, const char *hex)
{
	struct head h = {IPC_VERSION, (uint16_t)type, type < IPC_TYPES ? (uint32_t)sizes[type] : 0};

	memset(packet, 0, sizeof(packet));
	memcpy(packet, &h, sizeof(h));
	unhex(packet + sizeof(h), h.size, hex);
	return sizeof(h) + h.size;
}

static void answer(void)
{
	struct pollfd p = {FD_PIPE, POLLIN, 0};
	struct head h;
	ssize_t n;

	if (poll(&p, 1, WAIT_MS) == 0) {
		report("silence");
		return;
	}
	n = recv(FD_PIPE, packet, sizeof(packet), 0);
	if (n < (ssize_t)sizeof(h)) {
		report("end");
		return;
	}
	memcpy(&h, packet, sizeof(h));
	report_bytes("answer", h.type, packet + sizeof(h), (size_t)n - sizeof(h));
}

static void setup(void)
{
	struct ipc_setup s = {0};
	struct head h = {0};

	while (h.type != IPC_GO) {
		if (recv(FD_PIPE, packet, sizeof(packet), 0) < (ssize_t)sizeof(h))
			exit(1);
		memcpy(&h, packet, sizeof(h));
		if (h.type == IPC_SETUP)
			memcpy(&s, packet + sizeof(h), sizeof(s));
	}
	report_bytes("setup", 0, s.nonce, sizeof(s.nonce));
}

/* A third well-formed, a third of them with random bodies, the rest noise. */
static void random_packets(unsigned seed, unsigned count)
{
	unsigned sent = 0;

	srandom(seed);
	for (; sent < count; sent++) {
		size_t n = well_formed((unsigned)random() % IPC_TYPES, NULL);

		if (random() % 3 == 0)
			n = (size_t)random() % 9000;
		if (random() % 3 == 0)
			for (size_t i = random() % 2 ? sizeof(struct head) : 0; i < n; i++)
				packet[i] = (uint8_t)random();
		if (send(FD_PIPE, packet, n, MSG_NOSIGNAL) < 0)
			break;
	}
	snprintf(line, sizeof(line), "sent %u", sent);
	report(line);
}

static void noise(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		packet[i] = (uint8_t)random();
}

/* Of a well-formed packet something else; its size, or a descriptor to go with it. */
static void spoil(size_t *n, int *fd)
{
	struct head h;

	memcpy(&h, packet, sizeof(h));
	switch (random() % 5) {
	case 0:
		*n = (size_t)random() % 9000;
		noise(0, *n);
		return;
	case 1:
		h.size ^= 1U << random() % 32;
		break;
	case 2:
		h.version = (uint16_t)random();
		break;
	case 3:
		*n += (size_t)random() % 64 + 1;
		break;
	default:
		*fd = FD_SOCKET;
	}
	memcpy(packet, &h, sizeof(h));
}

/* True when it went, and *asks when it is one that is answered, or its sender's end. */
static bool take_step(unsigned step, bool *asks)
{
	static const unsigned rules[] = {IPC_SIGN, IPC_GRANT, IPC_PROOF, IPC_OPEN, IPC_ENDED};
	unsigned type = random() % 4 ? rules[step % (sizeof(rules) / sizeof(rules[0]))]
				     : (unsigned)random() % IPC_TYPES;
	size_t n = well_formed(type, NULL);
	int fd = -1;

	*asks = type == IPC_SIGN || type == IPC_PROOF || type == IPC_OPEN;
	if (random() % 3 == 0)
		noise(sizeof(struct head), n);
	if (random() % 6 == 0) {
		spoil(&n, &fd);
		*asks = false;
	}
	return put(n, fd);
}

static void steps(unsigned seed)
{
	unsigned step = 0, most;
	bool asks;

	srandom(seed);
	most = 1 + (unsigned)random() % STEPS;
	for (; step < most && take_step(step, &asks); step++)
		if (asks && random() % 8)
			answer();
	snprintf(line, sizeof(line), "took %u", step);
	report(line);
}

static void fill_channel(size_t n)
{
	memset(packet, 0, sizeof(packet));
	report(send(FD_CHANNEL, packet, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n ? "sent"
										      : "not sent");
}

int main(void)
{
	while (read_line()) {
		char *word = strtok(line, " "), *one = strtok(NULL, " "), *two = strtok(NULL, " ");
		unsigned number = one ? (unsigned)strtoul(one, NULL, 10) : 0;

		if (!word)
			continue;
		if (strcmp(word, "setup") == 0) {
			setup();
		} else if (strcmp(word, "packet") == 0) {
			memset(packet, 0, sizeof(packet));
			transmit(unhex(packet, sizeof(packet), one) +
				     (two ? (size_t)strtoul(two, NULL, 10) : 0),
			    -1);
		} else if (strcmp(word, "message") == 0) {
			transmit(well_formed(number, two), -1);
		} else if (strcmp(word, "descriptor") == 0) {
			transmit(well_formed(number, NULL), FD_SOCKET);
		} else if (strcmp(word, "random") == 0) {
			random_packets(number, two ? (unsigned)strtoul(two, NULL, 10) : 1);
		} else if (strcmp(word, "steps") == 0) {
			steps(number);
		} else if (strcmp(word, "sequence") == 0) {
			setup();
			steps(number);
		} else if (strcmp(word, "channel") == 0) {
			fill_channel(number);
		} else if (strcmp(word, "answer") == 0) {
			answer();
		}
	}
	return 0;
}
