/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_features.h"

#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>

enum { XML_MAX = 64 * 1024 };

/* A run of registers that differ in their number only: name and source are formats for it. */
struct run {
	const char *name;
	uint8_t first, count; /* count 1: the name as it is */
	uint16_t bits;
	const char *type, *group;
	const char *source; /* NULL: the same name */
	uint8_t piece;
};

struct feature {
	const char *name;
	const char *types;    /* XML in front of its registers; NULL */
	const char *needs[2]; /* one of these registers is there; NULL = always */
	const struct run *runs;
};

/* ---- types ------------------------------------------------------------------------- */

static const char eflags_type[] =
    "<flags id=\"i386_eflags\" size=\"4\">"
    "<field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"\" start=\"1\" end=\"1\"/>"
    "<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"AF\" start=\"4\" end=\"4\"/>"
    "<field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"
    "<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"
    "<field name=\"DF\" start=\"10\" end=\"10\"/><field name=\"OF\" start=\"11\" end=\"11\"/>"
    "<field name=\"NT\" start=\"14\" end=\"14\"/><field name=\"RF\" start=\"16\" end=\"16\"/>"
    "<field name=\"VM\" start=\"17\" end=\"17\"/><field name=\"AC\" start=\"18\" end=\"18\"/>"
    "<field name=\"VIF\" start=\"19\" end=\"19\"/><field name=\"VIP\" start=\"20\" end=\"20\"/>"
    "<field name=\"ID\" start=\"21\" end=\"21\"/></flags>";

#define VECTOR_TYPES                                                                               \
	"<vector id=\"v8bf16\" type=\"bfloat16\" count=\"8\"/>"                                    \
	"<vector id=\"v8h\" type=\"ieee_half\" count=\"8\"/>"                                      \
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"                                    \
	"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"                                    \
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"                                        \
	"<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"                                        \
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"                                        \
	"<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"                                        \
	"<union id=\"vec128\"><field name=\"v8_bfloat16\" type=\"v8bf16\"/>"                       \
	"<field name=\"v8_half\" type=\"v8h\"/><field name=\"v4_float\" type=\"v4f\"/>"            \
	"<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"        \
	"<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"       \
	"<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" "                        \
	"type=\"uint128\"/></union>"

static const char sse_types[] = VECTOR_TYPES
    "<flags id=\"i386_mxcsr\" size=\"4\">"
    "<field name=\"IE\" start=\"0\" end=\"0\"/><field name=\"DE\" start=\"1\" end=\"1\"/>"
    "<field name=\"ZE\" start=\"2\" end=\"2\"/><field name=\"OE\" start=\"3\" end=\"3\"/>"
    "<field name=\"UE\" start=\"4\" end=\"4\"/><field name=\"PE\" start=\"5\" end=\"5\"/>"
    "<field name=\"DAZ\" start=\"6\" end=\"6\"/><field name=\"IM\" start=\"7\" end=\"7\"/>"
    "<field name=\"DM\" start=\"8\" end=\"8\"/><field name=\"ZM\" start=\"9\" end=\"9\"/>"
    "<field name=\"OM\" start=\"10\" end=\"10\"/><field name=\"UM\" start=\"11\" end=\"11\"/>"
    "<field name=\"PM\" start=\"12\" end=\"12\"/><field name=\"FZ\" start=\"15\" end=\"15\"/>"
    "</flags>";

static const char zmm_type[] = "<vector id=\"v2ui128\" type=\"uint128\" count=\"2\"/>";
static const char zmm_types[] =
    VECTOR_TYPES "<vector id=\"v2ui128\" type=\"uint128\" count=\"2\"/>";

/* ---- registers ------------------------------------------------------------------------ */

