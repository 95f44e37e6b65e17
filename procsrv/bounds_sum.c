/* SPDX-License-Identifier: BSD-2-Clause */
#include "bounds.h"

/* FNV-1a. */
static uint32_t add_texts(uint32_t sum, const char (*texts)[BOUND_TEXT], uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		for (const char *c = texts[i];; c++) {
			sum = (sum ^ (uint8_t)*c) * 16777619u;
			if (!*c)
				break;
		}
	return (sum ^ n) * 16777619u;
}

uint32_t bounds_sum(const struct ipc_bounds *b)
{
	uint32_t sum = 2166136261u;

	if (!bounds_any(b))
		return 0;
	sum = add_texts(sum, b->unit, b->nunits);
	return add_texts(sum, b->exe, b->nexes);
}
