/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/link/tls_text.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "host/errtext.h"

struct he_error *tls_unknown_key(const struct tls_story *s)
{
	return he_error_new(E_NO_KEY,
	    "%s: your key %s is not in its map file. Add it there with: echo '%s user=NAME' | sudo "
	    "tee -a /etc/procsrv/authorized_keys (NAME: whom you are to be there); where procsrv "
	    "serves one user only, that is ~/.config/procsrv/authorized_keys of that user",
	    s->name, s->key, s->key);
}

/* ---- alerts the box sent ------------------------------------------------------ */

static const struct alert_text {
	int alert;
	int code;
	const char *text; /* after "box:port: " */
} alerts[] = {
    {TLS_ALERT_HANDSHAKE_FAILURE, E_VERSION,
	"it has no cipher suite in common with hdb. Is it procsrv, of hdb's version?"},
    {TLS_ALERT_PROTOCOL_VERSION, E_VERSION,
	"it speaks no TLS that hdb accepts (1.2 and up). Is it procsrv, of hdb's version?"},
    {TLS_ALERT_NO_APPLICATION_PROTOCOL, E_VERSION,
	"a server of another kind or version answers there: it does not offer procsrv/1. Compare "
	"procsrv -version there with hdb -version here"},
    {TLS_ALERT_CERTIFICATE_REQUIRED, E_NO_KEY,
	"it wants a certificate and did not take ours. Is it procsrv, of hdb's version?"},
    {TLS_ALERT_INTERNAL_ERROR, E_INTERNAL,
	"it had an internal error. Its log says more (journalctl -u procsrv)"},
};

static struct he_error *denied(const struct tls_story *s)
{
	if (!s->hello)
		return tls_unknown_key(s);
	if (s->granted)
		return he_error_new(E_RIGHT,
		    "%s: it takes neither your key %s nor the grant beside it (KEY.grant), which "
		    "may be damaged, or signed by none that it trusts. Its log says more "
		    "(journalctl -u procsrv)",
		    s->name, s->key);
	return he_error_new(E_RIGHT,
	    "%s: it refuses your key %s, which may not be in its map file, or not any more, or "
	    "needs a grant beside it (KEY.grant). Its log says more (journalctl -u procsrv)",
	    s->name, s->key);
}

static struct he_error *alerted(const struct tls_story *s, const struct tls_report *r)
{
	if (r->alert_got == TLS_ALERT_ACCESS_DENIED)
		return denied(s);
	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
		if (alerts[i].alert == r->alert_got)
			return he_error_new(alerts[i].code, "%s: %s", s->name, alerts[i].text);
	return he_error_new(E_PROTOCOL,
	    "%s: it refused the connection (TLS alert %d). Is it procsrv? Its log may say more "
	    "(journalctl -u procsrv)",
	    s->name, r->alert_got);
}

/* ---- something that is not TLS ------------------------------------------------- */

static bool begins(const struct tls_report *r, const char *with)
{
	size_t n = strlen(with);

	return r->first_n >= n && memcmp(r->first, with, n) == 0;
}

static struct he_error *stranger(const struct tls_story *s, const struct tls_report *r)
{
	char text[4 * TLS_FIRST + 1];

	if (begins(r, "SSH-"))
		return he_error_new(E_PROTOCOL,
		    "%s: an ssh server answers there, not procsrv. Through ssh it goes like this: "
		    "hdb -premote 'exec:ssh %s procsrv -t stdio'",
		    s->name, s->host);
	if (begins(r, "HTTP/"))
		return he_error_new(E_PROTOCOL,
		    "%s: a web server answers there, not procsrv. Is the port right?", s->name);
	log_escape(text, sizeof(text), r->first, r->first_n);
	return he_error_new(E_PROTOCOL,
	    "%s: what answers there does not speak TLS, so it is not procsrv; it begins with "
	    "\"%s\". Is the port right?",
	    s->name, text);
}

/* ---- the rest --------------------------------------------------------------------- */

static struct he_error *cut(const struct tls_story *s, const struct tls_report *r, int os_errno)
{
	const char *why = os_errno > 0 ? strerror(os_errno) : "end of file";

	if (s->hello)
		return he_error_new(E_LOST,
		    "%s: it closed the connection instead of opening a session (%s). Its log says "
		    "why (journalctl -u procsrv)",
		    s->name, why);
	if (r->ready || r->has_peer)
		return he_error_new(E_LOST,
		    "%s: it closed the connection during the handshake (%s). Its log says why "
		    "(journalctl -u procsrv)",
		    s->name, why);
	return he_error_new(E_LOST,
	    "%s: it closed the connection without a word (%s). Either it is not procsrv, or there "
	    "were too many connections from here: try again in a minute",
	    s->name, why);
}

struct he_error *tls_failure(const struct tls_story *s, const struct tls_report *r, int os_errno)
{
	switch (r->end) {
	case TLS_ALERTED:
		return alerted(s, r);
	case TLS_STRANGER:
		return stranger(s, r);
	case TLS_NO_ALPN:
		return he_error_new(E_VERSION,
		    "%s: a TLS server answers there that is not procsrv, or one of another version "
		    "(it does not offer procsrv/1)",
		    s->name);
	case TLS_WRONG_KEY:
		return he_error_new(E_PROTOCOL,
		    "%s: a TLS server answers there whose key is of a kind that procsrv does not "
		    "use. Is the port right?",
		    s->name);
	case TLS_TOO_LONG:
		return he_error_new(
		    E_TOO_BIG, "%s: its TLS handshake is longer than procsrv's can be", s->name);
	case TLS_REFUSED:
	case TLS_BROKEN:
	case TLS_NO_CERTIFICATE:
		return he_error_new(E_PROTOCOL,
		    "%s: the TLS handshake failed (Mbed TLS error -0x%04x%s). Is it procsrv, of "
		    "hdb's version?",
		    s->name, (unsigned)-r->error, r->ready ? ", later" : "");
	default:
		return cut(s, r, os_errno);
	}
}

const char *tls_loss(char *text, size_t size, const struct tls_report *r, int os_errno)
{
	if (os_errno > 0)
		snprintf(text, size, "%s", strerror(os_errno));
	else if (r->end == TLS_CLOSED)
		snprintf(text, size, "the server closed the connection");
	else if (r->end == TLS_ALERTED)
		snprintf(text, size, "the server broke it off (TLS alert %d)", r->alert_got);
	else if (r->end == TLS_OPEN || r->end == TLS_CUT)
		snprintf(text, size, "the connection was cut");
	else
		snprintf(text, size, "TLS failed (error -0x%04x)", (unsigned)-r->error);
	return text;
}
