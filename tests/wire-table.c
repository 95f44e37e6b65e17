/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Prints the wire table as mdoc, "records" or "messages": the parts of wire(7)
 * between its markers.  tests/wire-page.sh compares, or puts them in.
 */
#include <stdio.h>
#include <string.h>

#include "common/wire.h"

static const char *const kinds[] = {[WIRE_LINK_H] = "Link, host to agent",
    [WIRE_LINK_A] = "Link, agent to host",
    [WIRE_LINK_B] = "Link, both ways",
    [WIRE_REQ] = "Request",
    [WIRE_REP] = "Reply",
    [WIRE_EVT] = "Event"};
static const char *const states[] = {[WIRE_NONE] = "after the handshake",
    [WIRE_HELLO] = "after hello",
    [WIRE_OPEN] = "in a session",
    [WIRE_TARGET] = "with a target"};
static const char *const rights[] = {[WIRE_R_NONE] = "",
    [WIRE_R_LOOK] = "look",
    [WIRE_R_STOP] = "stop",
    [WIRE_R_WRITE] = "write",
    [WIRE_R_LAUNCH] = "launch"};

/* How many fields of the present record or message were printed. */
static unsigned fields;

static void head(unsigned number)
{
	const struct wire_row *row = wire_row((uint16_t)number);

	printf(".It %u Ic %s\n", number, row->name);
	printf("%s, since version %u, %s", kinds[row->kind], row->since, states[row->state]);
	if (row->right)
		printf(";\nneeds the right to %s", rights[row->right]);
	if (row->effect)
		printf(";\nhas side effects");
	if (row->kind == WIRE_REQ)
		printf(";\nanswered by\n.Ic %s .\n", wire_row(row->reply)->name);
	else
		puts(".");
	fields = 0;
}

static void record(const char *name)
{
	printf(".It Vt %s\n", name);
	fields = 0;
}

static void next_field(void)
{
	puts(fields++ ? " ," : ".Pp");
}

static void plain(const char *name, const char *type)
{
	next_field();
	printf(".Va %s No %s", name, type);
}

static void sized(const char *name, const char *type, unsigned long bytes)
{
	next_field();
	printf(".Va %s No %s(%lu)", name, type, bytes);
}

static void list(const char *name, const char *of, unsigned long bytes)
{
	next_field();
	printf(".Va %s No list of %s(%lu)", name, of, bytes);
}

static void end(void)
{
	puts(fields ? "" : "No fields.");
}

#define U8(f) plain(#f, "u8");
#define U16(f) plain(#f, "u16");
#define U32(f) plain(#f, "u32");
#define U64(f) plain(#f, "u64");
#define I32(f) plain(#f, "i32");
#define I64(f) plain(#f, "i64");
#define RAW(f, n) sized(#f, "raw", n);
#define STR(f, max) sized(#f, "str", max);
#define BLOB(f, max) sized(#f, "blob", max);
#define LIST(f, rec, max) list(#f, #rec, max);
#define END                                                                                        \
	end();                                                                                     \
	}

#define REC(name)                                                                                  \
	static void rec_##name(void)                                                               \
	{                                                                                          \
		record(#name);
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	static void msg_##name(void)                                                               \
	{                                                                                          \
		head(number);
#include "common/wire.def"

int main(int argc, char **argv)
{
	bool records = argc > 1 && strcmp(argv[1], "records") == 0;

	if (argc != 2 || (!records && strcmp(argv[1], "messages") != 0)) {
		fputs("usage: wire-table records|messages\n", stderr);
		return 2;
	}
	puts(".Bl -tag -width Ds");
#define REC(name)                                                                                  \
	if (records)                                                                               \
		rec_##name();
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	if (!records)                                                                              \
		msg_##name();
#include "common/wire.def"
	puts(".El");
	return 0;
}
