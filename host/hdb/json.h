/* SPDX-License-Identifier: BSD-2-Clause
 *
 * -json: the same facts for machines.  Its members only ever grow in number.  Addresses are
 * strings ("0x..."); what is not known is null; bytes that are no UTF-8 become U+FFFD.
 */
#ifndef HOST_JSON_H
#define HOST_JSON_H

#include <stdio.h>

#include "host/hosteng.h"

/* One object and a newline; 0, or -1 without memory. */
int json_processes(FILE *f, const struct he_processes *p);
/* Of a snapshot: every thread's stack. */
struct he_error *json_snapshot(FILE *f, struct he_target *t);

/* Code: first its beginning (f NULL: of no function in particular), then its ranges, then the
 * object and a newline, unless it is not to be told.  NULL and -1 without memory. */
struct mixed;
struct json_code;
struct json_code *json_code_new(const struct he_function *f);
void json_code_add(struct json_code *to, struct he_target *t, const struct he_insns *code,
    const struct mixed *lines);
int json_code_end(FILE *f, struct json_code *c, bool tell);

#endif
