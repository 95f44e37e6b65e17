/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/syscalls.h"

#include <ctype.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

const char *syscall_text(char buf[SYSCALL_TEXT], uint32_t arch, uint32_t number)
{
	char *name = seccomp_syscall_resolve_num_arch(arch, (int)number);

	if (name)
		snprintf(buf, SYSCALL_TEXT, "%s", name);
	else
		snprintf(buf, SYSCALL_TEXT, "%u", number);
	free(name);
	return buf;
}

bool syscall_number(uint32_t arch, const char *text, uint32_t *ret)
{
	char *end;
	long n;

	if (isdigit((unsigned char)*text)) {
		n = strtol(text, &end, 0);
		if (*end || n > INT32_MAX)
			return false;
	} else {
		n = seccomp_syscall_resolve_name_arch(arch, text);
		if (n < 0)
			return false;
	}
	*ret = (uint32_t)n;
	return true;
}
