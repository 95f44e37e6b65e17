/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pipes between our processes on the box.  See ipc.def for the table.
 */
#ifndef PROCSRV_IPC_H
#define PROCSRV_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IPC_VERSION = 1, IPC_MAX = 8192 }; /* of a packet, bytes */

/* Phases of a connection, bit by bit, in order: they never go back. */
enum ipc_phase {
	PHASE_START = 1,     /* conn is being set up; nothing remote was read */
	PHASE_HANDSHAKE = 2, /* TLS */
	PHASE_SIGNED = 4,    /* the one signature was given */
	PHASE_PROVED = 8,    /* the client's proof holds */
	PHASE_OPENED = 16,   /* a session is open: frames are relayed */
};

/* Who sends to whom. */
enum ipc_pipe { M_C, C_M, M_G, T_G, G_T };

enum ipc_type {
#define IPC(number, name, pipe, phase, most, body) IPC_##name = number,
#include "ipc.def"
};
enum { IPC_TYPES = 32 }; /* types are below this */

/* What the receiver of a pipe remembers. */
struct ipc_state {
	enum ipc_pipe pipe;
	enum ipc_phase phase;
	uint32_t count[IPC_TYPES];
};

/* A message of that type arrived: true, and counted, when the table allows it
 * now; false: its sender has to end. */
bool ipc_check(struct ipc_state *s, uint16_t type);

/* The name of a type, "?" when there is none.  Static. */
const char *ipc_name(uint16_t type);

/* Descriptors every process finds at fixed numbers. */
enum ipc_fd {
	FD_PIPE = 3,    /* seqpacket pair to the parent role */
	FD_CHANNEL = 4, /* conn, guard, tracer: frames (stream) */
	FD_SOCKET = 5,  /* monitor, conn: the accepted TCP connection */
	FD_RECORD = 5,  /* guard: the session's record, locked */
	FD_LISTEN = 6,  /* guard: the session's socket, for later connections */
	FD_JOURNAL = 7, /* guard: the session's journal */
	FD_SPOOL = 8,   /* guard: its records while it has no monitor */
};

/* How a monitor ends, for the listener, which penalises the address it came from.
 * Beside FD_SOCKET a monitor finds as FD_PIPE the writing end of a pipe: it writes
 * one byte there once the proof holds, and the connection stops counting as
 * unproven.  Killed by a signal counts as MONITOR_CRASH.
 *
 * "procsrv-monitor -check -key K -map M [-user-mode]" judges both files before the
 * listener listens: status 0 and one line "pin=SHA256:... keys=N" on stdout, or
 * MONITOR_CONFIG and one sentence on stderr. */
enum monitor_exit {
	MONITOR_DONE = 0,       /* a proven connection that ended, whatever the reason */
	MONITOR_REFUSED = 10,   /* handshake failed, unknown or expired key, wrong address */
	MONITOR_BAD_PROOF = 11, /* a proof that does not hold */
	MONITOR_SILENT = 12,    /* handshake or proof did not come in time */
	MONITOR_CRASH = 13,     /* conn died of a signal, or broke the rules of its pipe */
	MONITOR_FAILED = 14,    /* our own trouble: no memory, no process */
	MONITOR_CONFIG = 78,    /* key or map cannot be used (EX_CONFIG of sysexits.h) */
};

/* The bodies.  All are fixed in size; bytes past a length inside one are zero. */

struct ipc_none {
	uint32_t nothing;
};

struct ipc_setup {
	uint32_t verbose;
	uint32_t user_mode;    /* same uid as the monitor, no chroot: Landlock instead */
	uint32_t any_key;      /* no early filter: the proof alone decides */
	uint32_t handshake_ms; /* how long each may take */
	uint32_t proof_ms;
	uint32_t cert_n;
	uint8_t nonce[32]; /* for the challenge */
	uint8_t point[65];
	uint8_t cert[4096]; /* DER */
};

enum { IPC_KEYS_EACH = 128 };
struct ipc_keys {
	uint32_t n;
	uint8_t hash[IPC_KEYS_EACH][32];
};

struct ipc_hash {
	uint8_t hash[32]; /* SHA-256 */
};

struct ipc_signature {
	uint32_t result; /* enum err */
	uint8_t sig[64]; /* r, s */
};

/* Message proof of the wire, field by field. */
struct ipc_proof {
	uint64_t last_reply, last_event;
	uint16_t version;
	uint8_t mode;
	uint8_t user_n;
	uint8_t user[32];
	uint8_t point[65];
	uint8_t sig[64];
	uint8_t session[16];
	uint8_t mac[32];
	uint8_t granted; /* 1: it carried a grant, of which GRANT has told if it was as long as one */
};

struct ipc_grant {
	uint8_t bytes[529]; /* GRANT_BYTES of common/grant.h */
};

struct ipc_verdict {
	uint32_t result; /* enum err */
};

struct ipc_open {
	uint64_t last_reply, last_event;
	uint32_t grace_ms;
	uint32_t loss; /* enum wire_loss */
};

struct ipc_opened {
	uint32_t result; /* enum err: why the row does not allow it */
	uint32_t resumed;
	uint8_t session[16]; /* zeros: cannot be resumed */
	uint8_t secret[32];
	uint64_t last_id, last_event; /* resumed: what the session has seen */
	uint32_t uid, gid;
	uint32_t rights;
	uint32_t grace_ms, max_stop_ms;
	int32_t yama;
	char user[64]; /* refused: the name asked for */
	char key[128]; /* name of the row */
};

