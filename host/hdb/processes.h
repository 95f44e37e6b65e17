/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Process lists, snapshots: what the one-shot options print.
 */
#ifndef HOST_PROCESSES_H
#define HOST_PROCESSES_H

#include "host/hdb/front.h"

/* The table of ps; kernel: kernel threads too. */
void processes_show(FILE *f, const struct he_processes *p, bool kernel, unsigned width);

/* How long the process of snapshot t stood, then every thread's backtrace. */
int snapshot_show(struct hdb *h, struct he_target *t);

#endif
