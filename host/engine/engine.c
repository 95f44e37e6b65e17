/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/expr.h"

/* $env/hdb, or ~/home_part/hdb. */
static char *default_dir(const char *env, const char *home_part)
{
	const char *base = getenv(env), *home = getenv("HOME");
	char *dir = NULL;
	int n;

	if (base && *base)
		n = asprintf(&dir, "%s/hdb", base);
	else
		n = asprintf(&dir, "%s/%s/hdb", home && *home ? home : "/", home_part);
	return n < 0 ? NULL : dir;
}

static bool copy_config(struct he_engine *e, const struct he_config *c)
{
	e->config = *c;
	e->config.config_dir =
	    c->config_dir ? strdup(c->config_dir) : default_dir("XDG_CONFIG_HOME", ".config");
	e->config.cache_dir =
	    c->cache_dir ? strdup(c->cache_dir) : default_dir("XDG_CACHE_HOME", ".cache");
	return e->config.config_dir && e->config.cache_dir;
}

static bool watch(int epoll, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool open_descriptors(struct he_engine *e)
{
	e->inbox = inbox_new();
	e->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	e->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return e->inbox && e->poll_fd >= 0 && e->wake_fd >= 0 &&
	       watch(e->poll_fd, inbox_fd(e->inbox)) && watch(e->poll_fd, e->wake_fd);
}

struct he_error *he_new(const struct he_config *config, struct he_engine **ret)
{
	struct he_engine *e = calloc(1, sizeof(*e));
	int os_errno;

	if (!e)
		return he_error_new(E_NOMEM, "out of memory.");
	e->pending_end = &e->pending;
	e->poll_fd = e->wake_fd = -1;
	handling_init(&e->handling);
	e->values = value_store_new();
	if (e->values && copy_config(e, config) && open_descriptors(e)) {
		*ret = e;
		return NULL;
	}
	os_errno = errno;
	he_free(e);
	return he_error_os(os_errno, "cannot start the engine.");
}

void he_free(struct he_engine *e)
{
	if (!e)
		return;
	while (e->servers)
		he_disconnect(e->servers);
	while (e->targets)
		target_free(e->targets);
	breakpoints_free(e);
	arena_free(&e->told.texts);
	engine_drop_events(e, NULL, NULL);
	inbox_free(e->inbox);
	free(e->told_output);
	value_store_free(e->values);
	if (e->poll_fd >= 0)
		close(e->poll_fd);
	if (e->wake_fd >= 0)
		close(e->wake_fd);
	free((char *)e->config.config_dir);
	free((char *)e->config.cache_dir);
	for (size_t i = 0; i < e->n_source_dirs; i++)
		free(e->source_dirs[i]);
	free(e->source_dirs);
	free(e);
}

void he_cancel(struct he_engine *e)
{
	inbox_cancel(e->inbox);
}

int he_event_fd(struct he_engine *e)
{
	/* Asked for by who is going to sleep on it. */
	inbox_idle(e->inbox);
	return e->poll_fd;
}
