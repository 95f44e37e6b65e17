/* SPDX-License-Identifier: BSD-2-Clause */
#include "greet.h"

#include <linux/audit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/credit.h"
#include "common/err.h"
#include "common/heart.h"

enum { MAX_READ = 1024 * 1024 };

static const struct {
	const char *machine; /* uname(2) */
	uint32_t arch;
} arches[] = {
    {"x86_64", AUDIT_ARCH_X86_64},
    {"aarch64", AUDIT_ARCH_AARCH64},
};

/* 0 = one we know nothing of. */
static uint32_t own_arch(const char *machine)
{
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
		if (strcmp(arches[i].machine, machine) == 0)
			return arches[i].arch;
	return 0;
}

void greet_hello(struct greet *g)
{
	if (uname(&g->un) != 0)
		g->un = (struct utsname){0};
	snprintf(g->os, sizeof(g->os), "%s %s", g->un.sysname, g->un.release);
	g->hello = (struct wire_hello){
	    .kind = WIRE_PEER_PROCSRV,
	    .version_min = WIRE_VERSION_MIN,
	    .version_max = WIRE_VERSION,
	    .heartbeat_ms = HEART_INTERVAL_MS,
	    .credit_requests = CREDIT_REQUESTS,
	    .credit_bytes = CREDIT_REQUEST_BYTES,
	    .max_read = MAX_READ,
	    .page_size = (uint32_t)sysconf(_SC_PAGESIZE),
	    .arch = own_arch(g->un.machine),
	    .machine = span_str(g->un.machine),
	    .os = span_str(g->os),
	    .host = span_str(g->un.nodename),
	    .build = span_str("procsrv " PROCSRV_VERSION),
	};
}

int greet_judge(const struct wire_hello *h)
{
	if (h->kind != WIRE_PEER_HOST)
		return E_PROTOCOL;
	if (h->version_min > WIRE_VERSION || h->version_max < WIRE_VERSION_MIN)
		return E_VERSION;
	return E_OK;
}
