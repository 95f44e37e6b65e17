/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/break_show.h"
#include "host/hdb/convenience.h"

#include <inttypes.h>
#include <string.h>

#include "host/hdb/actions.h"
#include "host/hdb/cmd.h"
#include "host/hdb/stop.h"
#include "host/hdb/syscalls.h"

struct he_error *break_delete(struct hdb *h, unsigned number)
{
	actions_forget(h, number);
	return he_break_delete(h->engine, number);
}

/* ---- what is caught -------------------------------------------------------------- */

static void say_numbers(struct hdb *h, const struct he_breakpoint *b)
{
	char name[SYSCALL_TEXT];

	for (size_t i = 0; i < b->n_numbers; i++)
		if (b->catch == HE_CATCH_SYSCALL)
			fprintf(h->out, "%s'%s' [%u]", i ? " " : "",
			    syscall_text(name, front_arch(h), b->numbers[i]), b->numbers[i]);
		else
			fprintf(h->out, "%s%s", i ? " " : "", show_signal(name, b->numbers[i]));
}

void break_say_caught(struct hdb *h, const struct he_breakpoint *b)
{
	static const char *const text[] = {
	    [HE_CATCH_FORK] = "fork",
	    [HE_CATCH_VFORK] = "vfork",
	    [HE_CATCH_EXEC] = "exec",
	    [HE_CATCH_LOAD] = "load",
	    [HE_CATCH_UNLOAD] = "unload",
	    [HE_CATCH_THROW] = "throw",
	    [HE_CATCH_RETHROW] = "rethrow",
	    [HE_CATCH_CATCH] = "catch",
	};

	if (b->catch == HE_CATCH_SYSCALL) {
		fputs(b->n_numbers > 1 ? "syscalls "
		      : b->n_numbers   ? "syscall "
				       : "any syscall",
		    h->out);
		say_numbers(h, b);
	} else if (b->catch == HE_CATCH_SIGNAL && b->n_numbers == HE_SIGNALS) {
		fputs("any signal", h->out);
	} else if (b->catch == HE_CATCH_SIGNAL) {
		fputs(b->n_numbers > 1 ? "signals "
		      : b->n_numbers   ? "signal "
				       : "standard signals",
		    h->out);
		say_numbers(h, b);
	} else {
		fputs(text[b->catch], h->out);
	}
}

/* The same in the table: in quotes, with a blank behind, as GDB has it. */
static void row_numbers(struct hdb *h, const struct he_breakpoint *b)
{
	bool call = b->catch == HE_CATCH_SYSCALL, any = !call && b->n_numbers == HE_SIGNALS;
	char name[SYSCALL_TEXT];

	fprintf(
	    h->out, "%s%s \"", call ? "syscall" : "signal", b->n_numbers > 1 && !any ? "s" : "");
	if (!b->n_numbers || any)
		fputs(call ? "<any syscall>" : any ? "<any signal>" : "<standard signals>", h->out);
	for (size_t i = 0; i < b->n_numbers && !any; i++)
		fprintf(h->out, "%s%s",
		    !i     ? ""
		    : call ? ", "
			   : " ",
		    call ? syscall_text(name, front_arch(h), b->numbers[i])
			 : show_signal(name, b->numbers[i]));
	fputs("\" ", h->out);
}

static void row_caught(struct hdb *h, const struct he_breakpoint *b)
{
	switch (b->catch) {
	case HE_CATCH_SYSCALL:
	case HE_CATCH_SIGNAL:
		row_numbers(h, b);
		break;
	case HE_CATCH_LOAD:
	case HE_CATCH_UNLOAD:
		break_say_caught(h, b);
		fputs(" of library", h->out);
		if (b->where) {
			fputs(" matching ", h->out);
			show_text(h->out, b->where);
		}
		break;
	case HE_CATCH_THROW:
	case HE_CATCH_RETHROW:
	case HE_CATCH_CATCH:
		fputs("exception ", h->out);
		break_say_caught(h, b);
		break;
	default:
		break_say_caught(h, b);
	}
}

/* ---- when one is set ---------------------------------------------------------------- */

/* Its only place chooses the function that was meant. */
static bool only_chooses(const struct he_breakpoint *b)
{
	return b->n == 1 && b->v[0].chooses;
}

