/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/boxes.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/link/config_file.h"
#include "host/errtext.h"

enum { LINE_MAX_BYTES = 8192 };

struct he_error *boxes_find(const char *path, const char *name, char **ret)
{
	char buf[LINE_MAX_BYTES], *s;
	struct he_error *e;
	unsigned line = 0;
	FILE *f;

	*ret = NULL;
	e = config_open(path, &f);
	if (e || !f)
		return e;
	while (!e && !*ret && (s = config_line(f, buf, sizeof(buf), &line))) {
		size_t n = strcspn(s, " \t");
		char *transport = s + n + strspn(s + n, " \t");

		if (!*transport)
			e = he_error_new(E_MALFORMED,
			    "%s:%u: write a name and a transport, such as: box "
			    "tls:server=box.example,port=7000",
			    path, line);
		else if (strlen(name) == n && memcmp(s, name, n) == 0 &&
			 !(*ret = strdup(transport)))
			e = he_error_new(E_NOMEM, "out of memory");
	}
	fclose(f);
	return e;
}
