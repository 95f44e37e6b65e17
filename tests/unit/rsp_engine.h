/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A raw engine in the engine's place, for the bridge's packets: a box with processes and
 * files, all of which a test may change, and what was asked of them as text.
 */
#ifndef TESTS_RSP_ENGINE_H
#define TESTS_RSP_ENGINE_H

#include "host/rsp/rsp.h"

enum { FAKE_THREADS = 4, FAKE_PID = 42, FAKE_CHILD = 43, FAKE_LAUNCHED = 77, FAKE_MEMORY = 64 };

struct fake_file {
	const char *path, *text;
	uint32_t mode;
};

struct fake_box {
	bool local;
	const char
	    *refuses; /* he_launch and he_attach fail with that sentence; NULL = they do not */
	struct he_process *processes;
	size_t n_processes;
	const struct fake_file *files;
	size_t n_files;
	unsigned ps;                            /* how often processes were asked for */
	struct he_thread threads[FAKE_THREADS]; /* of each target */
	size_t n_threads;
	uint64_t pc[FAKE_THREADS];
	struct he_mapping *maps;
	size_t n_maps;
	uint8_t memory[FAKE_MEMORY]; /* at FAKE_AT */
	struct he_event also[2];     /* told by he_also_stopped, those with a tid */
	struct buf log;              /* of what was asked that changes something; a line each */
	struct buf typed;            /* he_input */
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

#endif
