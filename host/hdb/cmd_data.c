/* SPDX-License-Identifier: BSD-2-Clause
 *
 * info registers.
 */
#include <inttypes.h>
#include <string.h>

#include "host/hdb/address.h"
#include "host/hdb/cmd.h"
#include "host/hdb/examine.h"

/* A value wider than any integer, highest byte first. */
static void put_wide(FILE *f, const struct he_register *r)
{
	fputs("0x", f);
	for (unsigned i = (r->bits + 7) / 8; i-- > 0;)
		fprintf(f, "%02x", r->value[i]);
}

static void put_flags(FILE *f, uint64_t v)
{
	static const struct {
		unsigned bit;
		const char *name;
	} flags[] = {{0, "CF"}, {2, "PF"}, {4, "AF"}, {6, "ZF"}, {7, "SF"}, {8, "TF"}, {9, "IF"},
	    {10, "DF"}, {11, "OF"}, {14, "NT"}, {16, "RF"}, {17, "VM"}, {18, "AC"}, {19, "VIF"},
	    {20, "VIP"}, {21, "ID"}};

	fputs("[ ", f);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (v >> flags[i].bit & 1)
			fprintf(f, "%s ", flags[i].name);
	fputc(']', f);
}

/* The second column: what the number means. */
static void put_meaning(struct hdb *h, const struct he_register *r, uint64_t v)
{
	static const char *const code[] = {"rip", "eip", "pc", "lr"};
	static const char *const stack[] = {"rsp", "rbp", "esp", "ebp", "sp", "fs_base", "gs_base"};

	if (strcmp(r->name, "eflags") == 0) {
		put_flags(h->out, v);
		return;
	}
	for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++)
		if (strcmp(r->name, code[i]) == 0) {
			fprintf(h->out, "0x%" PRIx64, v);
			show_symbol(h->out, h->target, v);
			return;
		}
	for (size_t i = 0; i < sizeof(stack) / sizeof(stack[0]); i++)
		if (strcmp(r->name, stack[i]) == 0) {
			fprintf(h->out, "0x%" PRIx64, v);
			return;
		}
	examine_value(h->out, 'd', r->bits > 32 ? 8 : r->bits > 16 ? 4 : r->bits > 8 ? 2 : 1, v);
}

static void show_register(struct hdb *h, const struct he_register *r)
{
	char hex[24];
	uint64_t v;

	fprintf(h->out, "%-15s", r->name);
	if (!address_register(r, &v)) {
		put_wide(h->out, r);
	} else {
		snprintf(hex, sizeof(hex), "0x%" PRIx64, v);
		fprintf(h->out, "%-20s", hex); /* GDB's column */
		put_meaning(h, r, v);
	}
	fputc('\n', h->out);
}

/* Whether one word of the command means this register. */
static bool means(const char *word, const struct he_register *r)
{
	word += *word == '$';
	return strcmp(word, "all") == 0 || strcmp(word, r->group) == 0 ||
	       address_means(word, r->name);
}

static int show_meant(struct hdb *h, const struct he_registers *r, const char *word)
{
	size_t shown = 0;

	for (size_t i = 0; i < r->n; i++)
		if (means(word, &r->v[i])) {
			show_register(h, &r->v[i]);
			shown++;
		}
	return shown ? 0 : fail(h, "no register or group %s in frame %u", word, h->frame);
}

int cmd_info_registers(struct hdb *h, const char *args)
{
	const struct he_stack *s = front_stack(h, h->frame + 1);
	struct he_registers *r;
	struct he_error *e;
	char word[64];
	int ret = 0;

	if (!s)
		return 1;
	e = he_registers(h->target, h->tid, front_physical(s, h->frame), &r);
	if (e)
		return fail_error(h, e);
	if (!*args)
		ret = show_meant(h, r, "general");
	while (*args && !ret)
		ret = cmd_token(&args, word, sizeof(word))
			  ? show_meant(h, r, word)
			  : fail(h, "no register has a name that long");
	he_registers_free(r);
	return ret;
}
