/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stepping in the scripted engine: the target stops again at once.
 */
#include "common/err.h"
#include "fake_engine.h"

static struct he_error *stop(struct he_target *t)
{
	fake_happens(fake_engine_of(t), HE_E_STOPPED, 0, 0);
	return NULL;
}

struct he_error *he_step(struct he_target *t, uint64_t tid, enum he_step how, uint64_t count)
{
	(void)tid;
	(void)how;
	(void)count;
	return stop(t);
}

struct he_error *he_finish(struct he_target *t, uint64_t tid, unsigned frame)
{
	(void)tid;
	(void)frame;
	return stop(t);
}

struct he_error *he_until(struct he_target *t, uint64_t tid, unsigned frame, const uint64_t *addrs,
    size_t n, bool anywhere)
{
	(void)tid;
	(void)frame;
	(void)addrs;
	(void)n;
	(void)anywhere;
	return stop(t);
}

struct he_error *he_return(struct he_target *t, uint64_t tid, unsigned frame, const char *value)
{
	(void)t;
	(void)tid;
	(void)frame;
	(void)value;
	return NULL;
}

struct he_error *he_jump(struct he_target *t, uint64_t tid, uint64_t addr)
{
	(void)tid;
	(void)addr;
	return stop(t);
}
