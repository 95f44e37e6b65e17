/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hdb: the console front end of the host engine.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "host/hdb/actions.h"
#include "host/hdb/askpass.h"
#include "host/hdb/cmd.h"
#include "host/hdb/console.h"
#include "host/hdb/json.h"
#include "host/hdb/lines.h"
#include "host/hdb/options.h"
#include "host/hdb/processes.h"
#include "host/hdb/sign.h"
#include "host/rsp/rsp_serve.h"

static struct {
	struct hdb h;
	int tty; /* the controlling terminal, -1 = none: nobody can be asked */
} self = {.tty = -1};

/* ---- signals ------------------------------------------------------------------- */

/* After SIGTERM everything that waits for a box is broken off: what is under way at once,
 * what letting the processes go begins to wait for when it takes long. */
static void on_end(void)
{
	enum { LET_GO_S = 2 };

	self.h.quit = self.h.killed = self.h.interrupted = 1;
	alarm(LET_GO_S);
}

static void on_signal(int sig)
{
	const uint64_t one = 1;
	int saved = errno;

	if (sig == SIGWINCH || sig == SIGCONT)
		self.h.stale = 1;
	else if (sig == SIGINT)
		self.h.interrupted = 1;
	else if (sig == SIGALRM)
		alarm(1);
	else
		on_end();
	if (self.h.busy && sig != SIGWINCH && sig != SIGCONT)
		he_cancel(self.h.engine);
	/* A poll must end even when the engine's thread took the signal. */
	if (write(self.h.wake_fd, &one, sizeof(one)) < 0)
		errno = 0; /* full: it wakes all the same */
	errno = saved;
}

/* A handler that does nothing: a write to a closed pipe fails; and unlike SIG_IGN it does
 * not reach the programs that exec: starts. */
static void on_nothing(int sig)
{
	(void)sig;
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGWINCH, SIGCONT};
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t all;

	self.h.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* Only what ends something may end a read. */
		sa.sa_flags = signals[i] == SIGWINCH || signals[i] == SIGCONT ? SA_RESTART : 0;
		sigaction(signals[i], &sa, NULL);
	}
	sa.sa_handler = on_nothing;
	sigaction(SIGPIPE, &sa, NULL);
	/* Whoever started us may have had some blocked, which exec keeps. */
	sigemptyset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
}

/* ---- what the engine wants of a person -------------------------------------------- */

/* As ssh does: only a whole word counts, nothing typed is no. */
static bool ask(void *arg, const char *question)
{
	struct hdb *h = arg;
	char *clean = show_clean(question), answer[16];
	bool yes = false;

	progress_clear(&h->progress, h->err);
	for (const char *text = clean; text; text = "Please type yes or no:") {
		dprintf(self.tty, "%s ", text);
		(void)screen_line(h, self.tty, answer, sizeof(answer));
		if (!*answer || strcmp(answer, "no") == 0)
			break;
		yes = strcmp(answer, "yes") == 0;
		if (yes)
			break;
	}
	free(clean);
	return yes;
}

static bool secret(void *arg, const char *question, char *text, size_t size)
{
	struct hdb *h = arg;

	progress_clear(&h->progress, h->err);
	return askpass(h, self.tty, question, text, size);
}

static void on_progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	struct hdb *h = arg;

	progress_show(&h->progress, h->err, what, done, total);
}

static void on_notice(void *arg, const char *text)
{
	fail(arg, "%s", text);
}

static int start_engine(const struct options *o)
{
	struct he_config config = {.secret = secret,
	    .notice = on_notice,
	    .arg = &self.h,
	    .grace_ms = o->grace_ms,
	    .loss = o->loss};
	struct he_error *e;

	config.raw = o->action == ACTION_RSP;
	self.tty = config.raw ? -1 : open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (self.tty >= 0)
		config.ask = ask;
	if (isatty(STDERR_FILENO) && !config.raw)
		config.progress = on_progress;
	if (o->verbose)
		config.dump = stderr;
	e = he_new(&config, &self.h.engine);
	return e ? fail_error(&self.h, e) : 0;
}

/* ---- commands ---------------------------------------------------------------------- */

/* -ex and -x; with -batch the first that fails ends it. */
static int run_options(const struct options *o)
{
	int ret = 0;

	for (size_t i = 0; i < o->n_commands && !self.h.quit; i++) {
		const struct option_command *c = &o->commands[i];

		ret |= c->file ? lines_from_file(&self.h, c->text) : lines_run(&self.h, c->text);
		if (ret && (o->batch || self.h.interrupted))
			break;
	}
	return ret;
}

