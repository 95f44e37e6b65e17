/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/find_procsrv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "host/errtext.h"

/* Root's, and not for others to write; or a directory like /tmp, where others may add
 * but not replace what is root's. */
static bool is_roots(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || st.st_uid != 0)
		return false;
	return !(st.st_mode & (S_IWGRP | S_IWOTH)) || (S_ISDIR(st.st_mode) && st.st_mode & S_ISVTX);
}

bool only_roots(const char *path)
{
	char dir[PATH_MAX];

	if (*path != '/' || strlen(path) >= sizeof(dir) || !is_roots("/"))
		return false;
	strcpy(dir, path);
	for (char *p = dir + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		if (!is_roots(dir))
			return false;
	}
	return is_roots(path);
}

/* 0 and *ret, or an errno value. */
static int try(const char *path, char **ret)
{
	char *real = realpath(path, NULL);
	int err = 0;

	if (!real)
		return errno;
	if (access(real, X_OK) != 0)
		err = errno;
	else if (geteuid() == 0 && !only_roots(real))
		err = EPERM;
	if (err)
		free(real);
	else
		*ret = real;
	return err;
}

static int try_beside(char **ret)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
	char *slash;

	if (n <= 0 || (size_t)n >= sizeof(path))
		return ENOENT;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) + sizeof("/procsrv") > sizeof(path))
		return ENOENT;
	strcpy(slash, "/procsrv");
	return try(path, ret);
}

struct he_error *find_procsrv(char **ret)
{
	const char *own = secure_getenv("HDB_PROCSRV");
	int err = own && *own ? try(own, ret) : ENOENT, beside, installed;

	if (!err)
		return NULL;
	if (own && *own)
		return he_error_os(err, "this machine: cannot start %s ($HDB_PROCSRV): %s", own,
		    err == EPERM ? "others than root could change it" : strerror(err));
	beside = try_beside(ret);
	if (!beside)
		return NULL;
	installed = try(BINDIR "/procsrv", ret);
	if (!installed)
		return NULL;
	if (beside == EPERM || installed == EPERM)
		return he_error_os(EPERM,
		    "this machine: root only starts a procsrv that nobody else can change, and the "
		    "one %s is not of that kind. Install it (make install)",
		    beside == EPERM ? "beside hdb" : "in " BINDIR);
	return he_error_os(ENOENT,
	    "this machine: no procsrv beside hdb or in " BINDIR
	    " to look through. Install it, or name it in $HDB_PROCSRV; for another machine use "
	    "-premote");
}
