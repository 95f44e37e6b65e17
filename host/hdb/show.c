/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/show.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <wchar.h>
#include <wctype.h>

/* Characters that are printable to the C library but change how their neighbours
 * look: zero width, direction overrides, tags.  A process name may hold them. */
static const struct {
	wchar_t lo, hi;
} deceiving[] = {
    {0xad, 0xad},
    {0x61c, 0x61c},
    {0x180e, 0x180e},
    {0x200b, 0x200f},
    {0x2028, 0x202e},
    {0x2060, 0x206f},
    {0xfeff, 0xfeff},
    {0xfff9, 0xfffb},
    {0xe0000, 0xe0fff},
};

static bool showable(wchar_t c)
{
	for (size_t i = 0; i < sizeof(deceiving) / sizeof(deceiving[0]); i++)
		if (c >= deceiving[i].lo && c <= deceiving[i].hi)
			return false;
	return iswprint((wint_t)c);
}

static void show_but(FILE *f, const char *s, wchar_t also)
{
	mbstate_t state = {0};
	size_t left = s ? strlen(s) : 0;

	while (left) {
		wchar_t c;
		size_t n = mbrtowc(&c, s, left, &state);
		bool whole = n != (size_t)-1 && n != (size_t)-2;

		if (!whole)
			memset(&state, 0, sizeof(state));
		if (!whole || n == 0)
			n = 1;
		if (whole && (c == also || showable(c)))
			fwrite(s, 1, n, f);
		else
			for (size_t i = 0; i < n; i++)
				fprintf(f, "\\x%02x", (unsigned char)s[i]);
		s += n;
		left -= n;
	}
}

void show_text(FILE *f, const char *s)
{
	show_but(f, s, L' ');
}

void show_source(FILE *f, const char *line)
{
	show_but(f, line, L'\t');
}

char *show_clean(const char *s)
{
	char *ret = NULL;
	size_t size;
	FILE *f = open_memstream(&ret, &size);

	if (!f)
		return NULL;
	show_text(f, s);
	if (fclose(f) != 0) {
		free(ret);
		return NULL;
	}
	return ret;
}

const char *show_base(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && slash[1] ? slash + 1 : path;
}

const char *show_signal(char buf[16], uint32_t sig)
{
	const char *name = sig < NSIG ? sigabbrev_np((int)sig) : NULL;

	if (name)
		snprintf(buf, 16, "SIG%s", name);
	else
		snprintf(buf, 16, "SIG%u", sig);
	return buf;
}

const char *show_ending(char buf[64], int status)
{
	char sig[16];

	if (status == -1)
		snprintf(buf, 64, "has ended");
	else if (WIFEXITED(status))
		snprintf(buf, 64, "exited with status %d", WEXITSTATUS(status));
	else
		snprintf(buf, 64, "was killed by %s%s",
		    show_signal(sig, (uint32_t)WTERMSIG(status)),
		    WCOREDUMP(status) ? " (core dumped)" : "");
	return buf;
}

static void coloured(FILE *f, const struct show_style *style, enum show_what what, const char *s)
{
	static const char *const sgr[] = {
	    [SHOW_ADDRESS] = "34", [SHOW_FUNCTION] = "33", [SHOW_FILE] = "32"};

	if (style->colour)
		fprintf(f, "\033[%sm", sgr[what]);
	show_text(f, s);
	if (style->colour)
		fputs("\033[m", f);
}

/* GDB names a library where it has no line, but not the program itself. */
static bool foreign(const struct show_style *style, const struct he_frame *frame)
{
	return frame->module && !(style->exe && strcmp(style->exe, frame->module) == 0);
}

void show_place(FILE *f, const struct show_style *style, const struct he_frame *frame,
    const struct he_frame *inner)
{
	char pc[24];

	if (frame->signal) {
		fputs("<signal handler called>", f);
		return;
	}
	if (!frame->at_line && !(inner && inner->inlined)) {
		snprintf(pc, sizeof(pc), "0x%0*llx", 2 * (int)style->address_bytes,
		    (unsigned long long)frame->pc);
		coloured(f, style, SHOW_ADDRESS, pc);
		fputs(" in ", f);
	}
	coloured(f, style, SHOW_FUNCTION, frame->function ? frame->function : "??");
	fputs(" (", f);
	show_text(f, frame->args);
	fputc(')', f);
	if (frame->file) {
		fputs(" at ", f);
		coloured(f, style, SHOW_FILE, frame->file);
		fprintf(f, ":%u", frame->line);
	} else if (foreign(style, frame)) {
		fputs(" from ", f);
		coloured(f, style, SHOW_FILE, frame->module);
	}
	if (frame->inlined)
		fputs("    (inlined)", f);
}

void show_frame(FILE *f, const struct show_style *style, unsigned level,
    const struct he_frame *frame, const struct he_frame *inner)
{
	fprintf(f, "#%-2u ", level);
	show_place(f, style, frame, inner);
	fputc('\n', f);
}

void show_stack(
    FILE *f, const struct show_style *style, const struct he_stack *s, size_t from, size_t to)
{
	for (size_t i = from; i < to && i < s->n; i++)
		show_frame(f, style, (unsigned)i, &s->v[i], i ? &s->v[i - 1] : NULL);
	show_stack_end(f, s, to);
}

void show_stack_end(FILE *f, const struct he_stack *s, size_t to)
{
	if (to < s->n || s->end == HE_END_MAX) {
		fputs("(More stack frames follow...)\n", f);
	} else if (s->end == HE_END_RUNNING) {
		fputs("(running)\n", f);
	} else if (s->end != HE_END_OUTERMOST) {
		fputs("Backtrace stopped: ", f);
		show_text(f, s->end_text);
		fputc('\n', f);
	}
}

void show_symbol(FILE *f, struct he_target *t, uint64_t addr)
{
	show_symbol_from(f, t, addr, false);
}

void show_symbol_from(FILE *f, struct he_target *t, uint64_t addr, bool always)
{
	struct he_symbol *s;
	struct he_error *e = he_symbol_at(t, addr, &s);

	if (e) {
		he_error_free(e);
		return;
	}
	/* As GDB has it: what lies behind a symbol's end is not its. */
	if (s->size && addr - s->addr >= s->size) {
		he_symbol_free(s);
		return;
	}
	fputs(" <", f);
	show_text(f, s->name);
	if (always || addr != s->addr)
		fprintf(f, "+%llu", (unsigned long long)(addr - s->addr));
	fputc('>', f);
	he_symbol_free(s);
}
