/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Thread-local variables ("ELF Handling For Thread-Local Storage", variant II).  The program's
 * own lie below the thread pointer, at a distance that its headers tell.  A library's are
 * found as libthread_db does it: the thread's vector (dtv) has a pointer for each number that
 * the dynamic linker has given out; where glibc keeps both it says in symbols of its own.
 */
#include <elf.h>
#include <inttypes.h>
#include <linux/audit.h>

#include "common/err.h"
#include "common/gdb_reg.h"
#include "host/engine/target.h"
#include "host/errtext.h"

static struct he_error *read_word(struct he_target *t, uint64_t addr, uint64_t *ret)
{
	unsigned width = target_width(t);
	uint8_t raw[8];
	struct rd r = rd_init(raw, width);
	size_t got = 0;
	int why = 0;
	struct he_error *err = target_read(t, addr, raw, width, &got, &why);

	if (!err && got != width)
		err = he_error_fault(addr, why, "memory at %#" PRIx64 " cannot be read.", addr);
	if (!err)
		*ret = target_rd(t, &r);
	return err;
}

static struct he_error *no_pointer(void)
{
	return he_error_new(E_STATE, "the thread pointer is not known");
}

/* i386 keeps it in the descriptor that gs selects: of struct user_desc (asm/ldt.h) the
 * number and the base. */
static struct he_error *of_descriptor(
    struct he_target *t, const struct thread *h, uint64_t gs, uint64_t *ret)
{
	enum { DESCRIPTOR = 16, NUMBER_AT = 3 /* in a selector, bits */ };
	const struct regblock *b;
	struct he_error *err = target_thread_note(t, h, NT_386_TLS, &b);

	if (err)
		return err;
	for (size_t at = 0; b && at + DESCRIPTOR <= b->len; at += DESCRIPTOR) {
		struct rd r = rd_init(b->data + at, DESCRIPTOR);
		uint32_t number = rd_u32(&r), base = rd_u32(&r);

		if (number == gs >> NUMBER_AT && base) {
			*ret = base;
			return NULL;
		}
	}
	return no_pointer();
}

struct he_error *target_thread_pointer(struct he_target *t, uint64_t tid, uint64_t *ret)
{
	bool i386 = t->arch_id == AUDIT_ARCH_I386;
	const struct arch *arch;
	const struct regblock *b;
	struct thread *h;
	struct he_error *err;
	int n = gdb_reg_number(t->arch_id, i386 ? "gs" : "fs_base");
	uint64_t value;

	if ((t->arch_id != AUDIT_ARCH_X86_64 && !i386) || n < 0)
		return he_error_new(E_STATE,
		    "thread-local variables cannot be found in programs of this architecture");
	err = target_thread_regs(t, tid, false, &h, &arch);
	if (err)
		return err;
	b = thread_regs(h, NT_PRSTATUS);
	if (!b || !gdb_reg_value(b->arch, (unsigned)n, b->data, b->len, &value))
		return no_pointer();
	if (i386)
		return of_descriptor(t, h, value, ret);
	*ret = value;
	return NULL;
}

/* ---- the program's own --------------------------------------------------------- */

static bool is_program(const struct he_target *t, const struct sym_tls *m)
{
	uint64_t headers = target_auxv(t, AT_PHDR);

	return headers >= m->lo && headers < m->hi;
}

/* As the link editor has counted; 0: its headers make no sense. */
static uint64_t below_pointer(const struct sym_tls *m)
{
	uint64_t align = m->align ? m->align : 1, first = -m->vaddr & (align - 1);

	if (align & (align - 1) || m->size > UINT32_MAX)
		return 0;
	return ((m->size - first + align - 1) & -align) + first;
}

/* ---- a library's ------------------------------------------------------------------- */

/* What glibc tells libthread_db of a field: bits of an element, how many, offset. */
struct field {
	uint32_t bits, n, offset;
};

