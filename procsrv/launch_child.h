/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The processes that the tracer starts: procsrv-launch on its way to be a program, and
 * afterwards, as the reader of what nobody else reads; and procsrv-reader.
 */
#ifndef PROCSRV_LAUNCH_CHILD_H
#define PROCSRV_LAUNCH_CHILD_H

#include <sys/types.h>

#include "common/wire.h"
#include "fault.h"
#include "ipc.h"

/* Our ends of what it has; -1 = none.  All are non-blocking; a terminal is out alone. */
struct launch_ends {
	int in, out, err, socket;
};

extern const struct launch_ends launch_no_ends;
void launch_ends_close(const struct launch_ends *e);

/* Would a program inherit restrictions that are the service's, and no login's?  E_OK, or
 * ATTACH_ONLY with the reason. */
int launch_hindered(const struct ipc_session *s, struct fault *f);

/* Start procsrv-launch with that file (launch_spec.h).  E_OK, its pid and the ends (the
 * caller's in any case), or OS. */
int launch_child(
    const struct wire_launch *m, int spec, struct launch_ends *ends, pid_t *pid, struct fault *f);

/* Start procsrv-reader with that socket; service: files that it makes are to be as those of
 * a login, not of a server.  Its pid, or -1. */
pid_t launch_reader(int socket, bool service);
/* The same that reads for touch.h. */
pid_t launch_toucher(int socket);

/* Have somebody read these (-1 = none) until nobody writes there any more. */
void launch_drain(int out, int err);

#endif
