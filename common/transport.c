/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4096, FORMAT_MAX = 8 * TEXT_MAX };

/* What the parser knows: the string, what is left of it, and where its sentence goes. */
struct parse {
	struct transport *t;
	const char *all;
	const char *at;
	char *why;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parse *p, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(p->why, p->size, "transport %s: ", p->all);

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < p->size)
		vsnprintf(p->why + n, p->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- values of words -------------------------------------------------------- */

static bool parse_port(const char *s, size_t n, uint16_t *port)
{
	unsigned v = 0;

	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	*port = (uint16_t)v;
	return v <= UINT16_MAX;
}

static int set_listen_port(struct parse *p, const char *v)
{
	struct transport *t = p->t;
	const char *colon = strchr(v, ':');
	size_t n = colon ? (size_t)(colon - v) : strlen(v);
	bool good = parse_port(v, n, &t->port_lo);

	if (colon)
		good = good && parse_port(colon + 1, strlen(colon + 1), &t->port_hi) &&
		       t->port_lo > 0 && t->port_lo <= t->port_hi;
	else
		t->port_hi = t->port_lo;
	if (!good)
		return refuse(
		    p, "port=%s: write a number up to 65535, LO:HI, or 0 for any free port", v);
	t->has_port = true;
	return 0;
}

static int set_port(struct parse *p, const char *v)
{
	struct transport *t = p->t;

	if (!parse_port(v, strlen(v), &t->port_lo) || t->port_lo == 0)
		return refuse(p, "port=%s: write a number from 1 to 65535", v);
	t->port_hi = t->port_lo;
	t->has_port = true;
	return 0;
}

static int set_text(struct parse *p, char **to, const char *v, size_t n)
{
	*to = strndup(v, n);
	return *to ? 0 : refuse(p, "out of memory");
}

/* A name or address; brackets around an address with colons are dropped, and are
 * needed there. */
static int set_address(struct parse *p, char **to, const char *word, const char *v)
{
	size_t n = strlen(v);

	if (n > 2 && v[0] == '[' && v[n - 1] == ']') {
		v++;
		n -= 2;
	} else if (strchr(v, ':')) {
		return refuse(p, "%s=%s: put an address with colons in brackets, [%s]", word, v, v);
	}
	if (strcspn(v, "[]") < n)
		return refuse(p, "%s=%s: brackets belong around the whole address", word, v);
	return set_text(p, to, v, n);
}

static int set_pin(struct parse *p, const char *v)
{
	if (!fingerprint_parse(p->t->pin, span_str(v)))
		return refuse(p,
		    "pin=%s is no fingerprint: write SHA256: and 43 characters, as the "
		    "box shows it",
		    v);
	p->t->has_pin = true;
	return 0;
}

/* ---- words --------------------------------------------------------------------- */

enum word_id { SERVER, PORT, LISTEN_PORT, BIND, KEY, MAP, PIN, USER, AS, PATH };

static const struct word {
	const char *name;
	enum word_id id;
} words_listen_tls[] = {{"port", LISTEN_PORT}, {"bind", BIND}, {"key", KEY}, {"map", MAP}, {0}},
  words_listen_unix[] = {{"path", PATH}, {"map", MAP}, {0}},
  words_connect_tls[] = {{"server", SERVER}, {"port", PORT}, {"key", KEY}, {"pin", PIN},
      {"user", USER}, {"as", AS}, {0}},
  words_connect_unix[] = {{"path", PATH}, {"user", USER}, {0}};

static int set_word(struct parse *p, const struct word *w, const char *v)
{
	struct transport *t = p->t;

	switch (w->id) {
	case SERVER:
		return set_address(p, &t->server, w->name, v);
	case PORT:
		return set_port(p, v);
	case LISTEN_PORT:
		return set_listen_port(p, v);
	case BIND:
		return set_address(p, &t->bind, w->name, v);
	case KEY:
		return set_text(p, &t->key, v, strlen(v));
	case MAP:
		return set_text(p, &t->map, v, strlen(v));
	case PIN:
		return set_pin(p, v);
	case USER:
		return set_text(p, &t->user, v, strlen(v));
	case AS:
		return set_text(p, &t->as, v, strlen(v));
	case PATH:
		return set_text(p, &t->path, v, strlen(v));
	}
	return -1;
}

static const char *allowed(const struct word *words, char *text, size_t size)
{
	size_t n = 0;

	text[0] = 0;
	for (; words->name && n < size; words++)
		n += (size_t)snprintf(text + n, size - n, "%s%s=", n ? " " : "", words->name);
	return text;
}

/* A value up to the next comma, or quoted: @{…}, in which } may not stand. */
static int take_value(struct parse *p, char *value, size_t size)
{
	bool quoted = strncmp(p->at, "@{", 2) == 0;
	const char *from = quoted ? p->at + 2 : p->at;
	size_t n = strcspn(from, quoted ? "}" : ",");

	if (quoted && from[n] != '}')
		return refuse(p, "%s lacks its closing }", p->at);
	p->at = from + n + (quoted ? 1 : 0);
	if (*p->at && *p->at != ',')
		return refuse(p, "a comma is missing before %s", p->at);
	if (n == 0)
		return refuse(p, "a word has no value");
	if (n >= size)
		return refuse(p, "a value is longer than %zu bytes", size - 1);
	memcpy(value, from, n);
	value[n] = 0;
	return 0;
}

static int take_word(struct parse *p, const struct word *words, unsigned *seen)
{
	char value[TEXT_MAX], names[256];
	size_t n = strcspn(p->at, "=,"), i = 0;
	const char *name = p->at;

	while (
	    words[i].name && (strlen(words[i].name) != n || strncmp(words[i].name, name, n) != 0))
		i++;
	if (!words[i].name)
		return refuse(p, "unknown word \"%.*s\"; allowed are %s", (int)n, name,
		    allowed(words, names, sizeof(names)));
	if (name[n] != '=')
		return refuse(p, "%s wants a value: %s=...", words[i].name, words[i].name);
	if (*seen & 1u << i)
		return refuse(p, "%s stands there twice", words[i].name);
	*seen |= 1u << i;
	p->at += n + 1;
	if (take_value(p, value, sizeof(value)) < 0)
		return -1;
	return set_word(p, &words[i], value);
}

/* What stands behind "tls:" or "unix:". */
static int parse_words(struct parse *p, const struct word *words)
{
	unsigned seen = 0;

	while (*p->at) {
		if (take_word(p, words, &seen) < 0)
			return -1;
		if (*p->at == ',' && !*++p->at)
			return refuse(p, "a word is missing behind the last comma");
	}
	return 0;
}

static bool starts(struct parse *p, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(p->at, prefix, n) != 0)
		return false;
	p->at += n;
	return true;
}

