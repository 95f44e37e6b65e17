/* SPDX-License-Identifier: BSD-2-Clause */
#include "rsp_bridge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/rsp/rsp_run.h"
#include "host/rsp/rsp_terminal.h"
#include "rsp_engine.h"

static struct {
	struct rsp *r;
	int debugger; /* the other end of its socket */
	char text[4 * RSP_PACKET];
	size_t raw, n; /* all of it, and of the reply in it */
} self;

const char *sent(void)
{
	ssize_t n = recv(self.debugger, self.text, sizeof(self.text) - 1, MSG_DONTWAIT);
	char *begin, *end;

	self.text[n > 0 ? n : 0] = 0;
	self.raw = n > 0 ? (size_t)n : 0;
	begin = self.text + strspn(self.text, "+$");
	end = n > 0 ? memrchr(self.text, '#', (size_t)n) : NULL;
	self.n = end ? (size_t)(end - begin) : 0;
	if (end)
		*end = 0;
	return begin;
}

size_t sent_raw(void)
{
	return self.raw;
}

size_t sent_length(void)
{
	return self.n;
}

const char *ask_bytes(const void *packet, size_t n)
{
	const uint8_t *p = packet;
	char *frame = malloc(n + 8);
	uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + p[i]);
	frame[0] = '$';
	memcpy(frame + 1, p, n);
	snprintf(frame + 1 + n, 4, "#%02x", sum);
	rsp_take(self.r, frame, n + 4);
	free(frame);
	return sent();
}

const char *ask(const char *packet)
{
	return ask_bytes(packet, strlen(packet));
}

void hex(char *to, const char *text)
{
	for (; *text; text++, to += 2)
		snprintf(to, 3, "%02x", (unsigned char)*text);
}

const char *ask_of(const char *packet, const char *word)
{
	char digits[512] = "", whole[1024];
	const char *at = strstr(packet, "%s");

	hex(digits, word);
	snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(at - packet), packet, digits, at + 2);
	return ask(whole);
}

void types(const char *text, size_t n)
{
	(void)!send(self.debugger, text, n, 0);
}

void hangs_up(void)
{
	shutdown(self.debugger, SHUT_WR);
}

void bridge_settle(void)
{
	rsp_run_settle(self.r);
}

void happens(struct he_event ev)
{
	fake_stands(FAKE_PID);
	ev.kind = HE_E_STOPPED;
	ev.target = fake_target(FAKE_PID);
	rsp_event(self.r, &ev);
	rsp_run_settle(self.r);
}

int bridge_open(bool lldb)
{
	int ends[2];

	fake_box_reset();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	self.debugger = ends[0];
	self.r = rsp_new(NULL, NULL);
	rsp_terminal_init(self.r, false);
	rsp_open(self.r, ends[1], ends[1]);
	if (lldb)
		ask("QStartNoAckMode");
	if (lldb)
		ask("QThreadSuffixSupported");
	return 0;
}

int bridge_close(void **state)
{
	(void)state;
	rsp_free(self.r);
	close(self.debugger);
	fake_box_free();
	return 0;
}

struct rsp *bridge(void)
{
	return self.r;
}
