/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a pc to what was found out about it.  All zero is an empty map.
 */
#ifndef HOST_PCMAP_H
#define HOST_PCMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pcmap {
	struct pcmap_slot *v;
	size_t slots, used;
};

/* NULL when pc (not 0) is not in it. */
void *pcmap_get(const struct pcmap *m, uint64_t pc);
/* pc is not in it yet; false without memory. */
bool pcmap_put(struct pcmap *m, uint64_t pc, void *value);
void pcmap_clear(struct pcmap *m, void (*drop)(void *value));

#endif
