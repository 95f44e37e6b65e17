/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The wire protocol: what wire.def is made into.  Decoding allocates nothing:
 * strings, blobs and lists of a decoded message point into the bytes it was
 * decoded from and are valid as long as those.  Lists were walked once by the
 * decoder, so that iterating one cannot fail later.
 *
 * For every REC(x):  struct wire_rec_x
 *                    void wire_put_x(struct buf *, const struct wire_rec_x *)
 *                    bool wire_next_x(struct span *list, struct wire_rec_x *)
 * For every MSG(x):  enum WIRE_x, struct wire_x
 *                    void wire_encode_x(struct buf *, const struct wire_x *)
 *                    bool wire_decode_x(struct span body, struct wire_x *)
 */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "buf.h"

enum {
	WIRE_VERSION_MIN = 1, /* the oldest we speak ... */
	WIRE_VERSION = 2,     /* ... and the newest */
	WIRE_HEAD = 28,	      /* bytes of a header */
	WIRE_PIECE = 65536,   /* bytes of a body, at most */
	WIRE_PROOF_VERSION = 1,
	WIRE_TYPES = 256, /* types are below this */
	WIRE_OUTPUT_WINDOW = 256 * 1024, /* bytes of a launched program's output ahead of the host */
	WIRE_LAUNCH_MAX = 2 * 1024 * 1024, /* bytes of arguments and environment of a launch */
};

#define WIRE_ALPN_PROCSRV "procsrv/1" /* kind of server and major version, RFC 7301 */

/* Our own note types (regsets) start here: kernel and stub registers. */
#define WIRE_NOTE_OWN 0x80000000u

enum wire_flag { WIRE_MORE = 1 }; /* another piece of this reply or event follows */

