/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/symfind.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/err.h"
#include "host/sym/debuginfod.h"
#include "host/sym/elf_image.h"
#include "host/errtext.h"
#include "host/sym/fetch.h"

enum { HEAD_MAX = 4096 };

static const char debug_root[] = "/usr/lib/debug";

void found_drop(struct found *f)
{
	if (f->elf)
		elf_end(f->elf);
	if (f->fd >= 0)
		close(f->fd);
	free(f->image);
	free(f->path);
	free(f->from);
	*f = (struct found){.fd = -1};
}

/* ---- one file -------------------------------------------------------------- */

bool symfind_id_of(Elf *elf, struct build_id *ret)
{
	const void *bytes;
	ssize_t n = dwelf_elf_gnu_build_id(elf, &bytes);

	*ret = (struct build_id){.n = 0};
	if (n > 0)
		build_id_set(ret, bytes, (size_t)n);
	return ret->n != 0;
}

static Elf *open_elf(const char *path, int *fd)
{
	struct stat st;
	Elf *elf = NULL;

	/* A FIFO in that place must not make us wait. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd >= 0 && fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
		elf = elf_begin(*fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF)
		return elf;
	elf_end(elf);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return NULL;
}

Elf *symfind_open(const char *path, const struct build_id *id, int *fd)
{
	Elf *elf = open_elf(path, fd);
	struct build_id have;

	if (!elf || (symfind_id_of(elf, &have) && build_id_equal(&have, id)))
		return elf;
	elf_end(elf);
	close(*fd);
	*fd = -1;
	return NULL;
}

/* libelf and the loops over its tables are for the target's kind of ELF only. */
static bool right_kind(Elf *elf, uint32_t arch)
{
	GElf_Ehdr e;
	int class = arch & 0x80000000 ? ELFCLASS64 : ELFCLASS32; /* __AUDIT_ARCH_64BIT */

	return gelf_getehdr(elf, &e) && e.e_machine == (arch & 0xffff) &&
	       gelf_getclass(elf) == class && (e.e_type == ET_EXEC || e.e_type == ET_DYN);
}

/* ---- the module's ELF -------------------------------------------------------- */

struct search {
	const struct sym_source *src;
	struct module *m;
	struct found *ret;
	char *why;
};

static bool take(struct search *s, Elf *elf, int fd, const char *what, const char *path)
{
	s->ret->fd = fd;
	s->ret->elf = elf;
	s->ret->path = path ? strdup(path) : NULL;
	if (asprintf(&s->ret->from, "%s%s%s", what, path ? " " : "", path ? path : "") < 0)
		s->ret->from = NULL;
	if (!elf || !right_kind(elf, s->src->arch)) {
		found_drop(s->ret);
		return false;
	}
	return true;
}

/* Without a build-id a local file is believed when it is the inode that is mapped and
 * its header and program headers are those in memory. */
static bool same_head(const struct search *s, int fd)
{
	uint8_t file[HEAD_MAX], memory[HEAD_MAX];
	struct stat st;
	size_t n;
	ssize_t got;

	if (!s->src->local || fstat(fd, &st) != 0 || st.st_ino != s->m->ino)
		return false;
	n = elf_image_head(s->src, s->m, memory, sizeof(memory));
	got = pread(fd, file, sizeof(file), 0);
	if (got < (ssize_t)sizeof(Elf32_Ehdr) || n < sizeof(Elf32_Ehdr))
		return false;
	return !memcmp(file, memory, n < (size_t)got ? n : (size_t)got);
}

static bool try_path(struct search *s, const char *path, const char *what)
{
	int fd = -1;
	Elf *elf;

	if (!path || path[0] != '/')
		return false;
	if (s->m->id.n) {
		elf = symfind_open(path, &s->m->id, &fd);
	} else {
		elf = open_elf(path, &fd);
		if (elf && !same_head(s, fd)) {
			elf_end(elf);
			close(fd);
			return false;
		}
	}
	return elf && take(s, elf, fd, what, path);
}

static struct he_error *find_local(struct search *s)
{
	if (!try_path(s, s->m->name, "local file"))
		try_path(s, s->m->link_name, "local file");
	return NULL;
}

static struct he_error *find_by_id(struct search *s)
{
	char path[PATH_MAX];

	if (s->m->id.n < 2)
		return NULL;
	snprintf(
	    path, sizeof(path), "%s/.build-id/%.2s/%s", debug_root, s->m->id.hex, s->m->id.hex + 2);
	try_path(s, path, "local file");
	return NULL;
}

static struct he_error *find_cached(struct search *s)
{
	char *path = fetch_cached(s->src, &s->m->id);

	if (path)
		try_path(s, path, "cache");
	free(path);
	return NULL;
}

static struct he_error *find_debuginfod(struct search *s)
{
	char *path = NULL;
	int fd = debuginfod_get(s->src, DEBUGINFOD_ELF, &s->m->id, s->m->name, &path);

	if (fd >= 0) {
		close(fd);
		try_path(s, path, "debuginfod");
	}
	free(path);
	return NULL;
}

/* Why the rest is tried; an error that ends everything is handed back. */
static struct he_error *note(struct search *s, struct he_error *e)
{
	if (e->code == E_CANCELLED || e->code == E_LOST || e->code == E_NOMEM)
		return e;
	if (!s->why)
		s->why = strdup(e->message);
	he_error_free(e);
	return NULL;
}

static struct he_error *find_on_target(struct search *s)
{
	char *temp = NULL, *path;
	struct build_id have;
	struct he_error *e;
	Elf *elf;
	int fd;

	if (!s->src->file_read || s->m->vdso)
		return NULL;
	e = fetch_file(s->src, s->m, &fd, &temp);
	if (e)
		return note(s, e);
	elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	if (s->m->id.n && !(elf && symfind_id_of(elf, &have) && build_id_equal(&have, &s->m->id))) {
		elf_end(elf);
		close(fd);
		fetch_discard(temp);
		return note(s,
		    he_error_new(E_CHANGED, "%s: it is not the file that is mapped", s->m->name));
	}
	path = fetch_keep(s->src, &s->m->id, temp);
	take(s, elf, fd, "target", path);
	free(path);
	return NULL;
}

static struct he_error *find_image(struct search *s)
{
	const char *why = NULL;
	size_t size;
	void *image = elf_image_read(s->src, s->m, &size, &why);
	Elf *elf;

	if (!image) {
		if (!s->why && asprintf(&s->why, "%s: %s", s->m->name, why) < 0)
			s->why = NULL;
		return NULL;
	}
	elf = elf_memory(image, size);
	if (take(s, elf, -1, "target memory", NULL))
		s->ret->image = image;
	else
		free(image);
	return NULL;
}

static const struct {
	struct he_error *(*find)(struct search *s);
	bool far; /* takes the network or the target */
} finders[] = {
    {find_local, false},
    {find_by_id, false},
    {find_cached, false},
    {find_debuginfod, true},
    {find_on_target, true},
    {find_image, true},
};

/* From one finder to the next; *near: it ended where it would have to go far. */
static struct he_error *try_all(struct search *s, bool far, bool *near)
{
	*near = false;
	for (size_t i = 0; i < sizeof(finders) / sizeof(finders[0]); i++) {
		struct he_error *e;

		*near = finders[i].far && !far;
		if (*near)
			return NULL;
		e = finders[i].find(s);
		if (e || s->ret->elf)
			return e;
	}
	return NULL;
}

struct he_error *symfind_elf(
    const struct sym_source *src, struct module *m, bool far, struct found *ret, char **why)
{
	struct search s = {.src = src, .m = m, .ret = ret};
	struct he_error *e;
	bool near = false;

	*ret = (struct found){.fd = -1};
	*why = NULL;
	if (!m->vdso && !m->id.n)
		elf_image_build_id(src, m);
	/* The vdso is two pages, and no file has them. */
	e = m->vdso ? find_image(&s) : try_all(&s, far, &near);
	if (e || ret->elf || near)
		free(s.why);
	else
		*why = s.why ? s.why : strdup("its file is not to be had");
	return e;
}

/* ---- debug files --------------------------------------------------------------- */

/* The CRC of .gnu_debuglink (IEEE 802.3) over the whole file. */
static bool crc_matches(int fd, uint32_t want)
{
	uLong crc = crc32(0, NULL, 0);
	uint8_t buf[16384];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		crc = crc32(crc, buf, (uInt)n);
		at += n;
	}
	return n == 0 && crc == want;
}

