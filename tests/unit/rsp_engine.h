/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A raw engine in the engine's place, for the bridge's packets: a box with processes and
 * files, all of which a test may change, and what was asked of them as text.
 */
#ifndef TESTS_RSP_ENGINE_H
#define TESTS_RSP_ENGINE_H

#include "host/rsp/rsp.h"

enum { FAKE_THREADS = 4, FAKE_PID = 42, FAKE_LAUNCHED = 77, FAKE_MEMORY = 64 };
enum { FAKE_TARGETS = 6, FAKE_EVENTS = 16, FAKE_TEXTS = HE_TEXT_COREDUMP_FILTER + 1 };
enum { FAKE_SIGINFO = 128 };

struct fake_file {
	const char *path, *text;
	uint32_t mode;
};

struct fake_text { /* of /proc */
	const char *p;
	size_t n;
};

struct fake_box {
	bool local;
	const char
	    *refuses; /* he_launch and he_attach fail with that sentence; NULL = they do not */
	struct he_process *processes;
	size_t n_processes;
	const struct fake_file *files;
	size_t n_files;
	unsigned opens; /* trips for them */
	unsigned ps;                            /* how often processes were asked for */
	struct he_thread threads[FAKE_THREADS]; /* of each target */
	size_t n_threads;
	uint64_t pc[FAKE_THREADS];
	struct he_mapping *maps;
	size_t n_maps;
	uint8_t *memory; /* at FAKE_AT; at first of FAKE_MEMORY bytes */
	size_t memory_n;
	unsigned reads; /* of memory */
	const char *exe;
	bool narrow; /* its program is of i386 */
	const struct he_link *links;
	size_t n_links;
	uint64_t siginfo_of; /* the thread that has one; 0 = none */
	uint8_t siginfo[FAKE_SIGINFO];
	struct fake_text texts[FAKE_TEXTS]; /* of each process, and of the machine */
	bool takes_again;                   /* he_attach_again is no error */
	bool answers;                       /* he_interrupt makes an event */
	struct he_event also[2];            /* told by he_also_stopped, those with a tid */
	struct buf log;   /* of what was asked that changes something; a line each */
	struct buf typed; /* he_input */
	bool typed_end;
};

#define FAKE_AT UINT64_C(0x401000)

extern struct fake_box fake_box;

/* As at the beginning: two threads of 42, nothing asked. */
void fake_box_reset(void);
void fake_box_free(void);
/* What was asked since the last time; valid until the next. */
const char *fake_box_log(void);
/* The target of that pid, which was attached to or launched. */
struct he_target *fake_target(uint32_t pid);
/* It stands; an event may say so. */
void fake_stands(uint32_t pid);
/* It has ended, or to us. */
void fake_ends(uint32_t pid);
/* A child of fork; NULL: there are too many. */
struct he_target *fake_child(uint32_t pid);
/* For he_wait to tell. */
void fake_event(struct he_event ev);
/* The id of a patch. */
uint32_t fake_patch(enum he_patch_kind kind, uint64_t addr);
/* Targets that were neither let go nor have been given back. */
unsigned fake_left(void);

#endif
