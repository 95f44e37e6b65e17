/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Time that only goes forward.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_BOOTTIME: it runs in suspend, too. */
uint64_t now_ms(void);

#endif