static void say_where(struct hdb *h, const struct he_breakpoint *b)
{
	const struct he_location *l = &b->v[0];

	if (!b->n) {
		fputs(" (", h->out);
		show_text(h->out, b->where);
		fputs(") pending.\n", h->out);
		return;
	}
	fprintf(h->out, " at %s0x%" PRIx64,
	    only_chooses(b) ? "gnu-indirect-function resolver at " : "", l->addr);
	if (only_chooses(b)) {
		/* What it chooses is named when it has. */
	} else if (b->n > 1) {
		fputs(": ", h->out);
		show_text(h->out, b->where);
		fprintf(h->out, ". (%zu locations)", b->n);
	} else if (l->file) {
		fputs(": file ", h->out);
		show_text(h->out, l->file);
		fprintf(h->out, ", line %u.", l->line);
	}
	fputc('\n', h->out);
}

/* Another one stands at the same place already. */
static void say_also(struct hdb *h, const struct he_breakpoint *b)
{
	struct he_breakpoints *all = NULL;
	struct he_error *e = b->n ? he_breakpoints(h->engine, 0, &all) : NULL;
	unsigned same[8], n = 0;

	he_error_free(e);
	for (size_t i = 0; all && i < all->n && n < 8; i++)
		for (size_t k = 0; k < all->v[i].n; k++)
			if (all->v[i].number != b->number && all->v[i].v[k].addr == b->v[0].addr &&
			    all->v[i].kind <= HE_BREAK_HARD) {
				same[n++] = all->v[i].number;
				break;
			}
	he_breakpoints_free(all);
	if (!n)
		return;
	fprintf(h->out, "Note: breakpoint%s ", n > 1 ? "s" : "");
	for (unsigned i = 0; i < n; i++)
		fprintf(h->out, "%u%s", same[i], i + 2 < n ? ", " : i + 2 == n ? " and " : "");
	fprintf(h->out, " also set at pc 0x%" PRIx64 ".\n", b->v[0].addr);
}

static int say_trouble(struct hdb *h, const struct he_breakpoint *b)
{
	int ret = 0;

	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].trouble)
			ret = fail(h, "%s %u cannot be inserted: %s",
			    stop_kind(b->kind, b->software), b->number, b->v[i].trouble);
	return ret;
}

int break_say_set(struct hdb *h, unsigned number)
{
	struct he_breakpoints *p;
	const struct he_breakpoint *b;
	struct he_error *e = he_breakpoints(h->engine, number, &p);
	int ret;

	if (e)
		return fail_error(h, e);
	b = &p->v[0];
	h->last_breakpoint = number;
	convenience_set(h, "bpnum", number);
	if (b->kind <= HE_BREAK_HARD) {
		say_also(h, b);
		fprintf(h->out, "%s %u",
		    b->temporary ? "Temporary breakpoint" : stop_kind(b->kind, false), number);
		say_where(h, b);
	} else if (b->kind == HE_BREAK_CATCH) {
		fprintf(h->out, "%s %u (", b->temporary ? "Temporary catchpoint" : "Catchpoint",
		    number);
		break_say_caught(h, b);
		fputs(")\n", h->out);
	} else {
		fprintf(h->out, "%s %u: ", stop_kind(b->kind, b->software), number);
		show_text(h->out, b->where);
		fputc('\n', h->out);
	}
	ret = say_trouble(h, b);
	he_breakpoints_free(p);
	return ret;
}

/* ---- info breakpoints ------------------------------------------------------------------ */

static const char *type_of(const struct he_breakpoint *b)
{
	static const char *const text[] = {
	    [HE_BREAK_SOFT] = "breakpoint",
	    [HE_BREAK_HARD] = "hw breakpoint",
	    [HE_BREAK_WATCH] = "hw watchpoint",
	    [HE_BREAK_RWATCH] = "read watchpoint",
	    [HE_BREAK_AWATCH] = "acc watchpoint",
	    [HE_BREAK_CATCH] = "catchpoint",
	};

	if (only_chooses(b))
		return "STT_GNU_IFUNC resolver";
	return b->software ? "watchpoint" : text[b->kind];
}

/* As GDB has them: types as wide as the longest, addresses where there are such. */
struct widths {
	int type, address;
};

static struct widths widths_of(struct hdb *h, const struct he_breakpoints *p)
{
	struct widths w = {.type = 14, .address = 10};

	for (size_t i = 0; i < p->n; i++) {
		int n = (int)strlen(type_of(&p->v[i]));

		if (n > w.type)
			w.type = n;
		if (p->v[i].n)
			w.address = 2 + 2 * (int)front_address_bytes(h);
	}
	return w;
}

