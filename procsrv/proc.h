/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes by identity, and the files of /proc/PID.  A number says nothing by
 * itself: proc_open pins the process first, and everything after goes through
 * what it opened, so that a number used again cannot be mistaken.
 *
 * The parsers take text a hostile process can shape (names, command lines) and
 * are pure; sources: proc_pid_stat(5), proc_pid_status(5), proc_pid_maps(5).
 */
#ifndef PROCSRV_PROC_H
#define PROCSRV_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "fault.h"

/* A process, pinned. */
struct proc_id {
	pid_t pid;
	int pidfd;
	int dir;        /* /proc/PID */
	int live;       /* the same, or a thread's of it once the first has ended: for what a
			 * zombie has no more (maps, mem, exe, root, environ, auxv) */
	uint64_t start; /* clock ticks since boot */
	uint64_t ns;    /* inode of its pid namespace, 0 = may not be read */
};

/* Pin process pid; start != 0: only if it began then.  E_OK (proc_close it), or
 * NO_PROCESS, STALE, OS, with *f set. */
int proc_open(struct proc_id *p, uint32_t pid, uint64_t start, struct fault *f);
void proc_close(struct proc_id *p);

/* If the thread behind live has ended (the first one is a zombie until the others have
 * ended too), look for another. */
void proc_relive(struct proc_id *p);

/* Neither dead nor (all its threads) a zombie. */
bool proc_alive(const struct proc_id *p);

/* SIGKILL, and to no other. */
void proc_kill(const struct proc_id *p);

/* Append the file name (relative to dir) to b, as far as b's max allows.  0, or an
 * errno value.  EFBIG: there was more (what fits is in b). */
int proc_read(int dir, const char *name, struct buf *b);

/* Append the text of a symbolic link.  0, or an errno value. */
int proc_readlink(int dir, const char *name, struct buf *b);

/* AUDIT_ARCH_* of the program the process runs; 0 if it has none, or its directory may not be
 * read.  Its file is not asked: whoever has to provide that may be dead. */
uint32_t proc_arch(int dir);

/* ---- parsers -------------------------------------------------------------- */

struct proc_stat {
	pid_t pid, ppid;
	struct span comm; /* points into the text; may hold any byte but NUL */
	char state;
	uint32_t flags; /* PF_* of the kernel's sched.h */
	uint32_t threads;
	uint32_t cpu;
	uint64_t start;
};

bool proc_parse_stat(struct span text, struct proc_stat *s);

/* That of the process whose /proc/PID (or task/TID) dir is, but for its name.  0, or an errno
 * value. */
int proc_stat(int dir, struct proc_stat *s);

/* The value of "Key:\tvalue" without the blanks around it; empty when absent. */
struct span proc_status_field(struct span text, const char *key);
/* Numbers of a field, in base 10 or 16; how many were there (at most max). */
unsigned proc_status_numbers(
    struct span text, const char *key, int base, uint64_t *v, unsigned max);

/* One line of maps. */
struct proc_map {
	uint64_t lo, hi, offset, dev, ino;
	uint8_t prot;     /* as wire_rec_map.prot */
	struct span name; /* as the kernel escapes it (newline as \012) */
};

/* Take the next line off *text.  False at its end, or at a line that makes no sense. */
bool proc_next_map(struct span *text, struct proc_map *m);

/* Take lines off a cgroup file's text up to the next of a hierarchy of systemd's: its path.
 * False at the end. */
bool proc_next_cgroup(struct span *text, struct span *path);

/* The systemd unit in a cgroup file's text; empty = none. */
struct span proc_unit(struct span cgroup);

enum {
	PROC_PF_KTHREAD = 0x00200000,
	PROC_MAPS_MAX = 16 * 1024 * 1024, /* of text we read of maps: 65,530 mappings fit */
};

#endif
