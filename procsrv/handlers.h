/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every request's handler, by the name of its row in wire.def.
 */
#ifndef PROCSRV_HANDLERS_H
#define PROCSRV_HANDLERS_H

#include "serve.h"

/* greet.c */
handler on_open;
/* target.c, trace_*.c */
handler on_attach, on_detach, on_interrupt, on_resume, on_threads, on_preorder, on_signals;
handler on_regs_read, on_mem_read, on_mem_walk, on_snapshot;
/* caught.c, change.c */
handler on_catch, on_mem_write, on_regs_write, on_siginfo_write, on_send_signal, on_kill;
handler on_abandon;
/* mapping.c */
handler on_map_new, on_map_drop;
/* go.c, patch_set.c */
handler on_go, on_go_after, on_patch_set, on_patch_clear, on_patch_hits;
/* launch*.c */
handler on_launch_text, on_launch, on_input, on_window, on_output_more;
/* reader_*.c */
handler on_ps, on_facts, on_maps, on_auxv, on_environment, on_proc_text;
handler on_file_stat, on_file_look, on_file_read, on_file_link, on_file_list;
handler on_file_write, on_file_change;

#endif
