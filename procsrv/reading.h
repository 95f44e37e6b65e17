/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests that the reader answers, seen from the tracer: whatever may block outside our
 * control is done there (reader_ipc.h).  One at a time; one that gets no further for two
 * seconds is answered with BUSY, and the reader with it is given up.
 */
#ifndef PROCSRV_READING_H
#define PROCSRV_READING_H

#include "serve.h"

struct tracer;

/* The handler of all of them. */
handler on_reading;

/* Nobody is answered any more. */
void reading_free(struct tracer *t);

#endif
