/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the engine in rsp_engine.h share.
 */
#ifndef TESTS_RSP_ENGINE_PARTS_H
#define TESTS_RSP_ENGINE_PARTS_H

#include <stdio.h>
#include <stdlib.h>

#include "rsp_engine.h"

struct he_target {
	uint32_t pid; /* 0 = free */
	enum he_state state;
	bool launched;
};

extern struct he_target fake_targets[FAKE_TARGETS];

struct he_error *fake_no(int os_errno, const char *message);
void __attribute__((format(printf, 1, 2))) fake_asked(const char *fmt, ...);
/* Nothing happens any more. */
void fake_events_drop(void);
/* What the bridge must never ask for. */
#define fake_must(x)                                                                               \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
