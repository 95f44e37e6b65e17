/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file boxes: names a person gives to transports, one line each:
 *	NAME  TRANSPORT        # comment
 */
#ifndef HOST_BOXES_H
#define HOST_BOXES_H

#include "host/hosteng.h"

/* *ret: the transport of that name (freed by the caller), or NULL when the file or
 * the name is not there. */
struct he_error *boxes_find(const char *path, const char *name, char **ret);

#endif
