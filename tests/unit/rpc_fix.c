/* SPDX-License-Identifier: BSD-2-Clause */
#include "rpc_fix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "common/err.h"
#include "host/link/inbox.h"

void fix_start(struct fix *f, script *play, const void *arg)
{
	struct rpc_via via;

	f->inbox = inbox_new();
	assert_non_null(f->inbox);
	via = agent_via(agent_start(&f->agent, play, arg));
	f->r = rpc_new(f->inbox, &via);
	assert_non_null(f->r);
}

void fix_open(struct fix *f, script *play, const void *arg)
{
	fix_start(f, play, arg);
	assert_null(rpc_greeted(f->r));
	assert_null(rpc_ready(f->r));
}

void fix_finish(struct fix *f)
{
	unsigned ended = agent_links_ended;

	rpc_free(f->r);
	assert_int_equal(agent_links_ended, ended + 1);
	agent_join(&f->agent);
	inbox_free(f->inbox);
}

void fix_error(struct he_error *e, int code, const char *part)
{
	assert_non_null(e);
	if (e->code != code || !strstr(e->message, part))
		fail_msg("error %d: %s", e->code, e->message);
	he_error_free(e);
}

void fix_no_error(struct he_error *e)
{
	if (e)
		fail_msg("error %d: %s", e->code, e->message);
}

size_t fix_total(const struct rpc_piece *p)
{
	size_t n = 0;

	for (; p; p = p->next)
		n += p->m.h.len;
	return n;
}

struct rpc_call *fix_ask(struct rpc *r)
{
	return rpc_send(r, WIRE_threads, 1, NULL, 0);
}

void fix_say_threads(struct agent *a, uint64_t id)
{
	struct wire_thread_list m = {0};
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_thread_list(&b, &m);
	agent_say(a, WIRE_thread_list, id, &b);
}
