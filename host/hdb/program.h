/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The program that `run` starts, and how: what the command line and set say.
 */
#ifndef HOST_PROGRAM_H
#define HOST_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "host/hosteng.h"

struct hdb;

/* How the last one that was started ended. */
struct program_result {
	uint32_t pid; /* 0 = none was started, or it has not ended */
	int status;   /* wait status, -1 = not known */
};

struct program {
	char **args; /* of the program, itself first, NULL at the end; NULL = none is known */
	char **env;  /* changes, NAME=VALUE or NAME to take it out; NULL at the end; or NULL */
	char *cwd;   /* NULL = where hdb is, or on a box the user's home */
	bool randomize;
	struct he_target *target; /* that was started last; NULL = it is gone, or let go */
	bool fresh;               /* target stands where it was started, as things are set now */
	struct program_result result;
};

void program_free(struct program *r);

/* Copies; false without memory. */
bool program_set_args(struct program *r, const char *const *args);
/* Put "NAME=VALUE" into the changes of the environment, or NAME, to take it out.  False
 * without memory. */
bool program_set_env(struct program *r, const char *text);
void program_clear_env(struct program *r);

/* Words of a line as a shell reads them: '...', "..." and \ quote; nothing is expanded.
 * NULL: said why.  Freed by program_words_free. */
char **program_words(struct hdb *h, const char *text);
void program_words_free(char **words);

/* Start the program, held before its first instruction, select it and say so.  0 = done. */
int program_start(struct hdb *h);
/* t is about to be freed, or let go. */
void program_forget(struct hdb *h, struct he_target *t);

#endif
