/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The map file: which key may act as which local user, and with what rights.
 * procsrv-authorized_keys(5) has the grammar.  Whatever is not understood to the
 * letter, or cannot be enforced by this version, makes the whole file unusable:
 * better no server than one that grants more than was meant.
 */
#ifndef PROCSRV_USERMAP_H
#define PROCSRV_USERMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/grant.h"
#include "ipc.h"

enum {
	USERMAP_ROWS = 4096,   /* at most */
	USERMAP_USERS = 64,    /* of one row */
	USERMAP_NETS = 64,     /* of one row */
	USERMAP_NAME = 127,    /* characters of a row's name; fits ipc_session.key */
	USERMAP_SESSIONS = 16, /* of a key, unless max-sessions= says otherwise */
	USERMAP_SESSIONS_MAX = 64,
	USERMAP_TIME_S = 3600, /* the longest of grace= and max-stop= */
	USERMAP_PATH = 4096,
};

struct usermap;

/* A local user, resolved when the map was loaded. */
struct map_user {
	char *name;
	uid_t uid;
	gid_t gid;     /* the user's own, or that of group= */
	gid_t *groups; /* all of them, gid included: for setgroups(2) */
	size_t ngroups;
};

struct map_net {
	bool v6;
	uint8_t bits;
	uint8_t addr[16]; /* network order; 4 bytes of it for IPv4 */
};

struct map_row {
	uint8_t key[FINGERPRINT_BYTES];
	bool ca;                   /* it signs grants, and nobody connects with it */
	const struct grant *grant; /* it is made of; NULL = it stands so in the map */
	unsigned line; /* of the file, from 1 */
	const char
	    *name; /* from the comment after the row, else the fingerprint; printable ASCII */
	const struct map_user *users; /* nusers >= 1; the first is the default */
	size_t nusers;
	const struct map_net *nets; /* nnets 0 = from anywhere */
	size_t nnets;
	uint32_t rights; /* bits 1 << enum wire_right, NONE and LOOK always; IPC_RIGHT_ROOT */
	bool has_expires;
	time_t expires;        /* not valid at this second or later */
	uint32_t max_sessions; /* sessions of this key at once */
	bool has_grace;
	uint32_t grace_ms;    /* a session outlives its link so long; without the word the host chooses */
	uint32_t max_stop_ms; /* an attached process may stand so long at a time; 0 = no bound */
	bool keep_launched;   /* programs it started outlive its sessions */
	struct ipc_bounds *bounds; /* of its users' processes, these only; NULL = all */
};

/* Load path.  user_mode: the program serves only the user it runs as; otherwise
 * the file is root's.  0 and *ret, which the caller frees; or -1 and a sentence in
 * why that names file, line and word. */
int usermap_load(struct usermap **ret, const char *path, bool user_mode, char *why, size_t size);
void usermap_free(struct usermap *m);

/* Rows in the order of the file; NULL from i = usermap_count on.  Rows, and what
 * they point to, are valid until usermap_free. */
size_t usermap_count(const struct usermap *m);
const struct map_row *usermap_row(const struct usermap *m, size_t i);

/* The row of a key; NULL when it is not in the map.  Says nothing about expiry
 * and address: ask usermap_valid and map_row_from. */
const struct map_row *usermap_find(
    const struct usermap *m, const uint8_t spki_hash[FINGERPRINT_BYTES]);

/* The row of a signer of grants; with NULL, any. */
const struct map_row *usermap_find_ca(
    const struct usermap *m, const uint8_t spki_hash[FINGERPRINT_BYTES]);

/* A row for the key that a grant is for: its signer's, and no more than the grant allows.  E_OK
 * or E_GRANT.  It is valid as long as g and m are; nothing is to be freed. */
struct map_granted {
	struct grant grant;
	struct map_row row;
	struct map_user users[GRANT_USERS];
};
enum err usermap_granted(struct map_granted *g, const struct usermap *m,
    const uint8_t bytes[GRANT_BYTES], const uint8_t key[FINGERPRINT_BYTES]);

/* May a row be used now?  E_OK, EXPIRED, NOT_YET, REVOKED. */
enum err usermap_valid(const struct usermap *m, const struct map_row *row, time_t now);

/* Where revocations stand: revoked_keys beside the map.  0; -1 = too long. */
int usermap_revoked_path(char *to, size_t size, const char *map);

/* The row's user of that name; name empty: the first.  NULL: not named there. */
const struct map_user *map_row_user(const struct map_row *row, struct span name);

bool map_row_valid_at(const struct map_row *row, time_t now);

/* May the key be used from there?  IPv4-mapped IPv6 addresses count as IPv4;
 * other families only match a row without from=. */
bool map_row_from(const struct map_row *row, const struct sockaddr *sa);

/* In words, what the map at path allows: for procsrv -check. */
void usermap_describe(const struct usermap *m, const char *path, FILE *f);

#endif
