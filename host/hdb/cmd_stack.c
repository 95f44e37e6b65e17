/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/hdb/cmd.h"

/* The variables of a frame, as GDB's bt full has them below it. */
static int show_variables(struct hdb *h, unsigned frame)
{
	const struct he_format f = {.top = false, .elements = h->elements};
	struct he_locals *all;
	struct he_error *e = he_locals(h->target, h->tid, frame, false, &f, &all);

	if (e && e->code == E_NO_FILE) { /* nothing is known of them there */
		he_error_free(e);
		fputs("No symbol table info available.\n", h->out);
		return 0;
	}
	if (e)
		return fail_error(h, e);
	for (size_t i = 0; i < all->n; i++) {
		fputs("        ", h->out);
		show_text(h->out, all->v[i].name);
		fputs(" = ", h->out);
		show_text(h->out, all->v[i].text);
		fputc('\n', h->out);
	}
	if (!all->n)
		fputs("No locals.\n", h->out);
	he_locals_free(all);
	return 0;
}

static int show_full(struct hdb *h, const struct show_style *style, size_t from, size_t to)
{
	int ret = 0;

	/* The stack may be read anew for a frame's variables: that is why it is asked for each
	 * time. */
	for (size_t i = from; i < to && !ret && !h->interrupted; i++) {
		const struct he_stack *s = front_stack(h, (unsigned)i + 1);

		if (!s || i >= s->n)
			break;
		show_frame(h->out, style, (unsigned)i, &s->v[i], i ? &s->v[i - 1] : NULL);
		ret = show_variables(h, (unsigned)i);
	}
	return ret;
}

/* Frames [from, to). */
static int show_frames(struct hdb *h, size_t from, size_t to, bool full)
{
	struct show_style style = front_style(h);
	int ret;

	front_arguments(h, from, to < h->stack->n ? to : h->stack->n);
	if (!full) {
		show_stack(h->out, &style, h->stack, from, to);
		return 0;
	}
	ret = show_full(h, &style, from, to);
	if (!ret && h->stack)
		show_stack_end(h->out, h->stack, to);
	return ret;
}

static int innermost(struct hdb *h, unsigned n, bool full)
{
	if (!n) /* not needed for the frames below, which GDB does not read either */
		return fail(h, "a backtrace of 0 frames shows nothing");
	return front_stack(h, n) ? show_frames(h, 0, n, full) : 1;
}

static int all_frames(struct hdb *h, unsigned outermost, bool full)
{
	const struct he_stack *s = front_stack(h, UINT32_MAX);

	if (!s)
		return 1;
	return show_frames(h, outermost && outermost < s->n ? s->n - outermost : 0, s->n, full);
}

/* "full", "-full" or shorter, as GDB takes it. */
static bool take_full(const char **args)
{
	const char *p = *args + (**args == '-');
	size_t n = strcspn(p, " \t");

	if (!n || strncmp(p, "full", n) != 0)
		return false;
	*args = p + n + strspn(p + n, " \t");
	return true;
}

int cmd_backtrace(struct hdb *h, const char *args)
{
	bool full = take_full(&args), minus = *args == '-';
	uint64_t n = 0;

	args += minus;
	if (!*args && !minus)
		return all_frames(h, 0, full);
	if (!cmd_number(&args, UINT32_MAX / 4, &n) || *args)
		return fail(h, "a number of frames is wanted: N for the innermost, -N for the "
			       "outermost");
	return minus ? all_frames(h, (unsigned)n, full) : innermost(h, (unsigned)n, full);
}

static int select_frame(struct hdb *h, uint64_t n)
{
	const struct he_stack *s = front_stack(h, (unsigned)n + 1);

	if (!s)
		return 1;
	if (n >= s->n)
		return fail(h, "no frame %llu; the outermost is %zu", (unsigned long long)n,
		    s->n ? s->n - 1 : 0);
	h->frame = (unsigned)n;
	return front_say_frame(h);
}

int cmd_frame(struct hdb *h, const char *args)
{
	uint64_t n = h->frame;

	if (*args && (!cmd_number(&args, UINT32_MAX / 4, &n) || *args))
		return fail(h, "frame takes a frame's number; bt lists them");
	return select_frame(h, n);
}

/* How far up or down; 1 when not said. */
static bool steps(const char *args, unsigned *n)
{
	uint64_t v = 1;

	if (*args && (!cmd_number(&args, UINT32_MAX / 4, &v) || *args))
		return false;
	*n = (unsigned)v;
	return true;
}

int cmd_up(struct hdb *h, const char *args)
{
	const struct he_stack *s;
	unsigned n;

	if (!steps(args, &n))
		return fail(h, "up takes a number of frames");
	s = front_stack(h, h->frame + n + 1);
	if (!s)
		return 1;
	if (h->frame + 1 >= s->n)
		return fail(h, "frame %u is the outermost; there is none above", h->frame);
	return select_frame(h, h->frame + n < s->n ? h->frame + n : s->n - 1);
}

int cmd_down(struct hdb *h, const char *args)
{
	unsigned n;

	if (!steps(args, &n))
		return fail(h, "down takes a number of frames");
	if (h->frame == 0)
		return fail(h, "frame 0 is the innermost; there is none below");
	return select_frame(h, h->frame > n ? h->frame - n : 0);
}

static void say_text(struct hdb *h, const char *label, const char *text)
{
	if (!text)
		return;
	fprintf(h->out, "  %-10s", label);
	show_text(h->out, text);
	fputc('\n', h->out);
}

int cmd_info_frame(struct hdb *h, const char *args)
{
	const struct he_frame *f;

	if (*args)
		return fail(h, "info frame tells of the selected frame; frame N selects one");
	f = front_frame(h, NULL);
	if (!f)
		return 1;
	fprintf(h->out, "Frame %u%s%s, CFA 0x%llx\n", h->frame, f->inlined ? ", inlined" : "",
	    f->signal ? ", where a signal was delivered" : "", (unsigned long long)f->cfa);
	fprintf(h->out, "  %-10s0x%llx\n", "pc", (unsigned long long)f->pc);
	say_text(h, "function", f->function);
	if (f->linkage && f->function && strcmp(f->linkage, f->function) != 0)
		say_text(h, "symbol", f->linkage);
	fprintf(h->out, "  %-10s%llu\n", "offset", (unsigned long long)f->offset);
	say_text(h, "file", f->file);
	if (f->line)
		fprintf(h->out, "  %-10s%u, column %u\n", "line", f->line, f->column);
	say_text(h, "directory", f->directory);
	say_text(h, "module", f->module);
	say_text(h, "build-id", f->build_id);
	return 0;
}
