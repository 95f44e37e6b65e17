/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Framing of GDB's remote protocol: $packet#checksum, acknowledgements, the break byte
 * 0x03, %notifications.  Knows no packet's meaning, reads and writes no file.
 */
#ifndef HOST_RSP_FRAME_H
#define HOST_RSP_FRAME_H

#include "common/buf.h"

enum {
	/* What a packet may have between $ and #, escapes counted; told as PacketSize. */
	RSP_PACKET = 128 * 1024,
	/* Replies may be longer, as the parts of a qXfer object are the debugger's choice. */
	RSP_REPLY = 2 * RSP_PACKET + 64,
};

enum rsp_input {
	RSP_IN_NONE,   /* what came was used up, nothing is complete */
	RSP_IN_PACKET, /* *ret: without frame and escapes, valid until the next call */
	RSP_IN_BREAK,  /* 0x03 outside of a packet */
	RSP_IN_BAD,    /* checksum right, but an escape has nothing behind it */
	RSP_IN_LOST,   /* no peer of ours: a packet without end, refused too often */
};

struct rsp_frame {
	struct buf in;   /* since the last $ */
	struct buf out;  /* to be written; the owner takes from its front by rsp_frame_sent */
	struct buf last; /* the frame that was sent last, while acks are on */
	size_t sent;     /* of out */
	bool no_ack;
	bool unsummed; /* without acks the sums are not looked at, as in lldb-server */
	unsigned refused; /* in a row, by either side */
	size_t total;     /* bytes since the last $ */
	enum { RSP_F_IDLE, RSP_F_BODY, RSP_F_SUM1, RSP_F_SUM2 } state;
	uint8_t sum, digit;
};

void rsp_frame_init(struct rsp_frame *f);
void rsp_frame_free(struct rsp_frame *f);

/* Takes from *in up to and with the next thing there is. Acks go to out. */
enum rsp_input rsp_frame_take(struct rsp_frame *f, struct rd *in, struct rd *ret);

/* Frames a reply, or a notification, into out.  body is as it goes between $ and #: its
 * maker has escaped what is binary.  False: no memory, or the peer lets too much wait. */
bool rsp_frame_reply(struct rsp_frame *f, const struct buf *body);
bool rsp_frame_notify(struct rsp_frame *f, const struct buf *body);

/* What waits to be written; n bytes of it went. */
struct span rsp_frame_waiting(const struct rsp_frame *f);
void rsp_frame_sent(struct rsp_frame *f, size_t n);

#endif
