/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The record in a file of its own: one line an event, each with its number and a hash over
 * itself and the line before, so that a line that was changed, dropped, moved or cut off
 * shows.  Beside FILE stands FILE.head with the number and hash of the newest line: an end
 * that was cut off shows by it, and a new file, after the old one was renamed, goes on where
 * that ended.
 *
 *   n=17 time=2026-11-22T21:30:00.123Z boot=... event=... why="..." hash=...
 *
 * hash is SHA-256, in hex, over the 32 bytes of the hash before (zeros before the first
 * line) and the line up to the blank in front of "hash=".
 */
#ifndef PROCSRV_AUDIT_CHAIN_H
#define PROCSRV_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CHAIN_HASH = 32,
	CHAIN_TEXT = 2 * CHAIN_HASH + 1,
	CHAIN_LINE = 4096, /* of a line, with its newline */
	CHAIN_PATH = 4096,
};

/* A place in the chain: the number of a line, and its hash. */
struct chain_end {
	uint64_t n; /* 0 = before the first one */
	uint8_t hash[CHAIN_HASH];
};

/* Append a line about text (printable, without newline), and wait for others who do.  0 and
 * *end, the new line's; or an errno value, and there is none. */
int chain_append(const char *path, const char *text, struct chain_end *end);

/* Can that be done?  The file is made when it is missing.  0, or -1 and a sentence. */
int chain_check(const char *path, char *why, size_t size);

/* ---- for who reads one ---------------------------------------------------------- */

/* A line without its newline: what it says of its place, and how long it is up to the blank
 * in front of "hash=".  False: it is none of ours. */
bool chain_parse(const char *line, size_t n, struct chain_end *ret, size_t *body);

/* The hash of a line whose first n bytes these are. */
void chain_hash(
    uint8_t hash[CHAIN_HASH], const uint8_t before[CHAIN_HASH], const char *line, size_t n);

/* In hex.  Returns to. */
const char *chain_text(char to[CHAIN_TEXT], const uint8_t hash[CHAIN_HASH]);

/* What FILE.head says.  False: there is none, or nothing of ours in it. */
bool chain_head(const char *path, struct chain_end *ret);

#endif
