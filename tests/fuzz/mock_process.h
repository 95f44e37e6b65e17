/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A real process for the mocked kernel: it has code and data at known places, threads that do
 * nothing, and one that maps memory when it is told to.
 */
#ifndef TESTS_FUZZ_MOCK_PROCESS_H
#define TESTS_FUZZ_MOCK_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct mock_process {
	pid_t pid;
	int mem;
	int ask, answer; /* pipes to its first thread */
};

/* Its threads' numbers are put into tids; it ends with us. */
void mock_process_make(struct mock_process *p, pid_t *tids, unsigned threads);

/* It calls mmap(2) (of code, there and nowhere else) or munmap(2): the result, -1. */
long mock_process_order(struct mock_process *p, uint64_t call, uint64_t addr, uint64_t len);

#endif
