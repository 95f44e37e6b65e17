/* SPDX-License-Identifier: BSD-2-Clause
 *
 * info os sockets, from the texts of proc_pid_net(5).
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>

#include "host/rsp/rsp_osdata.h"

static const char *const states[] = {"(unknown)", "ESTABLISHED", "SYN_SENT", "SYN_RECV",
    "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"};

static const struct family {
	enum he_text text;
	int family;
	const char *name, *protocol;
} families[] = {
    {HE_TEXT_NET_TCP, AF_INET, "INET", "STREAM"},
    {HE_TEXT_NET_UDP, AF_INET, "INET", "DGRAM"},
    {HE_TEXT_NET_TCP6, AF_INET6, "INET6", "STREAM"},
    {HE_TEXT_NET_UDP6, AF_INET6, "INET6", "DGRAM"},
};

/* "0100007F:1F90": 32-bit words as a little-endian box prints them, and the port. */
struct address {
	char host[INET6_ADDRSTRLEN];
	unsigned port;
};

static bool take_address(const char *text, int family, struct address *a)
{
	unsigned words = family == AF_INET ? 1 : 4;
	uint32_t raw[4];

	for (unsigned i = 0; i < words; i++)
		if (sscanf(text + (size_t)8 * i, "%8" SCNx32, &raw[i]) != 1)
			return false;
	return text[(size_t)8 * words] == ':' &&
	       sscanf(text + (size_t)8 * words + 1, "%4x", &a->port) == 1 &&
	       inet_ntop(family, raw, a->host, sizeof(a->host));
}

static void put_socket(struct osdata *o, const struct family *f, const char *line)
{
	struct address local, remote;
	char here[40], there[40];
	unsigned state, uid;

	if (sscanf(line, " %*u: %39s %39s %2x %*s %*s %*s %u", here, there, &state, &uid) != 4 ||
	    strlen(here) != strlen(there) || strlen(here) < (f->family == AF_INET ? 13 : 37) ||
	    !take_address(here, f->family, &local) || !take_address(there, f->family, &remote))
		return;
	osdata_begin(o);
	osdata_text(o, "local address", local.host);
	osdata_number(o, "local port", local.port);
	osdata_text(o, "remote address", remote.host);
	osdata_number(o, "remote port", remote.port);
	osdata_text(o, "state", states[state < sizeof(states) / sizeof(states[0]) ? state : 0]);
	osdata_user(o, "user", uid);
	osdata_text(o, "family", f->name);
	osdata_text(o, "protocol", f->protocol);
	osdata_end(o);
}

struct he_error *osdata_sockets(struct osdata *o)
{
	const struct he_root machine = {.server = o->server};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		struct he_error *err;
		char *all, *save;
		size_t len;

		err = he_proc_text(&machine, families[i].text, &all, &len);
		if (err) { /* a kernel without that family */
			he_error_free(err);
			continue;
		}
		for (char *line = strtok_r(all, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			put_socket(o, &families[i], line);
		free(all);
	}
	return NULL;
}
