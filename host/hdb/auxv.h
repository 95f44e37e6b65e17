/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of the auxiliary vector's entries (getauxval(3), <elf.h>).
 */
#ifndef HOST_AUXV_H
#define HOST_AUXV_H

#include <stdint.h>

struct auxv_row {
	uint64_t type;
	const char *name;
	enum { AUXV_DEC, AUXV_HEX } as;
	const char *what;
};

/* Never NULL: "?" for one nobody knows. */
const struct auxv_row *auxv_row(uint64_t type);

#endif
