/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pipes between our processes on the box.  See ipc.def for the table.
 */
#ifndef PROCSRV_IPC_H
#define PROCSRV_IPC_H

#include <stddef.h>
#include <stdint.h>

enum { IPC_VERSION = 1, IPC_MAX = 8192 }; /* of a packet, bytes */

enum ipc_type {
#define IPC(number, name, pipe, phase, most, body) IPC_##name = number,
#include "ipc.def"
};

/* Descriptors every process finds at fixed numbers. */
enum ipc_fd {
	FD_PIPE = 3,	/* seqpacket pair to the parent role */
	FD_CHANNEL = 4, /* conn, guard, tracer: frames (stream) */
	FD_SOCKET = 5,	/* monitor, conn: the accepted TCP connection */
	FD_RECORD = 5,	/* guard: the session's record, locked */
	FD_LISTEN = 6,	/* guard: the session's socket, for later connections */
	FD_JOURNAL = 7, /* guard: the session's journal */
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
	MONITOR_DONE = 0,      /* a proven connection that ended, whatever the reason */
	MONITOR_REFUSED = 10,  /* handshake failed, unknown or expired key, wrong address */
	MONITOR_BAD_PROOF = 11, /* a proof that does not hold */
	MONITOR_SILENT = 12,   /* handshake or proof did not come in time */
	MONITOR_CRASH = 13,    /* conn died of a signal, or broke the rules of its pipe */
	MONITOR_FAILED = 14,   /* our own trouble: no memory, no process */
	MONITOR_CONFIG = 78,   /* key or map cannot be used (EX_CONFIG of sysexits.h) */
};

/* What a session is, from monitor to guard and from there to the tracer. */
struct ipc_session {
	uint8_t id[16];	   /* zeros in stdio mode */
	uint32_t number;   /* for people; 0 in stdio mode */
	uint32_t rights;   /* bits 1 << enum wire_right (wire.h) */
	uint32_t grace_ms; /* agreed upon */
	uint32_t loss;	   /* enum wire_loss */
	uint32_t max_stop_ms;
	uint32_t verbose;
	uint32_t greeted; /* 1 = conn does hello, open and heartbeats; 0 = the tracer does (stdio) */
	int64_t since;	  /* time(2) */
	char user[64];	  /* local user it runs as */
	char key[128];	  /* the key's name (map comment) or fingerprint */
	char from[64];	  /* peer address, "local" in stdio mode */
};

/* Something that happened to a process; for the audit record. */
struct ipc_audit {
	uint32_t event; /* enum ipc_event */
	uint32_t pid;
	uint64_t start;	 /* clock ticks since boot */
	uint64_t exe_dev, exe_ino;
	uint32_t result; /* enum err */
	uint32_t pad;
	uint64_t size;	/* of a file fetched */
	char name[256]; /* comm, or path as opened; any bytes, NUL-terminated */
};

enum ipc_event { IPC_ATTACH = 1, IPC_DETACH, IPC_SNAPSHOT, IPC_FILE_READ, IPC_EXITED };

/* Send one packet.  0, or an errno value (EAGAIN: the pipe is full). */
int ipc_send(int fd, enum ipc_type type, const void *body, size_t size);

/* Receive one packet of at most max bytes into body; never accepts descriptors.
 * 0 and *type, *size; EPIPE at end of file; EPROTO for anything malformed (version,
 * size against the table, a descriptor attached); else an errno value. */
int ipc_recv(int fd, uint16_t *type, void *body, size_t max, size_t *size);

#endif
