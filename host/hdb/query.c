/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/query.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool query_line(struct hdb *h, char *buf, size_t size)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	bool whole = tty >= 0 && screen_line(h, tty, buf, size);

	if (tty >= 0)
		close(tty);
	return whole;
}

static void put_question(struct hdb *h, const char *question, const char *choice)
{
	progress_clear(&h->progress, h->err);
	fflush(h->out);
	show_text(h->err, question);
	fprintf(h->err, " %s ", choice);
	fflush(h->err);
}

/* Until one of y and n is answered; false: something else ended it. */
static bool answered(struct hdb *h, bool empty_counts, bool *yes)
{
	char answer[16];

	while (query_line(h, answer, sizeof(answer))) {
		if (answer[0] && strchr("yYnN", answer[0])) {
			*yes = strchr("yY", answer[0]) != NULL;
			return true;
		}
		if (!answer[0] && empty_counts)
			return true;
		fputs("Please answer y or n. ", h->err);
		fflush(h->err);
	}
	return false;
}

bool query(struct hdb *h, bool otherwise, const char *question)
{
	bool yes = otherwise;

	put_question(h, question, otherwise ? "([y] or n)" : "(y or [n])");
	if (!h->person) {
		fprintf(h->err, "[answered %c; input not from terminal]\n", yes ? 'Y' : 'N');
		return yes;
	}
	return answered(h, true, &yes) ? yes : otherwise;
}

static bool ask(struct hdb *h, bool at_end, const char *question)
{
	bool yes = false;

	if (!h->person || h->script || h->unconfirmed)
		return true;
	put_question(h, question, "(y or n)");
	if (answered(h, false, &yes))
		return yes;
	return at_end && !h->interrupted;
}

bool confirm(struct hdb *h, const char *question)
{
	return ask(h, false, question);
}

bool confirm_end(struct hdb *h, const char *question)
{
	return ask(h, true, question);
}
