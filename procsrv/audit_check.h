/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROCSRV_AUDIT_CHECK_H
#define PROCSRV_AUDIT_CHECK_H

/* Read the record at path, and its older parts path.1, path.2 ...: one line on standard
 * output for each place where something was changed, is missing or was put in, then one for
 * all of it.  An exit status: 1 when it is not as it was written. */
int audit_check(const char *path);

#endif
