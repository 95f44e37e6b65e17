/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files, /proc and mappings: requests of a process of its own, procsrv-reader, because
 * what it reads may block outside our control.  It knows nothing of ptrace.  Some of it
 * (records of processes, mappings) serves the tracer, too, which has them stand or pinned.
 */
#ifndef PROCSRV_READER_H
#define PROCSRV_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "proc.h"
#include "serve.h"

/* A request's process, pinned, and whether it is this request's own. */
struct reader_who {
	struct proc_id id;
	bool own;
};

/* The process a request means; reader_done when finished with it. */
int reader_open(struct call *c, uint32_t pid, uint64_t start, struct reader_who *w);
void reader_done(struct reader_who *w);

/* Why a file of /proc/PID could not be read: the code, with the error's facts. */
int reader_os_error(struct call *c, int os_errno, struct reader_who *w);

/* Append the record of a process to a list.  us: our user's name, so that the tracer asks
 * nobody for it, who may not answer.  *threads: their number (may be NULL).  False: it is
 * gone. */
bool reader_proc(const struct proc_id *id, const char *us, struct buf *list, uint32_t *threads);

/* A user's name, or its number in digits. */
void reader_user_name(uint32_t uid, char *name, size_t size);

/* Maps, record by record, from a text of proc_pid_maps(5). */
struct reader_maps {
	struct span text;
	int dir; /* /proc/PID; the caller's */
	int mem; /* /proc/PID/mem, opened when needed; -1 at first */
};

/* The next mapping, with its build-id if an ELF header can be read there.  id: room
 * the record points into. */
bool reader_next_map(struct reader_maps *m, struct wire_rec_map *rec, uint8_t id[64]);
void reader_maps_done(struct reader_maps *m);

/* The GNU build-id of an ELF image mapped at addr, read through /proc/PID/mem; its
 * size, 0 = none. */
unsigned reader_build_id(int mem, uint64_t addr, uint8_t id[64]);

#endif
