/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Making a key.pem: linked by procsrv-keygen and hdb only, because it needs
 * the X.509 writer.
 */
#ifndef COMMON_KEYMAKE_H
#define COMMON_KEYMAKE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Make an EC P-256 key and its self-signed certificate (name: its subject, for
 * people who look at it) and write both to path, mode 0600.  An existing file is
 * never touched; the new one appears whole or not at all.  0; EEXIST or another
 * errno value, and a sentence in why. */
int key_make(const char *path, const char *name, char *why, size_t size);

/* The same with the private half sealed, as key_seal does it. */
struct key_sealer {
	int (*seal)(uint8_t *out, size_t *n, struct span key, const char *passphrase);
	const char *passphrase;
};
int key_make_sealed(
    const char *path, const char *name, const struct key_sealer *sealer, char *why, size_t size);

#endif
