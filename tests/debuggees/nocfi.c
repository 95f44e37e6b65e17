/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nocfi leaf|framed|restorer|restorer_rt: asleep below code that has no unwind
 * information: a leaf in assembler, a function with a frame pointer, a signal's return
 * trampoline of our own (as musl and Go have them), which on i386 has two forms.
 */
#include "debuggee.h"

#include <signal.h>
#include <stdint.h>

void asm_leaf(void);
void asm_framed(void (*f)(void));
/* The names by which GDB knows them. */
void __restore(void);
void __restore_rt(void);

#ifdef __x86_64__
#define __restore __restore_rt
__asm__(".text\n"
	".type asm_leaf, @function\n"
	"asm_leaf:\n"
	"	mov $34, %eax\n" /* pause */
	"	syscall\n"
	"	jmp asm_leaf\n"
	"	ret\n"
	".size asm_leaf, . - asm_leaf\n"
	".type asm_framed, @function\n"
	"asm_framed:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	sub $48, %rsp\n"
	"	call *%rdi\n"
	"	leave\n"
	"	ret\n"
	".size asm_framed, . - asm_framed\n"
	"	nop\n"
	".type __restore_rt, @function\n"
	"__restore_rt:\n"
	"	mov $15, %rax\n" /* rt_sigreturn */
	"	syscall\n"
	".size __restore_rt, . - __restore_rt\n");
#else
__asm__(".text\n"
	".type asm_leaf, @function\n"
	"asm_leaf:\n"
	"	mov $29, %eax\n" /* pause */
	"	int $0x80\n"
	"	jmp asm_leaf\n"
	"	ret\n"
	".size asm_leaf, . - asm_leaf\n"
	".type asm_framed, @function\n"
	"asm_framed:\n"
	"	push %ebp\n"
	"	mov %esp, %ebp\n"
	"	sub $40, %esp\n"
	"	call *8(%ebp)\n"
	"	leave\n"
	"	ret\n"
	".size asm_framed, . - asm_framed\n"
	"	nop\n"
	".type __restore, @function\n"
	"__restore:\n"
	"	pop %eax\n"
	"	mov $119, %eax\n" /* sigreturn */
	"	int $0x80\n"
	".size __restore, . - __restore\n"
	"	nop\n"
	".type __restore_rt, @function\n"
	"__restore_rt:\n"
	"	mov $173, %eax\n" /* rt_sigreturn */
	"	int $0x80\n"
	".size __restore_rt, . - __restore_rt\n");
#endif

/* As the kernel has it (rt_sigaction(2)); libc's would bring its own restorer. */
struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

enum { RESTORER = 0x04000000, SIGINFO = 4 }; /* SA_* of asm/signal.h */

static void asleep(void)
{
	debuggee_ready();
	debuggee_sleep();
}

static void handler(int signal)
{
	(void)signal;
	asleep();
}

static __attribute__((noinline)) int with_restorer(int rt)
{
	struct kernel_sigaction action = {.handler = handler,
	    .flags = RESTORER | (rt ? SIGINFO : 0),
	    .restorer = rt ? __restore_rt : __restore};

	syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8);
	raise(SIGUSR1);
	return 1;
}

static __attribute__((noinline)) int enter(const char *how)
{
	if (strcmp(how, "leaf") == 0) {
		debuggee_ready();
		asm_leaf();
	} else if (strcmp(how, "framed") == 0) {
		asm_framed(asleep);
	} else {
		return with_restorer(strcmp(how, "restorer_rt") == 0);
	}
	return 2;
}

int main(int argc, char **argv)
{
	debuggee_start();
	return enter(argc > 1 ? argv[1] : "leaf") + 1;
}
