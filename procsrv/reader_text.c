/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Texts of /proc, as they are read there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handlers.h"
#include "reader_path.h"

enum { TEXT_MAX = 16 * 1024 * 1024, NAME = 32 };

struct bytes_job {
	struct buf data;
	size_t at;
};

static void refill_bytes(struct reply *r)
{
	enum { DATA = 65500 };
	struct bytes_job *j = r->state;
	size_t n = j->data.len - j->at;
	struct wire_bytes m = {.data = {j->data.p + j->at, (uint32_t)(n < DATA ? n : DATA)}};
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	wire_encode_bytes(&body, &m);
	reply_piece(r, span_whole(&body));
	buf_free(&body);
	j->at += m.data.n;
	if (j->at == j->data.len && !r->done)
		reply_done(r);
}

static void drop_bytes(struct reply *r)
{
	struct bytes_job *j = r->state;

	buf_free(&j->data);
	free(j);
}

/* What the reply will bring, to be filled; NULL without memory. */
static struct buf *start_bytes(struct call *c, size_t max)
{
	struct bytes_job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	buf_init(&j->data, max);
	c->reply->state = j;
	c->reply->drop = drop_bytes;
	c->reply->refill = refill_bytes;
	return &j->data;
}

/* ---- one text -------------------------------------------------------------------------- */

static int answer_proc_file(struct call *c, uint32_t pid, uint64_t start, const char *name)
{
	struct reader_who who;
	struct buf *data;
	int err = reader_open(c, pid, start, &who);

	if (err != E_OK)
		return err;
	data = start_bytes(c, PROC_MAPS_MAX);
	err = data ? proc_read(who.id.live, name, data) : ENOMEM;
	if (!err && !data->len && !proc_alive(&who.id))
		err = ESRCH;
	err = err && err != EFBIG ? reader_os_error(c, err, &who) : E_OK;
	reader_done(&who);
	return err;
}

int on_auxv(struct call *c)
{
	struct wire_auxv m;

	wire_decode_auxv(c->body, &m);
	return answer_proc_file(c, m.pid, m.start, "auxv");
}

int on_environment(struct call *c)
{
	struct wire_environment m;

	wire_decode_environment(c->body, &m);
	return answer_proc_file(c, m.pid, m.start, "environ");
}

/* ---- many ------------------------------------------------------------------------------- */

/* One part of a process's text, about the entry called name of dir. */
typedef void one_part(int dir, const char *name, struct buf *data);

static void one_task(int dir, const char *name, struct buf *data)
{
	size_t before = data->len;
	char file[NAME];

	snprintf(file, sizeof(file), "%.16s/stat", name);
	if (proc_read(dir, file, data) == 0)
		buf_u8(data, 0);
	else if (!data->bad)
		data->len = before; /* ended meanwhile */
}

static void one_fd(int dir, const char *name, struct buf *data)
{
	size_t before = data->len;

	buf_raw(data, name, strlen(name) + 1);
	if (proc_readlink(dir, name, data) == 0)
		buf_u8(data, 0);
	else if (!data->bad)
		data->len = before; /* closed meanwhile */
}

static int each_entry(int live, const char *name, one_part *part, struct buf *data)
{
	int fd = openat(live, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	int why = errno;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return why;
	}
	for (const struct dirent *e; !data->bad && (e = readdir(dir)) != NULL;)
		if (*e->d_name != '.')
			part(fd, e->d_name, data);
	closedir(dir);
	return 0;
}

/* ---- the list of texts ------------------------------------------------------------------ */

static const struct {
	const char *name; /* below /proc or /proc/PID */
	one_part *part;   /* NULL: a file, else a directory */
	bool process;     /* of a process only */
	bool net;         /* of either */
} texts[] = {
    [WIRE_TEXT_CPUINFO] = {"cpuinfo", NULL, false, false},
    [WIRE_TEXT_MODULES] = {"modules", NULL, false, false},
    [WIRE_TEXT_SYSV_MSG] = {"sysvipc/msg", NULL, false, false},
    [WIRE_TEXT_SYSV_SEM] = {"sysvipc/sem", NULL, false, false},
    [WIRE_TEXT_SYSV_SHM] = {"sysvipc/shm", NULL, false, false},
    [WIRE_TEXT_NET_TCP] = {"net/tcp", NULL, false, true},
    [WIRE_TEXT_NET_TCP6] = {"net/tcp6", NULL, false, true},
    [WIRE_TEXT_NET_UDP] = {"net/udp", NULL, false, true},
    [WIRE_TEXT_NET_UDP6] = {"net/udp6", NULL, false, true},
    [WIRE_TEXT_NET_UNIX] = {"net/unix", NULL, false, true},
    [WIRE_TEXT_STAT] = {"stat", NULL, true, false},
    [WIRE_TEXT_TASKS] = {"task", one_task, true, false},
    [WIRE_TEXT_FDS] = {"fd", one_fd, true, false},
    [WIRE_TEXT_CMDLINE] = {"cmdline", NULL, true, false},
    [WIRE_TEXT_STATUS] = {"status", NULL, true, false},
    [WIRE_TEXT_MAPS] = {"maps", NULL, true, false},
    [WIRE_TEXT_SMAPS] = {"smaps", NULL, true, false},
    [WIRE_TEXT_COREDUMP_FILTER] = {"coredump_filter", NULL, true, false},
};

static int machine_text(struct call *c, unsigned text)
{
	struct buf *data = start_bytes(c, TEXT_MAX);
	char name[NAME];
	int err;

	snprintf(name, sizeof(name), "/proc/%s", texts[text].name);
	err = data ? proc_read(AT_FDCWD, name, data) : ENOMEM;
	return err && err != EFBIG ? reader_failed(c, err, span_str(name)) : E_OK;
}

static int process_text(struct call *c, const struct wire_proc_text *m)
{
	struct reader_who who;
	struct buf *data;
	int err = reader_open(c, m->pid, m->start, &who);

	if (err != E_OK)
		return err;
	data = start_bytes(c, TEXT_MAX);
	if (!data)
		err = ENOMEM;
	else if (texts[m->text].part)
		err = each_entry(who.id.live, texts[m->text].name, texts[m->text].part, data);
	else
		err = proc_read(who.id.live, texts[m->text].name, data);
	err = err && err != EFBIG ? reader_os_error(c, err, &who) : E_OK;
	reader_done(&who);
	return err;
}

int on_proc_text(struct call *c)
{
	struct wire_proc_text m;
	bool machine;

	wire_decode_proc_text(c->body, &m);
	machine = !m.pid && !c->h->target;
	if (m.text >= sizeof(texts) / sizeof(texts[0]))
		return E_MALFORMED;
	if (!texts[m.text].net && texts[m.text].process == machine)
		return machine ? E_NO_TARGET : E_MALFORMED;
	return machine ? machine_text(c, m.text) : process_text(c, &m);
}
