/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starting our private programs.  argv[0] is the program's
 * absolute path; signals are as a fresh process has them.
 */
#ifndef PROCSRV_CHILD_H
#define PROCSRV_CHILD_H

#include <stddef.h>
#include <sys/types.h>

/* A monitor for the connection sock, which will write a byte into proof; it sees
 * these two as FD_SOCKET and FD_PIPE, standard error, and nothing else.  Both stay
 * the caller's.  Its pid, or -1 and errno. */
pid_t child_monitor(char *const argv[], int sock, int proof);

/* Start a program that sees standard error and nothing else.  Its pid, or -1 and errno. */
pid_t child_start(char *const argv[]);

/* Run a program to its end and keep the first line it writes to standard output,
 * without the newline, empty when there is none.  Its wait status, or -1 and errno. */
int child_run(char *const argv[], char *line, size_t size);

#endif
