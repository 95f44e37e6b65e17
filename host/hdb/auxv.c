/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <stddef.h>

#include "host/hdb/auxv.h"

const struct auxv_row *auxv_row(uint64_t type)
{
	static const struct auxv_row rows[] = {
	    {AT_IGNORE, "AT_IGNORE", AUXV_DEC, "entry to be ignored"},
	    {AT_EXECFD, "AT_EXECFD", AUXV_DEC, "descriptor of the program"},
	    {AT_PHDR, "AT_PHDR", AUXV_HEX, "program headers"},
	    {AT_PHENT, "AT_PHENT", AUXV_DEC, "size of a program header"},
	    {AT_PHNUM, "AT_PHNUM", AUXV_DEC, "number of program headers"},
	    {AT_PAGESZ, "AT_PAGESZ", AUXV_DEC, "page size"},
	    {AT_BASE, "AT_BASE", AUXV_HEX, "base of the dynamic linker"},
	    {AT_FLAGS, "AT_FLAGS", AUXV_HEX, "flags"},
	    {AT_ENTRY, "AT_ENTRY", AUXV_HEX, "entry point"},
	    {AT_UID, "AT_UID", AUXV_DEC, "real user"},
	    {AT_EUID, "AT_EUID", AUXV_DEC, "effective user"},
	    {AT_GID, "AT_GID", AUXV_DEC, "real group"},
	    {AT_EGID, "AT_EGID", AUXV_DEC, "effective group"},
	    {AT_PLATFORM, "AT_PLATFORM", AUXV_HEX, "name of the platform"},
	    {AT_HWCAP, "AT_HWCAP", AUXV_HEX, "processor capabilities"},
	    {AT_HWCAP2, "AT_HWCAP2", AUXV_HEX, "further processor capabilities"},
	    {AT_CLKTCK, "AT_CLKTCK", AUXV_DEC, "frequency of times(2)"},
	    {AT_SECURE, "AT_SECURE", AUXV_DEC, "set-user-id or the like"},
	    {AT_BASE_PLATFORM, "AT_BASE_PLATFORM", AUXV_HEX, "name of the real platform"},
	    {AT_RANDOM, "AT_RANDOM", AUXV_HEX, "16 random bytes"},
	    {AT_EXECFN, "AT_EXECFN", AUXV_HEX, "name the program was executed by"},
	    {AT_SYSINFO, "AT_SYSINFO", AUXV_HEX, "system call entry"},
	    {AT_SYSINFO_EHDR, "AT_SYSINFO_EHDR", AUXV_HEX, "the vdso"},
	    {27, "AT_RSEQ_FEATURE_SIZE", AUXV_DEC, "size of rseq's features"},
	    {28, "AT_RSEQ_ALIGN", AUXV_DEC, "alignment of rseq's area"},
	    {AT_MINSIGSTKSZ, "AT_MINSIGSTKSZ", AUXV_DEC, "least size of a signal stack"},
	    {AT_NULL, "AT_NULL", AUXV_HEX, "end"},
	};
	static const struct auxv_row unknown = {0, "?", AUXV_HEX, ""};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].type == type)
			return &rows[i];
	return &unknown;
}
