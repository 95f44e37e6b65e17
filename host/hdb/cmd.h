/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The console's commands.  One table (cmd_table.c): from a row come parsing, abbreviation,
 * help, completion, and the check of the manual page.  To add a command: a row there, its
 * function declared below and written in the cmd_*.c of its kind.
 */
#ifndef HOST_CMD_H
#define HOST_CMD_H

#include <stddef.h>

#include "host/hdb/front.h"

/* What must be there before a command runs; the sentence for its absence is made in one
 * place. */
enum cmd_need {
	NEED_NOTHING,
	NEED_SERVER, /* connects when there is none yet */
	NEED_TARGET,
	NEED_MEMORY, /* a target whose memory can be read: all but one that is gone */
	NEED_STACK,  /* a thread that stands */
};

/* What an empty line after it does. */
enum cmd_again {
	AGAIN_NO,
	AGAIN_SAME, /* the same line again */
	AGAIN_ON,   /* the command without arguments, which goes on from where it was */
};

/* What the Tab key offers as arguments. */
enum cmd_args {
	ARGS_NONE,
	ARGS_COMMAND,
	ARGS_PROCESS,
	ARGS_THREAD,
	ARGS_TARGET,
	ARGS_REGISTER,
	ARGS_FILE,
};

/* Groups that help lists them in. */
enum cmd_class {
	CLASS_NONE, /* of a subcommand: its parent's */
	CLASS_PROCESSES,
	CLASS_RUNNING,
	CLASS_BREAKPOINTS,
	CLASS_STACK,
	CLASS_DATA,
	CLASS_FILES,
	CLASS_STATUS,
	CLASS_SUPPORT,
	CLASSES,
};

/* args: the rest of the line, blanks at both ends removed, never NULL.  Returns 0, or 1
 * after having said what went wrong. */
typedef int cmd_fn(struct hdb *h, const char *args);

struct cmd {
	const char *name;
	const char *also; /* other names, separated by blanks; NULL */
	enum cmd_class class;
	unsigned char min; /* so few letters of name are enough, where no other row fits too */
	enum cmd_need need;
	enum cmd_again again;
	enum cmd_args args;
	const char *usage;     /* arguments; [] optional, capitals are placeholders */
	const char *help;      /* one line, for lists */
	const char *more;      /* further lines for `help NAME`; NULL */
	cmd_fn *run;           /* NULL: only subcommands */
	const struct cmd *sub; /* ends with a row without a name; NULL */
};

extern const struct cmd cmd_table[]; /* ends with a row without a name */
/* Of info; of set, show and their like (cmd_table_info.c, cmd_table_set.c). */
extern const struct cmd cmd_info_table[], cmd_set_table[], cmd_show_table[], cmd_unset_table[];

enum cmd_found { CMD_ONE, CMD_NONE, CMD_MANY };
/* The row that word (n bytes) stands for: a whole name, else the one row it abbreviates. */
enum cmd_found cmd_find(
    const struct cmd *table, const char *word, size_t n, const struct cmd **ret);
bool cmd_matches(const struct cmd *row, const char *word, size_t n); /* name or abbreviation */

/* The first word of text: where it begins and its length; a command's name ends at the
 * first character that cannot be in one, so that x/8gx needs no blank. */
size_t cmd_word(const char **text);

/* Is something missing that need asks for?  1: said what. */
int cmd_lacks(struct hdb *h, enum cmd_need need);
/* word is not in table, for that reason; says so, with parent ("info ") in front. */
int cmd_unknown(struct hdb *h, const struct cmd *table, const char *parent, enum cmd_found why,
    const char *word, size_t n);

/* Do one line.  0 done, 1 failed (said why).  Empty lines and those that begin with #
 * are nothing. */
int cmd_run(struct hdb *h, const char *line);
/* What an empty line after line means: it again, a shortened one, or NULL.  The caller
 * frees it. */
char *cmd_again(const char *line);

/* Offer what could stand for the last word of text (n bytes, at its end the cursor):
 * calls add for each candidate; *start: where that word begins. */
