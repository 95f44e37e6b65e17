/* SPDX-License-Identifier: BSD-2-Clause */
#include "where.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* LIBEXECDIR and SYSCONFDIR come from the Makefile, for this file alone. */

static int too_long(char buf[WHERE_MAX])
{
	snprintf(buf, WHERE_MAX, "a path is longer than %d bytes", WHERE_MAX - 1);
	return -1;
}

static int join(char buf[WHERE_MAX], const char *dir, const char *rest, const char *name)
{
	int n = snprintf(buf, WHERE_MAX, "%s%s/%s", dir, rest, name);

	return n >= 0 && n < WHERE_MAX ? 0 : too_long(buf);
}

/* A private program stands beside the others, procsrv itself in ../bin from there. */
static int beside_us(char buf[WHERE_MAX], const char *name)
{
	char exe[WHERE_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n < 0) {
		snprintf(buf, WHERE_MAX, "/proc/self/exe: %s", strerror(errno));
		return -1;
	}
	exe[n] = 0;
	slash = strrchr(exe, '/');
	if (!slash)
		return too_long(buf);
	*slash = 0;
	if (strncmp(slash + 1, "procsrv-", 8) == 0)
		return join(buf, exe, "", name);
	slash = strrchr(exe, '/');
	if (slash)
		*slash = 0;
	return join(buf, exe, "/libexec/procsrv", name);
}

int where_program(char buf[WHERE_MAX], const char *name)
{
	return geteuid() == 0 ? join(buf, LIBEXECDIR, "", name) : beside_us(buf, name);
}

int where_config(char buf[WHERE_MAX], const char *name)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	struct passwd *pw;

	if (geteuid() == 0)
		return join(buf, SYSCONFDIR, "/procsrv", name);
	if (xdg && xdg[0] == '/')
		return join(buf, xdg, "/procsrv", name);
	if (!home || home[0] != '/') {
		pw = getpwuid(geteuid());
		home = pw ? pw->pw_dir : "/";
	}
	return join(buf, home, "/.config/procsrv", name);
}
