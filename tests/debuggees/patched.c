/* SPDX-License-Identifier: BSD-2-Clause
 *
 * patched [THREADS [CALLS [late]]]: each thread does CALLS rounds of the work below, and waits
 * for the next SIGUSR1 before it does as many again; it counts what it does itself.  One
 * place of each kind of instruction has a name, to be patched there.  late: the other
 * threads are made after the first SIGUSR1.
 */
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <ucontext.h>

#include "debuggee.h"

struct tally {
	uint64_t calls, sum, wrong;
	uint64_t pad[5];
};

static struct tally tallies[1024];
static volatile uint32_t rounds;
static volatile uint64_t done, signals, traps;
uint64_t table[4] = {11, 22, 33, 44};
static int threads = 1, late;
static long calls = 1;

/* What each does is known, so that a step done wrongly shows in the sum. */
uint64_t kinds(uint64_t n);
extern char at_plain[], at_relative[], at_jcc[], at_jmp[], at_call[], at_calls_ptr[], at_loop[],
    at_jmp_ptr[], at_calls_mem[], at_calls_own[], at_jmp_mem[], at_ret[], at_pushf[], at_counted[], at_syscall[], at_rep[], at_push[], kinds_end[];

#ifdef __x86_64__
__asm__(".data\n"
	".balign 8\n"
	"calls_to: .quad adds_five\n"
	"jumps_to: .quad behind_jump\n"
	".section .tdata,\"awT\"\n"
	".balign 8\n"
	"own_calls: .quad adds_five\n"
	".text\n"
	".globl kinds\n"
	".type kinds,@function\n"
	"kinds:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	mov %rdi, %rbx\n"
	"at_plain:\n"
	"	lea 1(%rdi,%rdi,2), %rax\n"		/* 3n+1 */
	"at_relative:\n"
	"	add table+8(%rip), %rax\n"		/* +22 */
	"	test $1, %bl\n"
	"at_jcc:\n"
	"	jnz 1f\n"
	"	add $100, %rax\n"			/* even: +100 */
	"1:\n"
	"at_jmp:\n"
	"	jmp 2f\n"
	"	ud2\n"
	"2:\n"
	"at_push:\n"
	"	push %rax\n"
	"	pop %rax\n"
	"at_pushf:\n"
	"	pushf\n"
	"	popf\n"
	"at_call:\n"
	"	call 4f\n"				/* +5 */
	"	lea 5f(%rip), %rcx\n"
	"at_jmp_ptr:\n"
	"	jmp *%rcx\n"
	"	ud2\n"
	"5:\n"
	"	lea 4f(%rip), %rcx\n"
	"at_calls_ptr:\n"
	"	call *%rcx\n"				/* +5 */
	"at_calls_mem:\n"
	"	call *calls_to(%rip)\n"		/* +5 */
	"at_calls_own:\n"
	"	call *%fs:own_calls@tpoff\n"		/* +5 */
	"at_jmp_mem:\n"
	"	jmp *jumps_to(%rip)\n"
	"	ud2\n"
	"behind_jump:\n"
	"	mov $3, %ecx\n"
	"6:	inc %rax\n"				/* +3 */
	"at_loop:\n"
	"	loop 6b\n"
	"	mov %rax, %rbx\n"
	"	mov $39, %eax\n"			/* getpid */
	"at_syscall:\n"
	"	syscall\n"
	"	mov %rbx, %rax\n"
	"	sub $64, %rsp\n"
	"	mov %rsp, %rdi\n"
	"	mov $64, %ecx\n"
	"	cld\n"
	"at_rep:\n"
	"	rep stosb\n"
	"	add $64, %rsp\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"at_ret:\n"
	"	ret\n"
	"adds_five:\n"
	"4:	add $5, %rax\n"
	"	ret\n"
	"kinds_end:\n"
	".size kinds, .-kinds\n");
#else
__asm__(".section .tdata,\"awT\"\n"
	".balign 4\n"
	"own_calls: .long 4f\n"
	".text\n"
	".globl kinds\n"
	".type kinds,@function\n"
	"kinds:\n"
	"	push %ebx\n"
	"	push %edi\n"
	"	mov 12(%esp), %edx\n"
	"	mov %edx, %ebx\n"
	"at_plain:\n"
	"	lea 1(%edx,%edx,2), %eax\n"
	"at_relative:\n"
	"	add $22, %eax\n"
	"	test $1, %bl\n"
	"at_jcc:\n"
	"	jnz 1f\n"
	"	add $100, %eax\n"
	"1:\n"
	"at_jmp:\n"
	"	jmp 2f\n"
	"	ud2\n"
	"2:\n"
	"at_push:\n"
	"	push %eax\n"
	"	pop %eax\n"
	"at_pushf:\n"
	"	pushf\n"
	"	popf\n"
	"at_call:\n"
	"	call 4f\n"
	"	call 7f\n"
	"7:	pop %ecx\n"
	"	lea 5f-7b(%ecx), %edx\n"
	"at_jmp_ptr:\n"
	"	jmp *%edx\n"
	"	ud2\n"
	"5:\n"
	"	lea 4f-7b(%ecx), %edx\n"
	"	push %edx\n"
	"at_calls_mem:\n"
	"	call *(%esp)\n"
	"	pop %edx\n"
	"at_calls_own:\n"
	"	call *%gs:own_calls@ntpoff\n"
	"	lea 8f-7b(%ecx), %edx\n"
	"	push %edx\n"
	"at_jmp_mem:\n"
	"	jmp *(%esp)\n"
	"	ud2\n"
	"8:	pop %edx\n"
	"	lea 4f-7b(%ecx), %ecx\n"
	"at_calls_ptr:\n"
	"	call *%ecx\n"
	"	mov $3, %ecx\n"
	"6:	inc %eax\n"
	"at_loop:\n"
	"	loop 6b\n"
	"	mov %eax, %ebx\n"
	"	mov $20, %eax\n"
	"at_syscall:\n"
	"	int $0x80\n"
	"	mov %ebx, %eax\n"
	"	sub $64, %esp\n"
	"	mov %esp, %edi\n"
	"	mov $64, %ecx\n"
	"	cld\n"
	"at_rep:\n"
	"	rep stosb\n"
	"	add $64, %esp\n"
	"	xor %edx, %edx\n"
	"	pop %edi\n"
	"	pop %ebx\n"
	"at_ret:\n"
	"	ret\n"
	"4:	add $5, %eax\n"
	"	ret\n"
	"kinds_end:\n"
	".size kinds, .-kinds\n");
