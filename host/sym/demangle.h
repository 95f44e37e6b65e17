/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of C++ and Rust functions for people, as GDB prints them (the same demangler:
 * libiberty's).
 */
#ifndef HOST_DEMANGLE_H
#define HOST_DEMANGLE_H

#include <stdbool.h>

/* Longest names taken and made: mangled names can be built that print as terabytes. */
enum { MANGLED_MAX = 64 * 1024, DEMANGLED_MAX = 256 * 1024 };

/* The caller frees it; NULL: it is no mangled name (or too long, or no memory).
 * params: with the list of parameter types. */
char *demangle(const char *name, bool params);

#endif