static void row_place(struct hdb *h, const struct he_location *l)
{
	fprintf(h->out, "0x%0*" PRIx64 " ", 2 * (int)front_address_bytes(h), l->addr);
	if (l->chooses) {
		fputc('<', h->out);
		show_text(h->out, l->function ? l->function : "??");
		fputs(">\n", h->out);
		return;
	}
	if (l->function) {
		fputs("in ", h->out);
		show_text(h->out, l->function);
	}
	if (l->file) {
		fputs(l->function ? " at " : "at ", h->out);
		show_text(h->out, l->file);
		fprintf(h->out, ":%u", l->line);
	} else if (l->module && !l->function) {
		show_text(h->out, l->module);
	}
	fputc('\n', h->out);
	if (l->trouble)
		fprintf(h->out, "\tcannot be inserted: %s\n", l->trouble);
}

static void row_what(struct hdb *h, const struct he_breakpoint *b, struct widths w)
{
	if (b->kind <= HE_BREAK_HARD && b->n == 1) {
		row_place(h, &b->v[0]);
	} else if (b->kind <= HE_BREAK_HARD && b->n) {
		fprintf(h->out, "%-*s \n", w.address, "<MULTIPLE>");
	} else if (b->kind <= HE_BREAK_HARD) {
		fprintf(h->out, "%-*s ", w.address, "<PENDING>");
		show_text(h->out, b->where);
		fputc('\n', h->out);
	} else {
		fprintf(h->out, "%-*s ", w.address, "");
		if (b->kind == HE_BREAK_CATCH)
			row_caught(h, b);
		else
			show_text(h->out, b->where);
		fputc('\n', h->out);
	}
}

static void row_more(struct hdb *h, const struct he_breakpoint *b)
{
	if (b->condition) {
		fputs("\tstop only if ", h->out);
		show_text(h->out, b->condition);
		fputs(b->on_host ? " (evaluated by hdb)\n" : "\n", h->out);
	}
	if (b->tid)
		fprintf(h->out, "\tstop only in thread %u\n", cmd_thread_number(h, b->tid));
	if (b->hits)
		fprintf(h->out, "\tbreakpoint already hit %" PRIu64 " time%s\n", b->hits,
		    b->hits == 1 ? "" : "s");
	if (b->ignore)
		fprintf(h->out, "\tignore next %" PRIu64 " hits\n", b->ignore);
	if (b->countdown)
		fprintf(h->out, "\tdisable after %" PRIu64 " more hit%s\n", b->countdown,
		    b->countdown == 1 ? "" : "s");
}

static void row_actions(struct hdb *h, unsigned number)
{
	const char *text = actions_text(h, number);

	while (text && *text) {
		size_t n = strcspn(text, "\n");

		fprintf(h->out, "        %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void row(struct hdb *h, const struct he_breakpoint *b, struct widths w)
{
	const char *disp = b->temporary ? "del" : b->disable_hit || b->countdown ? "dis" : "keep";

	fprintf(h->out, "%-7u %-*s %-4s %-3s ", b->number, w.type, type_of(b), disp,
	    b->enabled ? "y" : "n");
	row_what(h, b, w);
	row_more(h, b);
	row_actions(h, b->number);
	for (size_t i = 0; b->kind <= HE_BREAK_HARD && b->n > 1 && i < b->n; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%u.%u", b->number, b->v[i].number);
		fprintf(h->out, "%-7s %-*s %-4s %-3s ", name, w.type, "", "",
		    b->v[i].enabled ? "y" : "n");
		row_place(h, &b->v[i]);
	}
}

int cmd_info_breakpoints(struct hdb *h, const char *args)
{
	struct he_breakpoints *p;
	struct widths w;
	struct he_error *e;
	uint64_t number = 0;

	if (*args && (!cmd_number(&args, UINT32_MAX, &number) || *args || !number))
		return fail(h, "info breakpoints takes a breakpoint's number");
	e = he_breakpoints(h->engine, (unsigned)number, &p);
	if (e)
		return fail_error(h, e);
	w = widths_of(h, p);
	if (p->n)
		fprintf(h->out, "%-7s %-*s %-4s %-3s %-*s %s\n", "Num", w.type, "Type", "Disp",
		    "Enb", w.address, "Address", "What");
	else
		fputs("No breakpoints or watchpoints.\n", h->out);
	for (size_t i = 0; i < p->n; i++)
		row(h, &p->v[i], w);
	he_breakpoints_free(p);
	return 0;
}
