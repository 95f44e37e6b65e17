/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_LAUNCH_H
#define FAKE_LAUNCH_H

#include "fake_engine.h"

/* What was asked for last: "PROGRAM: [ARG]... in DIR VARIABLE... at a login anywhere". */
const char *fake_launched(void);

#endif
