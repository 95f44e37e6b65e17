/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* set gets the option's value, NULL when it takes none. */
struct option {
	const char *name;
	const char *value;    /* what it is called in the help; NULL = none */
	enum command command; /* of those that are commands; else SERVE */
	int (*set)(struct options *o, const char *value);
	const char *help;
};

static int set_transport(struct options *o, const char *value)
{
	if (o->transports == OPTIONS_TRANSPORTS)
		return -1;
	o->transport[o->transports++] = value;
	return 0;
}

static int set_map(struct options *o, const char *value)
{
	o->map = value;
	return 0;
}

static int set_audit(struct options *o, const char *value)
{
	o->audit = value;
	return 0;
}

static int set_key(struct options *o, const char *value)
{
	o->key = value;
	return 0;
}

static int set_json(struct options *o, const char *value)
{
	(void)value;
	o->json = true;
	return 0;
}

static int set_verbose(struct options *o, const char *value)
{
	(void)value;
	o->verbose = true;
	return 0;
}

/* Everything behind it is the program's: options_parse takes that. */
static int set_program(struct options *o, const char *value)
{
	(void)value;
	o->held = false;
	return 0;
}

static int set_held(struct options *o, const char *value)
{
	(void)value;
	o->held = true;
	return 0;
}

static const struct option options[] = {
    {"t", "TRANSPORT", SERVE, set_transport,
	"serve: tls:port=N[,bind=ADDR][,key=FILE][,map=FILE], tls: or stdio; may be repeated"},
    {"c", "PROGRAM", SERVE, set_program,
	"start PROGRAM with all that follows; nobody debugs it until a host attaches"},
    {"cs", "PROGRAM", SERVE, set_held, "the same, but it is held before its first instruction"},
    {"audit", "FILE", SERVE, set_audit,
	"serve, and keep the record in FILE, too; without it nothing is done"},
    {"status", NULL, STATUS, NULL, "show what listens here and its sessions"},
    {"json", NULL, SERVE, set_json, "with -status: for programs"},
    {"release", NULL, RELEASE, NULL, "end every session; what was debugged runs on"},
    {"repair", NULL, REPAIR, NULL, "put back what dead sessions left in processes"},
    {"keygen", NULL, KEYGEN, NULL, "make the server's key; an existing one is never overwritten"},
    {"key", "FILE", SERVE, set_key, "with -keygen: where"},
    {"check", "FILE", CHECK, set_map, "say in words what a map file, or a grant, allows"},
    {"check-audit", "FILE", CHECK_AUDIT, set_map, "is the record in FILE as it was written?"},
    {"v", NULL, SERVE, set_verbose, "say more on standard error"},
    {"version", NULL, SHOW_VERSION, NULL, "print the version"},
    {"help", NULL, HELP, NULL, "print this"},
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

static const struct option *find(const char *arg)
{
	arg += arg[1] == '-' ? 2 : 1;
	for (size_t i = 0; i < OPTIONS; i++)
		if (strcmp(options[i].name, arg) == 0)
			return &options[i];
	return NULL;
}

static int take(
    struct options *o, const struct option *opt, const char *value, char *why, size_t size)
{
	if (opt->value && !value) {
		snprintf(why, size, "-%s wants a value: -%s %s", opt->name, opt->name, opt->value);
		return -1;
	}
	if (opt->command != SERVE && o->command != SERVE) {
		snprintf(why, size, "-%s does not go with another command", opt->name);
		return -1;
	}
	if (opt->command != SERVE)
		o->command = opt->command;
	if (opt->set && opt->set(o, value) < 0) {
		snprintf(why, size, "-%s stands there more than %d times", opt->name,
		    OPTIONS_TRANSPORTS);
		return -1;
	}
	return 0;
}

static int judge(const struct options *o, const char *operand, char *why, size_t size)
{
	const char *wrong = NULL;

	if (operand) {
		snprintf(why, size, "\"%s\" is no option; try procsrv -help", operand);
		return -1;
	}
	if (o->command == SERVE && !o->transports)
		wrong = "nothing to do; say -t TRANSPORT, or try procsrv -help";
	else if (o->command != SERVE && (o->transports || o->program))
		wrong = o->program ? "-c goes with -t" : "-t goes with no command";
	else if (o->program && geteuid() == 0)
		wrong = "-c starts a program as who starts procsrv: not as root; a host starts "
			"programs as its own user: hdb -premote BOX -- PROGRAM";
	else if (o->audit && (o->command != SERVE ||
				 (o->transports == 1 && strcmp(o->transport[0], "stdio") == 0)))
		wrong = "-audit goes with -t tls: only";
	else if (o->json && o->command != STATUS)
		wrong = "-json goes with -status only";
	else if (o->key && o->command != KEYGEN)
		wrong = "-key goes with -keygen only; when serving write -t tls:port=N,key=FILE";
	if (wrong)
		snprintf(why, size, "%s", wrong);
	return wrong ? -1 : 0;
}

int options_parse(struct options *o, int argc, char **argv, char *why, size_t size)
{
	int i = 1;

	*o = (struct options){.command = SERVE};
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		const struct option *opt = find(argv[i]);

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (!opt) {
			snprintf(why, size, "unknown option %s; try procsrv -help", argv[i]);
			return -1;
		}
		if (take(o, opt, opt->value ? argv[++i] : NULL, why, size) < 0)
			return -1;
		if (opt->set == set_program || opt->set == set_held) {
			o->program = argv + i;
			i = argc;
			break;
		}
	}
	return judge(o, i < argc ? argv[i] : NULL, why, size);
}

void options_help(void)
{
	printf("usage: procsrv -t TRANSPORT [-t ...] [-c | -cs PROGRAM ARGUMENT...] | COMMAND\n"
	       "Lets holders of keys in its map file debug processes of this machine.\n\n");
	for (size_t i = 0; i < OPTIONS; i++) {
		char left[32];

		snprintf(left, sizeof(left), "-%s %s", options[i].name,
		    options[i].value ? options[i].value : "");
		printf("  %-17s %s\n", left, options[i].help);
	}
	printf("\nMore in procsrv(8), transport(7) and procsrv-authorized_keys(5).\n");
}
