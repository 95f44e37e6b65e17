/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-conn's parts.  The only process that reads what strangers send: it has
 * no rights, and nothing it says is believed.
 */
#ifndef PROCSRV_CONN_H
#define PROCSRV_CONN_H

#include "common/err.h"
#include "common/frame.h"
#include "common/heart.h"
#include "common/tls.h"
#include "greet.h"
#include "ipc.h"

struct conn {
	struct event_base *base;
	struct tls *tls;
	struct chan *net, *tracer; /* tracer: NULL once the session is over */
	struct ipc_setup setup;
	struct greet greet;  /* filled in before uname(2) is out of reach */
	uint8_t (*keys)[32]; /* known clients, setup.any_key not set */
	size_t nkeys;

	struct ipc_state phase; /* of the pipe from the monitor, and of the link */
	bool greeted;           /* the host's hello has come */
	struct wire_hello host; /* its figures; the texts are left out */
	bool introduced;        /* the tracer has been told them */
	bool resumed;           /* there was a session before, so that somebody listens */
	bool ending;            /* nothing more is taken from either side */
	bool told;              /* the monitor knows why */
	uint32_t code;          /* enum err: why it ends */

	uint64_t last_id;   /* of the host's requests: they rise */
	uint32_t in_flight; /* requests without their last reply */
	bool farewell;      /* the tracer has said goodbye itself */
	bool orphan;        /* its side has ended without one */

	struct heart heart;
	struct event *deadline, *monitor, *linger;
};

/* ---- conn.c ------------------------------------------------------------------ */

/* Ask the monitor and wait for its answer.  False: it is gone. */
bool conn_ask(struct conn *c, enum ipc_type ask, const void *body, size_t size, enum ipc_type reply,
    void *answer, size_t answer_size);

/* The link ends for this reason: E_OK as it should, else the host is told: by
 * goodbye when it has proven its key, by alert (TLS_ALERT_NONE: by nothing)
 * before. */
void conn_end(struct conn *c, enum err code, enum tls_alert alert);

/* ---- conn_link.c: what concerns the link itself ------------------------------- */

/* TLS is up: hello and challenge. */
void link_greet(struct conn *c);

/* A valid frame from the host, of a row of kind LINK_H or LINK_B, or open.  False:
 * the link is ending, the frame's bytes may be gone. */
bool link_take(struct conn *c, const struct wire_row *row, const struct wire_msg *m);

/* The link ends as it should, or because somebody broke a rule: the session is to end with
 * it.  One whose link is lost hears nothing of us, and waits for the next. */
void link_farewell(struct conn *c, enum err code);

/* Encode and append one message of ours; nothing is flushed. */
void link_put(struct conn *c, enum wire_type type, uint64_t id, const struct buf *body);

/* ---- conn_relay.c: frames between host and tracer ------------------------------- */

void relay_from_host(struct conn *c);
void relay_from_tracer(struct conn *c);
void relay_writable(struct conn *c); /* less waits to be sent to the host */

#endif
