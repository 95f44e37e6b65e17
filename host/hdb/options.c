/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/duration.h"
#include "common/transport.h"
#include "host/rsp/rsp_listen.h"
#include "host/rsp/rsp_serve.h"

/* Each takes its arguments and returns what is wrong with them, or NULL. */
typedef const char *option_fn(struct options *o, char *const *arg);

enum shape {
	NONE,
	FLAG,  /* nothing; a bool becomes true */
	ONE,   /* the next word, whatever it is */
	TEXT,  /* the same, kept as it is */
	MAYBE, /* the next word when it does not look like an option */
	PLACE, /* the next word when it is a place to listen */
	TWO,
	UNTIL, /* words up to "--" */
	LATER, /* of a later version */
};

enum { GRACE_MOST_MS = 3600000 };

struct option {
	const char *name;
	enum shape shape;
	union {
		option_fn *fn;
		size_t keeps; /* FLAG and TEXT: where in struct options */
	} does;
	const char *args; /* as shown by -help */
	const char *help; /* or what it would have done */
};

static const char *set_which(struct options *o, enum which which, const char *name)
{
	if (o->which)
		return "several processes are named; one can be looked at from the command line";
	o->which = which;
	o->name = name;
	return NULL;
}

static const char *take_pid(struct options *o, const char *text)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || *text == '+' || !v || v > INT32_MAX)
		return "a PID is a positive number; -pn takes a name, -psn a systemd unit";
	o->pid = (uint32_t)v;
	return set_which(o, WHICH_PID, text);
}

static const char *set_action(struct options *o, enum action action)
{
	if (o->action && o->action != action)
		return "only one of -ps, -snapshot, -keygen, -sign, -trust and -rsp can be done at "
		       "a time";
	o->action = action;
	return NULL;
}

static const char *on_premote(struct options *o, char *const *arg)
{
	o->transport = arg[0];
	return **arg ? NULL : "-premote needs the name or transport of a box";
}

static const char *on_grace(struct options *o, char *const *arg)
{
	return duration_ms(span_str(arg[0]), GRACE_MOST_MS, &o->grace_ms) && o->grace_ms
		   ? NULL
		   : "write a time up to 1h, as 30s, 5m or 500ms";
}

static const char *on_loss(struct options *o, char *const *arg)
{
	static const struct {
		const char *word;
		enum he_loss loss;
	} words[] = {{"resume", HE_LOSS_RESUME}, {"hold", HE_LOSS_HOLD}, {"kill", HE_LOSS_KILL}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(arg[0], words[i].word) == 0) {
			o->loss = words[i].loss;
			return NULL;
		}
	return "resume, hold and kill are the words";
}

static const char *on_p(struct options *o, char *const *arg)
{
	return take_pid(o, arg[0]);
}

static const char *on_pn(struct options *o, char *const *arg)
{
	return set_which(o, WHICH_NAME, arg[0]);
}

static const char *on_psn(struct options *o, char *const *arg)
{
	return set_which(o, WHICH_UNIT, arg[0]);
}

static const char *on_ps(struct options *o, char *const *arg)
{
	o->pattern = arg[0];
	return set_action(o, ACTION_PS);
}

static const char *on_snapshot(struct options *o, char *const *arg)
{
	const char *wrong = arg[0] ? take_pid(o, arg[0]) : NULL;

	return wrong ? wrong : set_action(o, ACTION_SNAPSHOT);
}

static const char *add_command(struct options *o, bool file, const char *text)
{
	struct option_command *v =
	    reallocarray(o->commands, o->n_commands + 1, sizeof(*o->commands));

	if (!v)
		return "out of memory";
	o->commands = v;
	v[o->n_commands++] = (struct option_command){file, text};
	return NULL;
}

static const char *on_ex(struct options *o, char *const *arg)
{
	return add_command(o, false, arg[0]);
}

static const char *on_x(struct options *o, char *const *arg)
{
	return add_command(o, true, arg[0]);
}

