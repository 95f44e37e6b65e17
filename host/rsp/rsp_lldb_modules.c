/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What LLDB asks about files that are mapped: it looks for the same ones on its own machine
 * by their build-ids.
 */
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/rsp/rsp_cache.h"
#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"

enum { NO_SUCH_FILE = 3 /* lldb-server's */, MODULES_MAX = 4096 };

struct module {
	char id[CACHE_ID]; /* in capital letters, as LLDB writes them */
	uint32_t arch;
	uint64_t size;
};

/* False: it is no ELF file, or has no build-id where one is expected. */
static bool look(const uint8_t *head, size_t n, struct module *m)
{
	struct rd r = rd_init(head, n);

	if (!rsp_build_id(head, n, m->id))
		return false;
	for (char *c = m->id; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	rd_span(&r, EI_NIDENT + 2);
	m->arch = rd_u16(&r) == EM_386 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
	return true;
}

/* ---- where to look -------------------------------------------------------------------- */

/* The build-ids that came with the mappings tell whether the file of that path on this
 * machine is the same, without asking the box.  (Its name there may be another: /lib is
 * /usr/lib.) */
static bool is_mapped(struct rsp_process *p, const char *id)
{
	const struct he_mapping *v = NULL;
	size_t n = 0;

	if (p)
		he_error_free(he_maps(p->t, &v, &n));
	for (size_t i = 0; i < n; i++)
		if (v[i].build_id && strcasecmp(v[i].build_id, id) == 0)
			return true;
	return false;
}

static bool here(struct rsp_process *p, const char *path, struct module *m)
{
	uint8_t head[CACHE_HEAD];
	struct stat st;
	int fd = p ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	ssize_t n;

	if (fd < 0)
		return false;
	n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? pread(fd, head, sizeof(head), 0) : -1;
	close(fd);
	if (n <= 0 || !look(head, (size_t)n, m) || !is_mapped(p, m->id))
		return false;
	m->size = (uint64_t)st.st_size;
	return true;
}

static bool there(struct rsp *r, struct rsp_process *p, const char *path, struct module *m)
{
	struct he_root root = {.server = r->server};
	struct he_target_info info;
	struct he_file_stat st;
	uint8_t head[CACHE_HEAD];
	size_t got = 0;
	struct he_error *e;

	if (p) {
		he_target_info(p->t, &info);
		root.pid = info.pid;
		root.start = info.start;
	}
	e = he_file_open(&root, path, &st, head, sizeof(head), &got);
	if (e) {
		he_error_free(e);
		return false;
	}
	m->size = st.size;
	return look(head, got, m);
}

/* A name without a slash is of no file: the vdso's. */
static bool find(struct rsp *r, const char *path, struct module *m)
{
	struct rsp_process *p = r->processes ? rsp_current(r) : NULL;

	buf_reset(&r->reply); /* Hg may name a process that is gone */
	return path[0] == '/' && (here(p, path, m) || there(r, p, path, m));
}

/* ---- packets -------------------------------------------------------------------------- */

static void module_info(struct rsp *r, struct rd *args)
{
	char *path = rsp_take_hexstr(args, HE_PATH_MAX);
	struct module m = {0};

	rsp_want_char(args, ';');
	rsp_take_rest(args); /* a triple: a file has only one */
	if (!path || args->bad) {
		rsp_bad(r);
	} else if (!rsp_lldb_on(r) || !find(r, path, &m)) {
		rsp_fail_errno(r, NO_SUCH_FILE);
	} else {
		rsp_put(&r->reply, "uuid:");
		rsp_put_hexstr(&r->reply, m.id);
		rsp_put(&r->reply, ";triple:");
		rsp_put_hexstr(&r->reply, lldb_triple(m.arch));
		rsp_put(&r->reply, ";file_path:");
		rsp_put_hexstr(&r->reply, path);
		rsp_putf(&r->reply, ";file_offset:%016x;file_size:%016llx;", 0,
		    (unsigned long long)m.size);
	}
	free(path);
}

static void put_module(struct rsp *r, struct buf *json, const char *path, bool *any)
{
	struct module m = {0};

	if (!path || !find(r, path, &m))
		return;
	rsp_put(json, *any ? ",{\"file_path\":" : "{\"file_path\":");
	lldb_json_text(json, path);
	rsp_putf(json, ",\"file_offset\":0,\"file_size\":%llu,\"triple\":\"%s\",\"uuid\":\"%s\"}",
	    (unsigned long long)m.size, lldb_triple(m.arch), m.id);
	*any = true;
}

static void modules_info(struct rsp *r, struct rd *args)
{
	struct span text = rsp_take_rest(args);
	json_t *asked = json_loadb((const char *)text.p, text.n, 0, NULL);
	struct buf json;
	bool any = false;

	if (!json_is_array(asked) || json_array_size(asked) > MODULES_MAX || !rsp_lldb_on(r)) {
		json_decref(asked);
		rsp_bad(r);
		return;
	}
	buf_init(&json, RSP_PACKET);
	rsp_put_char(&json, '[');
	for (size_t i = 0; i < json_array_size(asked); i++)
		put_module(r, &json,
		    json_string_value(json_object_get(json_array_get(asked, i), "file")), &any);
	rsp_put_char(&json, ']');
	buf_reset(&r->reply);
	lldb_json_reply(r, &json);
	buf_free(&json);
	json_decref(asked);
}

/* Where the address of the dynamic linker's list is told: LLDB 14 reads it there. */
static void linker_address(struct rsp *r, struct rd *args)
{
	struct rsp_process *p = rsp_current(r);
	struct he_error *e;
	uint64_t at = 0;

	(void)args;
	if (!p)
		return;
	e = he_dt_debug(p->t, &at);
	if (e)
		rsp_done(r, e);
	else if (at)
		rsp_put_u64(&r->reply, at);
	else
		rsp_fail_errno(r, ENOENT);
}

static const struct rsp_row rows[] = {
    {"qModuleInfo:", RSP_PREFIX, module_info, "lldb"},
    {"jModulesInfo:", RSP_PREFIX, modules_info, "lldb"},
    {"qShlibInfoAddr", RSP_WHOLE, linker_address, "lldb"},
    {0},
};

const struct rsp_part rsp_part_lldb_modules = {
    .rows = rows,
};