#endif

static uint64_t expected(uint64_t n)
{
	return 3 * n + 1 + 22 + (n % 2 ? 0 : 100) + 4 * 5 + 3;
}

__attribute__((noinline, noclone)) void work(struct tally *t, long i)
{
	uint64_t got = kinds((uint64_t)i);

	/* One write, at a known place. */
	__asm__ volatile(".globl at_counted\nat_counted: incl %0" : "+m"(*(uint32_t *)&t->calls));
	t->sum += got;
	t->wrong += got != expected((uint64_t)i);
}

__attribute__((noinline)) long recurse(long n)
{
	return n <= 0 ? 0 : 1 + recurse(n - 1);
}

static void on_usr1(int sig)
{
	int saved = errno;

	(void)sig;
	__atomic_add_fetch(&rounds, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &rounds, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	errno = saved;
}

/* Where each signal found its thread: no frame may show an address that is not the program's. */
enum { PCS = 4096 };
static uintptr_t pcs[PCS];

static void on_usr2(int sig, siginfo_t *si, void *context)
{
	const ucontext_t *uc = context;

	(void)sig;
	(void)si;
#ifdef __x86_64__
	pcs[__atomic_fetch_add(&signals, 1, __ATOMIC_SEQ_CST) % PCS] =
	    (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
#else
	pcs[__atomic_fetch_add(&signals, 1, __ATOMIC_SEQ_CST) % PCS] =
	    (uintptr_t)uc->uc_mcontext.gregs[REG_EIP];
#endif
}

static void on_trap(int sig)
{
	(void)sig;
	__atomic_add_fetch(&traps, 1, __ATOMIC_SEQ_CST);
}

static void *run(void *arg);

static void make_threads(void)
{
	for (long i = 1; i < threads; i++) {
		pthread_t t;

		pthread_create(&t, NULL, run, (void *)i);
	}
}

static void *run(void *arg)
{
	struct tally *t = &tallies[(long)arg];
	uint32_t seen = 0;

	for (;;) {
		while (__atomic_load_n(&rounds, __ATOMIC_SEQ_CST) == seen)
			syscall(SYS_futex, &rounds, FUTEX_WAIT, seen, NULL, NULL, 0);
		seen++;
		if (!arg && late) {
			late = 0;
			make_threads();
		}
		for (long i = 0; i < calls; i++)
			work(t, i);
		recurse(5);
		__atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void facts(void)
{
	debuggee_say("tallies", (unsigned long)tallies);
	debuggee_say("rounds", (unsigned long)&rounds);
	debuggee_say("done", (unsigned long)&done);
	debuggee_say("signals", (unsigned long)&signals);
	debuggee_say("pcs", (unsigned long)pcs);
	debuggee_say("traps", (unsigned long)&traps);
	debuggee_say("work", (unsigned long)work);
	debuggee_say("recurse", (unsigned long)recurse);
	debuggee_say("kinds", (unsigned long)kinds);
	debuggee_say("kinds_end", (unsigned long)kinds_end);
	debuggee_say("plain", (unsigned long)at_plain);
	debuggee_say("relative", (unsigned long)at_relative);
	debuggee_say("jcc", (unsigned long)at_jcc);
	debuggee_say("jmp", (unsigned long)at_jmp);
	debuggee_say("push", (unsigned long)at_push);
	debuggee_say("pushf", (unsigned long)at_pushf);
	debuggee_say("call", (unsigned long)at_call);
	debuggee_say("jmp_ptr", (unsigned long)at_jmp_ptr);
	debuggee_say("calls_ptr", (unsigned long)at_calls_ptr);
	debuggee_say("calls_mem", (unsigned long)at_calls_mem);
	debuggee_say("calls_own", (unsigned long)at_calls_own);
	debuggee_say("jmp_mem", (unsigned long)at_jmp_mem);
	debuggee_say("loop", (unsigned long)at_loop);
	debuggee_say("syscall", (unsigned long)at_syscall);
	debuggee_say("counted", (unsigned long)at_counted);
	debuggee_say("rep", (unsigned long)at_rep);
	debuggee_say("ret", (unsigned long)at_ret);
}

/* A system call filter that allows everything: with the environment's PATCHED_FILTER. */
static void filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {1, &allow};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	struct sigaction usr2 = {.sa_sigaction = on_usr2, .sa_flags = SA_SIGINFO | SA_RESTART};

	debuggee_start();
	threads = argc > 1 ? atoi(argv[1]) : 1;
	calls = argc > 2 ? atol(argv[2]) : 1;
	signal(SIGUSR1, on_usr1);
	sigaction(SIGUSR2, &usr2, NULL);
	signal(SIGTRAP, on_trap);
	facts();
	if (getenv("PATCHED_FILTER"))
		filter();
	if (argc > 3)
		late = 1;
	else
		make_threads();
	debuggee_ready();
	return run(NULL) != NULL;
}
