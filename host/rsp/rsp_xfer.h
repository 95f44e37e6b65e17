/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Objects that a debugger reads in parts (qXfer): the whole is made when a part of it is
 * first asked for, and kept until its end was read or it may have changed.
 */
#ifndef HOST_RSP_XFER_H
#define HOST_RSP_XFER_H

#include "host/rsp/rsp.h"

struct rsp_object {
	const char *name; /* NULL ends a table */
	/* The whole into out; false: the reply says why not. */
	bool (*read)(struct rsp *r, struct rd *annex, struct buf *out);
	/* NULL: it cannot be written.  Puts the reply; at: offset of data. */
	void (*write)(struct rsp *r, struct rd *annex, uint64_t at, struct span data);
	bool keeps; /* it is the same until something runs or is written, unless in non-stop */
};

/* rsp_objects.c */
extern const struct rsp_object rsp_objects[];

enum { RSP_OBJECT_MAX = 64 * 1024 * 1024 };

#endif
