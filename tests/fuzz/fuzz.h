/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"

/* A property that did not hold: what a fuzzer is to find. */
#define FUZZ_CHECK(x)                                                                              \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* An input that is taken piece by piece: what is left of it. */
struct fuzz_input {
	const uint8_t *p;
	size_t n;
};

/* The next one; 0 at the end. */
static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

/* Up to n of them. */
static inline struct span fuzz_bytes(struct fuzz_input *in, size_t n)
{
	struct span s = {in->p, (uint32_t)(n < in->n ? n : in->n)};

	in->p += s.n;
	in->n -= s.n;
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
