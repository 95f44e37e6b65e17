/* SPDX-License-Identifier: BSD-2-Clause */
#include "traced.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* What is behind "field:\t" in /proc/PID/status, without its newline; false when the
 * process is gone. */
static bool status_field(pid_t pid, const char *field, char *value, size_t size)
{
	char path[32], line[256];
	size_t n = strlen(field);
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		if (strncmp(line, field, n) == 0 && line[n] == ':') {
			line[strcspn(line, "\n")] = 0;
			snprintf(value, size, "%s", line + n + 1 + strspn(line + n + 1, "\t"));
			found = true;
		}
	if (f)
		fclose(f);
	return found;
}

static pid_t number_field(pid_t pid, const char *field)
{
	char value[32];

	return status_field(pid, field, value, sizeof(value)) ? (pid_t)strtol(value, NULL, 10) : 0;
}

static bool add(pid_t pid, struct traced *t)
{
	char name[TRACED_NAME];

	t->pid = pid;
	if (!status_field(pid, "Name", name, sizeof(name)))
		return false;
	log_escape(t->name, sizeof(t->name), name, strlen(name));
	return true;
}

size_t traced_by(pid_t guard, struct traced *list, size_t most)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	size_t n = 0;

	while (dir && n < most && (e = readdir(dir)) != NULL) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		pid_t tracer = pid > 0 ? number_field(pid, "TracerPid") : 0;

		if (tracer > 0 && number_field(tracer, "PPid") == guard && add(pid, &list[n]))
			n++;
	}
	if (dir)
		closedir(dir);
	return n;
}
