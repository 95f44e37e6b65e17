/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions whose guard and tracer have both been killed: nobody is left who would put
 * right what their journals say.
 */
#ifndef PROCSRV_MEND_H
#define PROCSRV_MEND_H

#include <stdbool.h>
#include <stddef.h>

/* Have guards of the sessions' own users do it, all at once.  One that takes very long is
 * left to itself.  How many sessions needed it, or -1 and a sentence in why. */
int mend_sessions(char *why, size_t size);

/* Has session id (in the directory all) something left that belongs into the record? */
bool mend_unrecorded(int all, const char *id);

/* The journal of session id (in the directory all) still names a process that is there:
 * it must not be thrown away. */
bool mend_wanted(int all, const char *id);

#endif
