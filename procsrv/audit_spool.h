/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a guard has to record while no monitor listens to it: kept in a file of the session's
 * directory, in the order it came, until somebody with the right to write the record takes
 * it there: the session's next monitor, or procsrv-audit when the session is over.  It is
 * the mapped user's word, as all is that a guard says.
 */
#ifndef PROCSRV_AUDIT_SPOOL_H
#define PROCSRV_AUDIT_SPOOL_H

#include <stdbool.h>

#include "journal.h"
#include "session_dir.h"

#define SPOOL_NAME "audit" /* of struct journal_record */

enum { SPOOL_TAKEN = 0 }; /* its time, when it is on record */

/* ---- audit_keep.c ------------------------------------------------------------------- */

/* Add one to the file behind fd: 0, or -1 and errno. */
int spool_write(int fd, const struct ipc_audit *a);

/* The same by name, for a session whose guard has ended. */
int spool_add(int own, const struct ipc_audit *a);

/* The next that has not been taken, from *at on, and where it stands.  False: there is none. */
bool spool_next(int fd, off_t *at, struct journal_record *r);
/* Is there one? */
bool spool_waits(int own);
/* The same of a session whose guard and tracer have ended: what neither has come to write there
 * counts, too. */
bool spool_left(int own);

/* ---- audit_spool.c ------------------------------------------------------------------ */

/* Write all of it into the record at path, as of that session.  Its guard may go on writing
 * there.  0, or an errno value: what was not written is still there. */
int spool_take(int own, const char *path, const struct session_facts *f);
/* The same with all that a session has left whose guard and tracer have ended. */
int spool_take_left(int own, const char *path, const struct session_facts *f);

#endif
