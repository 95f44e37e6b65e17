/* SPDX-License-Identifier: BSD-2-Clause
 *
 * GDB's remote protocol as a debugger may send it: bytes to packets, packets to words.  What
 * was taken as a packet is framed again, and taken again as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/rsp/rsp_frame.h"
#include "host/rsp/rsp_packet.h"

static void take_words(struct rd a)
{
	struct rd each[8] = {a, a, a, a, a, a, a, a};
	struct rsp_id id = rsp_take_id(&each[0]);
	struct buf out;

	FUZZ_CHECK(each[0].bad || (id.pid >= RSP_ALL && id.tid >= RSP_ALL));
	rsp_take_hex(&each[1]);
	rsp_take_dec(&each[2]);
	rsp_take_signed_hex(&each[3]);
	free(rsp_take_hexstr(&each[4], 64));
	rsp_take_until(&each[5], ";:,");
	if (rsp_take_char(&each[5], ';'))
		rsp_take_rest(&each[5]);
	buf_init(&out, 4096);
	rsp_take_pairs(&each[6], &out);
	FUZZ_CHECK(out.len <= a.left / 2 + 1);
	buf_free(&out);
	rsp_take_word(&each[7], "vCont");
	rsp_want_char(&each[7], ';');
	for (size_t i = 0; i < 8; i++)
		FUZZ_CHECK(each[i].left <= a.left);
}

static void there_and_back(struct rd packet)
{
	struct rsp_frame f, g;
	struct buf body;
	struct span wire;
	struct rd in, again;

	rsp_frame_init(&f);
	rsp_frame_init(&g);
	buf_init(&body, RSP_REPLY);
	rsp_put_binary(&body, packet.p, packet.left);
	f.no_ack = g.no_ack = true;
	f.unsummed = true; /* no runs: those are the debugger's to read, and are no input of ours */
	if (!body.bad && body.len <= RSP_PACKET) {
		FUZZ_CHECK(rsp_frame_reply(&f, &body));
		wire = rsp_frame_waiting(&f);
		in = rd_init(wire.p, wire.n);
		FUZZ_CHECK(rsp_frame_take(&g, &in, &again) == RSP_IN_PACKET);
		FUZZ_CHECK(again.left == packet.left);
		FUZZ_CHECK(!again.left || memcmp(again.p, packet.p, again.left) == 0);
	}
	buf_free(&body);
	rsp_frame_free(&f);
	rsp_frame_free(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rsp_frame f;
	struct rd in = rd_init(data, size), packet;
	enum rsp_input got;

	rsp_frame_init(&f);
	f.no_ack = size && data[0] & 1;
	do {
		got = rsp_frame_take(&f, &in, &packet);
		if (got == RSP_IN_PACKET) {
			take_words(packet);
			there_and_back(packet);
		}
	} while (got != RSP_IN_NONE && got != RSP_IN_LOST);
	FUZZ_CHECK(got == RSP_IN_LOST || !in.left);
	rsp_frame_free(&f);
	return 0;
}
