/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Capstone's decoder for the architectures of targets.
 */
#ifndef HOST_DECODER_H
#define HOST_DECODER_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stdint.h>

/* With details, for cs_close; audit: AUDIT_ARCH_* of the code.  False: it is not known here, or
 * no memory. */
bool decoder_open(uint32_t audit, csh *ret);

static inline bool decoder_in_group(const cs_insn *i, uint8_t group)
{
	for (unsigned n = 0; n < i->detail->groups_count; n++)
		if (i->detail->groups[n] == group)
			return true;
	return false;
}

#endif
