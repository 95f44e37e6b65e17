/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The parts of the bridge, by their files.
 */
#ifndef HOST_RSP_PARTS_H
#define HOST_RSP_PARTS_H

#include "host/rsp/rsp.h"

extern const struct rsp_part rsp_part_general;

#endif
