/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Mappings with build-ids, the auxiliary vector, the environment.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handlers.h"
#include "reader.h"

enum {
	HEAD = 4096,       /* bytes of an image looked at first */
	PHDRS_MAX = 64,    /* program headers looked at */
	NOTES_MAX = 16384, /* bytes of notes looked at */
	MAP_REC = 45,      /* bytes of a map's record beside name and build-id */
	BYTES_MAX = 64 * 1024 * 1024,
};

/* ---- build-ids ---------------------------------------------------------------- */

/* The id among notes (gabi, "Note Section"): hostile bytes, so every size is checked. */
static unsigned find_note(const uint8_t *p, size_t n, uint8_t id[64])
{
	while (n >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr h; /* the same in both classes */
		size_t name, desc;

		memcpy(&h, p, sizeof(h));
		name = ((size_t)h.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)h.n_descsz + 3) & ~(size_t)3;
		p += sizeof(h);
		n -= sizeof(h);
		if (name > n || desc > n - name)
			return 0;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && memcmp(p, "GNU", 4) == 0 &&
		    h.n_descsz <= 64) {
			memcpy(id, p + name, h.n_descsz);
			return h.n_descsz;
		}
		p += name + desc;
		n -= name + desc;
	}
	return 0;
}

/* What both classes' headers say, in one form. */
struct image {
	uint64_t phoff;
	unsigned phnum, phentsize;
	bool is64;
};

static bool parse_head(const uint8_t *p, size_t n, struct image *im)
{
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;

	if (n < sizeof(e64) || memcmp(p, ELFMAG, SELFMAG) != 0)
		return false;
	im->is64 = p[EI_CLASS] == ELFCLASS64;
	memcpy(&e64, p, sizeof(e64));
	memcpy(&e32, p, sizeof(e32));
	im->phoff = im->is64 ? e64.e_phoff : e32.e_phoff;
	im->phnum = im->is64 ? e64.e_phnum : e32.e_phnum;
	im->phentsize = im->is64 ? e64.e_phentsize : e32.e_phentsize;
	return im->phnum <= PHDRS_MAX &&
	       im->phentsize == (im->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) &&
	       im->phoff <= n && im->phoff + (uint64_t)im->phnum * im->phentsize <= n;
}

struct segment {
	uint32_t type;
	uint64_t offset, vaddr, filesz;
};

static struct segment segment(const uint8_t *head, const struct image *im, unsigned i)
{
	const uint8_t *p = head + im->phoff + (size_t)i * im->phentsize;
	Elf64_Phdr p64;
	Elf32_Phdr p32;

	if (im->is64) {
		memcpy(&p64, p, sizeof(p64));
		return (struct segment){p64.p_type, p64.p_offset, p64.p_vaddr, p64.p_filesz};
	}
	memcpy(&p32, p, sizeof(p32));
	return (struct segment){p32.p_type, p32.p_offset, p32.p_vaddr, p32.p_filesz};
}

static size_t peek(int mem, uint64_t addr, uint8_t *to, size_t n)
{
	ssize_t got = addr <= INT64_MAX ? pread(mem, to, n, (off_t)addr) : -1;

	return got > 0 ? (size_t)got : 0;
}

unsigned reader_build_id(int mem, uint64_t addr, uint8_t id[64])
{
	uint8_t head[HEAD], notes[NOTES_MAX];
	size_t n = peek(mem, addr, head, sizeof(head));
	struct image im;
	uint64_t bias = addr;
	unsigned size = 0;

	if (!parse_head(head, n, &im))
		return 0;
	for (unsigned i = 0; i < im.phnum; i++) {
		struct segment s = segment(head, &im, i);

		if (s.type == PT_LOAD && s.offset == 0)
			bias = addr - s.vaddr;
	}
	for (unsigned i = 0; i < im.phnum && !size; i++) {
		struct segment s = segment(head, &im, i);
		size_t len = s.filesz < sizeof(notes) ? (size_t)s.filesz : sizeof(notes);

		if (s.type != PT_NOTE)
			continue;
		if (s.offset <= n && len <= n - s.offset)
			size = find_note(head + s.offset, len, id);
		else
			size = find_note(notes, peek(mem, bias + s.vaddr, notes, len), id);
	}
	return size;
}

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

static int os_error(struct call *c, int os_errno, const struct reader_who *w)
{
	int code = os_errno == ESRCH ? w->own ? E_NO_PROCESS : E_GONE : E_OS;

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
	reader_done(&who);
	return err && err != EFBIG ? os_error(c, err, &who) : E_OK;
}

/* ---- bytes of a file of /proc --------------------------------------------------------- */

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
	reply_piece(r, span_buf(&body));
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

static int answer_proc_file(struct call *c, uint32_t pid, uint64_t start, const char *name)
{
	struct bytes_job *j;
	struct reader_who who;
	int err = reader_open(c, pid, start, &who);

	if (err != E_OK)
		return err;
	j = calloc(1, sizeof(*j));
	if (j) {
		buf_init(&j->data, PROC_MAPS_MAX);
		c->reply->state = j;
		c->reply->drop = drop_bytes;
		err = proc_read(who.id.live, name, &j->data);
		c->reply->refill = refill_bytes;
		if (!err && !j->data.len && !proc_alive(&who.id))
			err = ESRCH;
	} else {
		err = ENOMEM;
	}
	reader_done(&who);
	return err && err != EFBIG ? os_error(c, err, &who) : E_OK;
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
