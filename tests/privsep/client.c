/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A host reduced to its link, for tests: connects, greets, proves (rightly or
 * wrongly), opens, sends requests, and prints every message and how it ended.
 *
 *   privsep-client [options] PORT KEY
 *     -user NAME, -mode N      as signed and sent
 *     -wrong WHAT              of the proof: sig nonce server user point version grant resume
 *     -alpn NAME               "" offers none of ours
 *     -silent                  says nothing after the handshake
 *     -no-hello -no-proof -no-open     leaves that out
 *     -ps N                    N ps requests in the same flight
 *     -raw HEX                 bytes, after open (may be given several times)
 *     -stay MS                 how long to wait for more after the last answer
 *     -goodbye                 says it, once everything asked was answered
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/credit.h"
#include "common/err.h"
#include "common/frame.h"
#include "common/proof.h"
#include "common/tls.h"
#include "common/wire.h"

enum { RAW_MAX = 16 };

static struct {
	struct event_base *base;
	struct event *patience;
	struct chan *chan;
	struct tls *tls;
	struct key *key;
	const char *user, *wrong, *alpn;
	const char *raw[RAW_MAX];
	int nraw, mode, ps, stay_ms;
	bool silent, no_hello, no_proof, no_open, goodbye;
	unsigned answers; /* replies that are still to come */
} self = {.user = "", .wrong = "", .alpn = WIRE_ALPN_PROCSRV, .stay_ms = 3000};

static void put(enum wire_type type, uint64_t id, struct buf *b)
{
	struct wire_head h = {.type = (uint16_t)type, .id = id};

	frame_put(chan_out(self.chan), h, span_buf(b));
	buf_reset(b);
}

static bool wrong(const char *what)
{
	return strcmp(self.wrong, what) == 0;
}

static void put_proof(struct buf *b, const struct wire_challenge *ch)
{
	struct proof p = {
	    .alpn = WIRE_ALPN_PROCSRV,
	    .version = WIRE_PROOF_VERSION,
	    .mode = (uint8_t)self.mode,
	    .user = span_str(self.user),
	};
	struct wire_proof m = {.proof_version = p.version, .mode = p.mode, .user = p.user};

	memcpy(p.nonce, ch->nonce, sizeof(p.nonce));
	memcpy(p.server, tls_report(self.tls)->peer, sizeof(p.server));
	if (wrong("resume"))
		m.session[0] = p.session[0] = 1;
	if (wrong("nonce"))
		p.nonce[0] ^= 1;
	if (wrong("server"))
		p.server[0] ^= 1;
	if (wrong("user"))
		p.user = span_str("somebody");
	if (wrong("version"))
		m.proof_version = 2;
	if (wrong("grant"))
		m.grant = span_str("grant");
	if (proof_sign(m.sig, &p, self.key) != 0)
		exit(3);
	if (wrong("sig"))
		m.sig[63] ^= 1;
	memcpy(m.point, key_point(self.key), sizeof(m.point));
	if (wrong("point"))
		m.point[64] ^= 1;
	wire_encode_proof(b, &m);
	put(WIRE_proof, 0, b);
}

static void put_hello(struct buf *b)
{
	wire_encode_hello(b, &(struct wire_hello){.kind = WIRE_PEER_HOST,
				 .version_min = WIRE_VERSION_MIN,
				 .version_max = WIRE_VERSION,
				 .credit_bytes = CREDIT_REPLY_BYTES});
	put(WIRE_hello, 0, b);
}

static void put_raw(const char *hex)
{
	for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		evbuffer_add(chan_out(self.chan), &(uint8_t){(uint8_t)byte}, 1);
}

/* Everything a host sends, in one flight. */
static void speak(const struct wire_challenge *ch)
{
	struct buf b;
	uint64_t id = 1;

	buf_init(&b, WIRE_PIECE);
	if (!self.no_hello)
		put_hello(&b);
	if (!self.no_proof)
		put_proof(&b, ch);
	if (!self.no_open) {
		wire_encode_open(&b, &(struct wire_open){0});
		put(WIRE_open, id++, &b);
		self.answers++;
	}
	for (int i = 0; i < self.ps; i++) {
		wire_encode_ps(&b, &(struct wire_ps){.limit = 3});
		put(WIRE_ps, id++, &b);
		self.answers++;
	}
	for (int i = 0; i < self.nraw; i++)
		put_raw(self.raw[i]);
	buf_free(&b);
	chan_flush(self.chan);
}

static void say_goodbye(void)
{
	struct buf b;

	buf_init(&b, WIRE_PIECE);
	wire_encode_goodbye(&b, &(struct wire_goodbye){0});
	put(WIRE_goodbye, 0, &b);
	buf_free(&b);
	tls_close(self.tls);
	chan_flush(self.chan);
}