enum wire_peer { WIRE_PEER_HOST = 1, WIRE_PEER_PROCSRV = 2, WIRE_PEER_KDSRV = 3, WIRE_PEER_HDBSRV = 4 };
enum wire_kind { WIRE_LINK_H, WIRE_LINK_A, WIRE_LINK_B, WIRE_REQ, WIRE_REP, WIRE_EVT };
enum wire_state { WIRE_NONE, WIRE_HELLO, WIRE_OPEN, WIRE_TARGET };
enum wire_feature { WIRE_FEATURE_GRANTS = 1 }; /* bits of hello's features */
enum wire_right { WIRE_R_NONE, WIRE_R_LOOK, WIRE_R_STOP, WIRE_R_WRITE, WIRE_R_LAUNCH };
enum wire_loss { WIRE_LOSS_DEFAULT, WIRE_LOSS_RESUME, WIRE_LOSS_HOLD, WIRE_LOSS_KILL };
enum wire_how {
	WIRE_ATTACH_STOP, /* traced, all threads stopped */
	WIRE_ATTACH_RUN,  /* traced, left running */
	WIRE_ATTACH_LOOK, /* not traced at all: maps, memory and /proc only */
};
enum wire_tstate { WIRE_T_RUNNING, WIRE_T_STOPPED, WIRE_T_STOPPING, WIRE_T_EXITING };
enum wire_reason {
	WIRE_STOP_REQUEST, /* attach or interrupt */
	WIRE_STOP_SIGNAL,
	WIRE_STOP_JOB, /* group stop */
	WIRE_STOP_EXEC,
	WIRE_STOP_BORN, /* a new thread (or followed child) that has not run yet */
	/* since version 2 */
	WIRE_STOP_PATCH,   /* hit one or more */
	WIRE_STOP_STEP,    /* a step or a range of them is done */
	WIRE_STOP_SYSCALL, /* at the entry of a system call ... */
	WIRE_STOP_SYSRET,  /* ... and at its return */
	WIRE_STOP_FORK,
	WIRE_STOP_VFORK,
	WIRE_STOP_VFORK_DONE,
	WIRE_STOP_CLONE,
	WIRE_STOP_EXIT,	  /* the thread is about to end */
	WIRE_STOP_LAUNCH, /* before the first instruction of a program we started */
};
enum wire_action { WIRE_RESUME_CONT, WIRE_RESUME_STEP, WIRE_RESUME_RANGE };
enum wire_stop_scope { WIRE_STOPS_ALL, WIRE_STOPS_THREAD };
/* Beside the scope of a go: what is planted where a thread stands is hit, not passed. */
enum { WIRE_GO_HITS = 0x80 };
enum wire_patch {
	WIRE_PATCH_SOFT,  /* a breakpoint instruction in the text */
	WIRE_PATCH_HARD,  /* execution, by a debug register */
	WIRE_PATCH_WRITE, /* data written, by a debug register */
	WIRE_PATCH_ACCESS, /* data read or written */
};
enum wire_patch_flag {
	WIRE_PATCH_ONCE = 1,   /* lifted at its first reported hit */
	WIRE_PATCH_NEEDED = 2, /* when it cannot be planted, the next go is refused for that */
};
/* What stepping over an instruction away from its place has to mind. */
enum wire_insn {
	WIRE_INSN_OTHER,    /* it must run where it is (system calls, traps, unknown) */
	WIRE_INSN_PLAIN,    /* runs anywhere, goes on behind itself */
	WIRE_INSN_RELATIVE, /* the same, but has a displacement from the pc: see fix */
	WIRE_INSN_LEAVES,   /* runs anywhere, never goes on behind itself (ret, jmp *%rax) */
	WIRE_INSN_JUMP,     /* a direct jump, conditional or not; the agent does it itself */
	WIRE_INSN_CALL,     /* a call; the same */
};
enum wire_caught {
	WIRE_CATCH_FORK = 1,
	WIRE_CATCH_VFORK = 2,
	WIRE_CATCH_EXEC = 4,
	WIRE_CATCH_CLONE = 8,
	WIRE_CATCH_EXIT = 16, /* of a thread */
	WIRE_CATCH_SYSCALL = 32,
};
enum wire_follow { WIRE_FOLLOW_PARENT, WIRE_FOLLOW_CHILD, WIRE_FOLLOW_BOTH };
enum wire_launch_flag {
	WIRE_LAUNCH_PTY = 1,
	WIRE_LAUNCH_ASLR = 2, /* leave it as it is */
	WIRE_LAUNCH_LOGIN = 4, /* the environment given is added to a login's */
	WIRE_LAUNCH_APART = 8, /* with PTY: it does not control the program's session */
	/* The program executes another (a wrapper), which is the one to be held; or that one
	 * a third; or with both bits a fourth is. */
	WIRE_LAUNCH_THROUGH = 16,
	WIRE_LAUNCH_THROUGH_TWO = 32,
};
enum wire_look_flag { WIRE_LOOK_LINK = 1 /* a symbolic link itself, not what it leads to */ };
enum wire_write_flag { WIRE_WRITE_CREATE = 1, WIRE_WRITE_EMPTY = 2, WIRE_WRITE_NEW = 4 /* or fail */ };
enum wire_file_deed {
	WIRE_FILE_UNLINK, /* a regular file or a symbolic link */
	WIRE_FILE_MKDIR,
	WIRE_FILE_CHMOD, /* a regular file or a directory */
	WIRE_FILE_SYMLINK,
};
enum wire_text {
	/* of the machine */
	WIRE_TEXT_CPUINFO,
	WIRE_TEXT_MODULES,
	WIRE_TEXT_SYSV_MSG,
	WIRE_TEXT_SYSV_SEM,
	WIRE_TEXT_SYSV_SHM,
	WIRE_TEXT_NET_TCP,
	WIRE_TEXT_NET_TCP6,
	WIRE_TEXT_NET_UDP,
	WIRE_TEXT_NET_UDP6,
	WIRE_TEXT_NET_UNIX,
	/* of a process */
	WIRE_TEXT_STAT,
	WIRE_TEXT_TASKS, /* stat of each thread */
	WIRE_TEXT_FDS,   /* number and link of each descriptor, by turns */
	WIRE_TEXT_CMDLINE,
	WIRE_TEXT_STATUS,
	WIRE_TEXT_MAPS,
	WIRE_TEXT_SMAPS,
	WIRE_TEXT_COREDUMP_FILTER,
};
enum wire_scope { WIRE_SCOPE_CAUSE, WIRE_SCOPE_ALL }; /* threads that caused the stop; every thread */
enum wire_base {
	WIRE_BASE_ZERO,
	WIRE_BASE_PC,
	WIRE_BASE_SP,
	WIRE_BASE_FP,
	/* since version 2: no memory, but the regset whose note is the offset */
	WIRE_BASE_REGSET,
};
enum wire_chunk { WIRE_BYTES, WIRE_ZEROS, WIRE_UNCHANGED, WIRE_UNREADABLE };

/* The header in front of every body: six little-endian integers. */
struct wire_head {
	uint32_t len; /* of the body */
	uint16_t type;
	uint16_t flags;	 /* enum wire_flag; other bits are an error in version 1 */
	uint32_t target; /* handle, 0 = none */
	uint32_t piece;	 /* of this reply or event, from 0 */
	uint32_t epoch;	 /* link number within the session; 0 until sessions resume */
	uint64_t id;	 /* request id; event number; 0 for link messages */
};

