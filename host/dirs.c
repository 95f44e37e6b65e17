/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/dirs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "host/errtext.h"

struct he_error *dirs_above(const char *path)
{
	char *dir = strdup(path);
	struct he_error *e = NULL;

	if (!dir)
		return he_error_new(E_NOMEM, "out of memory");
	for (char *p = dir + 1; !e && (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		if (mkdir(dir, 0700) != 0 && errno != EEXIST && access(dir, X_OK) != 0)
			e = he_error_os(
			    errno, "cannot make directory %s: %s", dir, strerror(errno));
	}
	free(dir);
	return e;
}
