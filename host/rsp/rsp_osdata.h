/* SPDX-License-Identifier: BSD-2-Clause
 *
 * qXfer:osdata: tables of what the box's system has (info os).  Names of tables and columns
 * are those of gdbserver 13; the texts are the box's and are escaped.
 */
#ifndef HOST_RSP_OSDATA_H
#define HOST_RSP_OSDATA_H

#include "host/hosteng.h"
#include "host/rsp/rsp_packet.h"

/* The table of that type ("" = the list of types) appended to out; nothing when there is no
 * such type. */
struct he_error *rsp_osdata(struct he_server *s, struct span type, struct buf *out);

/* ---- between the files of it ---- */

/* A table that is being written. */
struct osdata {
	struct he_server *server;
	struct he_processes *processes; /* NULL: not asked for */
	struct buf *out;
};

void osdata_begin(struct osdata *o);
void osdata_end(struct osdata *o);
void osdata_text(struct osdata *o, const char *column, const char *value);
void osdata_number(struct osdata *o, const char *column, int64_t value);
/* A user's name, where a process of the box tells it, else the number. */
void osdata_user(struct osdata *o, const char *column, uint32_t uid);
/* The name of the program that process runs, else its number. */
void osdata_command(struct osdata *o, const char *column, int64_t pid);

/* rsp_osdata_net.c */
struct he_error *osdata_sockets(struct osdata *o);

#endif