/* clang-format off */
#define ONE(name, bits, type) {name, 0, 1, bits, type, NULL, NULL, 0}
#define FLOATS \
	{"st%u", 0, 8, 80, "i387_ext", NULL, NULL, 0}, \
	{"fctrl", 0, 1, 32, "int", "float", NULL, 0}, {"fstat", 0, 1, 32, "int", "float", NULL, 0}, \
	{"ftag", 0, 1, 32, "int", "float", NULL, 0}, {"fiseg", 0, 1, 32, "int", "float", NULL, 0}, \
	{"fioff", 0, 1, 32, "int", "float", NULL, 0}, {"foseg", 0, 1, 32, "int", "float", NULL, 0}, \
	{"fooff", 0, 1, 32, "int", "float", NULL, 0}, {"fop", 0, 1, 32, "int", "float", NULL, 0}
#define SEGMENTS \
	ONE("eflags", 32, "i386_eflags"), ONE("cs", 32, "int32"), ONE("ss", 32, "int32"), \
	ONE("ds", 32, "int32"), ONE("es", 32, "int32"), ONE("fs", 32, "int32"), ONE("gs", 32, "int32")
#define MXCSR {"mxcsr", 0, 1, 32, "i386_mxcsr", "vector", NULL, 0}
#define XMM(first, n) {"xmm%u", first, n, 128, "vec128", NULL, NULL, 0}
#define XMM_HIGH {"xmm%u", 16, 16, 128, "vec128", NULL, "zmm%u", 0}
#define YMM(n) {"ymm%uh", 0, n, 128, "uint128", NULL, "ymm%u", 16}
#define YMM_HIGH {"ymm%uh", 16, 16, 128, "uint128", NULL, "zmm%u", 16}
#define ZMM(n) {"zmm%uh", 0, n, 256, "v2ui128", NULL, "zmm%u", 32}
#define MASKS {"k%u", 0, 8, 64, "uint64", NULL, NULL, 0}
#define END {NULL, 0, 0, 0, NULL, NULL, NULL, 0}

static const struct run core64[] = {
    ONE("rax", 64, "int64"), ONE("rbx", 64, "int64"), ONE("rcx", 64, "int64"),
    ONE("rdx", 64, "int64"), ONE("rsi", 64, "int64"), ONE("rdi", 64, "int64"),
    ONE("rbp", 64, "data_ptr"), ONE("rsp", 64, "data_ptr"),
    {"r%u", 8, 8, 64, "int64", NULL, NULL, 0}, ONE("rip", 64, "code_ptr"), SEGMENTS, FLOATS, END};
static const struct run core32[] = {
    ONE("eax", 32, "int32"), ONE("ecx", 32, "int32"), ONE("edx", 32, "int32"),
    ONE("ebx", 32, "int32"), ONE("esp", 32, "data_ptr"), ONE("ebp", 32, "data_ptr"),
    ONE("esi", 32, "int32"), ONE("edi", 32, "int32"), ONE("eip", 32, "code_ptr"), SEGMENTS,
    FLOATS, END};
static const struct run sse64[] = {XMM(0, 16), MXCSR, END};
static const struct run sse32[] = {XMM(0, 8), MXCSR, END};
static const struct run linux64[] = {ONE("orig_rax", 64, "int"), END};
static const struct run linux32[] = {ONE("orig_eax", 32, "int"), END};
static const struct run segments[] = {ONE("fs_base", 64, "int"), ONE("gs_base", 64, "int"), END};
static const struct run avx64[] = {YMM(16), END};
static const struct run avx32[] = {YMM(8), END};
static const struct run avx512_64[] = {XMM_HIGH, YMM_HIGH, MASKS, ZMM(32), END};
static const struct run avx512_32[] = {MASKS, ZMM(8), END};
static const struct run pkeys[] = {ONE("pkru", 32, "uint32"), END};
/* clang-format on */

static const struct feature x86_64[] = {
    {"core", eflags_type, {0}, core64},
    {"sse", sse_types, {0}, sse64},
    {"linux", NULL, {0}, linux64},
    {"segments", NULL, {0}, segments},
    {"avx", NULL, {"ymm0"}, avx64},
    {"avx512", zmm_types, {"zmm16"}, avx512_64},
    {"pkeys", NULL, {"pkru"}, pkeys},
    {0},
};

