/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Standard input and output of programs that were started: the bridge's own terminal, when it
 * listens on a socket as gdbserver does; else the debugger's console.
 */
#ifndef HOST_RSP_TERMINAL_H
#define HOST_RSP_TERMINAL_H

#include <termios.h>

#include "host/rsp/rsp.h"

enum { RSP_TERMINAL_ROOM = 4096, RSP_TERMINAL_UNSAID = 256 * 1024 };

struct rsp_terminal {
	bool own;     /* standard input and output are the program's */
	bool tty;     /* and they are a terminal */
	bool changed; /* its keys go through */
	bool at_end;  /* nothing more comes from it */
	bool end_told;
	struct termios before;
	int streams[3];    /* what the debugger wants instead for the program's, -1 = nothing */
	struct buf unsaid; /* what standard error has not taken yet */
	size_t lost;       /* bytes that were too many for that */
	size_t at, n;      /* of room: typed, and not yet taken */
	char room[RSP_TERMINAL_ROOM];
};

void rsp_terminal_init(struct rsp *r, bool own);
/* The terminal as it was. */
void rsp_terminal_end(struct rsp *r);
/* What a program to be started gets. */
void rsp_terminal_ask(struct rsp *r, struct he_launch *q);
void rsp_terminal_begin(struct rsp *r, struct rsp_process *p);
/* A program wrote. */
void rsp_terminal_output(struct rsp *r, const struct he_event *ev);
/* What a command of a breakpoint wrote: to the console of a debugger that has our standard input
 * and output, and waits for a stop; else to our standard error.  It never waits for a reader. */
void rsp_terminal_say(struct rsp *r, const void *text, size_t n);
/* See rsp_part.tick: what it has not taken yet is offered again. */
int rsp_terminal_tick(struct rsp *r);
/* fd (-1 = as ever) in the place of that stream, for programs that are started from now on. */
void rsp_terminal_stream(struct rsp *r, unsigned stream, int fd);
/* The program's input, when it should be polled; -1. */
int rsp_terminal_in(const struct rsp *r);
/* It is readable, or a program may take again what was typed. */
void rsp_terminal_input(struct rsp *r, bool readable);

#endif
