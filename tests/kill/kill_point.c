/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Dying at a labelled step: PROCSRV_KILL="LABEL:N:SIGNAL" in the environment, at the Nth
 * time that it comes there.  SIGNAL 0: it stands still there, for good.  All labels it has
 * come to are written to the file PROCSRV_LABELS.
 */
#include "procsrv/kill_point.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	char label[64];
	int left, signal;
	int seen; /* file; -1 = none */
	int ready;
} self;

static void prepare(void)
{
	const char *kill = getenv("PROCSRV_KILL"), *seen = getenv("PROCSRV_LABELS");

	self.ready = 1;
	self.seen = seen ? open(seen, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
	if (!kill || sscanf(kill, "%63[^:]:%d:%d", self.label, &self.left, &self.signal) != 3)
		self.label[0] = 0;
}

void kill_point(const char *label)
{
	if (!self.ready)
		prepare();
	if (self.seen >= 0)
		dprintf(self.seen, "%s\n", label);
	if (strcmp(label, self.label) != 0 || --self.left != 0)
		return;
	while (self.signal == 0)
		pause();
	raise(self.signal);
}
