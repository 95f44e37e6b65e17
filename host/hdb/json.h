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

#endif
