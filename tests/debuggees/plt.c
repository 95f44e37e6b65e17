/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asleep behind a call through the PLT into a library without debug information.
 */
#include "debuggee.h"

void plugin_enter(void (*back)(int), int n);

static void called_back(int n)
{
	(void)n;
	debuggee_ready();
	debuggee_sleep();
}

int main(void)
{
	debuggee_start();
	plugin_enter(called_back, 7);
	return 0;
}
