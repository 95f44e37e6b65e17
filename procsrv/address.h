/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Addresses of the network as people write them: IPv4 as such, also where it comes in
 * through an IPv6 socket.
 */
#ifndef PROCSRV_ADDRESS_H
#define PROCSRV_ADDRESS_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT = INET6_ADDRSTRLEN + 2 }; /* size for an address alone */

/* sa is of IPv4 or IPv6.  Its address into text, IPv6 in brackets; returns the port. */
unsigned address_numbers(const struct sockaddr *sa, char *text, size_t size);

/* "192.0.2.1:40123", "[2001:db8::1]:40123" into text, which is returned; "local" for
 * AF_UNIX, "unknown" for any other family. */
const char *address_text(const struct sockaddr *sa, char *text, size_t size);

#endif