static char *config_dir(void)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *dir = NULL;
	int n;

	if (base && *base)
		n = asprintf(&dir, "%s/hdb", base);
	else if (home && *home)
		n = asprintf(&dir, "%s/.config/hdb", home);
	else
		return NULL;
	return n < 0 ? NULL : dir;
}

static int prompt(void)
{
	struct hdb *h = &self.h;
	char *dir = config_dir(), *last = NULL, *line;
	struct console *c = console_new(h, dir);
	const char *typed;

	free(dir);
	if (!c)
		return fail(h, "this terminal cannot be used for a prompt; -batch needs none");
	h->prefix = "";
	h->busy = 0;
	while (!h->quit) {
		typed = console_line(c);
		if (!typed && !h->quit) /* Ctrl-D */
			lines_run(h, "quit");
		if (!typed)
			continue;
		h->again = !typed[strspn(typed, " \t")] && !actions_open(h);
		line = h->again ? last ? cmd_again(last) : NULL : strdup(typed);
		if (!line)
			continue;
		lines_run(h, line);
		free(last);
		last = line;
	}
	free(last);
	console_free(c);
	return 0;
}

/* ---- what was asked for --------------------------------------------------------------- */

/* The process the options name. */
static int resolve(const struct options *o, uint32_t *pid, uint64_t *start)
{
	struct he_server *s = front_server(&self.h);
	struct he_process p;
	struct he_error *e;

	if (!s)
		return 1;
	*pid = o->pid;
	*start = 0;
	if (o->which == WHICH_PID)
		return 0;
	e = o->which == WHICH_NAME ? he_find_name(s, o->name, &p) : he_find_unit(s, o->name, &p);
	if (e)
		return fail_error(&self.h, e);
	*pid = p.pid;
	*start = p.start;
	return 0;
}

static int do_console(const struct options *o)
{
	struct hdb *h = &self.h;
	bool terminal = isatty(STDIN_FILENO);
	uint64_t start;
	uint32_t pid;
	int ret;

	h->person = terminal && !o->batch;
	relay_init(h, !terminal && !o->batch);
	if (o->which &&
	    (resolve(o, &pid, &start) != 0 || front_attach(h, pid, start, HE_STOP) != 0))
		return 1;
	if (o->program && (!program_set_args(&h->program, o->program) || program_start(h) != 0))
		return 1;
	if (o->transport && !front_server(h))
		return 1;
	ret = run_options(o);
	if (o->batch || h->quit)
		return ret;
	return terminal ? prompt() : ret | lines_from_input(h);
}

static int do_ps(const struct options *o)
{
	struct hdb *h = &self.h;
	struct he_server *s = front_server(h);
	struct he_processes *p;
	struct he_error *e = s ? he_ps(s, o->pattern, &p) : NULL;
	int ret = 0;

	if (!s)
		return 1;
	if (e)
		return fail_error(h, e);
	if (o->json)
		ret = json_processes(h->out, p) == 0 ? 0 : fail(h, "out of memory");
	else
		processes_show(h->out, p, o->pattern, front_width(h));
	he_processes_free(p);
	return ret;
}

static int print_snapshot(const struct options *o, struct he_target *t)
{
	struct hdb *h = &self.h;
	struct he_error *e;

	if (!o->json)
		return snapshot_show(h, t);
	e = json_snapshot(h->out, t);
	return e ? fail_error(h, e) : 0;
}

static int do_snapshot(const struct options *o)
{
	struct hdb *h = &self.h;
	struct he_target *t;
	struct he_error *e;
	uint64_t start;
	uint32_t pid;
	int ret;

	if (resolve(o, &pid, &start) != 0)
		return 1;
	e = he_snapshot(h->server, pid, start, 0, 0, &t);
	if (e)
		return fail_error(h, e);
	ret = print_snapshot(o, t);
	front_detach(h, t);
	return ret;
}

/* Twice, for nobody sees what he types.  NULL when the key is to have none. */
static const char *new_passphrase(struct hdb *h, const struct options *o, char *text, int *err)
{
	char again[ASKPASS_MAX];

	*err = 0;
	if (!o->passphrase)
		return NULL;
	if (!secret(h, "Passphrase of the new key:", text, ASKPASS_MAX) ||
	    !secret(h, "The same again:", again, sizeof(again)))
		*err = fail(h, "no passphrase, no key");
	else if (strcmp(text, again) != 0)
		*err = fail(h, "these were two different passphrases: no key was made");
	else if (!*text)
		*err = fail(h, "an empty passphrase protects nothing: leave -passphrase out");
	explicit_bzero(again, sizeof(again));
	return text;
}