/* A message as it arrived: its body points into the receiver's buffer. */
struct wire_msg {
	struct wire_head h;
	struct span body;
};

enum wire_type {
	WIRE_none,
#define MSG(number, name, kind, since, reply, state, right, effect) WIRE_##name = number,
#include "wire.def"
};

#define REC(name) struct wire_rec_##name {
#define MSG(number, name, kind, since, reply, state, right, effect) struct wire_##name {
#define U8(f) uint8_t f;
#define U16(f) uint16_t f;
#define U32(f) uint32_t f;
#define U64(f) uint64_t f;
#define I32(f) int32_t f;
#define I64(f) int64_t f;
#define RAW(f, n) uint8_t f[n];
#define STR(f, max) struct span f;
#define BLOB(f, max) struct span f;
#define LIST(f, rec, max) struct span f; /* of wire_rec_##rec, encoded */
#define EMPTY uint8_t nothing;
#define END };
#include "wire.def"

/* The kinds of structs there are: records, then bodies of messages. */
enum wire_form {
#define REC(name) WIRE_FORM_rec_##name,
#define MSG(number, name, kind, since, reply, state, right, effect) WIRE_FORM_##name,
#include "wire.def"
};

/* v: a struct of that form.  Decoded texts, blobs and lists point into the bytes. */
void wire_pack(struct buf *b, enum wire_form form, const void *v);
/* Exactly those bytes; v NULL: only judge them. */
bool wire_unpack(struct span body, enum wire_form form, void *v);
/* The first record of a list, which then begins behind it; false at its end. */
bool wire_unpack_next(struct span *list, enum wire_form form, void *v);

#define REC(name)                                                                                  \
	static inline void wire_put_##name(struct buf *b, const struct wire_rec_##name *v)         \
	{                                                                                          \
		wire_pack(b, WIRE_FORM_rec_##name, v);                                             \
	}                                                                                          \
	static inline bool wire_next_##name(struct span *list, struct wire_rec_##name *v)          \
	{                                                                                          \
		return wire_unpack_next(list, WIRE_FORM_rec_##name, v);                            \
	}
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	static inline void wire_encode_##name(struct buf *b, const struct wire_##name *v)          \
	{                                                                                          \
		wire_pack(b, WIRE_FORM_##name, v);                                                 \
	}                                                                                          \
	static inline bool wire_decode_##name(struct span body, struct wire_##name *v)             \
	{                                                                                          \
		return wire_unpack(body, WIRE_FORM_##name, v);                                     \
	}
#include "wire.def"

/* A row of the table, by message type. */
struct wire_row {
	char name[16];
	uint32_t min, max; /* bounds of the body, bytes */
	uint16_t type;
	uint16_t reply; /* type of the reply, WIRE_none */
	uint16_t since;
	enum wire_form form;
	enum wire_kind kind;
	enum wire_state state;
	enum wire_right right;
	bool effect;
};

/* The row of a type; NULL when there is none. */
const struct wire_row *wire_row(uint16_t type);

/* The body decodes as that type's. */
bool wire_valid(uint16_t type, struct span body);

/* The row of a reply's type: replies carry the request's row's reply, or error. */
bool wire_is_reply_to(uint16_t reply, uint16_t request);

/* Does a message of this kind need bytes of credit?  (Replies, events and
 * requests do; what concerns the link itself does not.) */
static inline bool wire_needs_credit(enum wire_kind kind)
{
	return kind == WIRE_REQ || kind == WIRE_REP || kind == WIRE_EVT;
}

void wire_put_head(struct buf *b, const struct wire_head *h);
bool wire_get_head(struct rd *r, struct wire_head *h);

/* Who sends. */
enum wire_from { WIRE_FROM_HOST, WIRE_FROM_AGENT };

/* Judge a header alone, before its body is waited for: E_OK, or why the link has
 * to close (the type is unknown and no request, wrong direction, flags, length).
 * An unknown type from the host of at most WIRE_PIECE bytes is E_UNKNOWN: the
 * link lives on and the message is answered with that error. */
int wire_check_head(const struct wire_head *h, enum wire_from from);

/* The fields of a body, " name=value" each. */
void wire_dump_fields(FILE *f, const struct wire_row *row, struct span body);
/* One line about a message, for -v: direction, name, header and fields. */
void wire_dump(FILE *f, const char *prefix, const struct wire_msg *m);

#endif
