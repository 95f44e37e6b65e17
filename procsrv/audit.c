/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-audit: what is done with the record besides writing it.  A program of its own
 * because it takes hashes, which procsrv-admin has no library for.
 *
 *   procsrv-audit -check FILE   is it as it was written?
 *   procsrv-audit -collect      what dead sessions have left for it
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_check.h"
#include "audit_spool.h"
#include "common/log.h"
#include "run_dir.h"
#include "session_list.h"

enum { EXIT_USAGE = 2 };

struct collecting {
	int all, status;
};

/* With the record locked: nobody else takes it at the same time, or sweeps it away. */
static void collect_one(const struct session_facts *f, void *arg)
{
	struct collecting *c = arg;
	int own, record, err = 0;

	if (f->live || !*f->audit)
		return;
	own = openat(c->all, f->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	record = own >= 0 ? openat(own, "record", O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (record >= 0 && flock(record, LOCK_EX | LOCK_NB) == 0)
		err = spool_take_left(own, f->audit, f);
	if (err) {
		log_error("%s: what session %u left cannot be recorded: %s", f->audit,
		    (unsigned)f->number, strerror(err));
		c->status = EXIT_FAILURE;
	}
	if (record >= 0)
		close(record);
	if (own >= 0)
		close(own);
}

static int collect(void)
{
	struct collecting c = {.status = 0};
	char why[512];

	c.all = run_dir_below("s", 0700, why, sizeof(why));
	if (c.all < 0 || session_list(collect_one, &c, why, sizeof(why)) < 0)
		fatal(EXIT_FAILURE, "%s", why);
	close(c.all);
	return c.status;
}

int main(int argc, char **argv)
{
	umask(077);
	signal(SIGXFSZ, SIG_IGN);
	log_init("procsrv", false); /* whose options these are */
	if (argc == 3 && strcmp(argv[1], "-check") == 0)
		return audit_check(argv[2]);
	if (argc == 2 && strcmp(argv[1], "-collect") == 0)
		return collect();
	fatal(EXIT_USAGE, "procsrv-audit is started by procsrv; see procsrv -help");
}