static const char *on_keygen(struct options *o, char *const *arg)
{
	(void)arg;
	return set_action(o, ACTION_KEYGEN);
}

static const char *on_key(struct options *o, char *const *arg)
{
	o->key = arg[0];
	return **arg ? NULL : "-key needs a FILE";
}

static const char *on_trust(struct options *o, char *const *arg)
{
	o->box = arg[0];
	o->fingerprint = arg[1];
	return set_action(o, ACTION_TRUST);
}

static const char *on_sign(struct options *o, char *const *arg)
{
	o->fingerprint = arg[0];
	return set_action(o, ACTION_SIGN);
}

static const char *on_serial(struct options *o, char *const *arg)
{
	char *end;

	errno = 0;
	o->serial = strtoull(arg[0], &end, 10);
	return errno || *end || !o->serial || strspn(arg[0], "0123456789") != strlen(arg[0])
		   ? "a serial is a positive number"
		   : NULL;
}

/* What is wrong with a place the caller says. */
static const char *on_rsp(struct options *o, char *const *arg)
{
	o->listen = arg[0];
	return set_action(o, ACTION_RSP);
}

static const char *on_disable_packet(struct options *o, char *const *arg)
{
	unsigned without = rsp_without(arg[0]);

	o->without |= without;
	return without ? NULL : "vCont, Tthread, qC, qfThreadInfo, T and threads can be left out";
}

/* gdbserver's word; its PID is the operand there, too. */
static const char *on_attach(struct options *o, char *const *arg)
{
	o->attach = true;
	return take_pid(o, arg[0]);
}

/* arg: what lies before "--". */
static const char *on_wrapper(struct options *o, char *const *arg)
{
	o->wrapper = arg;
	while (arg[o->n_wrapper] && strcmp(arg[o->n_wrapper], "--") != 0)
		o->n_wrapper++;
	return o->n_wrapper ? NULL : "a wrapper is a program, perhaps with arguments, and --";
}

static const char *on_version(struct options *o, char *const *arg)
{
	(void)arg;
	o->action = ACTION_VERSION;
	return NULL;
}

static const char *on_help(struct options *o, char *const *arg)
{
	(void)arg;
	o->action = ACTION_HELP;
	return NULL;
}

#define KEPT(field) .keeps = offsetof(struct options, field)

