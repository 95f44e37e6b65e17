/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Framing: messages in and out of evbuffers, checked against the wire table
 * before their bodies are waited for.
 */
#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include <event2/buffer.h>

#include "wire.h"

enum { FRAME_WAIT = -1 }; /* not all of it is there yet */

/* Look at the next message from the given side.  E_OK: *m is set, its body
 * decodes, and it stays in the buffer until frame_drop.  FRAME_WAIT: more bytes
 * are needed.  E_UNKNOWN: a request of an unknown type, *m is set, answer it
 * with that error and go on.  Anything else is an enum err the link ends with. */
int frame_next(struct evbuffer *in, enum wire_from from, struct wire_msg *m);

/* The same for its header alone, once all of the message is there: for who wants the
 * body in memory of its own and judges it there. */
int frame_head(struct evbuffer *in, enum wire_from from, struct wire_head *h);

/* Done with the message frame_next yielded. */
void frame_drop(struct evbuffer *in, const struct wire_msg *m);

/* Append a message; h->len is set from body.  E_OK, E_TOO_BIG or E_NOMEM (then
 * nothing was added). */
int frame_put(struct evbuffer *out, struct wire_head h, struct span body);

#endif
