/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The parts of the bridge, by their files.
 */
#ifndef HOST_RSP_PARTS_H
#define HOST_RSP_PARTS_H

#include "host/rsp/rsp.h"

extern const struct rsp_part rsp_part_general, rsp_part_regs, rsp_part_memory, rsp_part_tls,
    rsp_part_break, rsp_part_resume, rsp_part_settings, rsp_part_life;
extern const struct rsp_part rsp_part_file, rsp_part_xfer, rsp_part_monitor;
/* First: it tells LLDB by the packet that turns acknowledgements off. */
extern const struct rsp_part rsp_part_lldb, rsp_part_lldb_reg, rsp_part_lldb_ps,
    rsp_part_lldb_memory, rsp_part_lldb_stop, rsp_part_lldb_modules, rsp_part_lldb_launch,
    rsp_part_lldb_stdio, rsp_part_lldb_file, rsp_part_lldb_platform;

#endif