static struct he_error *describe(struct he_target *t, const char *name, struct field *ret)
{
	struct he_symbol *sym = NULL;
	struct he_error *err = symbols_named(t->symbols, name, &sym);
	uint8_t raw[12];
	struct rd r = rd_init(raw, sizeof(raw));
	size_t got = 0;
	int why;

	if (err && err->code == E_NO_FILE) {
		he_error_free(err);
		return he_error_new(E_STATE,
		    "thread-local variables of libraries cannot be found: this C library does "
		    "not tell where it keeps them");
	}
	if (!err)
		err = target_read(t, sym->addr, raw, sizeof(raw), &got, &why);
	he_symbol_free(sym);
	if (!err && got != sizeof(raw))
		err = he_error_new(E_STATE, "what the C library tells of %s cannot be read", name);
	if (err)
		return err;
	*ret = (struct field){rd_u32(&r), rd_u32(&r), rd_u32(&r)};
	return NULL;
}

static struct he_error *not_there(const char *module)
{
	return he_error_new(E_STATE,
	    "this thread has no thread-local storage of %s: it gets some when it first uses it",
	    module);
}

/* name: of the module, for people. */
static struct he_error *of_library(
    struct he_target *t, uint64_t pointer, uint64_t link_map, const char *name, uint64_t *block)
{
	struct field number = {0}, vector = {0}, element = {0}, value = {0};
	uint64_t dtv = 0, module = 0, most = 0;
	struct he_error *err = describe(t, "_thread_db_link_map_l_tls_modid", &number);

	if (!err)
		err = describe(t, "_thread_db_pthread_dtvp", &vector);
	if (!err)
		err = describe(t, "_thread_db_dtv_dtv", &element);
	if (!err)
		err = describe(t, "_thread_db_dtv_t_pointer_val", &value);
	if (!err)
		err = read_word(t, link_map + number.offset, &module);
	if (!err)
		err = read_word(t, pointer + vector.offset, &dtv);
	/* In front of its first element stands how many there are. */
	if (!err)
		err = read_word(t, dtv - element.bits / 8, &most);
	if (err)
		return err;
	if (!module || module > most)
		return not_there(name);
	err = read_word(t, dtv + module * (element.bits / 8) + value.offset, block);
	if (err)
		return err;
	return *block && *block != (target_width(t) == 4 ? UINT32_MAX : UINT64_MAX)
		   ? NULL
		   : not_there(name);
}

struct he_error *target_tls(
    struct he_target *t, uint64_t tid, const struct module *module, uint64_t offset, uint64_t *addr)
{
	uint64_t pointer = 0, block = 0;
	struct he_error *err = target_thread_pointer(t, tid, &pointer);
	struct symbols *s;
	struct sym_tls m;

	if (err)
		return err;
	if (!module || !symbols_tls(module, &m))
		return he_error_new(E_STATE, "the module has no thread-local storage");
	if (is_program(t, &m)) {
		*addr = pointer - below_pointer(&m) + offset;
		return NULL;
	}
	if (!m.link_map) {
		err = target_linked_symbols(t, &s);
		if (err)
			return err;
		symbols_tls(module, &m);
	}
	if (!m.link_map)
		return he_error_new(E_STATE,
		    "the dynamic linker's list does not have %s: its thread-local storage cannot "
		    "be found",
		    m.name);
	err = of_library(t, pointer, m.link_map, m.name, &block);
	if (!err)
		*addr = block + offset;
	return err;
}

struct he_error *he_tls(
    struct he_target *t, uint64_t tid, uint64_t link_map, uint64_t offset, uint64_t *addr)
{
	struct he_error *err = target_enter(t);
	uint64_t pointer = 0, block = 0;
	struct symbols *s;

	if (err)
		return err;
	err = target_thread_pointer(t, tid, &pointer);
	if (!err)
		err = target_linked_symbols(t, &s);
	if (!err)
		err = of_library(t, pointer, link_map, "that module", &block);
	err = target_symbol_outcome(t, err);
	if (!err)
		*addr = block + offset;
	return target_leave(t, err);
}
