/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/known_boxes.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "host/dirs.h"
#include "host/link/config_file.h"
#include "host/errtext.h"

enum { LINE_BYTES = 1024 };

char *known_boxes_name(const struct transport *t)
{
	char *name = NULL;
	int n;

	if (t->as) {
		n = asprintf(&name, "as=%s", t->as);
		return n < 0 ? NULL : name;
	}
	n = asprintf(&name, strchr(t->server, ':') ? "[%s]:%u" : "%s:%u", t->server, t->port_lo);
	if (n < 0)
		return NULL;
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return name;
}

/* Is this line about that name?  key: the rest of it. */
static bool about(char *s, const char *name, const char **key)
{
	size_t n = strcspn(s, " \t");

	*key = s + n + strspn(s + n, " \t");
	return strlen(name) == n && memcmp(s, name, n) == 0;
}

struct he_error *known_boxes_find(
    const char *path, const char *name, bool *known, uint8_t key[FINGERPRINT_BYTES])
{
	char buf[LINE_BYTES], *s;
	const char *text;
	unsigned line = 0;
	struct he_error *e;
	FILE *f;

	*known = false;
	e = config_open(path, &f);
	if (e || !f)
		return e;
	while (!e && (s = config_line(f, buf, sizeof(buf), &line)))
		if (about(s, name, &text)) {
			*known = fingerprint_parse(key, span_str(text));
			if (!*known)
				e = he_error_new(E_BAD_PROOF,
				    "%s:%u: the key of %s is no fingerprint (SHA256: and 43 "
				    "characters)",
				    path, line, name);
		}
	fclose(f);
	return e;
}

/* Everything but the lines about name, as it stands. */
static struct he_error *copy_others(const char *path, const char *name, FILE *to)
{
	char buf[LINE_BYTES], copy[LINE_BYTES];
	struct he_error *e;
	bool whole = true; /* the last piece read ended its line */
	FILE *f;

	e = config_open(path, &f);
	if (e || !f)
		return e;
	while (fgets(buf, sizeof(buf), f)) {
		const char *key;

		memcpy(copy, buf, sizeof(copy));
		if (!whole || !about(copy + strspn(copy, " \t"), name, &key))
			fputs(buf, to);
		whole = strchr(buf, '\n') != NULL;
	}
	if (!whole)
		fputc('\n', to);
	fclose(f);
	return NULL;
}

static struct he_error *write_new(
    const char *path, const char *temp, int fd, const char *name, const uint8_t *key)
{
	char text[FINGERPRINT_SIZE];
	FILE *to = fdopen(fd, "w");
	struct he_error *e;
	bool bad;

	if (!to) {
		close(fd);
		return he_error_new(E_NOMEM, "out of memory");
	}
	e = copy_others(path, name, to);
	fprintf(to, "%s %s\n", name, fingerprint_format(text, key));
	bad = fflush(to) != 0 || fsync(fd) != 0;
	bad = fclose(to) != 0 || bad;
	if (!e && (bad || rename(temp, path) != 0))
		e = he_error_os(errno, "cannot write %s: %s", path, strerror(errno));
	return e;
}

struct he_error *known_boxes_keep(
    const char *path, const char *name, const uint8_t key[FINGERPRINT_BYTES])
{
	struct he_error *e = dirs_above(path);
	char *temp = NULL;
	int fd;

	if (e)
		return e;
	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return he_error_new(E_NOMEM, "out of memory");
	/* Two writers at once: the later rename holds, the other's box is asked about again. */
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		e = he_error_os(errno, "cannot write %s: %s", temp, strerror(errno));
	else
		e = write_new(path, temp, fd, name, key);
	if (e && fd >= 0)
		unlink(temp);
	free(temp);
	return e;
}
