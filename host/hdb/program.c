/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/hdb/front.h"

extern char **environ;

/* ---- lists of words --------------------------------------------------------------- */

static size_t count(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

void program_words_free(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}

/* Append a copy of n bytes; false without memory. */
static bool append(char ***words, const char *text, size_t n)
{
	size_t have = count(*words);
	char **v = reallocarray(*words, have + 2, sizeof(*v));

	if (!v)
		return false;
	*words = v;
	v[have] = strndup(text, n);
	v[have + 1] = NULL;
	return v[have] != NULL;
}

/* A quotation begins, or ends. */
static void turn(char *quote, char c)
{
	if (*quote)
		c = 0;
	*quote = c;
}

/* One word, without its quotes, into out (as long as text); what follows it.  NULL: a
 * quote is not closed. */
static const char *unquote(const char *text, char *out, size_t *n)
{
	char quote = 0;

	for (*n = 0; *text && (quote || !strchr(" \t", *text)); text++) {
		if (quote != '\'' && *text == '\\' && text[1]) {
			/* Within "..." it is itself but in front of what would mean something. */
			if (quote && !strchr("\"\\$`", text[1]))
				out[(*n)++] = *text;
			out[(*n)++] = *++text;
		} else if (quote ? *text == quote : *text == '\'' || *text == '"') {
			turn(&quote, *text);
		} else {
			out[(*n)++] = *text;
		}
	}
	return quote ? NULL : text;
}

/* What a shell would do something about, and there is none. */
static bool needs_shell(const char *text)
{
	char quote = 0;

	for (; *text; text++)
		if (quote != '\'' && *text == '\\' && text[1])
			text++;
		else if (quote ? *text == quote : *text == '\'' || *text == '"')
			turn(&quote, *text);
		else if (!quote && strchr("<>|&;`", *text))
			return true;
	return false;
}

char **program_words(struct hdb *h, const char *text)
{
	char **words = calloc(1, sizeof(*words)), *room = malloc(strlen(text) + 1);
	bool whole = words && room;

	if (needs_shell(text)) {
		fail(h, "the program is started without a shell: quote < > | & ; and `, or run "
			"/bin/sh -c '...'");
		program_words_free(words);
		free(room);
		return NULL;
	}
	for (text += strspn(text, " \t"); whole && *text; text += strspn(text, " \t")) {
		size_t n;

		text = unquote(text, room, &n);
		if (!text)
			break;
		whole = append(&words, room, n);
	}
	free(room);
	if (whole && text)
		return words;
	fail(h, whole ? "a quote is not closed" : "out of memory");
	program_words_free(words);
	return NULL;
}

/* ---- settings ------------------------------------------------------------------------ */

bool program_set_args(struct program *r, const char *const *args)
{
	char **copy = calloc(1, sizeof(*copy));
	bool whole = copy != NULL;

	for (; whole && *args; args++)
		whole = append(&copy, *args, strlen(*args));
	if (!whole) {
		program_words_free(copy);
		return false;
	}
	program_words_free(r->args);
	r->args = copy;
	r->fresh = false;
	return true;
}

bool program_set_env(struct program *r, const char *text)
{
	size_t n = strcspn(text, "=");

	r->fresh = false;
	for (char **v = r->env; v && *v; v++) {
		char *copy;

		if (strcspn(*v, "=") != n || strncmp(*v, text, n) != 0)
			continue;
		copy = strdup(text);
		if (copy) {
			free(*v);
			*v = copy;
		}
		return copy != NULL;
	}
	return append(&r->env, text, strlen(text));
}

void program_clear_env(struct program *r)
{
	program_words_free(r->env);
	r->env = NULL;
}

void program_free(struct program *r)
{
	program_words_free(r->args);
	program_words_free(r->env);
	free(r->cwd);
	*r = (struct program){0};
}

/* ---- starting -------------------------------------------------------------------------- */

/* On this machine it gets our environment, with the changes; on a box what a login gives,
 * with the changes and the kind of our terminal. */
static char **environment(struct hdb *h, bool local, bool terminal)
{
	struct program made = {0};
	const char *term = getenv("TERM");
	bool whole = true;

	for (char **v = environ; local && *v && whole; v++)
		whole = append(&made.env, *v, strlen(*v));
	if (!local && terminal && term && *term) {
		char *text = NULL;

		whole =
		    asprintf(&text, "TERM=%s", term) >= 0 && append(&made.env, text, strlen(text));
		free(text);
	}
	for (char **v = h->program.env; v && *v && whole; v++)
		whole = program_set_env(&made, *v);
	if (whole && !made.env)
		made.env = calloc(1, sizeof(*made.env));
	if (whole)
		return made.env;
	program_words_free(made.env);
	return NULL;
}

/* Changes that take something out are for a box to do; here they are done. */
static void take_out(char **env)
{
	char **to = env;

	for (char **v = env; *v; v++)
		if (strchr(*v, '='))
			*to++ = *v;
		else
			free(*v);
	*to = NULL;
}

static void set_size(struct relay *r, struct he_launch *q)
{
	if (!q->terminal)
		return;
	relay_size(r);
	q->rows = r->rows;
	q->cols = r->cols;
}

static int start(struct hdb *h, struct he_server *s, struct he_target **ret)
{
	bool local = he_server_info(s)->local;
	char *here = local && !h->program.cwd ? getcwd(NULL, 0) : NULL;
	char **env = environment(h, local, h->relay.terminal);
	struct he_launch q = {.program = h->program.args[0],
	    .args = (const char *const *)h->program.args,
	    .env = (const char *const *)env,
	    .env_adds = !local,
	    .terminal = h->relay.terminal,
	    .randomize = h->program.randomize,
	    .cwd = h->program.cwd ? h->program.cwd : here};
	struct he_error *e = NULL;

	if (env) {
		if (local)
			take_out(env);
		set_size(&h->relay, &q);
		e = he_launch(s, &q, ret);
	}
	program_words_free(env);
	free(here);
	if (!env)
		return fail(h, "out of memory");
	return e ? fail_error(h, e) : 0;
}

int program_start(struct hdb *h)
{
	struct he_server *s = front_server(h);
	struct he_target *t = NULL;

	if (!s || start(h, s, &t) != 0)
		return 1;
	h->program.target = t;
	h->program.fresh = true;
	h->program.result = (struct program_result){0};
	relay_begin(h, t);
	front_select(h, t);
	front_say_launched(h, t);
	return 0;
}

void program_forget(struct hdb *h, struct he_target *t)
{
	struct he_target_info i;

	if (t != h->program.target)
		return;
	he_target_info(t, &i);
	if (i.state == HE_GONE && !i.lost)
		h->program.result = (struct program_result){i.pid, i.exit_status};
	h->program.target = NULL;
	h->program.fresh = false;
}