/* Why a link ended, as conn saw it: for the audit line, believed by nobody. */
struct ipc_ended {
	uint32_t end;  /* enum tls_end of common/tls.h */
	uint32_t code; /* enum err: above TLS; OK = as it should */
	int32_t alert_sent, alert_got;
	int32_t error; /* of Mbed TLS */
	uint32_t ready;
	uint32_t first_n;
	uint8_t first[32];
	uint32_t has_peer;
	uint8_t peer[32];
	uint64_t bytes_in, bytes_out;
};

/* Among the rights of a row and of a session, beside bits 1 << enum wire_right: guard, tracer
 * and reader have capabilities that debug any process. */
#define IPC_RIGHT_ROOT 0x80000000u

/* What a session is, from monitor to guard and from there to the tracer. */
struct ipc_session {
	uint8_t id[16];    /* zeros in stdio mode */
	uint32_t number;   /* for people; 0 in stdio mode */
	uint32_t rights;   /* bits 1 << enum wire_right (wire.h), IPC_RIGHT_ROOT */
	uint32_t grace_ms; /* agreed upon */
	uint32_t loss;     /* enum wire_loss */
	uint32_t max_stop_ms;
	uint32_t verbose;
	/* 1 = conn does hello, open and heartbeats; the tracer takes CREDIT_REPLY_BYTES as
	 * granted unless the host's hello is the first frame it gets.  0 = the tracer does
	 * all of it (stdio). */
	uint32_t greeted;
	uint32_t keep_launched; /* what was launched outlives the session */
	uint32_t bounded;       /* BOUNDS follows */
	int64_t since;          /* time(2) */
	char user[64];          /* local user it runs as */
	char key[128];          /* the key's name (map comment) or fingerprint */
	char from[64];          /* peer address, "local" in stdio mode */
};

/* Which processes it may touch (bounds.h): those of one of the units, if there are any, that
 * run one of the programs, if there are any. */
enum { BOUND_UNITS = 8, BOUND_EXES = 8, BOUND_TEXT = 256 };
struct ipc_bounds {
	uint32_t nunits, nexes;
	char unit[BOUND_UNITS][BOUND_TEXT]; /* patterns as fnmatch(3) has them */
	char exe[BOUND_EXES][BOUND_TEXT];   /* paths, for people; these count: */
	uint64_t dev[BOUND_EXES], ino[BOUND_EXES];
};

/* A proven connection takes the session up again. */
struct ipc_resume {
	uint64_t last_reply, last_event; /* what the host has */
	uint32_t rights;                 /* of the row as it is now */
	uint32_t bounds;                 /* bounds_sum of the same */
	char from[64];
};

struct ipc_resumed {
	uint32_t result; /* enum err */
	uint32_t rights, grace_ms, max_stop_ms;
	uint32_t number;
	uint32_t pad;
	uint64_t last_id, last_event; /* the newest request seen, the newest event */
};

/* Something that happened to a process; for the audit record. */
struct ipc_audit {
	uint32_t event; /* enum ipc_event */
	uint32_t pid;
	uint64_t start; /* clock ticks since boot */
	uint64_t exe_dev, exe_ino;
	uint32_t result; /* enum err */
	/* From the tracer: where it is in the journal until it is on record, from 1; 0 = it is not.
	 * From the guard: RECORDED is the answer. */
	uint32_t kept;
	uint64_t size;  /* of a file fetched, or before it was written; how often */
	char name[256]; /* comm, or path as opened; any bytes, NUL-terminated */
};

/* A process that the tracer traces, beside descriptors: its pidfd and its memory.  By the
 * time it is read its place in the journal may be another's. */
struct ipc_target {
	uint32_t index; /* in the journal */
	uint32_t image;
	uint64_t start;
	int32_t pid;
	uint32_t pad;
};

enum ipc_event {
	IPC_ATTACH = 1,
	IPC_DETACH,
	IPC_SNAPSHOT,
	IPC_FILE_READ,
	IPC_EXITED,
	IPC_LAUNCH,
	IPC_KILL,
	IPC_WRITE_MEM, /* the first time ... */
	IPC_WRITE_REGS,
	IPC_WROTE_MEM, /* ... and at the target's end how often */
	IPC_WROTE_REGS,
	IPC_FILE_WRITE,
	IPC_FILE_CHANGE,
	/* of the guard itself */
	IPC_LINK_LOST,
	IPC_EXPIRED,
	IPC_REPAIRED,
};

/* Send one packet.  0, or an errno value (EAGAIN: the pipe is full). */
int ipc_send(int fd, enum ipc_type type, const void *body, size_t size);

/* Receive one packet of at most max bytes into body; never accepts descriptors.
 * 0 and *type, *size; EPIPE at end of file; EPROTO for anything malformed (version,
 * size against the table, a descriptor attached); else an errno value. */
int ipc_recv(int fd, uint16_t *type, void *body, size_t max, size_t *size);

/* The same with descriptors: n of them, that stay the sender's; the receiver's are
 * close-on-exec, -1 = there was none. */
enum { IPC_FDS = 2 };
int ipc_send_fds(
    int fd, enum ipc_type type, const void *body, size_t size, const int *fds, unsigned n);
int ipc_recv_fds(int fd, uint16_t *type, void *body, size_t max, size_t *size, int fds[IPC_FDS]);
/* Those that are wanted no more, or never were. */
void ipc_close_fds(const int fds[IPC_FDS]);

#endif
