/* SPDX-License-Identifier: BSD-2-Clause
 *
 * info functions, variables, types: what there is, by file.
 */
#include <inttypes.h>
#include <string.h>

#include "host/hdb/cmd.h"

static void say_file(struct hdb *h, const char *file)
{
	if (!file) {
		fputs("\nNon-debugging symbols:\n", h->out);
		return;
	}
	fputs("\nFile ", h->out);
	show_text(h->out, file);
	fputs(":\n", h->out);
}

static void say_name(struct hdb *h, const struct he_name *n)
{
	if (n->file && n->line)
		fprintf(h->out, "%u:\t", n->line);
	else if (n->file)
		fputc('\t', h->out);
	else
		fprintf(h->out, "0x%0*" PRIx64 "  ", 2 * (int)front_address_bytes(h), n->addr);
	show_text(h->out, n->name);
	fputs(n->file ? ";\n" : "\n", h->out);
}

static int names(struct hdb *h, const char *regex, enum he_names_of what, const char *word)
{
	struct he_names *p = NULL;
	struct he_error *e = he_names(h->target, what, *regex ? regex : NULL, &p);

	if (e)
		return fail_error(h, e);
	if (*regex) {
		fprintf(h->out, "All %ss matching regular expression \"", word);
		show_text(h->out, regex);
		fputs("\":\n", h->out);
	} else {
		fprintf(h->out, "All defined %ss:\n", word);
	}
	for (size_t i = 0; i < p->n && !h->interrupted; i++) {
		const char *file = p->v[i].file, *before = i ? p->v[i - 1].file : NULL;

		if (!i || (file ? !before || strcmp(file, before) != 0 : before != NULL))
			say_file(h, file);
		say_name(h, &p->v[i]);
	}
	if (p->left)
		fprintf(h->out, "%zu more are not shown; a REGEX chooses\n", p->left);
	he_names_free(p);
	return 0;
}

int cmd_info_functions(struct hdb *h, const char *args)
{
	return names(h, args, HE_NAMES_FUNCTIONS, "function");
}

int cmd_info_variables(struct hdb *h, const char *args)
{
	return names(h, args, HE_NAMES_VARIABLES, "variable");
}

int cmd_info_types(struct hdb *h, const char *args)
{
	return names(h, args, HE_NAMES_TYPES, "type");
}
