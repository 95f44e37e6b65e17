/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Conditions as a lying host sends them, and commands as a debugger does: byte 0 says which of
 * them, and for which architecture, the rest is the expression.  What is accepted has to come
 * to an end, the same one each time.
 */
#include <linux/audit.h>
#include <string.h>

#include "common/bytecode.h"
#include "fuzz.h"

/* Half of memory can be read. */
static bool read_memory(void *arg, uint64_t addr, void *to, size_t n)
{
	(void)arg;
	FUZZ_CHECK(n == 1 || n == 2 || n == 4 || n == 8);
	memset(to, (int)(addr * 37 >> 3 & 0xff), n);
	return !(addr & 1);
}

static bool allows(struct span format, unsigned n)
{
	FUZZ_CHECK(format.n <= BYTECODE_BYTES && !memchr(format.p, 0, format.n));
	return n != 7;
}

/* What it was given is summed up in *arg. */
static int print(void *arg, struct span format, const uint64_t *args, unsigned n, uint64_t *addr)
{
	uint64_t *sum = arg;

	FUZZ_CHECK(n <= BYTECODE_STACK && allows(format, n));
	for (unsigned i = 0; i < n; i++)
		*sum = *sum * 31 + args[i];
	*addr = n;
	return n == 3 ? E_FAULT : E_OK;
}

static int eval(
    const struct bytecode *b, uint32_t arch, bool command, uint64_t *value, uint64_t *addr)
{
	static const uint8_t regs[216] = {1, 2, 3, 4, [88] = 0xff, [128] = 7};
	struct bytecode_env env = {.arch = arch, .regs = regs, .read = read_memory};

	env.nregs = arch == AUDIT_ARCH_I386 ? 68 : sizeof(regs);
	if (!command)
		return bytecode_eval(b, &env, value, addr);
	env.print = print;
	env.arg = value;
	return bytecode_run(b, &env, addr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t v[2] = {0}, addr[2] = {0};
	uint32_t arch = size && data[0] & 1 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
	bool command = size && data[0] & 2;
	struct bytecode *b;
	struct span code;
	int err;

	if (!size || size > 2 * BYTECODE_BYTES)
		return 0;
	code = (struct span){data + 1, (uint32_t)size - 1};
	err = command ? bytecode_new_command(code, arch, allows, &b) : bytecode_new(code, arch, &b);
	FUZZ_CHECK(err == E_OK || err == E_BAD_CONDITION);
	if (err != E_OK)
		return 0;
	FUZZ_CHECK(size - 1 <= BYTECODE_BYTES && bytecode_code(b).n == size - 1);
	err = eval(b, arch, command, &v[0], &addr[0]);
	FUZZ_CHECK(err == E_OK || err == E_DIVIDED || err == E_FAULT || err == E_TOO_LONG);
	FUZZ_CHECK(err != E_FAULT || addr[0] & 1);
	FUZZ_CHECK(
	    eval(b, arch, command, &v[1], &addr[1]) == err && v[0] == v[1] && addr[0] == addr[1]);
	bytecode_free(b);
	return 0;
}
