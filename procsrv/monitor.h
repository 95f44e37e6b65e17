/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-monitor's parts.  It is the process with all the rights: no parser of
 * remote data is linked here, no length of conn's is ever used to allocate.
 */
#ifndef PROCSRV_MONITOR_H
#define PROCSRV_MONITOR_H

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/err.h"
#include "common/proof.h"
#include "ipc.h"
#include "session_dir.h"
#include "session_secret.h"
#include "usermap.h"

struct monitor {
	const char *key_path, *map_path;
	const char *record_path; /* of the record; NULL = standard error alone */
	bool check, verbose, user_mode;

	/* read before the first remote byte */
	struct key *key;
	struct usermap *map;
	int32_t yama; /* kernel.yama.ptrace_scope, -1 = none */
	int guard_program;
	struct rlimit nofile; /* as it was: what the session is given */

	struct sockaddr_storage peer;
	char from[64];
	int listener; /* one byte there tells that the proof held; -1 = nobody asks */

	/* conn */
	pid_t conn;
	int conn_fd; /* pidfd */
	int pipe;    /* -1 when conn closed it */
	int channel; /* the far end of conn's; -1 once the guard has it */
	struct ipc_state phase;
	uint64_t deadline; /* now_ms: for the proof, then for conn's end; 0 = none */
	bool broke_rules;

	/* what the client is */
	uint8_t nonce[PROOF_NONCE];
	uint8_t client[FINGERPRINT_BYTES]; /* its key, once it is proven */
	bool granted;                      /* it has shown this: */
	uint8_t grant[GRANT_BYTES];
	struct map_granted made; /* of it, if the map has no row for the key */
	const struct map_row *row;
	const struct map_user *user;
	char user_asked[PROOF_USER_MAX + 1];
	uint8_t mode;
	bool wants_resume;
	struct ipc_proof proof; /* as it was proven: what it says of a session to take up */

	/* the session */
	struct session_dir dir;
	struct ipc_session session;
	struct session_secret secret;
	struct ipc_resumed resumed; /* of one that was taken up */
	pid_t guard;
	int guard_pipe; /* -1 = none */
	struct ipc_state guard_phase;
	bool unrecorded; /* the last line could not be written */
	bool holding;    /* of the guard's this one */
	struct ipc_audit held;

	/* the map, and what is revoked, as they were when they were looked at last */
	struct stat map_file, revoked_file;
	bool has_until;
	time_t until; /* the row ends, as it stood in the map then */
	uint64_t looked_ms;
	bool revoked;

	struct ipc_ended ended;
	bool has_ended;
	enum err refused; /* why, for the exit status; E_OK = it was not */
};

/* ---- monitor_conn.c: what conn may ask for --------------------------------- */

/* Is all there that starting conn takes?  0, or -1 and a sentence. */
int monitor_could_start_conn(const struct monitor *m, char *why, size_t size);

/* Start conn and tell it what it needs.  0, or -1 and a sentence. */
int monitor_start_conn(struct monitor *m, char *why, size_t size);

/* A packet from conn is there.  False: conn broke a rule and must die. */
bool monitor_serve(struct monitor *m);

/* ---- monitor_session.c: sessions and their guard ---------------------------- */

/* The row that stands for the client in that map: its own, or one that is made in *made of its
 * grant.  E_OK, NO_KEY or GRANT. */
enum err monitor_find(const struct monitor *m, const struct usermap *map, struct map_granted *made,
    const struct map_row **ret);

/* What the row allows to the proven client: E_OK, and m->user is set. */
enum err monitor_judge(struct monitor *m);

/* Bits 1 << enum wire_right: of the row, in the mode that was asked for. */
uint32_t monitor_rights(const struct monitor *m);

/* Make the session.  E_OK or why not. */
enum err monitor_open(struct monitor *m, const struct ipc_open *ask);

/* The first request is in the channel: start the guard and hand all over. */
int monitor_start_guard(struct monitor *m);

/* A packet from the guard is there (or its end). */
void monitor_serve_guard(struct monitor *m);

/* ---- monitor_resume.c: sessions that wait for their host ------------------------- */

/* Take up the session that the proof names, and hand its guard the channel.  E_OK and
 * m->resumed, or why not. */
enum err monitor_resume(struct monitor *m);

/* The host has acknowledged something: it has the newest secret. */
void monitor_settle(struct monitor *m);

/* The connection is over, but the session waits for another. */
void monitor_lost(struct monitor *m);
/* Stay until it has one, has ended, or its key may not have it any more: then it ends.  Nobody
 * else who can read the map knows of it. */
void monitor_wait(struct monitor *m);

/* ---- monitor_watch.c: the map while a session runs ------------------------------- */

/* Note when the key's row ends: it is judged by that until the map is another. */
void monitor_note_until(struct monitor *m, const struct map_row *row);

/* Note what the files are now.  True: they are others than they were. */
bool monitor_note_files(struct monitor *m);

/* May its key still have it?  Else the guard is told to end it.  To be asked now and then:
 * not later than after the shorter of ms (-1 = never) and what this needs. */
void monitor_look(struct monitor *m);
/* The question by itself: E_OK, or why not. */
enum err monitor_judge_again(struct monitor *m);
int monitor_patience(const struct monitor *m, int ms);

/* ---- monitor_audit.c: the record ------------------------------------------- */

enum { AUDIT_WORD = 1024 };

/* One line about this connection; pid 0 and start 0 are left out ("-").  E_OK, or
 * E_UNRECORDED: what is to be recorded before it is done must not be done. */
enum err audit(struct monitor *m, const char *event, uint32_t pid, uint64_t start, int result,
    const char *why);

/* What the guard reported.  When it cannot be written it is held, and the guard is told:
 * until audit_retry has written it nothing more is to be read from the guard. */
void audit_guard(struct monitor *m, const struct ipc_audit *a);
void audit_retry(struct monitor *m);

/* What the guard of a session that was found had to keep while it had no monitor. */
void audit_spooled(struct monitor *m);

/* Why the link ended, in words for people.  Returns to. */
const char *audit_reason(char *to, size_t size, const struct ipc_ended *e);

#endif
