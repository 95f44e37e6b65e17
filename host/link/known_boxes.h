/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file known_boxes: which key a box showed when a person said it is the right
 * one.  One line each:
 *	host:port  SHA256:…      or      as=NAME  SHA256:…
 */
#ifndef HOST_KNOWN_BOXES_H
#define HOST_KNOWN_BOXES_H

#include "common/fingerprint.h"
#include "common/transport.h"
#include "host/hosteng.h"

/* The name a box is kept under: as=NAME, else host:port (small letters, brackets
 * around an address with colons).  The caller frees it; NULL without memory. */
char *known_boxes_name(const struct transport *t);

/* *known: there is a line for that name, and its key.  (The last line counts.) */
struct he_error *known_boxes_find(
    const char *path, const char *name, bool *known, uint8_t key[FINGERPRINT_BYTES]);

/* Keep a key, instead of one that is kept under the name already. */
struct he_error *known_boxes_keep(
    const char *path, const char *name, const uint8_t key[FINGERPRINT_BYTES]);

#endif