static const struct option table[] = {
    {"premote", ONE, {on_premote}, "TRANSPORT",
	"the box: HOST[:PORT], tls:server=HOST,port=N, exec:COMMAND, a name from the file\n"
	"boxes; without it $HDB_PREMOTE, else this machine"},
    {"p", ONE, {on_p}, "PID", "attach to this process"},
    {"pn", ONE, {on_pn}, "NAME", "attach to the one process of that name"},
    {"psn", ONE, {on_psn}, "UNIT", "attach to the main process of that systemd unit"},
    {"grace", ONE, {on_grace}, "TIME",
	"how long the box shall keep the session when the link breaks: 30s, 5m, 1h at most"},
    {"loss", ONE, {on_loss}, "resume|hold|kill",
	"what then becomes of processes that were attached to"},
    {"ex", ONE, {on_ex}, "COMMAND", "do this command (may be given several times)"},
    {"x", ONE, {on_x}, "FILE", "do the commands in FILE"},
    {"batch", FLAG, {KEPT(batch)}, "", "end after these; the first that fails ends with status 1"},
    {"return-child-result", FLAG, {KEPT(child_result)}, "",
	"end with the status of the program that was started"},
    {"ps", MAYBE, {on_ps}, "[PATTERN]", "list processes, then end"},
    {"snapshot", MAYBE, {on_snapshot}, "[PID]",
	"backtraces of all threads, the process stopped for milliseconds, then end;\n"
	"PID, or -pn NAME, or -psn UNIT"},
    {"json", FLAG, {KEPT(json)}, "", "with -ps and -snapshot: for machines"},
    {"keygen", NONE, {on_keygen}, "", "make your key and print the line for the box's map file"},
    {"key", ONE, {on_key}, "FILE",
	"with -keygen: where to put it; with -sign: whose name it bears"},
    {"passphrase", FLAG, {KEPT(passphrase)}, "",
	"with -keygen: ask for one, which protects the key"},
    {"sign", ONE, {on_sign}, "SHA256:...",
	"make a grant for that key, signed with yours, and print it: for boxes that have your\n"
	"key as ca; its holder puts it beside the key, as key.pem.grant"},
    {"user", TEXT, {KEPT(users)}, "NAME[,NAME]", "with -sign: whom it names there"},
    {"valid", TEXT, {KEPT(valid)}, "TIME | FROM..TO", "with -sign: 8h, 7d, or days"},
    {"words", TEXT, {KEPT(words)}, "WORDS",
	"with -sign: readonly, no-write, no-launch, max-stop=TIME"},
    {"serial", ONE, {on_serial}, "N", "with -sign: the number to revoke it by"},
    {"name", TEXT, {KEPT(grant_name)}, "NAME", "with -sign: for the boxes' records"},
    {"trust", TWO, {on_trust}, "HOST[:PORT] SHA256:...", "remember a box's key without asking"},
    {"replace", FLAG, {KEPT(replace)}, "", "with -trust: in the place of another key of that box"},
    {"rsp", PLACE, {on_rsp}, "[PLACE]",
	"speak GDB's remote protocol, for gdb and lldb: on standard input and output, or on\n"
	"unix:path=FILE or tcp:port=N (of this machine only)"},
    {"once", FLAG, {KEPT(once)}, "", "with -rsp: end with the first debugger"},
    {"multi", FLAG, {KEPT(multi)}, "", "with -rsp: go on when nothing is left to debug"},
    {"attach", ONE, {on_attach}, "PID", "with -rsp: begin with this process"},
    {"wrapper", UNTIL, {on_wrapper}, "COMMAND --",
	"with -rsp: what programs are started through, which has to execute them"},
    {"disable-packet", ONE, {on_disable_packet}, "WORD",
	"with -rsp: do as if that packet were not known (to try debuggers out)"},
    {"v", FLAG, {KEPT(verbose)}, "", "show every message of the wire on stderr"},
    {"version", NONE, {on_version}, "", "print the version"},
    {"help", NONE, {on_help}, "", "print this"},
    {"server", LATER, {NULL}, NULL, "serving a session to other people"},
    {"remote", LATER, {NULL}, NULL, "joining somebody's session"},
    {"k", LATER, {NULL}, NULL, "debugging a kernel"},
    {"cimp", LATER, {NULL}, NULL, "taking what the box has launched"},
    {"pb", LATER, {NULL}, NULL, "attaching without stopping (at the prompt: attach PID &)"},
    {"pv", LATER, {NULL}, NULL, "attaching for looking only (at the prompt: attach -look PID)"},
};

enum { OPTIONS = sizeof(table) / sizeof(table[0]) };

static bool one_word(const struct option *row)
{
	return row->shape == ONE || row->shape == TEXT;
}

static const struct option *find(const char *word)
{
	size_t n;

	word += 1 + (word[1] == '-');
	n = strcspn(word, "=");
	for (size_t i = 0; i < OPTIONS; i++)
		if (strlen(table[i].name) == n && strncmp(table[i].name, word, n) == 0 &&
		    (!word[n] || one_word(&table[i])))
			return &table[i];
	return NULL;
}

static bool is_place(const char *word)
{
	return strncmp(word, "unix:", 5) == 0 || strncmp(word, "tcp:", 4) == 0;
}

static const char *do_option(const struct option *row, struct options *o, char *const *arg)
{
	if (row->shape == FLAG)
		*(bool *)((char *)o + row->does.keeps) = true;
	else if (row->shape == TEXT)
		*(const char **)((char *)o + row->does.keeps) = arg[0];
	else
		return row->does.fn(o, arg);
	return NULL;
}

