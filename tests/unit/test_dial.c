/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"
#include "host/link/dial.h"
#include "host/errtext.h"

/* A socket on a free port of 127.0.0.1; *port is it. */
static int bound(uint16_t *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &size), 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

static void expect_error(struct he_error *e, int code, const char *part)
{
	assert_non_null(e);
	if (e->code != code || !strstr(e->message, part))
		fail_msg("error %d: %s", e->code, e->message);
	he_error_free(e);
}

static void a_listening_box_is_reached_without_delay_of_nagles(void **state)
{
	struct inbox *inbox = inbox_new();
	int listening, fd, on = 0;
	socklen_t size = sizeof(on);
	uint16_t port;

	(void)state;
	listening = bound(&port);
	assert_int_equal(listen(listening, 1), 0);
	/* The name has more addresses than the one that listens, where there is IPv6. */
	assert_null(dial_tcp("localhost", port, "box", inbox, &fd));
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
	assert_int_not_equal(on, 0);
	close(fd);
	close(listening);
	inbox_free(inbox);
}

static void a_box_that_refuses_gets_its_sentence(void **state)
{
	struct inbox *inbox = inbox_new();
	uint16_t port;
	int fd, closed = bound(&port); /* bound and not listening: nobody else can be there */

	(void)state;
	expect_error(dial_tcp("127.0.0.1", port, "box:1", inbox, &fd), E_OS,
	    "box:1: connection refused. Is procsrv running there?");
	close(closed);
	inbox_free(inbox);
}

static void a_name_nobody_has_gets_its_sentence(void **state)
{
	struct inbox *inbox = inbox_new();
	struct he_error *e;
	int fd;

	(void)state;
	/* RFC 2606: never a name; the answer may also be that nobody can tell. */
	e = dial_tcp("box.invalid", 1, "box.invalid:1", inbox, &fd);
	assert_non_null(e);
	assert_non_null(strstr(e->message, "box.invalid"));
	assert_true(e->code == E_OS || e->code == E_TIMEOUT);
	he_error_free(e);
	inbox_free(inbox);
}

static void *cancel(void *inbox)
{
	inbox_cancel(inbox);
	return NULL;
}

static void the_wait_for_a_silent_box_can_be_broken_off(void **state)
{
	struct inbox *inbox = inbox_new();
	int listening, fd, filler[8];
	pthread_t t;
	uint16_t port;

	(void)state;
	listening = bound(&port);
	assert_int_equal(listen(listening, 0), 0);
	/* With its queue full the kernel drops further SYNs: nobody answers. */
	for (size_t i = 0; i < 8; i++) {
		struct sockaddr_in sa = {.sin_family = AF_INET,
		    .sin_port = htons(port),
		    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(filler[i], (struct sockaddr *)&sa, sizeof(sa));
	}
	assert_int_equal(pthread_create(&t, NULL, cancel, inbox), 0);
	expect_error(dial_tcp("127.0.0.1", port, "box:1", inbox, &fd), E_CANCELLED, "cancelled");
	pthread_join(t, NULL);
	for (size_t i = 0; i < 8; i++)
		close(filler[i]);
	close(listening);
	inbox_free(inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_listening_box_is_reached_without_delay_of_nagles),
	    cmocka_unit_test(a_box_that_refuses_gets_its_sentence),
	    cmocka_unit_test(a_name_nobody_has_gets_its_sentence),
	    cmocka_unit_test(the_wait_for_a_silent_box_can_be_broken_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
