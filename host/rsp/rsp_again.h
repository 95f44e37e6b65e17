/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link to the box breaks and comes back.
 *
 * While it is away calls of the engine wait, and what the debugger asks for with them; it is
 * kept patient meanwhile (rsp_alive.h).  A process that the box let go because the link had
 * broken is attached to again with all that was asked for of it.  One that ran then runs on.
 * One that the debugger takes to stand has run: it stands somewhere else now, which the
 * debugger learns when it next lets it run; until then nothing of it can be written.
 */
#ifndef HOST_RSP_AGAIN_H
#define HOST_RSP_AGAIN_H

#include "host/rsp/rsp.h"

/* HE_E_LINK_AWAY, HE_E_LINK_BACK: said where a person reads it. */
void rsp_again_link(struct rsp *r, const struct he_event *ev);
/* HE_E_RELEASED.  False: it is not ours any more, and is to be told as ended. */
bool rsp_again(struct rsp *r, struct rsp_process *p, const struct he_event *ev);
/* Takes up what the engine has to tell, if it has of a process that is gone; let_go: the box
 * has said so in an answer, and will in an event. */
void rsp_again_look(struct rsp *r, bool let_go);
/* It stands somewhere else than the debugger takes it to: an error was put. */
bool rsp_again_moved(struct rsp *r, const struct rsp_process *p);

#endif