/* Take the option at argv[*at] with its arguments. */
static int take(int argc, char **argv, int *at, struct options *o, char *why, size_t size)
{
	const char *word = argv[(*at)++], *wrong;
	const struct option *row = find(word);
	char *arg[2] = {NULL, NULL};
	int want;

	if (!row) {
		snprintf(why, size, "%s is not an option; hdb -help lists them.", word);
		return 2;
	}
	if (row->shape == LATER) {
		snprintf(why, size, "%s (%s) is not in this version of hdb.", word, row->help);
		return 2;
	}
	want = row->shape == MAYBE   ? *at < argc && argv[*at][0] != '-'
	       : row->shape == PLACE ? *at < argc && is_place(argv[*at])
	       : row->shape == TWO   ? 2
				     : one_word(row);
	/* As gdbserver's options have it. */
	if (want == 1 && strchr(word, '=')) {
		arg[0] = strchr(word, '=') + 1;
		want = 0;
	}
	if (row->shape == UNTIL) {
		wrong = row->does.fn(o, argv + *at);
		*at += (int)o->n_wrapper;
		if (!wrong && *at++ == argc)
			wrong = "it ends with --";
		if (wrong)
			snprintf(why, size, "%s: %s.", word, wrong);
		return wrong ? 2 : 0;
	}
	if (argc - *at < want) {
		snprintf(why, size, "%s needs %s behind it.", word, row->args);
		return 2;
	}
	for (int i = 0; i < want; i++)
		arg[i] = argv[(*at)++];
	wrong = do_option(row, o, arg);
	if (wrong)
		snprintf(
		    why, size, "%s%s%s: %s.", word, arg[0] ? " " : "", arg[0] ? arg[0] : "", wrong);
	return wrong ? 2 : 0;
}

/* What fits together only in some ways. */
static const char *contradiction(const struct options *o)
{
	if (o->json && o->action != ACTION_PS && o->action != ACTION_SNAPSHOT)
		return "-json goes with -ps or -snapshot";
	if (o->action == ACTION_SIGN
		? !o->users || !o->valid
		: o->users || o->valid || o->words || o->serial || o->grant_name)
		return o->action == ACTION_SIGN
			   ? "-sign wants -user NAME, and -valid for how long"
			   : "-user, -valid, -words, -serial and -name go with -sign; for a "
			     "connection write -premote tls:server=HOST,user=NAME";
	if (o->key && o->action != ACTION_KEYGEN && o->action != ACTION_SIGN)
		return "-key goes with -keygen and -sign; for a connection write "
		       "-premote tls:server=HOST,port=N,key=FILE";
	if (o->passphrase && o->action != ACTION_KEYGEN)
		return "-passphrase goes with -keygen";
	if (o->replace && o->action != ACTION_TRUST)
		return "-replace goes with -trust";
	if ((o->once || o->multi || o->attach || o->n_wrapper) && o->action != ACTION_RSP)
		return "-once, -multi, -attach and -wrapper go with -rsp; -p PID attaches";
	if (o->action == ACTION_RSP && (o->batch || o->n_commands || (o->which && !o->attach)))
		return "with -rsp the debugger gives the commands; -attach PID names a process";
	if (o->action == ACTION_SNAPSHOT && !o->which)
		return "-snapshot needs a PID, -pn NAME or -psn UNIT";
	if (o->action == ACTION_PS && o->which)
		return "-ps lists processes by a pattern: hdb -ps PATTERN";
	return NULL;
}

/* A box is a word from the file boxes, or a transport, which has marks. */
static int unreadable(const struct options *o, char *why, size_t size)
{
	struct transport t = {0};
	char wrong[256];
	int ret = 0;

	if (!o->transport || !strpbrk(o->transport, ":,= "))
		return 0;
	if (transport_parse_connect(&t, o->transport, wrong, sizeof(wrong)) != 0) {
		snprintf(why, size, "%s.", wrong);
		ret = 2;
	}
	transport_free(&t);
	return ret;
}

/* Words behind the options: the argument of -ps or -snapshot; behind "--" a program to
 * launch, with its arguments. */
