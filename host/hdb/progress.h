/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One line about long work, on a terminal, drawn over itself.
 */
#ifndef HOST_PROGRESS_H
#define HOST_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	bool drawn;
	uint64_t last_ms; /* when it was */
};

/* Arguments as he_config.progress has them; f must be a terminal. */
void progress_show(struct progress *p, FILE *f, const char *what, uint64_t done, uint64_t total);
/* Take the line away, before anything else is written there. */
void progress_clear(struct progress *p, FILE *f);

#endif
