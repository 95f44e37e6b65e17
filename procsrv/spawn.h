/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starting our private programs with exactly the descriptors, the user and the
 * capabilities they may have.  The only place where a process changes its user.
 */
#ifndef PROCSRV_SPAWN_H
#define PROCSRV_SPAWN_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum {
	SPAWN_FDS = 8,      /* at most */
	SPAWN_FIRST = 3,    /* the number the first one gets */
	SPAWN_FAILED = 126, /* exit status of a child that could not become its program */
};

/* Who it becomes. */
struct spawn_user {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* all of them, for setgroups(2) */
	size_t ngroups;
	uint32_t caps; /* bits 1 << CAP_*: keeps these (ambient), and can have no others */
};

struct spawn {
	int program;         /* of spawn_program */
	const char *argv[4]; /* NULL-terminated */
	int fds[SPAWN_FDS];  /* fds[i] becomes descriptor SPAWN_FIRST + i */
	size_t nfds;
	int dir;          /* working directory; -1 = the root */
	bool quiet;       /* its stderr goes nowhere */
	bool own_session; /* setsid(2): no terminal's signals */
	bool no_new_privs;
	bool expendable;               /* not kept from the OOM killer, as the unit keeps us */
	const struct spawn_user *user; /* NULL = as we are */
	const struct rlimit *nofile;   /* RLIMIT_NOFILE to be restored; NULL = as it is */
};

/* Of who debugs any process, root's too. */
#define SPAWN_CAPS_ROOT (1u << CAP_SYS_PTRACE | 1u << CAP_DAC_OVERRIDE)

/* Have we all of these to give? */
bool spawn_may_give(uint32_t caps);

/* A private program by name.  A descriptor (O_PATH), so that it can be executed by
 * users who cannot search its directory; or -1 and a sentence in why. */
int spawn_program(const char *name, char *why, size_t size);

/* Fork and execute.  The child has nothing else of ours: no other descriptor, no
 * environment but a path, default signals.  Its pid, or -1 and errno. */
pid_t spawn(const struct spawn *s);

#endif
