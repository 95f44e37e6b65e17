/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/query.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_line(int fd, char *buf, size_t size)
{
	size_t n = 0;
	char c;

	while (read(fd, &c, 1) == 1) {
		if (c == '\n') {
			buf[n] = 0;
			return true;
		}
		if (n + 1 < size)
			buf[n++] = c;
	}
	return false;
}

bool query(struct hdb *h, bool otherwise, const char *question)
{
	const char *choice = otherwise ? "([y] or n) " : "(y or [n]) ";
	bool yes = otherwise;
	char answer[16];
	int tty = h->person ? open("/dev/tty", O_RDWR | O_CLOEXEC) : -1;

	fflush(h->out);
	show_text(h->err, question);
	fprintf(h->err, " %s", choice);
	if (tty < 0) {
		fprintf(h->err, "[answered %c; input not from terminal]\n", yes ? 'Y' : 'N');
		return yes;
	}
	fflush(h->err);
	while (!h->interrupted && read_line(tty, answer, sizeof(answer)) && answer[0]) {
		if (strchr("yYnN", answer[0])) {
			yes = strchr("yY", answer[0]) != NULL;
			break;
		}
		fputs("Please answer y or n. ", h->err);
		fflush(h->err);
	}
	close(tty);
	return yes;
}
