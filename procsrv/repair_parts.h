/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between repair.c (targets and their text) and repair_thread.c.
 */
#ifndef PROCSRV_REPAIR_PARTS_H
#define PROCSRV_REPAIR_PARTS_H

#include "proc.h"
#include "repair.h"

/* /proc/PID/file, or of a thread (tid not 0); file begins with a slash. */
int repair_open(pid_t pid, pid_t tid, const char *file, int flags);
bool repair_stat(pid_t pid, pid_t tid, struct proc_stat *st);

/* The target is there, and its descriptors are open as far as we may. */
bool repair_target(struct repair *r, unsigned index);
/* Of its table. */
uint32_t repair_sites(const struct journal_target *t);

/* The page behind an address, as the kernel has it (proc_pid_pagemap(5), bits 61 to 63):
 * nothing is read of it, which could block for as long as a file system likes. */
enum repair_page {
	REPAIR_PAGE_ABSENT,
	REPAIR_PAGE_OF_FILE, /* or shared with others */
	REPAIR_PAGE_OWN,     /* or it cannot be told */
};
enum repair_page repair_page(int pagemap, uint64_t addr);

/* No byte of ours in the target any more; nor in the children of one of its threads that
 * nobody has seen to, who have got it with their copy of its memory. */
void repair_own_text(struct repair *r, unsigned index);
void repair_children(struct repair *r, unsigned index, pid_t tid);

/* Put threads of a process on the list that are not on it.  How many. */
unsigned repair_list(struct repair *r, pid_t pid);

#endif
