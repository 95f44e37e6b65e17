/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages for the person who runs a program, and audit lines; both on stderr
 * (systemd gives them to the journal).
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* name: in front of each line.  verbose: log_debug says something. */
void log_init(const char *name, bool verbose);
bool log_verbose(void);

/* Levels as in sd-daemon(3): the <N> prefix is put when stderr is the journal
 * (JOURNAL_STREAM is set).  One line each, the newline is added; control
 * characters are escaped. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* log_error, then exit with status.  Only in a daemon's own main file. */
void fatal(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

/* Copy src (any bytes, n of them) as printable ASCII with \xNN escapes into dst of
 * size bytes, NUL-terminated, cut if need be.  Returns dst. */
char *log_escape(char *dst, size_t size, const void *src, size_t n);

#endif
