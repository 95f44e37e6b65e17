/* SPDX-License-Identifier: BSD-2-Clause */
#include "sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mbedtls/version.h>

static int failed(char *why, size_t size, const char *what)
{
	snprintf(why, size, "cannot lock conn in: %s: %s", what, strerror(errno));
	return -1;
}

/* ---- who and where ------------------------------------------------------------ */

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return (int)syscall(SYS_capset, &head, none);
}

static int lock_into_directory(char *why, size_t size)
{
	if (chroot(".") != 0 || chdir("/") != 0)
		return failed(why, size, "chroot");
	return 0;
}

/* What newer kernels know beyond the headers this may be built with: ABI 4 adds the
 * network, 6 scopes (abstract sockets, signals).  linux/landlock.h */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

/* Files by ABI: 1 has 13 rights, 2 and 3 add one each, 5 one more. */
static const uint64_t fs_rights[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};

enum {
	ABI_NET = 4,
	ABI_SCOPE = 6,
	NET_BIND_CONNECT = 3,
	SCOPE_ALL = 3,
	SIZE_FS = 8,
	SIZE_NET = 16,
};

/* A ruleset without any rule allows nothing of what it handles.  A kernel without
 * Landlock goes without: the system call filter stands behind it. */
static int lock_by_landlock(char *why, size_t size)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset r = {0};
	size_t n = SIZE_FS;
	int fd, err;

	if (abi < 1)
		return 0;
	r.fs = fs_rights[abi < 5 ? abi : 5];
	if (abi >= ABI_NET) {
		r.net = NET_BIND_CONNECT;
		n = SIZE_NET;
	}
	if (abi >= ABI_SCOPE) {
		r.scoped = SCOPE_ALL;
		n = sizeof(r);
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &r, n, 0);
	if (fd < 0)
		return failed(why, size, "Landlock");
	err = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	if (err)
		failed(why, size, "Landlock");
	close(fd);
	return err;
}

/* ---- how much ------------------------------------------------------------------- */

static int limit(char *why, size_t size)
{
	static const struct {
		__rlimit_resource_t what;
		rlim_t most;
		const char *name;
	} limits[] = {
		{RLIMIT_NPROC, 0, "NPROC"},
		{RLIMIT_FSIZE, 0, "FSIZE"},
		{RLIMIT_CORE, 0, "CORE"},
#if !defined(__SANITIZE_ADDRESS__) /* it reserves terabytes */
		{RLIMIT_AS, 256 << 20, "AS"},
#endif
		{RLIMIT_NOFILE, 0, "NOFILE"}, /* what is open stays open; nothing can be received */
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit l = {limits[i].most, limits[i].most};

		if (setrlimit(limits[i].what, &l) != 0)
			return failed(why, size, limits[i].name);
	}
	return 0;
}

/* ---- system calls ----------------------------------------------------------------- */

/* What TLS, libevent and malloc were measured to need.  Everything else kills. */
static const int allowed[] = {
    SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
#if defined(__aarch64__)
    SCMP_SYS(epoll_pwait), /* there is no epoll_wait there */
#else
    SCMP_SYS(epoll_wait),
#endif
    SCMP_SYS(epoll_ctl), SCMP_SYS(clock_gettime), /* where the vdso has no clock */
    SCMP_SYS(getrandom), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    SCMP_SYS(close), SCMP_SYS(exit_group),
#if MBEDTLS_VERSION_MAJOR >= 3
    SCMP_SYS(getpid), /* its random generator looks whether it was forked */
#endif
};

/* A date in a certificate makes the C library look for the time zone: it is told
 * that there is no such file. */
static const int absent[] = {
    SCMP_SYS(openat),
    SCMP_SYS(newfstatat),
};

static int add_rules(scmp_filter_ctx f, int pipe)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; !err && i < sizeof(absent) / sizeof(absent[0]); i++)
		err = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOENT), absent[i], 0);
	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)pipe, 0));
	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(recvmsg), 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)pipe, 0));
	return err;
}

static int filter(int pipe, char *why, size_t size)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err = f ? add_rules(f, pipe) : -ENOMEM;

	if (!err)
		err = seccomp_load(f);
	seccomp_release(f);
	if (!err)
		return 0;
	errno = -err;
	return failed(why, size, "seccomp");
}

int sandbox_enter(bool may_chroot, int pipe, char *why, size_t size)
{
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed(why, size, "prctl");
	if (may_chroot ? lock_into_directory(why, size) : lock_by_landlock(why, size))
		return -1;
	if (drop_capabilities() != 0)
		return failed(why, size, "capset");
	if (limit(why, size) != 0)
		return -1;
#if defined(__SANITIZE_ADDRESS__)
	/* The sanitizer's run time has needs of its own. */
	(void)filter;
	(void)pipe;
	return 0;
#else
	return filter(pipe, why, size);
#endif
}
