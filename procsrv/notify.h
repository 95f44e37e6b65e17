/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What systemd wants to be told.
 */
#ifndef PROCSRV_NOTIFY_H
#define PROCSRV_NOTIFY_H

/* sd_notify(3): state such as "READY=1".  Nothing happens without systemd. */
void notify_systemd(const char *state);

#endif
