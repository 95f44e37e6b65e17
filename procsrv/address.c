/* SPDX-License-Identifier: BSD-2-Clause */
#include "address.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

unsigned address_numbers(const struct sockaddr *sa, char *text, size_t size)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	bool v6 = sa->sa_family == AF_INET6;
	char addr[INET6_ADDRSTRLEN] = "?";

	if (!v6)
		inet_ntop(AF_INET, &in->sin_addr, addr, sizeof(addr));
	else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, addr, sizeof(addr));
	else
		inet_ntop(AF_INET6, &in6->sin6_addr, addr, sizeof(addr));
	snprintf(text, size, strchr(addr, ':') ? "[%s]" : "%s", addr);
	return ntohs(v6 ? in6->sin6_port : in->sin_port);
}

const char *address_text(const struct sockaddr *sa, char *text, size_t size)
{
	char addr[ADDRESS_TEXT];
	unsigned port;

	if (sa->sa_family == AF_INET || sa->sa_family == AF_INET6) {
		port = address_numbers(sa, addr, sizeof(addr));
		snprintf(text, size, "%s:%u", addr, port);
	} else {
		snprintf(text, size, sa->sa_family == AF_UNIX ? "local" : "unknown");
	}
	return text;
}
