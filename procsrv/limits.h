/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whom the listener lets in: how many connections may stand that have not proven
 * a key, in all and from one source, and which sources have misbehaved.  A source
 * is an IPv4 address or the /64 of an IPv6 one.  Times are milliseconds of any
 * clock that only goes forward.
 */
#ifndef PROCSRV_LIMITS_H
#define PROCSRV_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	LIMIT_EARLY_FROM = 10,    /* unproven connections: from here on some are dropped, */
	LIMIT_EARLY_PERCENT = 30, /* so many of a hundred, rising */
	LIMIT_EARLY_ALL = 100,    /* until here all are */
	LIMIT_SOURCE = 3,         /* unproven connections of one source */
	LIMIT_CONNECTIONS = 1024, /* proven or not */
	LIMIT_SOURCES = 4096,     /* remembered */
	PENALTY_CRASH_MS = 90000,
	PENALTY_BAD_PROOF_MS = 10000,
	PENALTY_SILENT_MS = 5000,
};

enum limit_verdict { LIMIT_ADMIT, LIMIT_FULL, LIMIT_EARLY, LIMIT_BUSY_SOURCE, LIMIT_PENALTY };

/* A source as a key; compare with memcmp. */
struct limit_source {
	uint8_t addr[8]; /* IPv4: the address in the first four, the rest zero */
	uint8_t family;  /* 4, 6, or 0 for anything else */
};

struct limits;

struct limits *limits_new(void); /* NULL without memory */
void limits_free(struct limits *l);

struct limit_source limits_source(const struct sockaddr *sa);

/* A connection came: may it stay?  random: any number, fresh for each call.  After
 * LIMIT_ADMIT it counts as unproven, and limits_gone must follow one day. */
enum limit_verdict limits_admit(
    struct limits *l, struct limit_source from, uint64_t now_ms, uint32_t random);

/* It has proven its key. */
void limits_proven(struct limits *l, struct limit_source from);

/* It is gone, and the source gets a penalty (0 = none) of so many milliseconds from
 * now; a longer one that runs already stays. */
void limits_gone(struct limits *l, struct limit_source from, bool was_proven, uint64_t now_ms,
    uint32_t penalty_ms);

/* The penalty for a monitor that ended with this wait status (see enum monitor_exit). */
uint32_t limits_penalty(int wait_status);

const char *limits_why(enum limit_verdict v); /* for the audit line; one word */

#endif
