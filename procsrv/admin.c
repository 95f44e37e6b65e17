/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-admin: procsrv's commands that look at this machine and do one thing.  They are
 * a program of their own so that the listener, which stays, need not hold what they need.
 *
 *   procsrv-admin -status [-json]
 *   procsrv-admin -check FILE
 *   procsrv-admin -release [PID]   PID: only the sessions below that process
 *   procsrv-admin -repair          what dead sessions left in processes
 *   procsrv-admin -sweep           the same, and what dead sessions and listeners left
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/grant_text.h"
#include "common/log.h"
#include "ipc.h"
#include "listening.h"
#include "mend.h"
#include "release.h"
#include "status.h"
#include "usermap.h"

enum {
	EXIT_USAGE = 2,
	GRANT_FILE = 16384,
	RELEASE_MS = 15000, /* for guards to let go */
};

static int show_status(const char *argument)
{
	return status_print(argument != NULL);
}

/* A grant is told from a map by what it looks like.  True: it was one. */
static bool show_grant(const char *path)
{
	char text[GRANT_FILE];
	uint8_t bytes[GRANT_BYTES];
	struct grant g;
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	if (f)
		fclose(f);
	if (!grant_from_text(bytes, (struct span){(uint8_t *)text, (uint32_t)n}))
		return false;
	if (!grant_decode(&g, bytes) || !grant_verify(bytes))
		fatal(EXIT_FAILURE, "%s: a grant that was damaged: no box will take it", path);
	grant_describe(&g, stdout);
	return true;
}

static int check_map(const char *path)
{
	struct usermap *m;
	char why[1024];

	if (show_grant(path))
		return 0;
	if (usermap_load(&m, path, geteuid() != 0, why, sizeof(why)) < 0)
		fatal(MONITOR_CONFIG, "%s", why);
	usermap_describe(m, path, stdout);
	usermap_free(m);
	return 0;
}

static int release(const char *pid)
{
	return release_sessions(pid ? (pid_t)strtol(pid, NULL, 10) : 0, RELEASE_MS);
}

static int repair(const char *argument)
{
	char why[512];
	int n = mend_sessions(why, sizeof(why));

	(void)argument;
	if (n < 0)
		fatal(EXIT_FAILURE, "%s", why);
	if (n == 0)
		puts("nothing to repair");
	else
		printf("put right what %d session%s left\n", n, n == 1 ? "" : "s");
	return 0;
}

static int sweep(const char *argument)
{
	(void)argument;
	listening_sweep();
	return release_sweep();
}

static const struct {
	const char *name;
	int least, most; /* words behind it */
	int (*run)(const char *argument);
} commands[] = {
    {"-status", 0, 1, show_status},
    {"-check", 1, 1, check_map},
    {"-release", 0, 1, release},
    {"-repair", 0, 0, repair},
    {"-sweep", 0, 0, sweep},
};

int main(int argc, char **argv)
{
	log_init("procsrv", false); /* whose options these are */
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0 && argc - 2 >= commands[i].least &&
		    argc - 2 <= commands[i].most)
			return commands[i].run(argv[2]);
	fatal(EXIT_USAGE, "procsrv-admin is started by procsrv; see procsrv -help");
}
