/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/decoder.h"

#include <linux/audit.h>

static const struct {
	uint32_t audit;
	cs_mode mode;
} modes[] = {
    {AUDIT_ARCH_X86_64, CS_MODE_64},
    {AUDIT_ARCH_I386, CS_MODE_32},
};

bool decoder_open(uint32_t audit, csh *ret)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (modes[i].audit != audit)
			continue;
		if (cs_open(CS_ARCH_X86, modes[i].mode, ret) != CS_ERR_OK)
			return false;
		if (cs_option(*ret, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK)
			return true;
		cs_close(ret);
	}
	return false;
}
