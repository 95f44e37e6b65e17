/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a box reports, in sentences: one row per code of err.def.
 *
 * In a sentence {word} is replaced by a fact, and a part in [brackets] is left out
 * when one of its facts is missing.  The facts:
 *   box      the server            what     what was asked ("attach to 4242")
 *   subject  \ as the agent        user     who we are there
 *   detail   / said                you      the same, and why
 *   owner    detail, or "another user"
 *   holder   detail as the title of process pid, a session of procsrv's or another debugger
 *   os       text of the errno     addr     in hexadecimal
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "host/errtext.h"

static const struct sentence {
	int code;
	const char *text;
} sentences[] = {
    {E_UNKNOWN, "{box}: cannot {what}: the server does not know this request. It is older than "
		"hdb: update procsrv there"},
    {E_MALFORMED, "{box}: cannot {what}: the server could not read the request[ ({subject})]. "
		  "Are both sides of the same version (procsrv -version, hdb -version)?"},
    {E_PROTOCOL, "{box}: cannot {what}: the server says the request breaks the protocol[ "
		 "({subject})]. Are both sides of the same version (procsrv -version, hdb "
		 "-version)?"},
    {E_STATE, "{box}: cannot {what}[ ({subject})]: not possible in its present state[: {detail}]"},
    {E_VERSION, "{box}: no common version of the protocol[: {detail}]. Update the older of "
		"procsrv there and hdb here"},
    {E_TOO_BIG, "{box}: cannot {what}[ ({subject})]: larger than the limit[ ({detail})]. Ask for "
		"less at once"},
    {E_LIMIT, "{box}: cannot {what}: too many at once[ ({detail})]. Let go of something first"},
    {E_NOMEM, "{box}: cannot {what}: the server is out of memory"},
    {E_CANCELLED, "{box}: {what}: cancelled"},
    {E_TIMEOUT, "{box}: cannot {what}[ ({subject})]: no answer in time[ from {detail}]. Try again"},
    {E_LOST, "link to {box} lost[: {detail}]"},
    {E_SHUTDOWN, "{box}: the server is shutting down; what was attached runs on there"},
    {E_INTERNAL, "{box}: cannot {what}[ ({subject})]: internal error of the server[: {detail}]. "
		 "Its log says more (journalctl -u procsrv)"},
    {E_OS, "{box}: cannot {what}[ ({subject})][: {os}][ ({detail})]"},

    {E_RIGHT, "{box}: cannot {what}: the row of your key in the map file does not allow it[ "
	      "({detail})]. Ask the admin of {box}, or use another key"},
    {E_NO_KEY, "{box}: your key[ {subject}] is not in its map file. Ask the admin of {box} to "
	       "add it"},
    {E_BAD_PROOF, "{box}: the server did not accept the proof of your key. Is something between "
		  "you and {box} that ends TLS by itself?"},
    {E_NO_USER, "{box}: the row of your key in the map file does not name the user[ {subject}]. "
		"Leave user= out, or ask the admin to add it"},
    {E_EXPIRED, "{box}: the row of your key in the map file, or the grant for it, has expired[ "
		"({detail})]. Ask the admin for a new one"},
    {E_FROM,
	"{box}: your key may not be used from this address: its row in the map file says from="},
    {E_SESSIONS, "{box}: too many sessions for this key[ ({detail})]. End one (procsrv -status "
		 "there lists them)"},
    {E_MODE, "{box}: the server does not know the mode that was asked for. Update procsrv there"},
    {E_UNRECORDED, "{box}: cannot {what}: the server cannot write its record of what is done there, "
		   "and does nothing without it. Its disk may be full (journalctl -u procsrv)"},
    {E_BOUNDS, "{box}: cannot {what}[ ({subject})]: the row of your key in the map file is for other "
	       "processes[: {detail}]. ps lists them"},
    {E_ALLOW_ROOT, "{box}: the row of your key in the map file says allow-root, and procsrv's service "
		   "there has not the rights for that. An admin can give it them with the drop-in "
		   "allow-root.conf, see procsrv(8) there"},
    {E_GRANT, "{box}: the grant for your key is damaged, for another key, or signed by none that "
	      "{box} trusts. Ask for another (hdb -sign makes them)"},
    {E_NOT_YET, "{box}: the grant for your key is not valid yet. Is the clock of {box} right?"},
    {E_REVOKED, "{box}: your key, or the grant for it, has been revoked there. Ask the admin of "
		"{box}"},
    {E_MAP, "{box}: the server cannot use its map file at present[: {detail}]. On {box}, procsrv "
	    "-check says what is wrong"},

    {E_NO_PROCESS, "{box}: cannot {what}: there is no such process"},
    {E_STALE, "{box}: cannot {what}: that process has ended, and another one[ ({subject})] has its "
	      "number now. Look again with ps"},
    {E_GONE, "{box}: cannot {what}[ ({subject})]: the process has ended"},
    {E_OTHER_USER, "{box}: cannot {what}[ ({subject})]: it runs as {owner}, {you}"},
    {E_OTHER_GROUP, "{box}: cannot {what}[ ({subject})]: it runs with another group[, {detail},] "
		    "than {user} has there. A row with group= in the map file can allow it"},
    {E_MORE_CAPS,
	"{box}: cannot {what}[ ({subject})]: it has more capabilities than {user}. Only "
	"a key with allow-root may debug it, and the box must have the allow-root drop-in"},
    {E_UNDUMPABLE,
	"{box}: cannot {what}[ ({subject})]: it is protected from being debugged (not "
	"dumpable: by its own wish, or because its program file cannot be read or "
	"changes rights). Only a key with allow-root may debug it, and the box must have "
	"the allow-root drop-in"},
    {E_TRACED, "{box}: cannot {what}[ ({subject})]: it is already being debugged[ by {holder}]. "
	       "Let that one detach first"},
    {E_SELF, "{box}: cannot {what}[ ({subject})]: it is part of the debugger itself"},
    {E_KERNEL_THREAD, "{box}: cannot {what}[ ({subject})]: it is a kernel thread, not a process "
		      "that can be debugged"},
    {E_ZOMBIE, "{box}: cannot {what}[ ({subject})]: it has ended already and only waits for its "
	       "parent[ ({detail})] to take note"},
    {E_BUSY, "{box}: cannot {what}[ ({subject})]: the kernel gives no answer in time[ ({detail})]. "
	     "It may hang in a device or a file system; try again"},
    {E_NO_TARGET, "{box}: cannot {what}: not attached"},
    {E_IN_USE, "{box}: cannot {what}: its handle is in use already"},
    {E_NO_THREAD, "{box}: cannot {what}: there is no such thread; it may have ended"},
    {E_RUNNING, "{box}: cannot {what}: the thread is running. Stop it first (interrupt)"},
    {E_STOPPED, "{box}: cannot {what}: the thread is stopped already"},
    {E_ATTACHED, "{box}: cannot {what}[ ({subject})]: this session is attached to it already"},
    {E_FILTERED,
	"{box}: cannot {what}[ ({subject})]: a security policy of the box forbids it "
	"(seccomp, a security module or a container)[: {os}]. In a container, allow ptrace "
	"(for docker: --cap-add=SYS_PTRACE)"},
    {E_POLICY, "{box}: cannot {what}: the server does not offer what was asked for the loss of the "
	       "link or for long stops; there, a lost link resumes and detaches at once"},

    {E_FAULT, "{box}: cannot {what}: memory at {addr} cannot be read[ ({os})]"},
    {E_NO_FILE, "{box}: cannot {what}: no such file[: {subject}]"},
    {E_NOT_FILE, "{box}: cannot {what}: not a regular file[: {subject}]"},
    {E_CHANGED,
	"{box}: cannot {what}: the file[ {subject}] is no longer the one that is mapped; it "
	"was replaced since the program started"},
    {E_NOT_DIR, "{box}: cannot {what}: not a directory[: {subject}]"},

    {E_NO_CODE, "{box}: cannot {what}: no code is mapped at {addr}"},
    {E_INSIDE, "{box}: cannot {what}: {addr} lies inside another breakpoint's instruction"},
    {E_OTHER_CODE, "{box}: cannot {what}: at {addr} stands another instruction than expected; is "
		   "the file the one that runs there?"},
    {E_SHARED_CODE, "{box}: cannot {what}: the code at {addr} is in memory that others share, who "
		    "would meet the breakpoint, too. Use a hardware breakpoint (hbreak)"},
    {E_NO_DEBUG_REGISTER, "{box}: cannot {what}: the processor's debug registers are used up. "
			  "Delete a hardware breakpoint or a watchpoint first"},
    {E_WATCH_SIZE, "{box}: cannot {what}: a debug register watches 1, 2, 4 or 8 bytes at an "
		   "address that is a multiple of that"},
    {E_BAD_CONDITION, "{box}: cannot {what}: the server refuses the condition's bytecode"},
    {E_DIVIDED, "{box}: cannot {what}: division by zero"},
    {E_TOO_LONG, "{box}: cannot {what}: evaluating the condition takes too long"},
    {E_EXEC_FAILED, "{box}: cannot {what}[: {subject}][: {os}]"},
    {E_NOT_LAUNCHED, "{box}: cannot {what}: the target was not started by this session"},
    {E_ATTACH_ONLY, "{box}: cannot {what}[ ({subject})]: what procsrv starts there would inherit "
		    "the restrictions of its service[ ({detail})]. An admin can lift them with the "
		    "drop-in launch.conf, see procsrv(8) there; attaching needs none"},
};

