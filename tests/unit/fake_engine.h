/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A scripted host engine: hosteng.h over canned data, for the front end's tests.  One box,
 * some processes with friendly and hostile names, of which 4242 can be attached.
 */
#ifndef FAKE_ENGINE_H
#define FAKE_ENGINE_H

#include "host/hosteng.h"

enum {
	FAKE_PID = 4242,
	FAKE_MEMORY = 0x1000, /* 64 bytes: "hello", 0, then their own offsets */
	FAKE_MAIN = 0x401000,
};

#define FAKE_EXE "/usr/bin/redis-server"

/* For he_error_free. */
struct he_error *fake_error(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Something happens to the attached target; he_wait hands it out. */
void fake_happens(struct he_engine *e, enum he_event_kind kind, uint32_t sig, int status);

struct he_engine *fake_engine_of(const struct he_target *t);

/* Signals without end, or at least n of them; how many were left of those before. */
unsigned fake_storm(struct he_engine *e, unsigned n);

/* How often the engine was asked to get many stacks ready. */
unsigned fake_prefetches(const struct he_engine *e);

#endif
