/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The person's own key, and the keys of boxes that are trusted.
 */
#ifndef HOST_HOSTKEY_H
#define HOST_HOSTKEY_H

#include "common/key.h"
#include "host/hosteng.h"

/* path NULL: key.pem in the configuration's directory.  A passphrase is asked for as it says.
 * *ret is freed by key_free. */
struct he_error *hostkey_load(const struct he_config *config, const char *path, struct key **ret);

/* What he_keygen and he_trust do (hosteng.h). */
struct he_error *hostkey_make(const char *config_dir, const char *path, const char *passphrase,
    char **fingerprint, char **file);
struct he_error *hostkey_trust(
    const char *config_dir, const char *box, const char *fingerprint, bool replace);

#endif
