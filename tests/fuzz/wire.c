/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A stream of frames, from the host (first byte even) or the agent: framing,
 * every decoder, the dump.  What decodes must encode to the same bytes.
 */
#include "common/err.h"
#include "common/frame.h"
#include "fuzz.h"
#include "tests/wire_gen.h"

static void check_recode(const struct wire_msg *m)
{
	struct buf again;

	buf_init(&again, WIRE_PIECE);
	for (unsigned i = 0; i < GEN_ROWS; i++)
		if (gen_rows[i].type == m->h.type) {
			FUZZ_CHECK(gen_rows[i].recode(m->body, &again));
			FUZZ_CHECK(span_eq(span_buf(&again), m->body));
		}
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *sink;
	struct evbuffer *in;
	struct wire_msg m;
	int err;

	if (!sink)
		sink = fopen("/dev/null", "w");
	if (!size || !sink)
		return 0;
	in = evbuffer_new();
	evbuffer_add(in, data + 1, size - 1);
	while ((err = frame_next(in, data[0] & 1 ? WIRE_FROM_AGENT : WIRE_FROM_HOST, &m)) == E_OK ||
	       err == E_UNKNOWN) {
		FUZZ_CHECK(m.h.len <= WIRE_PIECE && m.body.n == m.h.len);
		FUZZ_CHECK((err == E_UNKNOWN) == !wire_row(m.h.type));
		if (err == E_OK)
			check_recode(&m);
		wire_dump(sink, "<", &m);
		frame_drop(in, &m);
	}
	evbuffer_free(in);
	return 0;
}
