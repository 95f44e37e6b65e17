/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between the tracer and its reader (reader.h): packets of a SOCK_SEQPACKET pair, a head
 * and up to a piece of bytes.  One request at a time; while one is being answered the
 * tracer sends nothing but what it is asked for.
 */
#ifndef PROCSRV_READER_IPC_H
#define PROCSRV_READER_IPC_H

#include <stdint.h>

#include "common/wire.h"
#include "fault.h"
#include "ipc.h"

enum {
	READER_FD = 3,
	READER_DATA = WIRE_PIECE,
	READER_BOUNDS = 0xffff, /* in place of a request's type, first: struct ipc_bounds follows */
};

/* To the reader: a request of the wire.  Its body follows. */
struct reader_ask {
	uint64_t id;    /* the tracer's own number */
	uint64_t start; /* of the target it names */
	uint32_t pid;   /* 0 = it names none */
	uint32_t target;
	uint16_t type; /* in the wire's table */
	uint16_t pad;
	uint32_t n;
};

/* The tracer's word about a record. */
struct reader_recorded {
	int32_t err; /* enum err */
};

enum reader_kind {
	READER_PIECE,  /* of the reply; the body follows */
	READER_DONE,   /* that was all */
	READER_FAIL,   /* fault says why */
	READER_RECORD, /* audit is to be recorded first: it waits for reader_recorded */
};

struct reader_say {
	uint64_t id;
	uint32_t kind; /* enum reader_kind */
	uint32_t n;
	union {
		struct fault fault;
		struct ipc_audit audit;
	} what;
};

#endif
