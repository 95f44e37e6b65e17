/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv's command line.
 */
#ifndef PROCSRV_OPTIONS_H
#define PROCSRV_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { OPTIONS_TRANSPORTS = 16, EXIT_USAGE = 2 };

enum command { SERVE, STATUS, RELEASE, REPAIR, KEYGEN, CHECK, CHECK_AUDIT, HELP, SHOW_VERSION };

struct options {
	enum command command;
	const char *transport[OPTIONS_TRANSPORTS]; /* of -t, in order */
	size_t transports;
	const char *map;   /* of -check, or the record of -check-audit */
	const char *audit; /* of -audit; NULL = none */
	const char *key; /* of -key; NULL = the usual place */
	char *const *program; /* of -c and -cs, with its arguments; NULL = none */
	bool held;            /* -cs */
	bool json, verbose;
};

/* 0; or -1 and a sentence in why.  The texts are argv's. */
int options_parse(struct options *o, int argc, char **argv, char *why, size_t size);

void options_help(void); /* on stdout */

#endif
