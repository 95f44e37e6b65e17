/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why a request failed, with the facts the host makes its sentence from: message
 * error of the wire, before it is encoded.
 */
#ifndef PROCSRV_FAULT_H
#define PROCSRV_FAULT_H

#include <stdint.h>

#include "common/err.h"

struct fault {
	int code;          /* enum err; E_OK = none */
	int os_errno;      /* 0 = none */
	uint64_t addr;     /* where, for FAULT; the scope, for YAMA */
	uint32_t pid;      /* whom it is about */
	char subject[256]; /* NUL-terminated; any other bytes */
	char detail[512];
};

/* Fill in and yield the code, so that a function can end with it. */
static inline int fault_set(struct fault *f, int code, int os_errno, uint32_t pid)
{
	f->code = code;
	f->os_errno = os_errno;
	f->pid = pid;
	return code;
}

#endif
