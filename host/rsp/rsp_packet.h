/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The words of GDB's remote protocol: numbers, bytes, thread ids.  Pure: no session, no
 * engine.  Packets come here without frame and escapes (rsp_frame.h), so that binary data
 * stands in them as it is.
 *
 * Taking: over struct rd, whose bad is set by what cannot be read; later takes then yield
 * zeros, and a handler checks once.  Putting: into a struct buf, whose bad is set when it
 * is full.
 *
 * Source: GDB's manual, appendix "Remote Serial Protocol", Overview and Packets.
 */
#ifndef HOST_RSP_PACKET_H
#define HOST_RSP_PACKET_H

#include "common/buf.h"

/* "pPID.TID", "TID", "-1" = all, "0" = any one; pid 0 where none was named. */
enum { RSP_ANY = 0, RSP_ALL = -1 };
struct rsp_id {
	int64_t pid, tid;
};

/* ---- taking ------------------------------------------------------------------ */

/* The next byte, 0 at the end; nothing is taken. */
uint8_t rsp_peek(const struct rd *a);
/* Takes c, or word, if that is next; false: nothing taken, and not bad. */
bool rsp_take_char(struct rd *a, char c);
bool rsp_take_word(struct rd *a, const char *word);
/* The same, but something else there is bad. */
void rsp_want_char(struct rd *a, char c);
/* Hexadecimal, decimal: as many digits as there are; none, or more than 64 bits: bad. */
uint64_t rsp_take_hex(struct rd *a);
uint64_t rsp_take_dec(struct rd *a);
/* "-1" or "-hex", too, as GDB writes errors and signals in a few places. */
int64_t rsp_take_signed_hex(struct rd *a);
/* Two hexadecimal digits. */
uint8_t rsp_take_byte(struct rd *a);
/* n pairs of digits into p; all pairs up to anything else into out (a digit alone: bad). */
void rsp_take_bytes(struct rd *a, void *p, size_t n);
void rsp_take_pairs(struct rd *a, struct buf *out);
/* Pairs of digits up to anything else as text; NULL (and bad) when there is a NUL in it, it
 * is longer than max, or without memory.  The caller frees it. */
char *rsp_take_hexstr(struct rd *a, size_t max);
/* Bytes up to the first of stops (not taken), or all. */
struct span rsp_take_until(struct rd *a, const char *stops);
/* All that is left. */
struct span rsp_take_rest(struct rd *a);
struct rsp_id rsp_take_id(struct rd *a);

/* ---- putting ----------------------------------------------------------------- */

void rsp_put(struct buf *b, const char *text);
void rsp_putf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rsp_put_char(struct buf *b, char c);
/* Hexadecimal without leading zeros. */
void rsp_put_u64(struct buf *b, uint64_t v);
/* Pairs of digits. */
void rsp_put_hex(struct buf *b, const void *p, size_t n);
void rsp_put_hexstr(struct buf *b, const char *text);
/* Binary data: # $ } * are escaped.  cut: at most max bytes of b->len; returns how many of
 * the n bytes went. */
void rsp_put_binary(struct buf *b, const void *p, size_t n);
size_t rsp_put_binary_cut(struct buf *b, const void *p, size_t n, size_t max);
/* "pPID.TID" (multi), or "TID"; both in hexadecimal. */
void rsp_put_id(struct buf *b, bool multi, uint64_t pid, uint64_t tid);
/* Any bytes as text of XML: & < > " ' and what is no printable ASCII are written as
 * entities, what XML cannot have as "?". */
void rsp_put_xml(struct buf *b, const char *text);

#endif
