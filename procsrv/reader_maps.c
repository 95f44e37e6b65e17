/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Mappings with build-ids, the auxiliary vector, the environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "handlers.h"
#include "reader.h"
#include "refuse.h"

enum { MAP_REC = 45 }; /* bytes of a map's record beside name and build-id */

/* ---- maps ----------------------------------------------------------------------- */

/* Where an image can begin: the start of a file, or the vdso. */
static bool may_be_image(const struct proc_map *m)
{
	if (!(m->prot & 1) || m->offset || !m->name.n)
		return false;
	return m->name.p[0] == '/' || span_eq(m->name, span_str("[vdso]"));
}

bool reader_next_map(struct reader_maps *r, struct wire_rec_map *rec, uint8_t id[64])
{
	struct proc_map m;

	if (!proc_next_map(&r->text, &m))
		return false;
	*rec = (struct wire_rec_map){
	    .lo = m.lo,
	    .hi = m.hi,
	    .offset = m.offset,
	    .dev = m.dev,
	    .ino = m.ino,
	    .prot = m.prot,
	    .name = m.name,
	};
	if (!may_be_image(&m))
		return true;
	if (r->mem < 0)
		r->mem = openat(r->dir, "mem", O_RDONLY | O_CLOEXEC);
	if (r->mem >= 0)
		rec->build_id = (struct span){id, reader_build_id(r->mem, m.lo, id)};
	return true;
}

void reader_maps_done(struct reader_maps *r)
{
	if (r->mem >= 0)
		close(r->mem);
	r->mem = -1;
}

struct maps_job {
	struct reader_maps maps;
	struct reader_who who;
	struct buf text;
	struct pack pack;
};

static void encode_maps(struct pack *p, struct buf *out)
{
	struct wire_map_list m = {.maps = pack_list(p, 0)};

	wire_encode_map_list(out, &m);
}

static void refill_maps(struct reply *r)
{
	struct maps_job *j = r->state;
	unsigned before = r->pieces;
	struct wire_rec_map rec;
	uint8_t id[64];

	while (r->pieces == before && !r->done) {
		if (!reader_next_map(&j->maps, &rec, id)) {
			pack_flush(&j->pack);
			reply_done(r);
			return;
		}
		wire_put_map(
		    pack_room(&j->pack, 0, MAP_REC + (size_t)rec.name.n + rec.build_id.n), &rec);
	}
}

static void drop_maps(struct reply *r)
{
	struct maps_job *j = r->state;

	reader_maps_done(&j->maps);
	if (j->maps.dir >= 0)
		close(j->maps.dir);
	buf_free(&j->text);
	pack_free(&j->pack);
	free(j);
}

int reader_os_error(struct call *c, int os_errno, struct reader_who *w)
{
	int code = os_errno == ESRCH ? w->own ? E_NO_PROCESS : E_GONE : E_OS;

	if (os_errno == EACCES || os_errno == EPERM)
		return refuse_look(&w->id, os_errno, &c->fault);
	return fault_set(&c->fault, code, os_errno, (uint32_t)w->id.pid);
}

int on_maps(struct call *c)
{
	struct maps_job *j;
	struct reader_who who;
	struct wire_maps m;
	int err;

	wire_decode_maps(c->body, &m);
	err = reader_open(c, m.pid, m.start, &who);
	if (err != E_OK)
		return err;
	j = calloc(1, sizeof(*j));
	if (j) {
		buf_init(&j->text, PROC_MAPS_MAX);
		pack_init(&j->pack, c->reply, 4, encode_maps, NULL);
		j->maps =
		    (struct reader_maps){.dir = fcntl(who.id.live, F_DUPFD_CLOEXEC, 0), .mem = -1};
		c->reply->state = j;
		c->reply->drop = drop_maps;
		err = proc_read(who.id.live, "maps", &j->text);
		j->maps.text = span_buf(&j->text);
		c->reply->refill = refill_maps;
		if (!err && !j->text.len && !proc_alive(&who.id))
			err = ESRCH;
	} else {
		err = ENOMEM;
	}
	err = err && err != EFBIG ? reader_os_error(c, err, &who) : E_OK;
	reader_done(&who);
	return err;
}
