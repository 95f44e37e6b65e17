/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/again.h"

#include "host/hdb/front.h"
#include "host/hdb/show.h"

void again_link(struct hdb *h, const struct he_event *ev)
{
	const struct he_server_info *i = he_server_info(ev->server);

	fputs(h->prefix, h->err);
	if (ev->kind == HE_E_LINK_BACK) {
		fprintf(h->err, "link to %s is back\n", i->name);
		return;
	}
	fprintf(h->err, "link to %s lost (", i->name);
	show_text(h->err, ev->text);
	fputs("); resuming...\n", h->err);
}

void again_released(struct hdb *h, const struct he_event *ev, const char *name)
{
	struct again *a = &h->released;
	struct he_target_info i;

	fprintf(h->out,
	    "%s was let go when the link broke and runs on there, %llu s without "
	    "breakpoints by now\n",
	    name, (unsigned long long)(ev->ago_ms + 999) / 1000);
	he_target_info(ev->target, &i);
	/* A program that was launched is nobody's child of ours any more. */
	if (i.launched || a->n == AGAIN_MOST)
		return;
	a->v[a->n].pid = i.pid;
	a->v[a->n++].start = i.start;
}

void again_attach(struct hdb *h)
{
	struct again *a = &h->released;
	struct he_error *e;
	size_t n = a->n;

	a->n = 0;
	for (size_t i = 0; i < n && h->server; i++) {
		if (front_attach(h, a->v[i].pid, a->v[i].start, HE_STOP) != 0 || !h->target)
			continue;
		/* The box did not want it to stand: its breakpoints are set on the way. */
		e = he_continue(h->target, 0);
		if (e)
			fail_error(h, e);
		else
			fputs("it runs on, with its breakpoints set again\n", h->out);
	}
}
