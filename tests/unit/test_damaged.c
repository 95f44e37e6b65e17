/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ELF files and images with damage in them: whatever is asked about them, the answer may
 * be wrong, but it comes.  Each is looked at by a process of its own, so that a crash or
 * a hang is seen as what it is.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/errtext.h"
#include "host/sym/variable.h"
#include "local_target.h"

enum { RUNS = 120, PCS = 40, SECONDS = 30, MAPS = 16 };
static const uint64_t base = 0x555500000000, stack_base = 0x7ffd00000000;

struct subject {
	uint8_t *whole, *damaged;
	size_t size;
	uint64_t text_lo, text_hi; /* in the target */
	size_t id_at;              /* of the build-id note, which stays */
	char id[41], path[64];
	struct he_mapping maps[MAPS];
	size_t n_maps;
	uint64_t stack[4096];
	uint64_t random;
};

static uint64_t next(struct subject *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

static const Elf64_Phdr *phdrs(const struct subject *s, size_t *n)
{
	const Elf64_Ehdr *e = (const void *)s->whole;

	*n = e->e_phnum;
	return (const void *)(s->whole + e->e_phoff);
}

static const Elf64_Shdr *shdrs(const struct subject *s, size_t *n)
{
	const Elf64_Ehdr *e = (const void *)s->whole;

	*n = e->e_shnum;
	return (const void *)(s->whole + e->e_shoff);
}

static const char *section_name(const struct subject *s, size_t i)
{
	size_t n;
	const Elf64_Shdr *h = shdrs(s, &n);
	const Elf64_Ehdr *e = (const void *)s->whole;

	return (const char *)s->whole + h[e->e_shstrndx].sh_offset + h[i].sh_name;
}

/* ---- the target that has it mapped -------------------------------------------------- */

static size_t copy_out(
    void *to, size_t len, uint64_t addr, uint64_t lo, uint64_t hi, const void *from)
{
	if (addr < lo || addr >= hi)
		return 0;
	if (len > hi - addr)
		len = (size_t)(hi - addr);
	memcpy(to, (const uint8_t *)from + (addr - lo), len);
	return len;
}

static size_t read_memory(void *arg, uint64_t addr, void *buf, size_t len)
{
	struct subject *s = arg;
	size_t n,
	    got = copy_out(buf, len, addr, stack_base, stack_base + sizeof(s->stack), s->stack);
	const Elf64_Phdr *p = phdrs(s, &n);

	for (size_t i = 0; i < n && !got; i++) {
		uint64_t skew = p[i].p_offset % 4096;

		if (p[i].p_type == PT_LOAD)
			got = copy_out(buf, len, addr, base + p[i].p_vaddr - skew,
			    base + p[i].p_vaddr + p[i].p_filesz, s->damaged + p[i].p_offset - skew);
	}
	return got;
}

static void add_maps(struct subject *s, bool in_memory)
{
	size_t n;
	const Elf64_Phdr *p = phdrs(s, &n);

	s->n_maps = 0;
	for (size_t i = 0; i < n && s->n_maps < MAPS; i++) {
		if (p[i].p_type != PT_LOAD)
			continue;
		s->maps[s->n_maps++] =
		    (struct he_mapping){.lo = (base + p[i].p_vaddr) & ~UINT64_C(4095),
			.hi = (base + p[i].p_vaddr + p[i].p_memsz + 4095) & ~UINT64_C(4095),
			.offset = p[i].p_offset & ~UINT64_C(4095),
			.ino = 1,
			.prot = p[i].p_flags & PF_X ? 5 : 1,
			.name = in_memory ? "/nowhere/at/all" : s->path,
			.build_id = s->id};
		if (p[i].p_flags & PF_X) {
			s->text_lo = base + p[i].p_vaddr;
			s->text_hi = s->text_lo + p[i].p_filesz;
		}
	}
}

static void load(struct subject *s, const char *debuggee, bool in_memory)
{
	size_t n;
	const Elf64_Shdr *h;
	struct stat st;
	int fd = open(local_debuggee(debuggee), O_RDONLY | O_CLOEXEC);

	*s = (struct subject){.random = 1};
	assert_return_code(fd, errno);
	assert_return_code(fstat(fd, &st), errno);
	s->size = (size_t)st.st_size;
	s->whole = malloc(s->size);
	s->damaged = malloc(s->size);
	assert_int_equal(read(fd, s->whole, s->size), s->size);
	close(fd);
	h = shdrs(s, &n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(section_name(s, i), ".note.gnu.build-id"))
			s->id_at = h[i].sh_offset;
	for (size_t i = 0; i < 20; i++)
		sprintf(s->id + 2 * i, "%02x", s->whole[s->id_at + 16 + i]);
	snprintf(s->path, sizeof(s->path), "/tmp/test_damaged.%d", getpid());
	add_maps(s, in_memory);
}

static void unload(struct subject *s)
{
	unlink(s->path);
	free(s->whole);
	free(s->damaged);
}

/* ---- damage ---------------------------------------------------------------------------- */

/* Somewhere in the file, a section header, or a section that tells about the others. */
static size_t somewhere(struct subject *s)
{
	size_t n, i;
	const Elf64_Shdr *h = shdrs(s, &n);
	const Elf64_Ehdr *e = (const void *)s->whole;
	static const char *const telling[] = {
	    ".debug", ".eh_frame", ".sym", ".str", ".dyn", ".gnu"};

	switch (next(s) % 4) {
	case 0:
		return (size_t)(next(s) % s->size);
	case 1:
		return (size_t)(e->e_shoff + next(s) % (n * sizeof(*h)));
	default:
		break;
	}
	for (int tries = 0; tries < 200; tries++) {
		i = (size_t)(next(s) % n);
		for (size_t k = 0; k < sizeof(telling) / sizeof(telling[0]); k++)
			if (h[i].sh_size && h[i].sh_type != SHT_NOBITS &&
			    !strncmp(section_name(s, i), telling[k], strlen(telling[k])))
				return (size_t)(h[i].sh_offset + next(s) % h[i].sh_size);
	}
	return 0;
}

static void damage(struct subject *s)
{
	size_t times = 1 + (size_t)(next(s) % 30);

	memcpy(s->damaged, s->whole, s->size);
	for (size_t i = 0; i < times; i++) {
		size_t at = somewhere(s), len = next(s) % 3 ? 1 : 8;

		for (size_t k = at; k < at + len && k < s->size; k++)
			if (k >= 20 && (k < s->id_at || k >= s->id_at + 36))
				s->damaged[k] = next(s) % 2 ? 0xff : (uint8_t)next(s);
	}
}

static void write_damaged(const struct subject *s)
{
	int fd = open(s->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_return_code(fd, errno);
	assert_int_equal(write(fd, s->damaged, s->size), s->size);
	close(fd);
}

/* ---- asking ------------------------------------------------------------------------------ */

static void ask_address(struct subject *s, struct symbols *symbols, uint64_t pc)
{
	struct sym_regs regs = {
	    .valid = (1u << 17) - 1, .pc = pc, .sp = stack_base + next(s) % 2048 * 8};
	struct he_symbol *symbol = NULL;
	struct he_line *line = NULL;
	struct he_stack *stack = NULL;

	for (int i = 0; i < 16; i++)
		regs.reg[i] = stack_base + next(s) % sizeof(s->stack);
	regs.reg[7] = regs.sp;
	regs.reg[16] = pc;
	he_error_free(symbols_at(symbols, pc, &symbol));
	he_symbol_free(symbol);
	he_error_free(symbols_line_at(symbols, pc, &line));
	he_line_free(line);
	he_error_free(symbols_backtrace(symbols, &regs, 0, HE_END_FAULT, &stack));
	he_stack_free(stack);
}

static void ask_type(struct types *types, struct type *t, unsigned depth)
{
	t = type_complete(types, t);
	for (size_t i = 0; i < t->n_members && i < 50 && depth < 4; i++)
		if (t->member[i].type)
			ask_type(types, t->member[i].type, depth + 1);
	if (t->target && depth < 4)
		ask_type(types, t->target, depth + 1);
}

static void ask_places(
    struct symbols *symbols, const struct sym_frame *f, const struct sym_scope *scope, bool args)
{
	const struct place_at at = {.frame = f};
	struct sym_local *v = NULL;
	struct place place;
	size_t n = 0;

	he_error_free(symbols_locals(symbols, scope, args, &v, &n));
	for (size_t i = 0; i < n && i < 100; i++) {
		he_error_free(symbols_place(symbols, &v[i].var, &at, &place));
		symbols_formula(symbols, scope, &v[i].var);
		ask_type(symbols_types(symbols), v[i].var.type, 0);
	}
	free(v);
}

static void ask_name(struct symbols *symbols, const struct sym_scope *scope, const char *name)
{
	struct sym_name found;
	struct he_error *e =
	    symbols_look_up(symbols, scope, name, LOOK_VALUES | LOOK_TYPES, &found);

	if (!e)
		ask_type(symbols_types(symbols), found.type, 0);
	he_error_free(e);
}

static void ask_variables(struct subject *s, struct symbols *symbols, uint64_t pc)
{
	static const char *const names[] = {
	    "counter", "sleepers.c::depth", "outer::inner::box<int, 3>", "descend", "pthread_t"};
	struct sym_regs regs = {.valid = (1u << 17) - 1, .pc = pc, .sp = stack_base};
	struct sym_frame f = {.pc = pc};
	struct sym_scope scope = {true, pc, 0};

	regs.reg[16] = pc;
	regs.reg[7] = regs.reg[6] = stack_base + next(s) % 2048 * 8;
	he_error_free(symbols_frame(symbols, &regs, (unsigned)(next(s) % 3), &f));
	ask_places(symbols, &f, &scope, false);
	ask_places(symbols, &f, &scope, true);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ask_name(symbols, &scope, names[i]);
}

static void ask(struct subject *s)
{
	struct sym_source src = {
	    .read = read_memory, .arg = s, .local = true, .arch = AUDIT_ARCH_X86_64};
	struct symbols *symbols = NULL;
	struct he_modules *modules = NULL;
	struct he_symbol *symbol = NULL;
	struct he_line *line = NULL;

	for (size_t i = 0; i < sizeof(s->stack) / sizeof(s->stack[0]); i++)
		s->stack[i] = next(s) % 3 ? stack_base + next(s) % sizeof(s->stack)
					  : s->text_lo + next(s) % (s->text_hi - s->text_lo);
	he_error_free(symbols_new(&src, &symbols));
	he_error_free(symbols_set_maps(symbols, s->maps, s->n_maps));
	he_error_free(symbols_modules(symbols, &modules));
	he_modules_free(modules);
	for (int i = 0; i < PCS; i++)
		ask_address(s, symbols, s->text_lo + next(s) % (s->text_hi - s->text_lo));
	for (int i = 0; i < PCS; i++)
		ask_variables(s, symbols, s->text_lo + next(s) % (s->text_hi - s->text_lo));
	he_error_free(symbols_named(symbols, "main", &symbol));
	he_symbol_free(symbol);
	he_error_free(symbols_line_named(symbols, "debuggee.h", 40, &line));
	he_line_free(line);
	symbols_free(symbols);
}

/* In a child: exit 0, or what killed it. */
static int ask_apart(struct subject *s)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(SECONDS);
		ask(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void survive(const char *debuggee, bool in_memory)
{
	struct subject s;

	load(&s, debuggee, in_memory);
	for (unsigned i = 0; i < RUNS; i++) {
		int status;

		s.random = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
		damage(&s);
		if (!in_memory)
			write_damaged(&s);
		status = ask_apart(&s);
		if (status)
			print_error("%s, run %u: status %#x\n", debuggee, i, (unsigned)status);
		assert_int_equal(status, 0);
	}
	unload(&s);
}

static void damaged_files_are_survived(void **state)
{
	(void)state;
	survive("names-O2", false);
	survive("sleepers-dwarf4", false);
}

static void damaged_images_in_memory_are_survived(void **state)
{
	(void)state;
	survive("names", true);
	survive("libplugin.so", true);
}

static void the_largest_sizes_an_image_can_claim_are_survived(void **state)
{
	static const size_t fields[] = {offsetof(Elf64_Phdr, p_offset),
	    offsetof(Elf64_Phdr, p_vaddr), offsetof(Elf64_Phdr, p_filesz),
	    offsetof(Elf64_Phdr, p_memsz), offsetof(Elf64_Phdr, p_align)};
	struct subject s;
	size_t n;

	(void)state;
	load(&s, "inlined", true);
	(void)phdrs(&s, &n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++) {
			size_t at = ((const Elf64_Ehdr *)(const void *)s.whole)->e_phoff +
				    i * sizeof(Elf64_Phdr) + fields[k];

			memcpy(s.damaged, s.whole, s.size);
			memset(s.damaged + at, k % 2 ? 0x7f : 0xff, 8);
			assert_int_equal(ask_apart(&s), 0);
		}
	unload(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(damaged_files_are_survived),
	    cmocka_unit_test(damaged_images_in_memory_are_survived),
	    cmocka_unit_test(the_largest_sizes_an_image_can_claim_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
