/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Events of a target beside signals and traps: forks, exec, new threads, threads about
 * to end, system calls.  Which of them stop it is the host's choice (request catch).
 * What becomes of children is in kin.h.
 */
#ifndef PROCSRV_CAUGHT_H
#define PROCSRV_CAUGHT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>

struct target;
struct tracee;

enum { SYSCALLS_MAX = 1024 }; /* their numbers are below */

/* What a target's host has asked for. */
struct caught {
	bool asked;      /* it knows of these events at all */
	uint32_t events; /* bits of enum wire_caught */
	uint8_t follow;  /* enum wire_follow */
	bool every;      /* system call; else those of the set */
	uint64_t syscalls[SYSCALLS_MAX / 64];
};

/* Of one thread. */
struct caught_thread {
	uint32_t options; /* of ptrace, as we have set them; 0 = not known */
	bool in_syscall;  /* stood at its entry */
	int64_t syscall;
};

enum caught_verdict {
	CAUGHT_NOT,   /* no event of this kind */
	CAUGHT_QUIET, /* nobody asked for it */
	CAUGHT_STOPS, /* the host wants to hear of it: reason and cause are set */
};

/* The options threads of the target have to have.  Forks are always traced: a child comes
 * into the world with our bytes in its copy of the text. */
uint32_t caught_options(const struct target *tg);

/* Give a standing thread its options. */
void caught_set_options(struct tracee *t);

/* A standing thread is about to go on by that request of ptrace(2): it gets its options.
 * The request to take, so that it stops at system calls if it has to. */
enum __ptrace_request caught_request(struct tracee *t, enum __ptrace_request request);

/* Does it stand at the entry or return of a system call? */
bool caught_at_syscall(const struct tracee *t);

/* A thread (not foreign) stands with t->status.  *left: a tracee has been taken off the
 * target's list, which whoever walks it has to begin anew. */
enum caught_verdict caught_stopped(struct tracee *t, bool *left);

/* A thread has executed a program, and goes on as t, which may be another. */
void caught_executed(struct tracee *t, const struct tracee *caller);

#endif
