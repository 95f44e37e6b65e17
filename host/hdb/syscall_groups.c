/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "host/hdb/syscalls.h"

/* GDB's groups and what it counts to them, on any architecture, and newer calls of the kind. */
static const struct {
	const char *name, *calls;
} groups[] = {
    {"descriptor",
	" _llseek _newselect close close_range copy_file_range creat dup dup2 dup3 epoll_create "
	"epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execveat "
	"faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_init fanotify_mark fchdir "
	"fchmod fchmodat fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr finit_module "
	"flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync "
	"ftruncate ftruncate64 futimesat getdents getdents64 inotify_add_watch inotify_init "
	"inotify_init1 inotify_rm_watch ioctl io_uring_enter io_uring_register io_uring_setup "
	"linkat lseek memfd_create mkdirat mknodat mmap mmap2 name_to_handle_at newfstatat "
	"oldfstat "
	"open open_by_handle_at openat openat2 perf_event_open pidfd_getfd pidfd_open "
	"pidfd_send_signal pipe pipe2 poll ppoll pread64 preadv preadv2 pselect6 pwrite64 pwritev "
	"pwritev2 read readahead readdir readlinkat readv renameat renameat2 select sendfile "
	"sendfile64 setns signalfd signalfd4 socketcall splice statx symlinkat sync_file_range "
	"syncfs tee timerfd_create timerfd_gettime timerfd_settime unlinkat userfaultfd utimensat "
	"vmsplice write writev "},
    {"file",
	" access acct chdir chmod chown chown32 chroot creat execve execveat faccessat faccessat2 "
	"fanotify_mark fchmodat fchownat fstatat64 futimesat getcwd getxattr "
	"lchown lchown32 lgetxattr link linkat listxattr llistxattr lremovexattr "
	"lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat mount name_to_handle_at newfstatat "
	"oldlstat oldstat open openat openat2 pivot_root quotactl readlink readlinkat removexattr "
	"rename renameat renameat2 rmdir setxattr stat stat64 statfs statfs64 statx swapoff swapon "
	"symlink symlinkat truncate truncate64 umount umount2 unlink unlinkat uselib utime "
	"utimensat utimes "},
    {"ipc", " ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmdt "
	    "shmget "},
    {"memory", " break brk get_mempolicy madvise mbind migrate_pages mincore mlock mlock2 "
	       "mlockall mmap mmap2 move_pages mprotect mremap msync munlock munlockall munmap "
	       "pkey_mprotect process_madvise remap_file_pages set_mempolicy shmat shmdt "},
    {"network",
	" accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom "
	"recvmmsg recvmsg send sendfile sendfile64 sendmmsg sendmsg sendto setsockopt shutdown "
	"socket socketcall socketpair "},
    {"process", " arch_prctl clone clone3 execve execveat exit exit_group fork "
		"rt_tgsigqueueinfo unshare vfork wait4 waitid waitpid "},
    {"signal",
	" kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
	"rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sgetmask sigaction "
	"sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend "
	"ssetmask tgkill tkill "},
};

static bool has(const char *calls, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = calls; (p = strstr(p, name)); p += n)
		if (p[-1] == ' ' && p[n] == ' ')
			return true;
	return false;
}

static size_t all_of(uint32_t arch, const char *calls, uint32_t *v, size_t max)
{
	enum { NUMBERS = 1024 }; /* of any table so far */
	char name[SYSCALL_TEXT];
	size_t n = 0;

	for (uint32_t i = 0; i < NUMBERS && n < max; i++)
		if (has(calls, syscall_text(name, arch, i)))
			v[n++] = i;
	return n;
}

size_t syscall_group(uint32_t arch, const char *name, uint32_t *v, size_t max)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (strcmp(groups[i].name, name) == 0)
			return all_of(arch, groups[i].calls, v, max);
	return 0;
}
