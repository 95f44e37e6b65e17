/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "host/hdb/cmd.h"

static int innermost(struct hdb *h, unsigned n)
{
	struct show_style style = front_style(h);
	const struct he_stack *s;

	if (!n) /* not needed for the frames below, which GDB does not read either */
		return fail(h, "a backtrace of 0 frames shows nothing");
	s = front_stack(h, n);
	if (!s)
		return 1;
	front_arguments(h, 0, n < s->n ? n : s->n);
	show_stack(h->out, &style, s, 0, n);
	return 0;
}

static int all_frames(struct hdb *h, unsigned outermost)
{
	struct show_style style = front_style(h);
	const struct he_stack *s = front_stack(h, UINT32_MAX);
	size_t from;

	if (!s)
		return 1;
	from = outermost && outermost < s->n ? s->n - outermost : 0;
	front_arguments(h, from, s->n);
	show_stack(h->out, &style, s, from, s->n);
	return 0;
}

int cmd_backtrace(struct hdb *h, const char *args)
{
	bool minus = *args == '-';
	uint64_t n = 0;

	args += minus;
	if (!*args && !minus)
		return all_frames(h, 0);
	if (!cmd_number(&args, UINT32_MAX / 4, &n) || *args)
		return fail(h, "a number of frames is wanted: N for the innermost, -N for the "
			       "outermost");
	return minus ? all_frames(h, (unsigned)n) : innermost(h, (unsigned)n);
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
