/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/debuginfod.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <stdlib.h>
#include <string.h>

static const char library[] = "libdebuginfod.so.1";

struct client {
	void *lib;
	__typeof__(&debuginfod_begin) begin;
	__typeof__(&debuginfod_end) end;
	__typeof__(&debuginfod_find_executable) find_elf;
	__typeof__(&debuginfod_find_debuginfo) find_debug;
	__typeof__(&debuginfod_set_progressfn) set_progress;
	__typeof__(&debuginfod_set_user_data) set_data;
};

struct job {
	const struct sym_source *src;
	const char *name;
	bool shown;
};

bool debuginfod_wanted(void)
{
	const char *urls = getenv(DEBUGINFOD_URLS_ENV_VAR);

	return urls && urls[strspn(urls, " ")];
}

/* POSIX lets a function pointer travel as void *, ISO C has no cast for it. */
static bool symbol(void *lib, const char *name, void *fn)
{
	void *p = dlsym(lib, name);

	memcpy(fn, &p, sizeof(p));
	return p != NULL;
}

static bool client_load(struct client *c)
{
	c->lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	return c->lib && symbol(c->lib, "debuginfod_begin", &c->begin) &&
	       symbol(c->lib, "debuginfod_end", &c->end) &&
	       symbol(c->lib, "debuginfod_find_executable", &c->find_elf) &&
	       symbol(c->lib, "debuginfod_find_debuginfo", &c->find_debug) &&
	       symbol(c->lib, "debuginfod_set_progressfn", &c->set_progress) &&
	       symbol(c->lib, "debuginfod_set_user_data", &c->set_data);
}

/* Called with nothing of ours but the client. */
static int progressed(debuginfod_client *session, long done, long total)
{
	__typeof__(&debuginfod_get_user_data) get_data;
	struct job *job = NULL;
	void *lib = dlopen(library, RTLD_NOW | RTLD_NOLOAD);

	if (lib && symbol(lib, "debuginfod_get_user_data", &get_data))
		job = get_data(session);
	if (lib)
		dlclose(lib); /* our other reference stays */
	if (job && job->src->progress && done > 0) {
		job->shown = true;
		job->src->progress(
		    job->src->arg, job->name, (uint64_t)done, total > done ? (uint64_t)total : 0);
	}
	return 0;
}

int debuginfod_get(const struct sym_source *src, enum debuginfod_kind kind,
    const struct build_id *id, const char *name, char **path)
{
	struct job job = {.src = src, .name = name};
	struct client c = {0};
	debuginfod_client *session;
	int fd = -1;

	*path = NULL;
	if (!debuginfod_wanted() || !id->n || !client_load(&c))
		goto out;
	session = c.begin();
	if (!session)
		goto out;
	c.set_data(session, &job);
	c.set_progress(session, progressed);
	fd = (kind == DEBUGINFOD_ELF ? c.find_elf : c.find_debug)(
	    session, id->bytes, (int)id->n, path);
	c.end(session);
	if (job.shown)
		src->progress(src->arg, name, 1, 1);
out:
	/* The library stays loaded: libcurl does not survive being unloaded. */
	return fd >= 0 ? fd : -1;
}
