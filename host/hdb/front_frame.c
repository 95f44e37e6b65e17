/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The selected thread's stack, and the selected frame of it.
 */
#include <stdlib.h>
#include <string.h>

#include "host/hdb/front.h"

static bool deep_enough(const struct he_stack *s, unsigned need)
{
	return s && (s->n >= need || s->end != HE_END_MAX);
}

/* How many frames to ask for, 0 = all.  Twice what is needed, so that going up a deep stack
 * frame by frame does not read it anew for each. */
static unsigned depth(unsigned need)
{
	enum { FIRST = 32 };

	if (need < FIRST)
		return FIRST;
	return need > UINT32_MAX / 2 ? 0 : need * 2;
}

/* What is called before main is the C library's. */
static void cut_at_main(struct he_stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].function && strcmp(s->v[i].function, "main") == 0) {
			s->n = i + 1;
			s->end = HE_END_OUTERMOST;
			return;
		}
}

const struct he_stack *front_stack(struct hdb *h, unsigned need)
{
	struct he_stack *s;
	struct he_error *e;

	if (deep_enough(h->stack, need))
		return h->stack;
	e = he_backtrace(h->target, h->tid, depth(need), &s);
	if (e) {
		fail_error(h, e);
		return NULL;
	}
	if (h->not_past_main)
		cut_at_main(s);
	he_stack_free(h->stack);
	h->stack = s;
	return s;
}

const struct he_frame *front_frame(struct hdb *h, const struct he_frame **inner)
{
	const struct he_stack *s = front_stack(h, h->frame + 1);

	if (!s)
		return NULL;
	if (h->frame >= s->n) {
		fail(h, "this stack has no frame %u: %s", h->frame,
		    s->end == HE_END_RUNNING ? "the thread is running" : s->end_text);
		return NULL;
	}
	if (inner)
		*inner = h->frame ? &s->v[h->frame - 1] : NULL;
	return &s->v[h->frame];
}

void front_arguments(struct hdb *h, size_t from, size_t to)
{
	he_error_free(he_stack_arguments(h->target, h->tid, h->stack, from, to));
}

unsigned front_physical(const struct he_stack *s, unsigned frame)
{
	unsigned n = 0;

	for (unsigned i = 0; i < frame && i < s->n; i++)
		n += !s->v[i].inlined;
	return n;
}

/* The source line itself, where its file is on this machine; pc: in front of it where the
 * thread stands amid it. */
static bool say_source(struct hdb *h, const struct he_frame *f, bool pc)
{
	const char *from;
	char *text, *path;
	struct he_error *e;

	if (!f->file || !f->line)
		return false;
	e = he_source(h->target, f->file, f->directory, &text, &path);
	if (e) {
		he_error_free(e);
		return false;
	}
	from = text;
	for (unsigned i = 1; i < f->line && from; i++) {
		from = strchr(from, '\n');
		from = from ? from + 1 : NULL;
	}
	if (from && *from) {
		text[(size_t)(from - text) + strcspn(from, "\n")] = 0;
		if (pc && !f->at_line)
			fprintf(h->out, "0x%0*llx\t", 2 * (int)front_address_bytes(h),
			    (unsigned long long)f->pc);
		fprintf(h->out, "%u\t", f->line);
		show_source(h->out, from);
		fputc('\n', h->out);
	}
	free(text);
	free(path);
	return true;
}

/* list begins anew, around the frame. */
static void list_anew(struct hdb *h)
{
	free(h->list.file);
	free(h->list.directory);
	h->list = (struct list_state){0};
}

/* The line, whose text is not on this machine. */
static void say_file(struct hdb *h, const struct he_frame *f)
{
	if (!f->at_line)
		fprintf(h->out, "0x%0*llx\t", 2 * (int)front_address_bytes(h),
		    (unsigned long long)f->pc);
	fprintf(h->out, "%u\tin ", f->line);
	show_text(h->out, f->file ? f->file : "??");
	fputc('\n', h->out);
}

int front_say_frame_only(struct hdb *h)
{
	struct show_style style = front_style(h);
	const struct he_frame *inner, *frame = front_frame(h, &inner);

	if (!frame)
		return 1;
	front_arguments(h, h->frame, h->frame + 1);
	show_frame(h->out, &style, h->frame, frame, inner);
	return 0;
}

int front_say_frame(struct hdb *h)
{
	struct show_style style = front_style(h);
	const struct he_frame *inner, *frame = front_frame(h, &inner);

	if (!frame)
		return 1;
	front_arguments(h, h->frame, h->frame + 1);
	show_frame(h->out, &style, h->frame, frame, inner);
	say_source(h, frame, false);
	list_anew(h);
	return 0;
}

int front_say_place(struct hdb *h, bool whole)
{
	struct show_style style = front_style(h);
	const struct he_frame *inner, *frame = front_frame(h, &inner);

	if (!frame)
		return 1;
	if (whole || !frame->line) {
		front_arguments(h, h->frame, h->frame + 1);
		show_place(h->out, &style, frame, inner);
		fputc('\n', h->out);
	}
	if (!say_source(h, frame, !whole) && !whole && frame->line)
		say_file(h, frame);
	list_anew(h);
	return 0;
}