static void take(const struct wire_msg *m)
{
	const struct wire_row *row = wire_row(m->h.type);
	struct wire_challenge ch;
	struct wire_heartbeat beat;

	wire_dump(stdout, "got", m);
	if (m->h.type == WIRE_challenge && wire_decode_challenge(m->body, &ch) && !self.silent)
		speak(&ch);
	if (m->h.type == WIRE_heartbeat && wire_decode_heartbeat(m->body, &beat) && !self.silent) {
		struct buf b;

		buf_init(&b, WIRE_PIECE);
		wire_encode_heartbeat_ack(&b, &(struct wire_heartbeat_ack){beat.stamp});
		put(WIRE_heartbeat_ack, 0, &b);
		buf_free(&b);
		chan_flush(self.chan);
	}
	if (row && row->kind == WIRE_REP && !(m->h.flags & WIRE_MORE) && self.answers)
		self.answers--;
	if (row && row->kind == WIRE_REP && !self.answers && self.goodbye)
		say_goodbye();
}

static void readable(struct chan *c, void *arg)
{
	struct timeval t = {self.stay_ms / 1000, self.stay_ms % 1000 * 1000};
	struct wire_msg m;
	int err;

	(void)arg;
	while ((err = frame_next(chan_in(c), WIRE_FROM_AGENT, &m)) == E_OK) {
		take(&m);
		frame_drop(chan_in(c), &m);
	}
	if (err != FRAME_WAIT)
		printf("bad frame: %s\n", err_name(err));
	event_add(self.patience, &t);
}

static void closed(struct chan *c, int os_errno, void *arg)
{
	const struct tls_report *rep = tls_report(self.tls);

	(void)c;
	(void)arg;
	printf("closed end=%d errno=%d alert_got=%d alert_sent=%d ready=%d first=%zu\n",
	    (int)rep->end, os_errno, rep->alert_got, rep->alert_sent, rep->ready, rep->first_n);
	event_base_loopbreak(self.base);
}

static void bored(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	printf("still open\n");
	event_base_loopbreak(self.base);
}

static bool accept_any(void *arg, const uint8_t peer[32])
{
	char text[FINGERPRINT_SIZE];

	(void)arg;
	printf("server %s\n", fingerprint_format(text, peer));
	return true;
}

static int dial(const char *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(port)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		perror("connect");
		exit(2);
	}
	return fd;
}

static void flag(const char *o, char **argv, int *i)
{
	const struct {
		const char *name;
		const char **text;
		int *number;
		bool *flag;
	} options[] = {
	    {"-user", &self.user, NULL, NULL},
	    {"-wrong", &self.wrong, NULL, NULL},
	    {"-alpn", &self.alpn, NULL, NULL},
	    {"-raw", &self.raw[self.nraw], NULL, NULL},
	    {"-mode", NULL, &self.mode, NULL},
	    {"-ps", NULL, &self.ps, NULL},
	    {"-stay", NULL, &self.stay_ms, NULL},
	    {"-silent", NULL, NULL, &self.silent},
	    {"-no-hello", NULL, NULL, &self.no_hello},
	    {"-no-proof", NULL, NULL, &self.no_proof},
	    {"-no-open", NULL, NULL, &self.no_open},
	    {"-goodbye", NULL, NULL, &self.goodbye},
	};

	for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
		if (strcmp(o, options[k].name) != 0)
			continue;
		if (options[k].flag)
			*options[k].flag = true;
		else if (options[k].number)
			*options[k].number = atoi(argv[++*i]);
		else
			*options[k].text = argv[++*i];
		if (strcmp(o, "-raw") == 0 && self.nraw < RAW_MAX - 1)
			self.nraw++;
		return;
	}
	fprintf(stderr, "privsep-client: what is %s?\n", o);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct chan_cb cb = {readable, NULL, closed};
	struct timeval t;
	char why[256];
	int i = 1, fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; i < argc && argv[i][0] == '-'; i++)
		flag(argv[i], argv, &i);
	if (argc - i != 2)
		return 2;
	self.key = key_load(argv[i + 1], why, sizeof(why));
	if (!self.key) {
		fprintf(stderr, "%s\n", why);
		return 2;
	}
	fd = dial(argv[i]);
	self.base = event_base_new();
	self.patience = event_new(self.base, -1, 0, bored, NULL);
	self.tls = tls_client_new(
	    &(struct tls_client){.alpn = self.alpn, .key = self.key, .accept = accept_any});
	self.chan = chan_new(self.base, fd, fd, &cb, NULL);
	chan_set_filter(self.chan, &tls_filter, self.tls);
	chan_flush(self.chan);
	t = (struct timeval){self.stay_ms / 1000, self.stay_ms % 1000 * 1000};
	event_add(self.patience, &t);
	event_base_dispatch(self.base);
	chan_free(self.chan);
	tls_free(self.tls);
	key_free(self.key);
	event_free(self.patience);
	event_base_free(self.base);
	return 0;
}
