/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The text of a session's record: "name=value" lines, values escaped as in the log, and
 * as they were when it is read.
 */
#ifndef PROCSRV_SESSION_RECORD_H
#define PROCSRV_SESSION_RECORD_H

#include "session_dir.h"

/* Write f over what is there, in one go.  0, or -1 and errno. */
int record_write(int fd, const struct session_facts *f);

/* Fill in what the record says; f keeps its id.  Unknown lines are skipped, what
 * is missing stays as it was. */
void record_read(int fd, struct session_facts *f);

#endif