static int parse_unix(struct parse *p, const struct word *words)
{
	p->t->kind = TRANSPORT_UNIX;
	if (parse_words(p, words) < 0)
		return -1;
	return p->t->path ? 0 : refuse(p, "path= is missing");
}

/* ---- listening ------------------------------------------------------------------- */

static int parse_listen_tls(struct parse *p)
{
	p->t->kind = TRANSPORT_TLS;
	if (parse_words(p, words_listen_tls) < 0)
		return -1;
	if (p->t->bind && !p->t->has_port)
		return refuse(
		    p, "bind= needs port= (without a port systemd hands over the sockets)");
	return 0;
}

static int parse_listen(struct parse *p)
{
	if (strcmp(p->at, "stdio") == 0) {
		p->t->kind = TRANSPORT_STDIO;
		return 0;
	}
	if (starts(p, "tls:"))
		return parse_listen_tls(p);
	if (starts(p, "unix:"))
		return parse_unix(p, words_listen_unix);
	return refuse(p, "unknown; a server listens on tls:port=N, unix:path=P or stdio");
}

/* ---- connecting ---------------------------------------------------------------------- */

/* HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT */
static int parse_bare(struct parse *p)
{
	const char *s = p->at, *end = s + strcspn(s, s[0] == '[' ? "]" : ":");
	size_t n = (size_t)(end - s);

	p->t->kind = TRANSPORT_TLS;
	if (s[0] == '[') {
		if (*end != ']' || n < 2 || (end[1] && end[1] != ':'))
			return refuse(p, "write an address with colons as [ADDRESS]:PORT");
		s++;
		n--;
		end++;
	}
	if (*end == ':' && strchr(end + 1, ':'))
		return refuse(p, "put an address with colons in brackets: [%s]", p->all);
	if (n == 0 || strcspn(s, "=,/ []{}@") < n)
		return refuse(p,
		    "no transport; write HOST, HOST:PORT, tls:server=HOST,port=N, unix:path=P "
		    "or exec:COMMAND");
	if (set_text(p, &p->t->server, s, n) < 0)
		return -1;
	return *end == ':' ? set_port(p, end + 1) : 0;
}

