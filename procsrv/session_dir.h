/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions are found on the file system: HOME/s/ID/ holds a session's socket,
 * its journal and a record of facts.  Whoever keeps the session alive holds a lock
 * on the record; a directory whose lock is free is left over and may be swept.
 * HOME is the run-time directory (run_dir.h).
 */
#ifndef PROCSRV_SESSION_DIR_H
#define PROCSRV_SESSION_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/fingerprint.h"

enum {
	SESSION_ID = 16,      /* bytes */
	SESSION_ID_TEXT = 33, /* in hex, with its NUL */
	SESSIONS_ALL = 64,    /* at once, on this machine */
	SESSION_AUDIT = 512,
};

struct session_facts {
	char id[SESSION_ID_TEXT];
	uint32_t number; /* for people: the smallest that was free */
	pid_t pid;       /* to be told to end with SIGTERM: the guard, before that the monitor */
	int64_t since;   /* time(2) */
	int64_t lost;    /* since when it has no link; 0 = it has one */
	char fingerprint[FINGERPRINT_SIZE];
	char key[128]; /* the row's name */
	char user[64];
	char from[64];
	char audit[SESSION_AUDIT]; /* path of the record; "" = there is none */
	bool any; /* it may debug any process (allow-root) */
	bool live; /* the lock is held */
};

/* A session being made.  The descriptors are close-on-exec; -1 once given away. */
struct session_dir {
	struct session_facts facts;
	int all;    /* HOME/s */
	int own;    /* HOME/s/ID */
	int record; /* locked */
	int listen; /* bound to ID/sock */
	int journal;
	int spool; /* of records (audit_spool.h) */
};

/* Make the directory of a new session from facts (id, number and live are filled
 * in).  E_OK; E_SESSIONS when this fingerprint has most sessions already or there
 * are SESSIONS_ALL; E_OS.  A sentence is in why then. */
int session_create(struct session_dir *d, const struct session_facts *facts,
    const uint8_t id[SESSION_ID], uint32_t most, char *why, size_t size);

/* Somebody else is to be told now. */
void session_set_pid(struct session_dir *d, pid_t pid);

/* Look for a live session by its id: E_OK, with nothing but all (locked: nobody else makes,
 * finds or sweeps sessions meanwhile), own and facts; E_NO_SESSION; E_OS and a sentence. */
int session_find(struct session_dir *d, const uint8_t id[SESSION_ID], char *why, size_t size);

/* A packet socket, non-blocking, connected to the guard of one that was found; -1 and
 * errno, EAGAIN when it does not take those who wait. */
int session_connect(const struct session_dir *d);

/* One that was found has a link from there, or none since then. */
void session_set_link(struct session_dir *d, const char *from);
void session_set_lost(struct session_dir *d, int64_t when);

/* Close what is still open; remove: and delete the directory. */
void session_close(struct session_dir *d, bool remove);

#endif
