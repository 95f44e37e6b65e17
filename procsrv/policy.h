/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What shall become of targets when the link is lost, as the host asks for it at open,
 * attach and launch.  Here they are resumed and let go at once, whoever asked: what is
 * not kept is refused, so that nobody counts on it.
 */
#ifndef PROCSRV_POLICY_H
#define PROCSRV_POLICY_H

#include <stdint.h>

#include "common/err.h"
#include "common/wire.h"

/* Of the session.  How long it outlives the link is said in the answer.  E_OK,
 * MALFORMED or POLICY. */
static inline int policy_session(uint32_t loss)
{
	if (loss > WIRE_LOSS_KILL)
		return E_MALFORMED;
	return loss > WIRE_LOSS_RESUME ? E_POLICY : E_OK;
}

/* Of one target; times in ms, 0 = none of its own. */
static inline int policy_target(uint32_t loss, uint32_t grace_ms, uint32_t max_stop_ms)
{
	int err = policy_session(loss);

	return err == E_OK && (grace_ms || max_stop_ms) ? E_POLICY : err;
}

#endif