static int parse_connect_tls(struct parse *p)
{
	p->t->kind = TRANSPORT_TLS;
	if (parse_words(p, words_connect_tls) < 0)
		return -1;
	return p->t->server ? 0 : refuse(p, "server= is missing");
}

static int parse_exec(struct parse *p)
{
	p->t->kind = TRANSPORT_EXEC;
	if (!*p->at)
		return refuse(p, "a command is missing behind exec:");
	return set_text(p, &p->t->command, p->at, strlen(p->at));
}

static int parse_connect(struct parse *p)
{
	struct transport *t = p->t;
	int err;

	if (starts(p, "exec:"))
		return parse_exec(p);
	if (starts(p, "unix:"))
		return parse_unix(p, words_connect_unix);
	err = starts(p, "tls:") ? parse_connect_tls(p) : parse_bare(p);
	if (!err && !t->has_port) {
		t->port_lo = t->port_hi = TRANSPORT_PORT;
		t->has_port = true;
	}
	return err;
}

static int parse(
    struct transport *t, const char *s, char *why, size_t size, int (*rest)(struct parse *))
{
	struct parse p = {.t = t, .all = s, .at = s, .why = why, .size = size};
	int err;

	*t = (struct transport){0};
	err = rest(&p);
	if (err)
		transport_free(t);
	return err;
}

int transport_parse_listen(struct transport *t, const char *s, char *why, size_t size)
{
	return parse(t, s, why, size, parse_listen);
}

int transport_parse_connect(struct transport *t, const char *s, char *why, size_t size)
{
	return parse(t, s, why, size, parse_connect);
}

void transport_free(struct transport *t)
{
	free(t->server);
	free(t->bind);
	free(t->key);
	free(t->map);
	free(t->path);
	free(t->command);
	free(t->user);
	free(t->as);
	*t = (struct transport){0};
}

/* ---- formatting --------------------------------------------------------------------- */

static void put(struct buf *b, const char *s)
{
	buf_raw(b, s, strlen(s));
}

/* The first word stands right behind the colon. */
static void put_word(struct buf *b, const char *name, const char *value)
{
	bool quote = value && (strchr(value, ',') || strncmp(value, "@{", 2) == 0);

	if (!value)
		return;
	if (b->len && b->p[b->len - 1] != ':')
		put(b, ",");
	put(b, name);
	put(b, quote ? "=@{" : "=");
	put(b, value);
	put(b, quote ? "}" : "");
}

static void put_address(struct buf *b, const char *name, const char *address)
{
	char text[TEXT_MAX + 2];

	if (address && strchr(address, ':')) {
		snprintf(text, sizeof(text), "[%s]", address);
		address = text;
	}
	put_word(b, name, address);
}

static void put_tls(struct buf *b, const struct transport *t)
{
	char port[16], pin[FINGERPRINT_SIZE];

	put(b, "tls:");
	put_address(b, "server", t->server);
	put_address(b, "bind", t->bind);
	snprintf(
	    port, sizeof(port), t->port_lo == t->port_hi ? "%u" : "%u:%u", t->port_lo, t->port_hi);
	put_word(b, "port", t->has_port ? port : NULL);
	put_word(b, "key", t->key);
	put_word(b, "map", t->map);
	put_word(b, "pin", t->has_pin ? fingerprint_format(pin, t->pin) : NULL);
	put_word(b, "user", t->user);
	put_word(b, "as", t->as);
}

char *transport_format(const struct transport *t)
{
	struct buf b;
	char *text;

	buf_init(&b, FORMAT_MAX);
	switch (t->kind) {
	case TRANSPORT_TLS:
		put_tls(&b, t);
		break;
	case TRANSPORT_UNIX:
		put(&b, "unix:");
		put_word(&b, "path", t->path);
		put_word(&b, "map", t->map);
		put_word(&b, "user", t->user);
		break;
	case TRANSPORT_STDIO:
		put(&b, "stdio");
		break;
	case TRANSPORT_EXEC:
		put(&b, "exec:");
		put(&b, t->command);
		break;
	}
	text = b.bad ? NULL : span_dup(span_buf(&b));
	buf_free(&b);
	return text;
}
