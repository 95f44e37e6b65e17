/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between the tracer and procsrv-launch, which becomes the program: what to start, in a
 * file without a name (memfd), and a pair of sockets for a word in each direction.
 *
 *   tracer   forks; the child gets standard input and output of the program as 0 to 2,
 *            and LAUNCH_FD_...
 *   launcher restores what a program may expect, writes LAUNCH_READY
 *   tracer   seizes it, writes LAUNCH_GO (its end of file: give up)
 *   launcher execve(2): closes its sockets by that; or writes a struct launch_failure
 */
#ifndef PROCSRV_LAUNCH_SPEC_H
#define PROCSRV_LAUNCH_SPEC_H

#include <stdint.h>

enum {
	LAUNCH_VERSION = 1, /* the two may be of different ages, after an upgrade */
	LAUNCH_FD_SPEC = 3,
	LAUNCH_FD_SOCKET = 4,
	LAUNCH_READY = 'r',
	LAUNCH_GO = 'g',
	LAUNCH_UMASK = 022, /* a login's */
};

enum launch_flag {
	LAUNCH_TERMINAL = 1, /* standard input is a terminal: to be its session's */
	LAUNCH_ASLR = 2,     /* leave address space randomization on */
	LAUNCH_LOGIN = 4,    /* the environment is added to what a login gives */
	/* We are a server: umask and OOM score are ours and no login's.  Else they are those of
	 * whoever started us, who wants the program to have them. */
	LAUNCH_SERVICE = 8,
};

/* At the start of the file; then, each ended by NUL: program, working directory (empty =
 * home), args and env strings; the numbers are bytes, with the NULs. */
struct launch_spec {
	uint32_t version;
	uint32_t flags; /* enum launch_flag */
	uint32_t program_n, cwd_n, args_n, env_n;
};

enum launch_stage { LAUNCH_AT_EXEC, LAUNCH_AT_CWD, LAUNCH_AT_SETUP };

/* Why it did not become the program. */
struct launch_failure {
	int32_t os_errno;
	uint32_t stage; /* enum launch_stage */
};

#endif
