/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is done about signals, and the settings of how targets run: the engine's, for all
 * its targets; sent to each with the next flight.
 */
#ifndef HOST_HANDLING_H
#define HOST_HANDLING_H

#include "host/hosteng.h"

struct handling {
	struct he_handling v[HE_SIGNALS + 1]; /* by number, from 1 */
	struct he_settings settings;
};

/* As GDB starts. */
void handling_init(struct handling *h);
/* The masks of message signals: stop, report, ignore. caught: these stop in any case. */
void handling_masks(const struct handling *h, uint64_t caught, uint64_t ret[3]);

#endif
