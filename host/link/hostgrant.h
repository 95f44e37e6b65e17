/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Grants (common/grant.h): signing them, and the one that lies beside the person's key.
 */
#ifndef HOST_HOSTGRANT_H
#define HOST_HOSTGRANT_H

#include "common/grant.h"
#include "host/hosteng.h"

/* The grant in the file of the key's name and ".grant"; path as hostkey_load has it.  *has false:
 * there is none. */
struct he_error *hostgrant_load(
    const struct he_config *config, const char *path, uint8_t bytes[GRANT_BYTES], bool *has);

/* What he_sign does (hosteng.h). */
struct he_error *hostgrant_sign(
    const struct he_config *config, const char *path, const struct he_grant *what, char **text);

#endif
