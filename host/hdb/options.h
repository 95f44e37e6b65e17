/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hdb's command line.  Long options with one dash or two; parsing stops at the first operand
 * or at "--".
 */
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "host/hosteng.h"

enum action {
	ACTION_CONSOLE, /* attach perhaps, commands, prompt */
	ACTION_PS,
	ACTION_SNAPSHOT,
	ACTION_KEYGEN,
	ACTION_TRUST,
	ACTION_SIGN,
	ACTION_RSP, /* the bridge for GDB and LLDB */
	ACTION_HELP,
	ACTION_VERSION,
};

/* Which process is meant. */
enum which { WHICH_NONE, WHICH_PID, WHICH_NAME, WHICH_UNIT };

/* -ex and -x, in the order given. */
struct option_command {
	bool file; /* text names a file of commands */
	const char *text;
};

struct options {
	enum action action;
	bool json, batch, verbose, passphrase, replace;
	bool child_result;     /* the status of hdb is that of the program */
	const char *transport; /* NULL = not given */
	uint32_t grace_ms;     /* 0 = not given */
	enum he_loss loss;
	const char *pattern;                            /* -ps: NULL = all */
	const char *key;                                /* -keygen: NULL = the usual place */
	const char *box, *fingerprint;                  /* -trust; the latter of -sign, too */
	const char *users, *words, *valid, *grant_name; /* -sign; NULL = not given */
	uint64_t serial;                                /* -sign; 0 = not given */
	enum which which;
	uint32_t pid;
	const char *name;           /* of the process or unit */
	const char *listen;         /* -rsp: where, NULL = standard input and output */
	unsigned without;           /* -rsp: enum rsp_without */
	bool once, multi;           /* -rsp */
	bool attach;                /* -rsp: to pid */
	char *const *wrapper;       /* -rsp: words before the program's ... */
	size_t n_wrapper;           /* ... and how many; 0 = none */
	const char *const *program; /* to launch, with its arguments; NULL = none */
	struct option_command *commands;
	size_t n_commands;
};

/* Returns 0, or the status to exit with after printing why (a sentence of at most size
 * bytes).  Strings of o are argv's; options_free(o) in any case. */
int options_parse(int argc, char **argv, struct options *o, char *why, size_t size);
void options_free(struct options *o);

/* The list -help prints. */
void options_help(FILE *f);

#endif
