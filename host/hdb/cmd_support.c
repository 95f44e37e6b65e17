/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands about hdb itself.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/hdb/cmd.h"
#include "host/hdb/lines.h"
#include "host/hdb/query.h"

/* What would be lost, as a question; NULL: nothing.  One that was attached to runs on. */
static char *farewell(struct hdb *h)
{
	char *text = NULL, name[FRONT_NAME];
	size_t size = 0;
	bool any = false;
	FILE *f = open_memstream(&text, &size);

	for (struct he_target *t = NULL; f && (t = he_target_next(h->engine, t));) {
		struct he_target_info i;

		he_target_info(t, &i);
		if (!i.launched || i.state == HE_GONE)
			continue;
		fprintf(f, "%s%s", any ? ", " : "", front_name(h, t, name));
		any = true;
	}
	if (f)
		fprintf(f, " will be killed.  Quit anyway?");
	if (f && fclose(f) == 0 && any)
		return text;
	free(text);
	return NULL;
}

int cmd_quit(struct hdb *h, const char *args)
{
	uint64_t status = 0;
	char *question;
	bool given = *args;

	if (given && (!cmd_number(&args, 255, &status) || *args))
		return fail(h, "quit takes at most the status to end with, 0 to 255");
	question = farewell(h);
	h->quit = !question || confirm_end(h, question);
	free(question);
	if (!h->quit)
		return fail(h, "Not confirmed");
	h->has_status = given;
	h->status = (int)status;
	return 0;
}

int cmd_source(struct hdb *h, const char *args)
{
	if (!*args)
		return fail(h, "source needs a FILE of commands, on this machine");
	return lines_from_file(h, args);
}

int cmd_show_version(struct hdb *h, const char *args)
{
	if (*args)
		return fail(h, "show version takes no argument");
	fprintf(h->out, "hdb %s\n", PROCSRV_VERSION);
	return 0;
}

int cmd_show_convenience(struct hdb *h, const char *args)
{
	if (*args)
		return fail(h, "show convenience takes no argument; print $NAME shows one");
	for (size_t i = 0; i < CONVENIENCES && h->conveniences[i].name; i++)
		fprintf(h->out, "$%s = %" PRId64 "\n", h->conveniences[i].name,
		    h->conveniences[i].value);
	fputs("Variables that an assignment has made are shown by print $NAME.\n", h->out);
	return 0;
}