/* The build-id decides where there is one, else the CRC. */
static int open_debug(const struct debug_wanted *w, const char *path, char **file)
{
	struct build_id have;
	int fd;
	Elf *elf = open_elf(path, &fd);
	bool fine;

	if (!elf)
		return -1;
	fine = w->id->n ? symfind_id_of(elf, &have) && build_id_equal(&have, w->id)
			: w->link && crc_matches(fd, w->crc);
	elf_end(elf);
	if (fine)
		*file = strdup(path);
	if (fine && *file)
		return fd;
	close(fd);
	return -1;
}

static int open_by_id(const struct debug_wanted *w, char **file)
{
	char path[PATH_MAX];

	if (w->id->n < 2)
		return -1;
	snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s.debug", debug_root, w->id->hex,
	    w->id->hex + 2);
	return open_debug(w, path, file);
}

/* Where GDB looks for a debug link: beside the file, in .debug there, below the root. */
static int try_links(const struct debug_wanted *w, char **file)
{
	static const char *const patterns[] = {"%s/%s", "%s/.debug/%s", "/usr/lib/debug%s/%s"};
	char buf[PATH_MAX], path[2 * PATH_MAX], *dir;
	int fd = -1;

	if (!w->link || !w->path || strchr(w->link, '/') ||
	    (size_t)snprintf(buf, sizeof(buf), "%s", w->path) >= sizeof(buf))
		return -1;
	dir = dirname(buf);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && fd < 0; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		int n = snprintf(path, sizeof(path), patterns[i], dir, w->link);
#pragma GCC diagnostic pop

		if (n > 0 && (size_t)n < sizeof(path) && strcmp(path, w->path) != 0)
			fd = open_debug(w, path, file);
	}
	return fd;
}

