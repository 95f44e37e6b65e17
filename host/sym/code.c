/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Code from the modules' files.
 */
#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/symfile.h"
#include "host/sym/symstate.h"

size_t symbols_code(struct symbols *s, uint64_t addr, void *buf, size_t len)
{
	struct module *m = modules_at(&s->modules, addr);
	struct symfile *f = NULL;

	if (m)
		he_error_free(symfile_get(&s->src, m, false, &f));
	/* The last instructions of a segment are less than what was asked for. */
	for (; f && len; len--)
		if (symfile_code(f, addr, buf, len))
			return len;
	return 0;
}
