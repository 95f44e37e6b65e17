/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

/* Error codes of err.def: E_OK is 0, the others are positive. */
enum err {
#define ERR(number, name, text) E_##name = number,
#include "err.def"
};

/* The text of a code; a code nobody knows yields "unknown error".  Static. */
const char *err_text(int code);

/* The name of a code as err.def has it ("NO_KEY"); "?" when unknown.  Static.
 * Audit lines and debug dumps use it. */
const char *err_name(int code);

#endif
