/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/log.h"

enum { SAY_MAX = 1024 };

void rsp_ok(struct rsp *r)
{
	rsp_put(&r->reply, "OK");
}

void rsp_bad(struct rsp *r)
{
	buf_reset(&r->reply);
	rsp_put(&r->reply, "E01");
}

void rsp_later(struct rsp *r)
{
	r->later = true;
}

static void put_number(struct rsp *r, int os_errno)
{
	buf_reset(&r->reply);
	rsp_putf(&r->reply, "E%02x", os_errno > 0 && os_errno < 256 ? os_errno : EIO);
}

void rsp_fail_errno(struct rsp *r, int os_errno)
{
	put_number(r, os_errno);
}

int rsp_errno(const struct he_error *e)
{
	static const struct {
		int code, os_errno;
	} same[] = {
	    {E_UNKNOWN, ENOSYS},
	    {E_STATE, EBUSY},
	    {E_TOO_BIG, EFBIG},
	    {E_LIMIT, EAGAIN},
	    {E_NOMEM, ENOMEM},
	    {E_CANCELLED, EINTR},
	    {E_TIMEOUT, ETIMEDOUT},
	    {E_LOST, EPIPE},
	    {E_RIGHT, EPERM},
	    {E_NO_USER, EPERM},
	    {E_POLICY, EPERM},
	    {E_NO_PROCESS, ESRCH},
	    {E_STALE, ESRCH},
	    {E_GONE, ESRCH},
	    {E_OTHER_USER, EPERM},
	    {E_OTHER_GROUP, EPERM},
	    {E_MORE_CAPS, EPERM},
	    {E_UNDUMPABLE, EPERM},
	    {E_YAMA, EPERM},
	    {E_TRACED, EPERM},
	    {E_SELF, EPERM},
	    {E_KERNEL_THREAD, EPERM},
	    {E_ZOMBIE, EPERM},
	    {E_NO_TARGET, ESRCH},
	    {E_NO_THREAD, ESRCH},
	    {E_RUNNING, EBUSY},
	    {E_ATTACHED, EBUSY},
	    {E_FILTERED, EPERM},
	    {E_FAULT, EFAULT},
	    {E_NO_FILE, ENOENT},
	    {E_NOT_FILE, EINVAL},
	    {E_NOT_DIR, ENOTDIR},
	    {E_NO_CODE, EFAULT},
	    {E_SHARED_CODE, EFAULT},
	    {E_NO_DEBUG_REGISTER, ENOSPC},
	    {E_WATCH_SIZE, EINVAL},
	    {E_BAD_CONDITION, EINVAL},
	    {E_EXEC_FAILED, ENOEXEC},
	    {E_ATTACH_ONLY, EPERM},
	};

	if (e->os_errno > 0)
		return e->os_errno;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (same[i].code == e->code)
			return same[i].os_errno;
	return EIO;
}

/* It was let go, which will be told. */
static void look_at(struct rsp *r, const struct he_error *e)
{
	if (e->code == E_NO_TARGET)
		r->let_go = true;
}

void rsp_done(struct rsp *r, struct he_error *e)
{
	if (e) {
		look_at(r, e);
		put_number(r, rsp_errno(e));
	} else {
		rsp_ok(r);
	}
	he_error_free(e);
}

void rsp_fail_text(struct rsp *r, int os_errno, const char *text)
{
	put_number(r, os_errno);
	if (r->knows & RSP_ERROR_HEX) {
		rsp_put_char(&r->reply, ';');
		rsp_put_hexstr(&r->reply, text);
	} else if (r->knows & RSP_ERROR_MESSAGE) {
		buf_reset(&r->reply);
		rsp_put(&r->reply, "E.");
		rsp_put_binary(&r->reply, text, strlen(text));
	} else {
		rsp_say("%s", text);
	}
}

void rsp_fail(struct rsp *r, struct he_error *e)
{
	look_at(r, e);
	rsp_fail_text(r, rsp_errno(e), e->message);
	he_error_free(e);
}

static void __attribute__((format(printf, 1, 0))) say(const char *fmt, va_list ap)
{
	char line[SAY_MAX], clean[2 * SAY_MAX];

	vsnprintf(line, sizeof(line), fmt, ap);
	fprintf(stderr, "%s\n", log_escape(clean, sizeof(clean), line, strlen(line)));
	fflush(stderr);
}

void rsp_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void rsp_chat(const struct rsp *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (r->chatty)
		say(fmt, ap);
	va_end(ap);
}
