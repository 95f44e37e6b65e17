/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What LLDB words otherwise than GDB, or has more.  A debugger shows that it is LLDB by
 * its first packet: it turns acknowledgements off before it asks what we can.
 *
 * Source: lldb/docs/lldb-gdb-remote.txt and lldb-platform-packets.txt; where those are
 * silent, what lldb-server 14 answers.
 */
#ifndef HOST_RSP_LLDB_H
#define HOST_RSP_LLDB_H

#include "host/rsp/rsp.h"
#include "host/rsp/rsp_lldb_regs.h"

struct lldb_saved;  /* registers of a thread: rsp_lldb_reg.c */
struct lldb_stops;  /* what threads stand for: rsp_lldb_stop.c */
struct lldb_wait;   /* for a process: rsp_lldb_launch.c */
struct lldb_list;   /* of processes: rsp_lldb_ps.c */
struct lldb_memory; /* allocated for the debugger: rsp_lldb_memory.c */

struct rsp_lldb {
	bool suffix;  /* threads are named behind packets, not by Hg */
	bool threads; /* stop replies list them all */
	/* The registers of that process, whose program is of that architecture. */
	const struct rsp_process *regs_of;
	uint32_t regs_arch;
	struct lldb_regs regs;
	struct lldb_saved *saved;
	unsigned last_saved; /* number */
	struct lldb_list *list;
	struct lldb_stops *stops;
	struct lldb_memory *memory;
	struct lldb_wait *wait;
	char *launch_error; /* NULL: the last launch went well */
	unsigned awaited;   /* connections that a platform was promised */
};

/* The object features:target.xml. */
struct he_error *rsp_lldb_features(struct rsp *r, struct rsp_process *p, struct buf *out);

/* From now on it is LLDB; false: no memory, an error is the reply. */
bool rsp_lldb_on(struct rsp *r);

/* Takes ";thread:TID;" where it follows; else the thread of Hg.  NULL: there is none, and
 * an error is the reply. */
struct rsp_process *lldb_thread(struct rsp *r, struct rd *args, uint64_t *tid);

/* How registers of this process are numbered; valid until it is asked of another. */
struct he_error *lldb_regs_of(struct rsp *r, struct rsp_process *p, const struct lldb_regs **ret);
/* p NULL: of all processes. */
void lldb_saved_forget(struct rsp_lldb *l, const struct rsp_process *p);
void lldb_stops_forget(struct rsp_lldb *l, const struct rsp_process *p);
void lldb_memory_forget(struct rsp_lldb *l, const struct rsp_process *p);
void lldb_list_free(struct lldb_list *l);
void lldb_wait_free(struct lldb_wait *w);

/* Ctrl-C; false: LLDB waits for nothing of ours. */
bool rsp_lldb_break(struct rsp *r);

/* Whether the next connection is one that a platform was promised, which it is from then on. */
bool rsp_lldb_awaits(struct rsp *r);

/* "x86_64-pc-linux-gnu" */
const char *lldb_triple(uint32_t arch);

/* ---- JSON, as LLDB reads it -------------------------------------------------------- */

/* In quotes; what is no printable ASCII is escaped. */
void lldb_json_text(struct buf *b, const char *text);
/* All of json as the reply: its braces are escaped, as in binary data. */
void lldb_json_reply(struct rsp *r, const struct buf *json);

#endif
