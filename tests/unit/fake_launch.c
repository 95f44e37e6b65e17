/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Launching in the scripted engine: every program is process FAKE_PID, and what was asked
 * for is kept as text.
 */
#include "fake_launch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct {
	char asked[1024];
} self;

const char *fake_launched(void)
{
	return self.asked;
}

static void put(const char *text)
{
	size_t n = strlen(self.asked);

	snprintf(self.asked + n, sizeof(self.asked) - n, "%s", text);
}

struct he_error *he_launch(struct he_server *s, const struct he_launch *q, struct he_target **ret)
{
	struct he_error *e = he_attach(s, FAKE_PID, 0, HE_STOP, ret);

	if (e)
		return e;
	snprintf(self.asked, sizeof(self.asked), "%s:", q->program);
	for (const char *const *v = q->args; *v; v++) {
		put(" [");
		put(*v);
		put("]");
	}
	put(q->cwd ? " in " : "");
	put(q->cwd ? q->cwd : "");
	for (const char *const *v = q->env; v && *v; v++) {
		put(" ");
		put(*v);
	}
	put(q->env_adds ? " at a login" : "");
	put(q->randomize ? " anywhere" : "");
	return NULL;
}

struct he_error *he_input(
    struct he_target *t, const void *data, size_t len, bool end, size_t *taken)
{
	(void)t;
	(void)data;
	(void)end;
	*taken = len;
	return NULL;
}

struct he_error *he_window(struct he_target *t, unsigned rows, unsigned cols)
{
	(void)t;
	(void)rows;
	(void)cols;
	return NULL;
}

struct he_error *he_kill(struct he_target *t)
{
	fake_happens(fake_engine_of(t), HE_E_EXITED, 0, SIGKILL);
	return NULL;
}
