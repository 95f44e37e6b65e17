/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/progress.h"

#include <time.h>

#include "host/hdb/show.h"

enum { REDRAW_MS = 100 };

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void progress_show(struct progress *p, FILE *f, const char *what, uint64_t done, uint64_t total)
{
	const double mb = 1e6;
	uint64_t now = now_ms();

	if (total && done >= total) {
		progress_clear(p, f);
		return;
	}
	if (p->drawn && now - p->last_ms < REDRAW_MS)
		return;
	p->drawn = true;
	p->last_ms = now;
	fputs("\r\033[K", f);
	show_text(f, what);
	if (total)
		fprintf(f, ": %.1f of %.1f MB, %u %%", (double)done / mb, (double)total / mb,
		    (unsigned)((double)done * 100 / (double)total));
	else if (done)
		fprintf(f, ": %.1f MB", (double)done / mb);
	fflush(f);
}

void progress_clear(struct progress *p, FILE *f)
{
	if (!p->drawn)
		return;
	p->drawn = false;
	fputs("\r\033[K", f);
	fflush(f);
}
