/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/find_procsrv.h"

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
	snprintf(dir, sizeof(dir), "%s", path);
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

/* rest: where it stands, seen from the running program's directory. */
static int try_beside(const char *rest, char **ret)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
	char *slash;

	if (n <= 0 || (size_t)n >= sizeof(path))
		return ENOENT;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) + strlen(rest) >= sizeof(path))
		return ENOENT;
	snprintf(slash, sizeof(path) - (size_t)(slash - path), "%s", rest);
	return try(path, ret);
}

static void by_procsrv(struct local_server *ret)
{
	static char name[] = "procsrv", t[] = "-t", transport[] = "stdio";

	ret->argv[0] = name;
	ret->argv[1] = t;
	ret->argv[2] = transport;
}

/* Run by root, procsrv looks for its private programs in the installed place only, and
 * what it would start for -t stdio is this: so a build tree of root's works, too. */
static int build_tree(char **ret)
{
	return geteuid() == 0 ? try_beside("/../libexec/procsrv/procsrv-guard", ret) : ENOENT;
}

static void by_guard(struct local_server *ret)
{
	static char name[] = "procsrv-guard", how[] = "-stdio";

	ret->argv[0] = name;
	ret->argv[1] = how;
	ret->argv[2] = NULL;
}

static struct he_error *not_found(int beside, int installed)
{
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

static struct he_error *find_named(const char *path, struct local_server *ret)
{
	int err = try(path, &ret->path);

	return err ? he_error_os(err, "this machine: cannot start %s ($HDB_PROCSRV): %s", path,
			 err == EPERM ? "others than root could change it" : strerror(err))
		   : NULL;
}

struct he_error *find_procsrv(struct local_server *ret)
{
	const char *named = secure_getenv("HDB_PROCSRV");
	char *ours = NULL, *theirs = NULL;
	int beside, installed;
	bool same;

	*ret = (struct local_server){0};
	by_procsrv(ret);
	if (named && *named)
		return find_named(named, ret);
	beside = try_beside("/procsrv", &ours);
	installed = try(BINDIR "/procsrv", &theirs);
	same = ours && theirs && strcmp(ours, theirs) == 0;
	if (ours && !same && build_tree(&ret->path) == 0) {
		by_guard(ret);
		free(ours);
		free(theirs);
		return NULL;
	}
	ret->path = ours ? ours : theirs;
	if (ours)
		free(theirs);
	return ret->path ? NULL : not_found(beside, installed);
}
