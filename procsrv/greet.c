/* SPDX-License-Identifier: BSD-2-Clause */
#include "greet.h"

#include <linux/audit.h>
#include <stdio.h>
#include <unistd.h>

#include "common/credit.h"
#include "common/err.h"
#include "common/heart.h"

enum { MAX_READ = 1024 * 1024 };

#if defined(__x86_64__)
enum { OWN_ARCH = (int)AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__)
enum { OWN_ARCH = (int)AUDIT_ARCH_AARCH64 };
#else
#error "a new architecture: say its name of linux/audit.h here"
#endif

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
	    .arch = (uint32_t)OWN_ARCH,
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
