/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The place where the dynamic linker tells debuggers that its list of libraries has
 * changed (_dl_debug_state of glibc and musl; r_brk of struct r_debug, link.h).
 */
#ifndef HOST_RENDEZVOUS_H
#define HOST_RENDEZVOUS_H

#include "host/engine/run.h"

/* Want the patch there, when something waits for libraries; where it is may not be known
 * yet, then nothing is done. */
struct he_error *rendezvous_plant(struct he_target *t);
/* It is planted: as long as it is not hit, the modules are those that are known. */
bool rendezvous_guards(const struct he_target *t);
enum run_verdict rendezvous_hit(struct he_target *t, struct he_event *ev);

#endif
