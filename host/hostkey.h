/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The person's own key.
 */
#ifndef HOST_HOSTKEY_H
#define HOST_HOSTKEY_H

#include "common/key.h"
#include "host/hosteng.h"

/* path NULL: key.pem in config_dir.  *ret is freed by key_free. */
struct he_error *hostkey_load(const char *config_dir, const char *path, struct key **ret);

#endif
