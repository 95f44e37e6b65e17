/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A bridge over the engine of rsp_engine.h, and a debugger that asks it.
 */
#ifndef TESTS_RSP_BRIDGE_H
#define TESTS_RSP_BRIDGE_H

#include "host/rsp/rsp.h"

/* lldb: it is told so.  0, as cmocka wants it. */
int bridge_open(bool lldb);
int bridge_close(void **state);
struct rsp *bridge(void);

/* What went to the debugger since the last time, without the framing of single packets. */
const char *sent(void);
/* How long that is: there may be any bytes in it. */
size_t sent_length(void);
/* The same with the framing. */
size_t sent_raw(void);
/* The reply; valid until the next. */
const char *ask(const char *packet);
const char *ask_bytes(const void *packet, size_t n);
/* %s in the packet is this word in hexadecimal. */
const char *ask_of(const char *packet, const char *word);
void hex(char *to, const char *text);
/* Sent while it does something else, and not taken up yet; no more comes from it. */
void types(const char *text, size_t n);
void hangs_up(void);
/* What is due is told. */
void bridge_settle(void);
/* Of FAKE_PID, which stands then. */
void happens(struct he_event ev);

#define asks(packet, reply) assert_string_equal(ask(packet), reply)
#define asks_of(packet, word, reply) assert_string_equal(ask_of(packet, word), reply)
#define has(text, part) assert_non_null(strstr(text, part))
#define has_not(text, part) assert_null(strstr(text, part))

#endif
