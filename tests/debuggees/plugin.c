/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The library of dlopened (with debug information) and of plt (stripped).
 */
void plugin_enter(void (*back)(int), int n);

static volatile int entered;

static __attribute__((noinline)) void plugin_hidden(void (*back)(int), int n)
{
	entered++;
	back(n + 1);
	entered--;
}

void plugin_enter(void (*back)(int), int n)
{
	entered++;
	plugin_hidden(back, n + 1);
	entered--;
}
