/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ceil_tls KEY serve                      prints its port, serves one connection
 * ceil_tls KEY bulk MIB HOST PORT         microseconds for so many MiB from it
 * ceil_tls KEY pingpong COUNT HOST PORT   microseconds of each of COUNT exchanges
 *
 * Mbed TLS alone between two processes, with the suite ours prefers: the client
 * sends a u32, and that many bytes come back (8 for a ping-pong).
 */
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/key.h"

enum { PIECE = 1024 * 1024 };

struct end {
	mbedtls_ssl_config conf;
	mbedtls_ssl_context ssl;
	mbedtls_x509_crt cert;
	mbedtls_net_context net;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void check(const char *what, int err)
{
	if (err < 0) {
		fprintf(stderr, "ceil_tls: %s: -%#x\n", what, -err);
		exit(1);
	}
}

static void start(struct end *e, struct key *k, int side)
{
	static const int suites[] = {
#if MBEDTLS_VERSION_MAJOR >= 3
		MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		0
	};
	struct span der = key_cert(k);
	int one = 1;

#if MBEDTLS_VERSION_MAJOR >= 3
	psa_crypto_init();
#endif
	setsockopt(e->net.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	mbedtls_ssl_config_init(&e->conf);
	mbedtls_ssl_init(&e->ssl);
	mbedtls_x509_crt_init(&e->cert);
	check("certificate", mbedtls_x509_crt_parse_der(&e->cert, der.p, der.n));
	check("defaults", mbedtls_ssl_config_defaults(&e->conf, side, MBEDTLS_SSL_TRANSPORT_STREAM,
			      MBEDTLS_SSL_PRESET_DEFAULT));
	mbedtls_ssl_conf_rng(&e->conf, key_random, NULL);
	mbedtls_ssl_conf_authmode(&e->conf, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_ciphersuites(&e->conf, suites);
	check("own certificate", mbedtls_ssl_conf_own_cert(&e->conf, &e->cert, key_pk(k)));
	check("setup", mbedtls_ssl_setup(&e->ssl, &e->conf));
	mbedtls_ssl_set_bio(&e->ssl, &e->net, mbedtls_net_send, mbedtls_net_recv, NULL);
	check("handshake", mbedtls_ssl_handshake(&e->ssl));
}

static int take(struct end *e, uint8_t *p, size_t n)
{
	for (size_t got = 0; got < n;) {
		int r = mbedtls_ssl_read(&e->ssl, p + got, n - got);

		if (r <= 0)
			return -1;
		got += (size_t)r;
	}
	return 0;
}

static void give(struct end *e, const uint8_t *p, size_t n)
{
	for (size_t sent = 0; sent < n;) {
		int r = mbedtls_ssl_write(&e->ssl, p + sent, n - sent);

		check("write", r);
		sent += (size_t)r;
	}
}

static int serve(struct key *k)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	static uint8_t bytes[PIECE];
	struct end e = {0};
	uint32_t n;

	key_random(NULL, bytes, sizeof(bytes));
	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, 1) || getsockname(fd, (void *)&a, &len))
		return 1;
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	e.net.fd = accept(fd, NULL, NULL);
	start(&e, k, MBEDTLS_SSL_IS_SERVER);
	while (take(&e, (void *)&n, sizeof(n)) == 0)
		for (size_t left = n; left;) {
			size_t part = left < PIECE ? left : PIECE;

			give(&e, bytes, part);
			left -= part;
		}
	return 0;
}

static void dial(struct end *e, struct key *k, const char *host, const char *port)
{
	mbedtls_net_init(&e->net);
	check("connect", mbedtls_net_connect(&e->net, host, port, MBEDTLS_NET_PROTO_TCP));
	start(e, k, MBEDTLS_SSL_IS_CLIENT);
}

static int bulk(struct end *e, uint32_t mib)
{
	static uint8_t bytes[PIECE];
	uint32_t n = mib << 20;
	double began = now();

	give(e, (void *)&n, sizeof(n));
	for (uint32_t i = 0; i < mib; i++)
		check("read", take(e, bytes, PIECE));
	printf("%.1f\n", now() - began);
	return 0;
}

static int ping_pong(struct end *e, unsigned count)
{
	uint8_t bytes[8];
	uint32_t n = sizeof(bytes);

	for (unsigned i = 0; i < count; i++) {
		double began = now();

		give(e, (void *)&n, sizeof(n));
		check("read", take(e, bytes, sizeof(bytes)));
		printf("%.2f\n", now() - began);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct end e = {0};
	char why[256];
	struct key *k = argc > 2 ? key_load(argv[1], why, sizeof(why)) : NULL;

	if (!k) {
		fprintf(stderr, "ceil_tls: %s\n", argc > 2 ? why : "usage");
		return 2;
	}
	if (strcmp(argv[2], "serve") == 0)
		return serve(k);
	if (argc != 6)
		return 2;
	dial(&e, k, argv[4], argv[5]);
	if (strcmp(argv[2], "bulk") == 0)
		return bulk(&e, (uint32_t)atoi(argv[3]));
	return ping_pong(&e, (unsigned)atoi(argv[3]));
}