static void say_from(char **from, const char *what, const char *path)
{
	if (asprintf(from, "%s %s", what, path) < 0)
		*from = NULL;
}

int symfind_debug(const struct sym_source *src, const struct debug_wanted *w, char **file,
    char **from, bool *far_missed)
{
	char *got = NULL;
	int fd = open_by_id(w, file);

	if (fd < 0)
		fd = try_links(w, file);
	if (fd >= 0) {
		say_from(from, "debug file", *file);
		return fd;
	}
	if (!w->id->n || !debuginfod_wanted())
		return -1;
	if (!w->far) {
		*far_missed = true;
		return -1;
	}
	fd = debuginfod_get(src, DEBUGINFOD_DEBUG, w->id, w->path ? w->path : w->id->hex, &got);
	if (fd < 0)
		return -1;
	close(fd);
	fd = open_debug(w, got, file);
	if (fd >= 0)
		say_from(from, "debuginfod", *file);
	free(got);
	return fd;
}

/* Contents of .gnu_debugaltlink: a path, NUL, a build-id.  False: there is none. */
static bool alt_link(Elf *elf, const char **name, struct build_id *id)
{
	size_t names, end;
	Elf_Scn *scn = NULL;
	GElf_Shdr h;
	Elf_Data *d = NULL;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while (!d && (scn = elf_nextscn(elf, scn))) {
		const char *s = gelf_getshdr(scn, &h) ? elf_strptr(elf, names, h.sh_name) : NULL;

		if (s && !strcmp(s, ".gnu_debugaltlink"))
			d = elf_rawdata(scn, NULL);
	}
	if (!d || !d->d_buf)
		return false;
	*name = d->d_buf;
	end = strnlen(*name, d->d_size);
	if (end == 0 || end == d->d_size)
		return false;
	build_id_set(id, *name + end + 1, d->d_size - end - 1);
	return id->n != 0;
}

int symfind_alt(const char *debug, char **file)
{
	char path[2 * PATH_MAX], dir[PATH_MAX];
	const char *name;
	struct build_id id;
	struct debug_wanted w = {.id = &id};
	int fd, alt = -1, n;
	Elf *elf = (size_t)snprintf(dir, sizeof(dir), "%s", debug) < sizeof(dir)
		       ? open_elf(debug, &fd)
		       : NULL;

	if (!elf)
		return -1;
	if (alt_link(elf, &name, &id)) {
		n = name[0] == '/' ? snprintf(path, sizeof(path), "%s", name)
				   : snprintf(path, sizeof(path), "%s/%s", dirname(dir), name);
		if (n > 0 && (size_t)n < sizeof(path))
			alt = open_debug(&w, path, file);
		if (alt < 0)
			alt = open_by_id(&w, file);
	}
	elf_end(elf);
	close(fd);
	return alt;
}
