/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From what a person wrote behind -premote to a link with an open session.
 */
#ifndef HOST_CONNECT_H
#define HOST_CONNECT_H

#include "host/hosteng.h"
#include "host/link/rpc.h"

/* Connect and open a session.  transport is what stands behind -premote:
 *   a transport string (transport(7)): tls:…, exec:COMMAND
 *   HOST or HOST:PORT, short for tls:server=HOST,port=PORT
 *   a name from config_dir/boxes (looked up before it is taken for a host)
 *   NULL: $HDB_PREMOTE, and when that is not set, this machine
 *   "": this machine, through a private `procsrv -t stdio`
 *
 * config: ask and notice may be called before this returns, on the calling
 * thread; dump is used as long as the link lives; nothing else is kept.  Here
 * config_dir must be set.
 * Events of the link go to inbox, which must outlive it; inbox_cancel breaks the
 * wait off.  The error is the sentence for the person.
 *
 * How the server is called is in rpc_peer(): name, box, key. */
struct he_error *connect_open(
    const struct he_config *config, const char *transport, struct inbox *inbox, struct rpc **ret);

/* The same without waiting for the session: requests may be queued with rpc_send
 * at once and travel together with the opening.  rpc_ready() then tells how it
 * went.  (Whatever can be known before the session is asked for, such as an
 * unknown box key, fails here already.) */
struct he_error *connect_start(
    const struct he_config *config, const char *transport, struct inbox *inbox, struct rpc **ret);

#endif