/* Yama's scope decides what can be done about it: kernel documentation,
 * admin-guide/LSM/Yama. */
static const char *const yama[] = {
    "{box}: cannot {what}[ ({subject})]: Yama forbids attaching there. An admin can allow it: "
    "sysctl kernel.yama.ptrace_scope=0",
    "{box}: cannot {what}[ ({subject})]: Yama forbids attaching there "
    "(kernel.yama.ptrace_scope=1). An admin can allow it for all: sysctl "
    "kernel.yama.ptrace_scope=0; the program for itself: prctl(PR_SET_PTRACER, "
    "PR_SET_PTRACER_ANY). ps works all the same",
    "{box}: cannot {what}[ ({subject})]: Yama lets only those with CAP_SYS_PTRACE attach there "
    "(kernel.yama.ptrace_scope=2): a key with allow-root, and the allow-root drop-in on the box. "
    "ps works all the same",
    "{box}: cannot {what}[ ({subject})]: Yama forbids all attaching there until the next boot "
    "(kernel.yama.ptrace_scope=3). ps works all the same",
};

static const char *sentence(const struct wire_error *w)
{
	if (w->code == E_YAMA)
		return yama[w->addr < 4 ? w->addr : 0];
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (sentences[i].code == w->code)
			return sentences[i].text;
	return "{box}: cannot {what}[ ({subject})]: {code}[: {os}][ ({detail})]";
}

