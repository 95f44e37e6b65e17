/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Steps of what the tracer does to a process, at which a test can have it die: in a build
 * of its own (tests/kill).  Elsewhere there is nothing of it.
 */
#ifndef PROCSRV_KILL_POINT_H
#define PROCSRV_KILL_POINT_H

#ifdef KILL_POINTS
void kill_point(const char *label);
#define KILL_POINT(label) kill_point(label)
#else
#define KILL_POINT(label) ((void)0)
#endif

#endif
