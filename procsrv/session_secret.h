/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What takes a session up again, beside its key: a secret that its host was told, and as
 * long as nobody knows whether the newest has arrived, the one before.  It lies in the
 * session's directory, where only root (or the ordinary user who serves himself) can read.
 */
#ifndef PROCSRV_SESSION_SECRET_H
#define PROCSRV_SESSION_SECRET_H

#include <stdbool.h>

#include "common/proof.h"

struct session_secret {
	uint8_t now[PROOF_SECRET], before[PROOF_SECRET];
	uint8_t has_before;
};

/* In the session's directory.  0, or -1 and errno. */
int secret_write(int own, const struct session_secret *s);
int secret_read(int own, struct session_secret *s);

/* Is mac made with one of them?  That one is before then, and a new one is drawn.  False:
 * it is not, or there is no randomness. */
bool secret_turn(struct session_secret *s, const uint8_t mac[PROOF_MAC],
    const uint8_t nonce[PROOF_NONCE], uint64_t last_reply, uint64_t last_event);

#endif
