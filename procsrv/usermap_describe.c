/* SPDX-License-Identifier: BSD-2-Clause */
#include "usermap_parse.h"

#include <arpa/inet.h>
#include <time.h>

#include "common/wire.h"

static void describe_nets(const struct map_row *row, FILE *f)
{
	char text[INET6_ADDRSTRLEN];

	fputs(row->nnets ? "" : "anywhere", f);
	for (size_t i = 0; i < row->nnets; i++) {
		const struct map_net *net = &row->nets[i];

		inet_ntop(net->v6 ? AF_INET6 : AF_INET, net->addr, text, sizeof(text));
		fprintf(f, "%s%s/%u", i ? ", " : "", text, net->bits);
	}
}

/* 1500 as "1.5 s". */
static const char *seconds(char *to, size_t size, uint32_t ms)
{
	if (ms % 1000)
		snprintf(to, size, "%u.%03u s", (unsigned)(ms / 1000), (unsigned)(ms % 1000));
	else
		snprintf(to, size, "%u s", (unsigned)(ms / 1000));
	return to;
}

static void describe_times(const struct map_row *row, FILE *f)
{
	char text[32];

	if (!row->has_grace)
		fputs("  after a lost link: the session waits 30 s for it, or as long as the host "
		      "asked (an hour at most)\n",
		    f);
	else if (!row->grace_ms)
		fputs("  after a lost link: the session ends at once\n", f);
	else
		fprintf(f, "  after a lost link: the session waits for it, %s at most\n",
		    seconds(text, sizeof(text), row->grace_ms));
	if (row->max_stop_ms)
		fprintf(f, "  an attached process stands %s at a time, then it is let go\n",
		    seconds(text, sizeof(text), row->max_stop_ms));
	fprintf(f, "  programs it started: %s\n",
	    row->keep_launched ? "outlive the session" : "are killed with the session");
}

/* "  only processes of: a.service, b.service" */
static void describe_bounds(const char *what, const char (*texts)[BOUND_TEXT], uint32_t n, FILE *f)
{
	for (uint32_t i = 0; i < n; i++)
		fprintf(f, "%s%s%s", i ? ", " : what, texts[i], i + 1 == n ? "\n" : "");
}

static void describe_where(const struct map_row *row, FILE *f)
{
	const struct ipc_bounds *b = row->bounds;

	if (!b)
		return;
	describe_bounds("  only processes of the units: ", b->unit, b->nunits, f);
	describe_bounds("  only processes that run: ", b->exe, b->nexes, f);
	if (row->rights & 1u << WIRE_R_STOP)
		fputs("       (against slips: who may stop one may make it do what it likes)\n", f);
}

static void describe_row(const struct map_row *row, FILE *f)
{
	char key[FINGERPRINT_SIZE], day[32];
	struct tm tm;

	fprintf(f, "line %u: %s\n", row->line, fingerprint_format(key, row->key));
	if (row->ca)
		fprintf(f, "  signs grants: %s\n  they may name:", row->name);
	else
		fprintf(f, "  name in records: %s\n  acts as:", row->name);
	for (size_t i = 0; i < row->nusers; i++)
		fprintf(f, "%s %s (uid %u, gid %u%s)", i ? "," : "", row->users[i].name,
		    (unsigned)row->users[i].uid, (unsigned)row->users[i].gid,
		    i == 0 && row->nusers > 1 && !row->ca ? "; the default" : "");
	fprintf(f, "\n  may:%s%s%s%s\n", row->rights & 1u << WIRE_R_LOOK ? " look" : "",
	    row->rights & 1u << WIRE_R_STOP ? ", stop" : "",
	    row->rights & 1u << WIRE_R_WRITE ? ", write" : "",
	    row->rights & 1u << WIRE_R_LAUNCH ? ", launch" : "");
	if (row->rights & IPC_RIGHT_ROOT)
		fputs("       any process, root's too, if procsrv has the rights for that (the "
		      "drop-in "
		      "allow-root.conf)\n",
		    f);
	if (row->rights & (1u << WIRE_R_WRITE | 1u << WIRE_R_LAUNCH))
		fprintf(f, "       (that is to run any code as %s)\n",
		    row->rights & IPC_RIGHT_ROOT ? "root" : "that user");
	describe_where(row, f);
	fputs("  from: ", f);
	describe_nets(row, f);
	fputs("\n  until: ", f);
	if (row->has_expires && gmtime_r(&row->expires, &tm) &&
	    strftime(day, sizeof(day), "%Y-%m-%d 00:00 UTC", &tm))
		fprintf(f, "%s%s", day,
		    map_row_valid_at(row, time(NULL)) ? "" : " (it is refused now)");
	else
		fputs("taken out of the map", f);
	fprintf(f, "\n  sessions at once: %u\n", (unsigned)row->max_sessions);
	describe_times(row, f);
}

void usermap_describe(const struct usermap *m, const char *path, FILE *f)
{
	size_t n = usermap_count(m), revoked = map_revoked_count(map_revoked(m));

	fprintf(f, "%s: %zu key%s\n", path, n, n == 1 ? "" : "s");
	for (size_t i = 0; i < n; i++)
		describe_row(usermap_row(m, i), f);
	if (revoked)
		fprintf(f, "revoked_keys beside it takes away from that: %zu line%s\n", revoked,
		    revoked == 1 ? "" : "s");
}
