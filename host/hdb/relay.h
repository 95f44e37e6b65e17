/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Our terminal, or standard input and output, as those of a program that was launched.
 *
 * While hdb waits for a program on a terminal of its own, ours is in raw mode: every key,
 * Ctrl-C, too, goes to the program's terminal, which makes of it what the program wants;
 * Ctrl-C there is SIGINT, and that stops the program unless handle says otherwise.
 */
#ifndef HOST_RELAY_H
#define HOST_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "host/hosteng.h"

struct hdb;

enum { RELAY_ROOM = 4096 };

struct relay {
	bool terminal; /* standard input and output are one: programs get one */
	bool input;    /* standard input is the program's, not for commands */
	bool at_end;   /* nothing more comes from it */
	bool deaf;     /* the program reads no more */
	bool end_told; /* and the program knows that nothing more comes */
	bool raw;
	bool midline; /* what a program wrote last did not end its line */
	unsigned short rows, cols; /* as the program knows them */
	struct termios cooked;
	size_t at, n; /* of room: not yet given */
	char room[RELAY_ROOM];
};

/* Once; commands: they are read from standard input. */
void relay_init(struct hdb *h, bool commands);
/* Look how large the terminal is.  True: not what rows and cols said. */
bool relay_size(struct relay *r);
/* A new program. */
void relay_begin(struct hdb *h, struct he_target *t);
/* Sleep until something may have happened, passing on what is typed, if t was launched. */
void relay_sleep(struct hdb *h, struct he_target *t);
/* hdb is going to write itself: the terminal as it was, at the beginning of a line. */
void relay_rest(struct hdb *h);
/* What a program wrote. */
void relay_output(struct hdb *h, const struct he_event *ev);

#endif
