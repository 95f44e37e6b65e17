/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/processes.h"

#include "host/hdb/cmd.h"

void processes_show(FILE *f, const struct he_processes *p, bool kernel, unsigned width)
{
	static const char *const heads[] = {">PID", "USER", ">THREADS", "UNIT", "COMMAND"};
	struct show_table *t = table_new(heads, 5);

	for (size_t i = 0; i < p->n; i++) {
		const struct he_process *v = &p->v[i];
		bool args = v->args && *v->args;

		if (v->kernel_thread && !kernel)
			continue;
		table_cell(t, "%u", v->pid);
		table_cell(t, "%s", v->user ? v->user : "");
		table_cell(t, "%u", v->threads);
		table_cell(t, "%s", v->unit && *v->unit ? v->unit : "-");
		/* As ps(1) does: without arguments (kernel threads, zombies) the name. */
		table_cell(t, args ? "%s" : "[%s]", args ? v->args : v->comm ? v->comm : "?");
	}
	table_end(t, f, width);
	if (p->truncated)
		fprintf(f, "%u more are not shown; a PATTERN behind ps chooses\n", p->truncated);
}

int snapshot_show(struct hdb *h, struct he_target *t)
{
	struct he_target_info i;
	struct he_threads *threads;
	struct he_error *e = he_threads(t, &threads);
	char name[FRONT_NAME];
	size_t n;

	if (e)
		return fail_error(h, e);
	n = threads->n;
	he_threads_free(threads);
	front_select(h, t);
	he_target_info(t, &i);
	progress_clear(&h->progress, h->err);
	fprintf(h->out, "%s, %zu thread%s, stopped for %.1f ms\n", front_name(h, t, name), n,
	    n == 1 ? "" : "s", (double)i.stopped_ns / 1e6);
	return cmd_all_stacks(h);
}