static const struct feature i386[] = {
    {"core", eflags_type, {0}, core32},
    {"sse", sse_types, {0}, sse32},
    {"linux", NULL, {0}, linux32},
    {"avx", NULL, {"ymm0"}, avx32},
    {"avx512", zmm_type, {"zmm0", "k0"}, avx512_32},
    {"pkeys", NULL, {"pkru"}, pkeys},
    {0},
};

static const struct machine {
	uint32_t arch;
	const char *name;
	const struct feature *features;
	unsigned expedite[3]; /* as gdbserver has them */
} machines[] = {
    {AUDIT_ARCH_X86_64, "i386:x86-64", x86_64, {6, 7, 16}},
    {AUDIT_ARCH_I386, "i386", i386, {5, 4, 8}},
};

/* ---- making one ------------------------------------------------------------------------- */

static uint16_t source_of(const struct he_registers *sample, const char *name)
{
	for (size_t i = 0; i < sample->n; i++)
		if (strcmp(sample->v[i].name, name) == 0)
			return (uint16_t)i;
	return RSP_SOURCE_NONE;
}

static void write_name(char *to, size_t size, const char *form, const struct run *run, unsigned n)
{
	const char *mark = strchr(form, '%');

	if (run->count == 1 || !mark)
		snprintf(to, size, "%s", form);
	else
		snprintf(to, size, "%.*s%u%s", (int)(mark - form), form, n, mark + 2);
}

static void add_reg(
    struct rsp_regs *d, const struct run *run, unsigned n, const struct he_registers *sample)
{
	struct rsp_reg *g = &d->v[d->n++];

	*g = (struct rsp_reg){.bits = run->bits,
	    .type = run->type,
	    .group = run->group,
	    .at = (uint16_t)d->bytes,
	    .piece = run->piece};
	write_name(g->name, sizeof(g->name), run->name, run, n);
	write_name(g->source, sizeof(g->source), run->source ? run->source : run->name, run, n);
	g->source_at = source_of(sample, g->source);
	d->bytes += run->bits / 8u;
	rsp_putf(&d->xml, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"", g->name,
	    g->bits, g->type, d->n - 1);
	if (g->group)
		rsp_putf(&d->xml, " group=\"%s\"", g->group);
	rsp_put(&d->xml, "/>");
}

static void add_feature(
    struct rsp_regs *d, const struct feature *f, const struct he_registers *sample)
{
	if (f->needs[0] && source_of(sample, f->needs[0]) == RSP_SOURCE_NONE &&
	    (!f->needs[1] || source_of(sample, f->needs[1]) == RSP_SOURCE_NONE))
		return;
	rsp_putf(&d->xml, "<feature name=\"org.gnu.gdb.i386.%s\">", f->name);
	if (f->types)
		rsp_put(&d->xml, f->types);
	for (const struct run *run = f->runs; run->name; run++)
		for (unsigned i = 0; i < run->count && d->n < RSP_REGS_MAX; i++)
			add_reg(d, run, run->first + i, sample);
	rsp_put(&d->xml, "</feature>");
}

static void fill(struct rsp_regs *d, const struct machine *m, const struct he_registers *sample)
{
	memcpy(d->expedite, m->expedite, sizeof(d->expedite));
	rsp_putf(&d->xml,
	    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
	    "<target><architecture>%s</architecture><osabi>GNU/Linux</osabi>",
	    m->name);
	for (const struct feature *f = m->features; f->name; f++)
		add_feature(d, f, sample);
	rsp_put(&d->xml, "</target>");
}

struct rsp_regs *rsp_regs_new(uint32_t arch, const struct he_registers *sample)
{
	struct rsp_regs *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->arch = arch;
	buf_init(&d->xml, XML_MAX);
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].arch == arch)
			fill(d, &machines[i], sample);
	if (d->n && !d->xml.bad)
		return d;
	rsp_regs_free(d);
	return NULL;
}

void rsp_regs_free(struct rsp_regs *d)
{
	if (d)
		buf_free(&d->xml);
	free(d);
}
