/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv, the command: understands its options, prepares what they ask for, and
 * becomes the program that does it.  It is gone before the first connection comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "front.h"
#include "listening.h"
#include "options.h"

/* ---- becoming another program --------------------------------------------------- */

enum { ARGUMENTS = 8 + OPTIONS_TRANSPORTS * (6 + 2 * LISTEN_FDS_MAX) };

/* Nothing of it is freed: it ends in exec, or with us. */
struct command_line {
	char program[WHERE_MAX];
	char *argv[ARGUMENTS + 1];
	size_t n;
};

static void begin(struct command_line *l, const char *name)
{
	*l = (struct command_line){.n = 0};
	if (where_program(l->program, name) < 0)
		fatal(EXIT_FAILURE, "%s", l->program);
	l->argv[l->n++] = l->program;
}

__attribute__((format(printf, 2, 3))) static void add(struct command_line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (l->n == ARGUMENTS || vasprintf(&l->argv[l->n], fmt, ap) < 0)
		fatal(EXIT_FAILURE, "out of memory");
	va_end(ap);
	l->argv[++l->n] = NULL;
}

static int become(struct command_line *l)
{
	execv(l->program, l->argv);
	log_error("%s: %s (is procsrv installed? make install)", l->program, strerror(errno));
	return EXIT_FAILURE;
}

/* ---- serving ---------------------------------------------------------------------- */

static void die(int status, const char *why)
{
	if (why[0])
		log_error("%s", why);
	exit(status);
}

static void check_fronts(struct front *fronts, const struct options *o)
{
	char why[1024] = "";

	for (size_t i = 0; i < o->transports; i++) {
		struct front *f = &fronts[i];
		int err = front_init(f, o->transport[i], why, sizeof(why));

		f->audit = o->audit;
		if (!err && f->transport.kind == TRANSPORT_STDIO)
			die(EXIT_USAGE,
			    "stdio serves one host and ends with it; it goes with no other -t");
		if (!err)
			err = front_check(f, o->verbose, why, sizeof(why));
		if (err)
			die(err, why);
	}
}

static void hand_over(struct command_line *l, const struct front *f)
{
	char text[256];

	add(l, "-t");
	add(l, "%s", front_describe(f, text, sizeof(text)));
	add(l, "-key");
	add(l, "%s", f->key);
	add(l, "-map");
	add(l, "%s", f->map);
	for (size_t i = 0; i < f->listen.n; i++) {
		fcntl(f->listen.fd[i], F_SETFD, 0);
		add(l, "-fd");
		add(l, "%d", f->listen.fd[i]);
	}
}

/* The arguments of procsrv-launch: how, then the program's. */
static _Noreturn void become_launcher(const struct options *o)
{
	char path[WHERE_MAX];
	const char **argv;
	size_t n = 0;

	while (o->program[n])
		n++;
	argv = calloc(n + 3, sizeof(*argv));
	if (!argv || where_program(path, "procsrv-launch") < 0)
		fatal(EXIT_FAILURE, "%s", argv ? path : "out of memory");
	argv[0] = path;
	argv[1] = o->held ? "-hold" : "-start";
	memcpy(argv + 2, o->program, n * sizeof(*argv));
	execv(path, (char *const *)argv);
	fatal(EXIT_FAILURE, "%s: %s (is procsrv installed? make install)", path, strerror(errno));
}

/* What -c asks for; procsrv-launch says what became of it. */
static void start_program(const struct options *o)
{
	pid_t pid;
	int status;

	if (!o->program)
		return;
	pid = fork();
	if (pid == 0)
		become_launcher(o);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fatal(EXIT_FAILURE, "cannot start a program: %s", strerror(errno));
	if (status != 0)
		exit(EXIT_FAILURE);
}

/* All listen before the listener says that any does. */
static int serve(const struct options *o)
{
	struct front *fronts = calloc(o->transports, sizeof(*fronts));
	struct command_line l;
	char why[512];
	int err, record;

	if (!fronts)
		fatal(EXIT_FAILURE, "out of memory");
	check_fronts(fronts, o);
	for (size_t i = 0; i < o->transports; i++) {
		err = front_open(&fronts[i], why, sizeof(why));
		if (err)
			die(err, why);
	}
	start_program(o);
	begin(&l, "procsrv-listener");
	if (o->verbose)
		add(&l, "-v");
	if (o->audit) {
		add(&l, "-audit");
		add(&l, "%s", o->audit);
	}
	for (size_t i = 0; i < o->transports; i++) {
		front_record(&fronts[i]);
		hand_over(&l, &fronts[i]);
	}
	record = listening_hand_over();
	if (record >= 0) {
		add(&l, "-record");
		add(&l, "%d", record);
	}
	return become(&l);
}

static int serve_stdio(const struct options *o)
{
	struct command_line l;

	start_program(o);
	begin(&l, "procsrv-guard");
	add(&l, "-stdio");
	if (o->verbose)
		add(&l, "-v");
	return become(&l);
}

static int start(const struct options *o)
{
	return o->transports == 1 && strcmp(o->transport[0], "stdio") == 0 ? serve_stdio(o)
									   : serve(o);
}

/* ---- commands ---------------------------------------------------------------------------- */

static int make_key(const struct options *o)
{
	char usual[WHERE_MAX], pin[FINGERPRINT_SIZE], why[512] = "";
	const char *path = o->key ? o->key : usual;
	int err;

	if (!o->key && where_config(usual, "key.pem") < 0)
		die(EXIT_FAILURE, usual);
	err = front_make_key(path, pin, why, sizeof(why));
	if (err)
		die(err, why);
	printf("wrote %s\n%s\n", path, pin);
	return 0;
}

static int administer(const char *what, const char *argument)
{
	struct command_line l;

	begin(&l, "procsrv-admin");
	add(&l, "%s", what);
	if (argument)
		add(&l, "%s", argument);
	return become(&l);
}

static int check_map(const struct options *o)
{
	return administer("-check", o->map);
}

static int check_audit(const struct options *o)
{
	struct command_line l;

	begin(&l, "procsrv-audit");
	add(&l, "-check");
	add(&l, "%s", o->map);
	return become(&l);
}

static int show_status(const struct options *o)
{
	return administer("-status", o->json ? "-json" : NULL);
}

static int release(const struct options *o)
{
	(void)o;
	return administer("-release", NULL);
}

static int repair(const struct options *o)
{
	(void)o;
	return administer("-repair", NULL);
}

static int help(const struct options *o)
{
	(void)o;
	options_help();
	return 0;
}

static int version(const struct options *o)
{
	(void)o;
	puts("procsrv " PROCSRV_VERSION);
	return 0;
}

static int (*const commands[])(const struct options *o) = {
    [SERVE] = start,
    [STATUS] = show_status,
    [RELEASE] = release,
    [REPAIR] = repair,
    [KEYGEN] = make_key,
    [CHECK] = check_map,
    [CHECK_AUDIT] = check_audit,
    [HELP] = help,
    [SHOW_VERSION] = version,
};

/* A listening socket must not come to stand where messages go. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	struct options o;
	char why[1024];

	fill_standard_descriptors();
	log_init("procsrv", false);
	if (options_parse(&o, argc, argv, why, sizeof(why)) < 0)
		fatal(EXIT_USAGE, "%s", why);
	log_init("procsrv", o.verbose);
	return commands[o.command](&o);
}
