/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/handling.h"

#include <signal.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/run.h"
#include "host/errtext.h"

enum { FIRST_REAL_TIME = 32 };

/* Those that programs use in everyday work. */
static bool everyday(uint32_t sig)
{
	static const int quiet[] = {SIGALRM, SIGURG, SIGIO, SIGVTALRM, SIGPROF, SIGCHLD, SIGWINCH};

	for (size_t i = 0; i < sizeof(quiet) / sizeof(*quiet); i++)
		if ((uint32_t)quiet[i] == sig)
			return true;
	return sig == FIRST_REAL_TIME || sig == FIRST_REAL_TIME + 1; /* libc's own */
}

void handling_init(struct handling *h)
{
	*h = (struct handling){.settings.detach_on_fork = true};
	for (uint32_t sig = 1; sig <= HE_SIGNALS; sig++) {
		bool seen = !everyday(sig), ours = sig == SIGINT || sig == SIGTRAP;

		h->v[sig] = (struct he_handling){.stop = seen, .print = seen, .pass = !ours};
	}
}

void handling_masks(const struct handling *h, uint64_t caught, uint64_t ret[3])
{
	ret[0] = caught;
	ret[1] = ret[2] = 0;
	for (uint32_t sig = 1; sig <= HE_SIGNALS; sig++) {
		uint64_t bit = UINT64_C(1) << (sig - 1);

		ret[0] |= h->v[sig].stop ? bit : 0;
		ret[1] |= h->v[sig].print && !h->v[sig].stop ? bit : 0;
		ret[2] |= h->v[sig].pass ? 0 : bit;
	}
}

static struct he_error *known(uint32_t signal)
{
	if (signal >= 1 && signal <= HE_SIGNALS)
		return NULL;
	return he_error_new(E_MALFORMED, "there is no signal %u.", signal);
}

struct he_error *he_handling(struct he_engine *e, uint32_t signal, struct he_handling *ret)
{
	struct he_error *err = known(signal);

	if (!err)
		*ret = e->handling.v[signal];
	return err;
}

/* What stands is told with its next go. */
static struct he_error *tell_running(struct he_engine *e)
{
	struct he_error *first = NULL;

	for (struct he_target *t = e->targets; t; t = t->next) {
		struct he_error *err;

		if (t->state != HE_RUNNING || t->hidden)
			continue;
		err = target_enter(t);
		if (!err)
			err = target_leave(t, run_sync(t));
		if (first)
			he_error_free(err);
		else
			first = err;
	}
	return first;
}

struct he_error *he_handle(struct he_engine *e, uint32_t signal, const struct he_handling *h)
{
	struct he_error *err = known(signal);

	if (err)
		return err;
	e->handling.v[signal] = *h;
	return tell_running(e);
}

void he_settings(const struct he_engine *e, struct he_settings *ret)
{
	*ret = e->handling.settings;
}

struct he_error *he_set_settings(struct he_engine *e, const struct he_settings *s)
{
	e->handling.settings = *s;
	return tell_running(e);
}
