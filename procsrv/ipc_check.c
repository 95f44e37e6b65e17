/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which message may come when: the phases of ipc.def, enforced in one place for
 * every pipe.
 */
#include "ipc.h"

static const struct {
	const char *name;
	enum ipc_pipe pipe;
	uint32_t phase;
	uint32_t most;
} rows[IPC_TYPES] = {
#define IPC(number, name_, pipe_, phase_, most_, body)                                             \
	[number] = {.name = #name_, .pipe = pipe_, .phase = (phase_), .most = (most_)},
#include "ipc.def"
};

bool ipc_check(struct ipc_state *s, uint16_t type)
{
	if (type >= IPC_TYPES || !rows[type].name || rows[type].pipe != s->pipe)
		return false;
	if (!(rows[type].phase & (uint32_t)s->phase))
		return false;
	if (rows[type].most && s->count[type] >= rows[type].most)
		return false;
	s->count[type]++;
	return true;
}

const char *ipc_name(uint16_t type)
{
	return type < IPC_TYPES && rows[type].name ? rows[type].name : "?";
}