static int do_keygen(const struct options *o)
{
	struct hdb *h = &self.h;
	const char *home = getenv("HOME");
	struct passwd *pw = getpwuid(getuid());
	char *fingerprint, *file, name[256] = "", room[ASKPASS_MAX];
	size_t n = home ? strlen(home) : 0;
	struct he_error *e;
	int err;
	const char *passphrase = new_passphrase(h, o, room, &err);

	if (err)
		return err;
	e = he_keygen(h->engine, o->key, passphrase, &fingerprint, &file);
	explicit_bzero(room, sizeof(room));
	if (e)
		return fail_error(h, e);
	gethostname(name, sizeof(name) - 1);
	if (n > 1 && strncmp(file, home, n) == 0 && file[n] == '/')
		fprintf(h->out, "wrote ~%s", file + n);
	else
		fprintf(h->out, "wrote %s", file);
	fputs("; on the box add to /etc/procsrv/authorized_keys:\n", h->out);
	fprintf(h->out, "%s   user=NAME   # %s@%s\n", fingerprint, pw ? pw->pw_name : "me", name);
	free(fingerprint);
	free(file);
	return 0;
}

static int do_trust(const struct options *o)
{
	struct he_error *e = he_trust(self.h.engine, o->box, o->fingerprint, o->replace);

	if (e) {
		/* Nobody is asked here: what cannot be read was typed. */
		bool usage = e->code == E_MALFORMED;

		fail_error(&self.h, e);
		return usage ? 2 : 1;
	}
	fprintf(self.h.out, "remembered: %s has key %s\n", o->box, o->fingerprint);
	return 0;
}

static int do_sign(const struct options *o)
{
	return sign_grant(&self.h, o);
}

/* Nobody can be asked: standard input is the debugger's, or a program's. */
static int do_rsp(const struct options *o)
{
	struct hdb *h = &self.h;
	const char *const there[] = {"hdb", "-premote", o->transport, "-rsp", NULL};
	const char *const usual[] = {"hdb", "-rsp", NULL};
	const struct rsp_options q = {.listen = o->listen,
	    .once = o->once,
	    .multi = o->multi,
	    .without = o->without,
	    .attach = o->attach ? o->pid : 0,
	    .program = o->program,
	    .wrapper = o->wrapper,
	    .n_wrapper = o->n_wrapper,
	    .again = o->transport ? there : usual,
	    .wake_fd = h->wake_fd,
	    .quit = &h->quit};

	return front_server(h) ? rsp_serve(h->engine, h->server, &q) : 1;
}

/* What the program ended with, as a shell has it; ret, when it did not end. */
static int child_result(int ret)
{
	const struct program_result *r = &self.h.program.result;

	if (!r->pid || r->status < 0)
		return ret ? ret : 1;
	return WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 128 + WTERMSIG(r->status);
}

static int act(const struct options *o)
{
	static int (*const actions[])(const struct options *) = {
	    [ACTION_CONSOLE] = do_console,
	    [ACTION_PS] = do_ps,
	    [ACTION_SNAPSHOT] = do_snapshot,
	    [ACTION_KEYGEN] = do_keygen,
	    [ACTION_TRUST] = do_trust,
	    [ACTION_SIGN] = do_sign,
	    [ACTION_RSP] = do_rsp,
	};
	int ret;

	if (start_engine(o) != 0)
		return 1;
	self.h.busy = 1;
	ret = actions[o->action](o);
	if (o->child_result)
		ret = child_result(ret);
	if (self.h.has_status)
		ret = self.h.status;
	if (self.h.killed) /* before all was done that was asked for */
		ret = 1;
	self.h.busy = 1;
	front_free(&self.h);
	return ret;
}

int main(int argc, char **argv)
{
	struct options o;
	char why[512];
	int ret;

	setlocale(LC_CTYPE, "");
	self.h.out = stdout;
	self.h.err = stderr;
	self.h.prefix = "hdb: ";
	ret = options_parse(argc, argv, &o, why, sizeof(why));
	if (ret) {
		fail(&self.h, "%s", why);
	} else if (o.action == ACTION_HELP) {
		options_help(stdout);
	} else if (o.action == ACTION_VERSION) {
		printf("hdb %s\n", PROCSRV_VERSION);
	} else {
		const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

		self.h.transport = o.transport;
		self.h.verbose = o.verbose;
		self.h.colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && term &&
				strcmp(term, "dumb") != 0;
		catch_signals();
		ret = screen_open(&self.h) ? act(&o) : 1;
		/* A full disk or a closed pipe: not everything asked for was printed. */
		if (!screen_close(&self.h))
			ret = ret ? ret : 1;
	}
	options_free(&o);
	if (fflush(stdout) != 0 || ferror(stdout))
		ret = ret ? ret : 1;
	return ret;
}
