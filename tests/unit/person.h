/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Somebody with breakpoints at a made-up agent (raw_agent.h), whose program has functions of 256
 * bytes and lines of 16, and what is known here by name.
 */
#ifndef TESTS_PERSON_H
#define TESTS_PERSON_H

#include "raw_agent.h"

enum { ALL = 0x1f /* threads */, HERE = 0x400000 /* where the first stands */ };

/* The one function that has a name, and where; NULL: none has (any more).  The dynamic linker's
 * place for being told of libraries; 0: there is none. */
extern struct known {
	const char *function;
	uint64_t addr, linker;
} known;

uint64_t tid(unsigned thread);
int person_end(void **state); /* teardown of setup_person */

/* A breakpoint at an address: its number. */
unsigned at(uint64_t addr, const char *condition, uint64_t ignore, bool temporary);
unsigned breakpoint(uint64_t addr);
/* One whose condition only the host can evaluate, and is false. */
unsigned false_here(uint64_t addr);
void go_on(uint64_t thread);
void non_stop(void);

/* What the last go named. */
bool went(uint64_t thread, enum wire_action action);
bool went_alone(uint64_t thread);

/* Stops. */
void hit(uint64_t standing, unsigned thread, uint32_t patch);
void stepped(unsigned thread, uint64_t pc);

#endif
