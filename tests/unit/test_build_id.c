/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Build-ids from images that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "procsrv/reader.h"

enum { BASE = 0x10000, NOTE_AT = 0x200 };

struct image {
	Elf64_Ehdr head;
	Elf64_Phdr load, note;
	uint8_t fill[NOTE_AT - sizeof(Elf64_Ehdr) - 2 * sizeof(Elf64_Phdr)];
	Elf64_Nhdr other;
	char other_name[4], other_desc[4];
	Elf64_Nhdr id;
	char id_name[4];
	uint8_t id_bytes[20];
	uint8_t more[4096];
};

static struct image good(void)
{
	struct image im = {
	    .head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB},
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phnum = 2,
		.e_phentsize = sizeof(Elf64_Phdr)},
	    .load = {.p_type = PT_LOAD, .p_vaddr = 0x400000, .p_filesz = 0x1000},
	    .note = {.p_type = PT_NOTE,
		.p_offset = NOTE_AT,
		.p_vaddr = 0x400000 + NOTE_AT,
		.p_filesz = 60},
	    .other = {4, 4, 1},
	    .other_name = "GNU",
	    .id = {4, 20, NT_GNU_BUILD_ID},
	    .id_name = "GNU",
	};

	for (unsigned i = 0; i < 20; i++)
		im.id_bytes[i] = (uint8_t)(i + 1);
	return im;
}

static unsigned id_of(const struct image *im, uint8_t id[64])
{
	int fd = memfd_create("memory", MFD_CLOEXEC);
	unsigned n;

	assert_int_equal(pwrite(fd, im, sizeof(*im), BASE), sizeof(*im));
	n = reader_build_id(fd, BASE, id);
	close(fd);
	return n;
}

static void the_id_is_found_among_notes(void **state)
{
	struct image im = good();
	uint8_t id[64];

	(void)state;
	assert_int_equal(id_of(&im, id), 20);
	assert_memory_equal(id, im.id_bytes, 20);
}

static void notes_past_the_first_page_are_read_where_they_are_mapped(void **state)
{
	struct image im = good();
	uint8_t id[64];

	(void)state;
	memcpy(im.more + 2048, &im.id, sizeof(im.id) + 24);
	im.note.p_offset = 1 << 20; /* only the address counts then */
	im.note.p_vaddr = 0x400000 + offsetof(struct image, more) + 2048;
	im.note.p_filesz = 36;
	assert_int_equal(id_of(&im, id), 20);
}

static void what_does_not_fit_is_no_id(void **state)
{
	uint8_t id[64];
	struct image im;

	(void)state;
#define BAD(change) im = good(), (change), assert_int_equal(id_of(&im, id), 0)
	BAD(im.head.e_ident[0] = 0);
	BAD(im.head.e_phoff = 4000);
	BAD(im.head.e_phoff = UINT64_MAX);
	BAD(im.head.e_phoff = UINT64_MAX - 100);
	BAD(im.head.e_phnum = 65535);
	BAD(im.head.e_phnum = 0);
	BAD(im.head.e_phentsize = 0);
	BAD(im.head.e_phentsize = 65535);
	BAD(im.note.p_type = PT_NULL);
	BAD((im.note.p_offset = UINT64_MAX, im.note.p_vaddr = 5));
	BAD((im.note.p_offset = UINT64_MAX, im.note.p_vaddr = UINT64_MAX));
	BAD(im.note.p_filesz = 0);
	BAD(im.note.p_filesz = 25);
	BAD(im.other.n_namesz = UINT32_MAX);
	BAD(im.other.n_descsz = UINT32_MAX);
	BAD(im.other.n_descsz = UINT32_MAX - 2);
	BAD(im.id.n_descsz = 21 + 4);
	BAD(im.id.n_descsz = 65);
	BAD(im.id.n_type = 4);
	BAD(im.id_name[0] = 'X');
}

static void nothing_is_there(void **state)
{
	uint8_t id[64];
	int fd = memfd_create("memory", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(reader_build_id(fd, 0, id), 0);
	assert_int_equal(reader_build_id(fd, UINT64_MAX, id), 0);
	assert_int_equal(reader_build_id(-1, 0, id), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_id_is_found_among_notes),
	    cmocka_unit_test(notes_past_the_first_page_are_read_where_they_are_mapped),
	    cmocka_unit_test(what_does_not_fit_is_no_id),
	    cmocka_unit_test(nothing_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
