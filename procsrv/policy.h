/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What shall become of targets when the link is lost, as the host asks for it at open,
 * attach and launch.  A session that ends with its link lets them go at once, whoever
 * asked: what is not kept is refused, so that nobody counts on it.
 */
#ifndef PROCSRV_POLICY_H
#define PROCSRV_POLICY_H

#include <stdint.h>

#include "common/err.h"
#include "common/wire.h"
#include "ipc.h"

/* Of a session without a grace.  How long it outlives the link is said in the answer.  E_OK,
 * MALFORMED or POLICY. */
static inline int policy_session(uint32_t loss)
{
	if (loss > WIRE_LOSS_KILL)
		return E_MALFORMED;
	return loss > WIRE_LOSS_RESUME ? E_POLICY : E_OK;
}

/* Of one target; a time in ms, 0 = none of its own. */
static inline int policy_target(const struct ipc_session *s, uint32_t loss, uint32_t grace_ms)
{
	int err = policy_session(loss);

	if (s->grace_ms)
		return err == E_POLICY ? E_OK : err;
	return err == E_OK && grace_ms ? E_POLICY : err;
}

#endif
