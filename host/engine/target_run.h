/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Operations of a process behind a process server that let it run or change it; see
 * target.h for what each does.
 */
#ifndef HOST_TARGET_RUN_H
#define HOST_TARGET_RUN_H

#include "host/engine/target.h"

struct he_error *procsrv_run(struct he_target *t, struct run_flight *f);
struct he_error *procsrv_mem_write(
    struct he_target *t, uint64_t addr, const void *data, size_t len);
struct he_error *procsrv_regs_write(
    struct he_target *t, const struct wire_rec_regset *v, size_t n);
struct he_error *procsrv_patch_hits(
    struct he_target *t, void (*sink)(void *, const struct wire_rec_patch_state *), void *arg);
struct he_error *procsrv_signal(struct he_target *t, uint64_t tid, uint32_t signal);
struct he_error *procsrv_siginfo_write(
    struct he_target *t, uint64_t tid, const void *data, size_t len);
struct he_error *procsrv_kill(struct he_target *t);
struct he_error *procsrv_abandon(struct he_target *t);

#endif
