/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_signal.h"

#include <stddef.h>

/* By Linux's number; GDB has none for SIGSTKFLT. */
static const uint8_t standard[32] = {
    [1] = 1,   /* SIGHUP */
    [2] = 2,   /* SIGINT */
    [3] = 3,   /* SIGQUIT */
    [4] = 4,   /* SIGILL */
    [5] = 5,   /* SIGTRAP */
    [6] = 6,   /* SIGABRT */
    [7] = 10,  /* SIGBUS */
    [8] = 8,   /* SIGFPE */
    [9] = 9,   /* SIGKILL */
    [10] = 30, /* SIGUSR1 */
    [11] = 11, /* SIGSEGV */
    [12] = 31, /* SIGUSR2 */
    [13] = 13, /* SIGPIPE */
    [14] = 14, /* SIGALRM */
    [15] = 15, /* SIGTERM */
    [17] = 20, /* SIGCHLD */
    [18] = 19, /* SIGCONT */
    [19] = 17, /* SIGSTOP */
    [20] = 18, /* SIGTSTP */
    [21] = 21, /* SIGTTIN */
    [22] = 22, /* SIGTTOU */
    [23] = 16, /* SIGURG */
    [24] = 24, /* SIGXCPU */
    [25] = 25, /* SIGXFSZ */
    [26] = 26, /* SIGVTALRM */
    [27] = 27, /* SIGPROF */
    [28] = 28, /* SIGWINCH */
    [29] = 23, /* SIGIO */
    [30] = 32, /* SIGPWR */
    [31] = 12, /* SIGSYS */
};

enum {
	REALTIME_32 = 77,
	REALTIME_33 = 45, /* and on to 63 */
	REALTIME_64 = 78,
	POLL = 33, /* SIGPOLL is SIGIO */
};

unsigned rsp_signal_to_gdb(uint32_t n)
{
	if (n == 32)
		return REALTIME_32;
	if (n == 64)
		return REALTIME_64;
	if (n > 32 && n < 64)
		return REALTIME_33 + n - 33;
	if (n < 32 && (standard[n] || !n))
		return standard[n];
	return RSP_SIGNAL_UNKNOWN;
}

uint32_t rsp_signal_to_linux(uint64_t n)
{
	if (n == REALTIME_32)
		return 32;
	if (n == REALTIME_64)
		return 64;
	if (n >= REALTIME_33 && n <= REALTIME_33 + 30)
		return (uint32_t)(33 + n - REALTIME_33);
	if (n == POLL)
		return 29;
	for (uint32_t i = 1; i < 32; i++)
		if (n && standard[i] == n)
			return i;
	return 0;
}