/* ---- filling in ------------------------------------------------------- */

enum { FACT_MAX = 1024 };

struct fill {
	const struct errtext_where *where;
	const char *doing;
	const struct wire_error *w;
	char fact[FACT_MAX];
};

/* Any bytes of a stranger's, fit for a terminal. */
static const char *foreign(struct fill *f, struct span s)
{
	return log_escape(f->fact, sizeof(f->fact), s.p ? (const void *)s.p : "", s.n);
}

__attribute__((format(printf, 2, 3))) static const char *made(struct fill *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->fact, sizeof(f->fact), fmt, ap);
	va_end(ap);
	return f->fact;
}

/* A tracer of procsrv's says in its title whose it is: "procsrv-tracer: session 3 (…)". */
static const char *holder(struct fill *f)
{
	static const char ours[] = "procsrv-tracer: ";
	const struct wire_error *w = f->w;
	struct span s = w->detail;
	size_t n = sizeof(ours) - 1;

	if (s.n > n && memcmp(s.p, ours, n) == 0)
		return foreign(f, (struct span){s.p + n, s.n - (uint32_t)n});
	foreign(f, s);
	if (w->pid)
		snprintf(f->fact + strlen(f->fact), sizeof(f->fact) - strlen(f->fact),
		    "%sprocess %" PRIu32 "%s", s.n ? " (" : "", w->pid, s.n ? ")" : "");
	return f->fact;
}

static const char *you(struct fill *f)
{
	if (!f->where->user)
		return f->where->keyed ? "not as the user your key is mapped to" : "not as you";
	return made(
	    f, "%s %s", f->where->keyed ? "your key is mapped to" : "you are", f->where->user);
}

static const char *fact(struct fill *f, const char *word, size_t n)
{
	const struct wire_error *w = f->w;

#define IS(s) (n == sizeof(s) - 1 && memcmp(word, s, n) == 0)
	if (IS("box"))
		return f->where->box;
	if (IS("what"))
		return f->doing;
	if (IS("subject"))
		return foreign(f, w->subject);
	if (IS("detail"))
		return foreign(f, w->detail);
	if (IS("owner"))
		return w->detail.n ? foreign(f, w->detail) : "another user";
	if (IS("user"))
		return f->where->user ? f->where->user : "you";
	if (IS("you"))
		return you(f);
	if (IS("holder"))
		return holder(f);
	if (IS("os"))
		return w->os_errno > 0 ? strerror(w->os_errno) : "";
	if (IS("addr"))
		return made(f, "%#" PRIx64, w->addr);
	return IS("code") ? err_text(w->code) : "";
#undef IS
}

/* Copy s with its {words} replaced, up to the end of a [part] or of s; false when a
 * fact was missing.  *s ends behind what was taken. */
