/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Source texts on this machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

enum { SOURCE_MAX = 64 * 1024 * 1024 };

struct he_error *he_source_dir(struct he_engine *e, const char *dir)
{
	char **v = realloc(e->source_dirs, (e->n_source_dirs + 1) * sizeof(char *));
	char *copy = strdup(dir);

	if (v)
		e->source_dirs = v;
	if (!v || !copy) {
		free(copy);
		return he_error_new(E_NOMEM, "out of memory.");
	}
	e->source_dirs[e->n_source_dirs++] = copy;
	return NULL;
}

/* The whole text of a regular file, NUL-terminated; NULL when it is none, or too big. */
static char *slurp(const char *path)
{
	/* Not blocking: what a binary's line table names may be a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	size_t size, at = 0;
	struct stat st;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= SOURCE_MAX) {
		size = (size_t)st.st_size;
		text = malloc(size + 1);
		while (text && at < size && n > 0) {
			n = read(fd, text + at, size - at);
			at += n > 0 ? (size_t)n : 0;
		}
		if (text)
			text[at] = 0;
	}
	close(fd);
	return text;
}

/* dir/file (dir NULL: file alone).  Takes the first that can be read. */
static bool try(const char *dir, const char *file, char **text, char **path)
{
	char *name = NULL, *got;

	if (*text || asprintf(&name, "%s%s%s", dir ? dir : "", dir ? "/" : "", file) < 0)
		return *text != NULL;
	got = slurp(name);
	if (!got) {
		free(name);
		return false;
	}
	*text = got;
	*path = name;
	return true;
}

/* Below an added directory: every trailing part of the path, the longest first. */
static bool try_tails(const char *dir, const char *file, char **text, char **path)
{
	const char *tail = file;

	while (*tail == '/')
		tail++;
	while (tail) {
		if (try(dir, tail, text, path))
			return true;
		tail = strchr(tail, '/');
		while (tail && *tail == '/')
			tail++;
	}
	return false;
}

struct he_error *he_source(
    struct he_target *t, const char *file, const char *directory, char **text, char **path)
{
	const struct he_engine *e = t->engine;
	char *got = NULL, *name = NULL;

	if (*file == '/')
		try(NULL, file, &got, &name);
	else if (directory)
		try(directory, file, &got, &name);
	for (size_t i = 0; !got && i < e->n_source_dirs; i++)
		try_tails(e->source_dirs[i], file, &got, &name);
	if (!got)
		return he_error_new(E_NO_FILE,
		    "the source file %s is not on this machine; name its directory with "
		    "\"directory\".",
		    file);
	*text = got;
	*path = name;
	return NULL;
}