static int operands(char **argv, struct options *o, bool dashes, char *why, size_t size)
{
	const char *wrong = NULL;

	if (!*argv)
		return 0;
	if (!dashes && !argv[1] && o->action == ACTION_PS && !o->pattern) {
		o->pattern = *argv;
		return 0;
	}
	if (!dashes && !argv[1] && o->action == ACTION_SNAPSHOT && !o->which) {
		wrong = take_pid(o, *argv);
		if (wrong)
			snprintf(why, size, "-snapshot %s: %s.", *argv, wrong);
		return wrong ? 2 : 0;
	}
	if (o->action == ACTION_RSP && !o->which) {
		o->program = (const char *const *)argv;
		return 0;
	}
	if (o->action) {
		snprintf(why, size, "%s: nothing more can stand here; hdb -help lists the options.",
		    *argv);
		return 2;
	}
	if (!dashes) {
		snprintf(why, size,
		    "%s: -p PID or -pn NAME attaches; to start a program: hdb -- %s.", *argv,
		    *argv);
		return 2;
	}
	if (o->which) {
		snprintf(why, size, "%s: -p attaches to a process; a program is not started, too.",
		    *argv);
		return 2;
	}
	o->program = (const char *const *)argv;
	return 0;
}

int options_parse(int argc, char **argv, struct options *o, char *why, size_t size)
{
	const char *wrong;
	char text[256];
	bool dashes = false;
	int at = 1, status = 0;

	*o = (struct options){0};
	while (at < argc && argv[at][0] == '-' && argv[at][1] && !status && !dashes) {
		dashes = strcmp(argv[at], "--") == 0;
		if (dashes)
			at++;
		else
			status = take(argc, argv, &at, o, why, size);
		if (o->action == ACTION_HELP || o->action == ACTION_VERSION)
			return 0;
	}
	if (!status)
		status = operands(argv + at, o, dashes, why, size);
	if (status)
		return status;
	wrong = contradiction(o);
	if (!wrong && o->listen && rsp_listen_check(o->listen, text, sizeof(text)) != 0)
		wrong = text;
	if (!wrong)
		return unreadable(o, why, size);
	snprintf(why, size, "%s.", wrong);
	return 2;
}

void options_free(struct options *o)
{
	free(o->commands);
	*o = (struct options){0};
}

void options_help(FILE *f)
{
	fputs(
	    "usage: hdb [-premote TRANSPORT] [-p PID | -pn NAME | -psn UNIT] [-batch] "
	    "[-ex COMMAND | -x FILE]...\n"
	    "       hdb [-premote TRANSPORT] [-batch] [-ex COMMAND | -x FILE]... -- PROGRAM "
	    "[ARGUMENT]...\n"
	    "       hdb [-premote TRANSPORT] -snapshot PID | -pn NAME | -psn UNIT [-json]\n"
	    "       hdb [-premote TRANSPORT] -ps [PATTERN] [-json]\n"
	    "       hdb [-premote TRANSPORT] -rsp [PLACE] [-once] [-multi] [-attach PID | PROGRAM "
	    "[ARGUMENT]...]\n"
	    "       hdb -keygen [-key FILE]\n"
	    "       hdb -sign SHA256:... -user NAME -valid TIME [-words WORDS] [-serial N] [-name "
	    "NAME] [-key FILE]\n"
	    "       hdb [-replace] -trust HOST[:PORT] SHA256:...\n\n",
	    f);
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *row = &table[i];
		const char *p = row->help;
		char left[64];

		if (row->shape == LATER)
			continue;
		snprintf(
		    left, sizeof(left), "-%s%s%s", row->name, *row->args ? " " : "", row->args);
		fprintf(
		    f, "  %-22s%s", left, strlen(left) > 21 ? "\n                        " : "");
		for (; *p; p++)
			*p == '\n' ? fputs("\n                        ", f) : fputc(*p, f);
		fputc('\n', f);
	}
	fputs("\nAt the prompt, help lists the commands.  Status: 0 done, 1 the thing asked for "
	      "failed, 2 usage.\n",
	    f);
}