static bool expand(struct fill *f, const char **s, struct buf *out)
{
	bool whole = true;

	while (**s && **s != ']') {
		size_t before = out->len;

		if (**s == '[') {
			(*s)++;
			if (!expand(f, s, out))
				out->len = before;
			*s += **s == ']';
		} else if (**s == '{') {
			const char *end = strchr(*s, '}');
			const char *text = fact(f, *s + 1, (size_t)(end - *s) - 1);

			whole = whole && *text;
			buf_raw(out, text, strlen(text));
			*s = end + 1;
		} else {
			buf_u8(out, (uint8_t) * (*s)++);
		}
	}
	return whole;
}

struct he_error *he_error_at(
    const struct errtext_where *where, const char *doing, const struct wire_error *w)
{
	struct fill f = {.where = where, .doing = doing, .w = w};
	const char *s = sentence(w);
	uint8_t room[4096];
	struct buf out = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct he_error *e;

	expand(&f, &s, &out);
	e = he_error_new(w->code, "%.*s", (int)out.len, (const char *)out.p);
	if (e->code == w->code && w->code != E_NOMEM) {
		e->os_errno = w->os_errno;
		e->addr = w->addr;
	}
	return e;
}

struct he_error *he_error_wire(const char *box, const char *doing, const struct wire_error *w)
{
	struct errtext_where where = {.box = box};

	return he_error_at(&where, doing, w);
}

/* ---- what was asked ----------------------------------------------------- */

static const struct doing {
	uint16_t type;
	bool pid; /* its body begins with the number of a process, 0 = the target's */
	const char *text;
} doings[] = {
    {WIRE_open, false, "open a session"},
    {WIRE_ps, false, "list processes"},
    {WIRE_facts, true, "look at"},
    {WIRE_maps, true, "read the memory map of"},
    {WIRE_auxv, true, "read the auxiliary vector of"},
    {WIRE_environment, true, "read the environment of"},
    {WIRE_file_stat, true, "look at a file of"},
    {WIRE_file_read, true, "read a file of"},
    {WIRE_file_link, true, "read a link of"},
    {WIRE_file_list, true, "list a directory of"},
    {WIRE_attach, true, "attach to"},
    {WIRE_detach, false, "detach"},
    {WIRE_interrupt, false, "interrupt the target"},
    {WIRE_resume, false, "resume the target"},
    {WIRE_threads, false, "list threads"},
    {WIRE_regs_read, false, "read registers"},
    {WIRE_mem_read, false, "read memory"},
    {WIRE_mem_walk, false, "follow a list in memory"},
    {WIRE_preorder, false, "order memory in advance"},
    {WIRE_signals, false, "choose signals"},
    {WIRE_snapshot, true, "take a snapshot of"},
    {WIRE_go, false, "resume or step the target"},
    {WIRE_go_after, false, "resume or step the target"},
    {WIRE_catch, false, "choose events to stop at"},
    {WIRE_patch_set, false, "plant breakpoints"},
    {WIRE_patch_clear, false, "lift breakpoints"},
    {WIRE_patch_hits, false, "count hits"},
    {WIRE_mem_write, false, "write memory"},
    {WIRE_regs_write, false, "write registers"},
    {WIRE_map_new, false, "allocate memory there"},
    {WIRE_map_drop, false, "free memory there"},
    {WIRE_siginfo_write, false, "change the signal's information"},
    {WIRE_send_signal, false, "send a signal"},
    {WIRE_kill, false, "kill the target"},
    {WIRE_abandon, false, "abandon the target"},
    {WIRE_launch_text, false, "start a program"},
    {WIRE_launch, false, "start a program"},
    {WIRE_input, false, "send input"},
    {WIRE_window, false, "set the window's size"},
    {WIRE_output_more, false, "take output"},
    {WIRE_file_look, false, "look at a file"},
    {WIRE_file_write, false, "write to a file"},
    {WIRE_file_change, false, "change a file"},
    {WIRE_proc_text, false, "read of /proc"},
};

char *he_doing(char *text, size_t size, uint16_t type, struct span body)
{
	const struct wire_row *row = wire_row(type);

	for (size_t i = 0; i < sizeof(doings) / sizeof(doings[0]); i++) {
		struct rd r = rd_init(body.p, body.n);
		uint32_t pid = doings[i].pid ? rd_u32(&r) : 0;

		if (doings[i].type != type)
			continue;
		if (pid)
			snprintf(text, size, "%s %" PRIu32, doings[i].text, pid);
		else
			snprintf(
			    text, size, "%s%s", doings[i].text, doings[i].pid ? " the target" : "");
		return text;
	}
	snprintf(text, size, "do %s", row ? row->name : "that");
	return text;
}
