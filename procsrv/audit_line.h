/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One line of the record: written by the monitor, and by the guard while its session has
 * no connection.
 */
#ifndef PROCSRV_AUDIT_LINE_H
#define PROCSRV_AUDIT_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "ipc.h"

struct audit_line {
	const char *event;
	uint32_t session;  /* number; 0 = none */
	const uint8_t *id; /* of it, 16 bytes */
	const char *key, *from;
	uint32_t pid; /* 0: neither this nor start is known */
	uint64_t start;
	int result; /* enum err */
	const char *why;
};

enum { AUDIT_TEXT = 2560 }; /* a log's line holds it, and its place in the record */

/* Its text, printable and without newline.  Returns to. */
const char *audit_text(char to[AUDIT_TEXT], const struct audit_line *l);

/* What the tracer reported: fills in what it says; why is a room for text. */
enum { AUDIT_WHY = 400 };
void audit_take(struct audit_line *l, const struct ipc_audit *a, char *why, size_t size);

/* The same on standard error, of a session without a connection. */
void audit_of(const struct ipc_session *s, const struct ipc_audit *a);

#endif
