/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dlopened LIBRARY: asleep in a function called from a library that was loaded
 * by name at run time.
 */
#include <dlfcn.h>

#include "debuggee.h"

static void called_back(int n)
{
	(void)n;
	debuggee_ready();
	debuggee_sleep();
}

int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	void (*enter)(void (*)(int), int);

	debuggee_start();
	if (!library) {
		fprintf(stderr, "%s\n", argc > 1 ? dlerror() : "usage: dlopened LIBRARY");
		return 1;
	}
	*(void **)&enter = dlsym(library, "plugin_enter");
	enter(called_back, 4);
	return 0;
}