typedef void cmd_add(void *arg, const char *candidate);
void cmd_complete(
    struct hdb *h, const char *text, size_t n, size_t *start, cmd_add *add, void *arg);

/* ---- argument parsing ---------------------------------------------------- */

/* A decimal number at *text, which moves behind it and the blanks that follow; false
 * (nothing moved) when there is none or it exceeds max. */
bool cmd_number(const char **text, uint64_t max, uint64_t *ret);
/* The next word that ends at a blank, copied; false when there is none or it is too long. */
bool cmd_token(const char **text, char *buf, size_t size);

/* ---- handlers -------------------------------------------------------------- */

/* cmd_process.c */
cmd_fn cmd_ps, cmd_attach, cmd_detach, cmd_targets, cmd_target;
/* cmd_thread.c */
cmd_fn cmd_info_threads, cmd_thread, cmd_thread_apply, cmd_continue, cmd_interrupt;
/* cmd_stack.c */
cmd_fn cmd_backtrace, cmd_frame, cmd_up, cmd_down, cmd_info_frame;
/* cmd_x.c, cmd_data.c */
cmd_fn cmd_x, cmd_info_registers;
/* cmd_disassemble.c */
cmd_fn cmd_disassemble;
/* cmd_print.c */
cmd_fn cmd_print, cmd_output, cmd_call, cmd_echo, cmd_set_variable, cmd_ptype, cmd_whatis,
    cmd_info_locals, cmd_info_args;
/* cmd_display.c */
cmd_fn cmd_display, cmd_undisplay, cmd_info_display;
/* cmd_code.c */
cmd_fn cmd_list, cmd_info_line, cmd_info_symbol, cmd_info_address, cmd_directory;
/* cmd_info.c */
cmd_fn cmd_info_sharedlibrary, cmd_info_proc, cmd_info_auxv;
/* cmd_break.c */
cmd_fn cmd_break, cmd_tbreak, cmd_hbreak, cmd_thbreak, cmd_rbreak, cmd_watch, cmd_rwatch,
    cmd_awatch, cmd_clear;
/* cmd_break_change.c */
cmd_fn cmd_delete, cmd_enable, cmd_enable_once, cmd_enable_delete, cmd_enable_count, cmd_disable,
    cmd_condition, cmd_ignore, cmd_commands;
/* break_show.c */
cmd_fn cmd_info_breakpoints;
/* cmd_catch.c */
cmd_fn cmd_catch, cmd_tcatch, cmd_handle, cmd_info_signals, cmd_signal;
/* cmd_step.c */
cmd_fn cmd_step, cmd_next, cmd_stepi, cmd_nexti, cmd_finish, cmd_until, cmd_advance, cmd_return,
    cmd_jump;
/* settings.c */
cmd_fn cmd_set, cmd_show;
void settings_offer(const char *typed, void (*offer)(void *arg, const char *name), void *arg);
/* cmd_run.c */
cmd_fn cmd_run_program, cmd_start, cmd_starti, cmd_kill, cmd_file, cmd_cd, cmd_info_program;
cmd_fn cmd_set_args, cmd_show_args, cmd_set_environment, cmd_unset_environment,
    cmd_show_environment, cmd_show_cwd, cmd_set_randomization, cmd_show_randomization;
/* cmd_names.c */
cmd_fn cmd_info_functions, cmd_info_variables, cmd_info_types;
/* cmd_shell.c, cmd_printf.c */
cmd_fn cmd_shell, cmd_printf;
/* cmd_support.c */
cmd_fn cmd_quit, cmd_source, cmd_show_version, cmd_show_convenience;
/* cmd_help.c */
cmd_fn cmd_help, cmd_apropos;

/* The thread of the selected target with that number or LWP; false: there is none. */
bool cmd_thread_numbered(struct hdb *h, uint64_t number, uint64_t *tid);
/* Its number; 0 = never seen. */
unsigned cmd_thread_number(struct hdb *h, uint64_t tid);
/* Have h->list.file: the file to go on with where a command names none.  1: said why
 * not. */
int cmd_need_file(struct hdb *h);

/* Header line and backtrace of every thread, the main one last, as GDB writes them. */
int cmd_all_stacks(struct hdb *h);

#endif
