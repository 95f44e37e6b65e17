/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "host/errtext.h"

char *config_path(const char *dir, const char *file)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, file) < 0 ? NULL : path;
}

struct he_error *config_open(const char *path, FILE **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct he_error *e = NULL;
	struct stat st;

	*ret = NULL;
	if (fd < 0)
		return errno == ENOENT ? NULL : he_error_os(errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		e = he_error_new(E_NOT_FILE, "%s: not a regular file", path);
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		e = he_error_new(E_RIGHT, "%s belongs to another user: it must be yours", path);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		e = he_error_new(E_RIGHT, "%s can be written by others: chmod go-w %s", path, path);
	else if (!(*ret = fdopen(fd, "r")))
		e = he_error_new(E_NOMEM, "out of memory");
	if (e)
		close(fd);
	return e;
}

char *config_line(FILE *f, char *buf, size_t size, unsigned *line)
{
	while (fgets(buf, (int)size, f)) {
		char *s = buf + strspn(buf, " \t");
		size_t n;

		(*line)++;
		for (char *p = s; *p; p++)
			if (*p == '#' && (p == s || p[-1] == ' ' || p[-1] == '\t'))
				*p = 0;
		n = strlen(s);
		while (n && strchr(" \t\r\n", s[n - 1]))
			s[--n] = 0;
		if (n)
			return s;
	}
	return NULL;
}
