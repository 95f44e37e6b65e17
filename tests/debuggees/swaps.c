/* SPDX-License-Identifier: BSD-2-Clause
 *
 * swaps LIBRARY FUNCTION LIBRARY FUNCTION: loads the first, calls its function and unloads
 * it, then the same with the second.  Its status is what they have returned together.
 */
#include <dlfcn.h>

#include "debuggee.h"

static int call(const char *library, const char *function)
{
	void *handle = dlopen(library, RTLD_NOW);
	int (*called)(int) = handle ? (int (*)(int))dlsym(handle, function) : NULL;
	int got = called ? called(1) : -1;

	if (handle)
		dlclose(handle);
	return got;
}

int main(int argc, char **argv)
{
	return argc == 5 ? call(argv[1], argv[2]) + call(argv[3], argv[4]) : 1;
}
