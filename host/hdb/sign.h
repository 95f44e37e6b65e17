/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hdb -sign: grants for other people's keys, on standard output.
 */
#ifndef HOST_SIGN_H
#define HOST_SIGN_H

#include "host/hdb/options.h"

struct hdb;

/* Returns hdb's status. */
int sign_grant(struct hdb *h, const struct options *o);

#endif
