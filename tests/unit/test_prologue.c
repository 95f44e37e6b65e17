/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How much of a function's beginning makes its frame: code of compilers, and what only looks
 * like it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "host/sym/prologue_x86.h"

struct beginning {
	size_t frame;
	const char *code; /* hex; | where the frame ends, for who reads this */
};

static size_t bytes_of(const char *text, uint8_t *to)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (; *text; text++) {
		const char *d = strchr(digits, *text);

		if (!d)
			continue;
		to[n / 2] = (uint8_t)(to[n / 2] << 4 | (d - digits));
		n++;
	}
	return n / 2;
}

static void look(const struct beginning *v, size_t n, size_t (*frame)(const uint8_t *, size_t))
{
	for (size_t i = 0; i < n; i++) {
		uint8_t code[PROLOGUE_MOST] = {0}, *cut;
		size_t len = bytes_of(v[i].code, code), got = frame(code, len);

		cut = malloc(len ? len : 1);
		if (got != v[i].frame)
			fail_msg("%s: %zu, not %zu", v[i].code, got, v[i].frame);
		/* Cut off anywhere: nothing is read behind it. */
		for (size_t k = 0; k < len; k++)
			assert_true(frame(memcpy(cut + len - k, code, k), k) <= PROLOGUE_MOST);
		free(cut);
	}
}

#define LOOK(v, frame) look(v, sizeof(v) / sizeof((v)[0]), frame)

static void frames_of_x86_64(void **state)
{
	static const struct beginning v[] = {
	    {4, "55 4889e5 | 4883ec20"},
	    {4, "55 488bec | 53"},
	    {8, "f30f1efa 55 4889e5 | 4883ec20"},
	    {17, "4c8d542408 4883e4e0 41ff72f8 55 4889e5 | 4156"}, /* aligned to 32 */
	    {19, "488d7c2408 4881e400ffffff ff77f8 55 4889e5 |"},
	    {19, "4155 4c8d6c2410 4883e4c0 41ff75f8 55 4889e5 |"}, /* by one that is kept */
	    {17, "53 488d5c2410 4883e4f0 ff73f8 55 4889e5 |"},
	    {0, "55 53 4889fb 4883ec08"}, /* a frame, but without a pointer to it */
	    {0, "4889e5 4883ec20"},
	    {0, "55 89e5"},                               /* of 32 bits */
	    {0, "4c8d542408 4883e4e0 41ff73f8 554889e5"}, /* another register */
	    {0, "f30f1efa 31c0 c3"},
	    {0, ""},
	};

	(void)state;
	LOOK(v, prologue_x86_64);
}

static void frames_of_i386(void **state)
{
	static const struct beginning v[] = {
	    {3, "55 89e5 | 8b4508"},
	    {3, "55 8bec | 8b4508"},
	    {4, "55 8d2c24 | 8b4508"},
	    {6, "55 89e5 83ec18 | 8b4508"},
	    {9, "55 89e5 81ec18010000 | 8b4508"},
	    {8, "55 8d2c24 8d6424f0 | 8b4508"}, /* as for Atom */
	    {6, "55 89e5 57 56 53 | 83ec1c"},
	    {9, "55 89e5 83ec1c 57 56 53 | 8b"},
	    {7, "f30f1efb 55 89e5 | 8b4508"},
	    {4, "90 55 89e5 | 90"},
	    {5, "8bff 55 89e5 |"},
	    {5, "55 31c0 89e5 |"},
	    {5, "55 29d2 89e5 |"},
	    {10, "55 b801000000 31c9 89e5 |"},
	    {8, "55 a100000000 89e5 |"},
	    {9, "55 891500000000 89e5 |"},
	    {5, "55 b07f 89e5 |"},
	    {4, "c8100000 | 8b4508"},
	    {7, "c8100000 57 56 53 | 8b4508"},
	    {13, "8d4c2404 83e4f0 ff71fc 55 89e5 |"}, /* main */
	    {15, "57 8d7c2408 83e4e0 ff77fc 55 89e5 57 | 8b"},
	    {16, "55 89e5 53 e8000000005b 81c3 00300000 | 8b"},
	    {19, "55 89e5 53 e8000000005b 895df8 81c300300000 | 8b"},
	    {4, "55 89e5 53 | e8000000005b 8b4508"},      /* not added to: not looked for */
	    {4, "55 89e5 53 | e8 10000000 81c300300000"}, /* to a function that tells it */
	    {0, "55 57 56 53 83ec1c"},
	    {0, "55 31ff 89e5"}, /* not one that may be touched */
	    {0, "5383ec08"},
	    {0, "83ec0c"},
	    {0, "55 31c0 31c0 31c0 31c0 31c0 31c0 31c0 31c0 31c0 89e5"}, /* without end */
	    {0, ""},
	};

	(void)state;
	LOOK(v, prologue_i386);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_of_x86_64),
	    cmocka_unit_test(frames_of_i386),
	};

	return cmocka_run_group_tests_name("prologue", tests, NULL, NULL);
}
