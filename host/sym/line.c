/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/line.h"

#include <dwarf.h>
#include <limits.h>
#include <string.h>

/* ---- file names --------------------------------------------------------------- */

/* What of path lies below dir; NULL when it does not. */
static const char *below(const char *path, const char *dir)
{
	size_t n = dir ? strlen(dir) : 0;

	if (!n || strncmp(path, dir, n) != 0)
		return NULL;
	if (dir[n - 1] == '/')
		return path + n;
	return path[n] == '/' ? path + n + 1 : NULL;
}

/* Does comp_dir/name make path (or is name that path itself)? */
static bool makes(const char *path, const char *comp_dir, const char *name)
{
	const char *rest = below(path, comp_dir);

	return name && (!strcmp(path, name) || (rest && !strcmp(rest, name)));
}

/* Was a file of that path recorded with its whole directory?  Of the directories that
 * fit, the longest is taken for its. */
static bool recorded_whole(Dwarf_Files *files, const char *path, const char *rest)
{
	const char *const *dirs;
	size_t n, best = 0;
	bool whole = false;

	if (dwarf_getsrcdirs(files, &dirs, &n) != 0)
		return false;
	for (size_t i = 1; i < n; i++) {
		bool absolute = dirs[i] && dirs[i][0] == '/';
		const char *tail = dirs[i] ? below(absolute ? path : rest, dirs[i]) : NULL;

		if (tail && (size_t)(tail - path) > best) {
			best = (size_t)(tail - path);
			whole = absolute;
		}
	}
	return best ? whole : false;
}

/* Does one of the relative directories of the table hold the file? */
static bool in_relative(Dwarf_Files *files, const char *rest)
{
	const char *const *dirs;
	size_t n;

	if (dwarf_getsrcdirs(files, &dirs, &n) != 0)
		return false;
	for (size_t i = 1; i < n; i++)
		if (dirs[i] && dirs[i][0] != '/' && below(rest, dirs[i]))
			return true;
	return false;
}

/* libdw hands out whole paths; GDB shows what was recorded: the unit's own file by its
 * DW_AT_name, others as directory/name, where DWARF 5 has the compilation directory
 * itself as directory 0 and earlier versions have nothing. */
static const char *as_recorded(
    Dwarf_Die *cu, Dwarf_Files *files, const char *path, struct strpool *pool)
{
	Dwarf_Attribute a;
	const char *comp_dir = dwarf_formstring(dwarf_attr(cu, DW_AT_comp_dir, &a));
	const char *name = dwarf_diename(cu), *rest = below(path, comp_dir);
	Dwarf_Half version = 4;
	bool whole;

	dwarf_cu_info(cu->cu, &version, NULL, NULL, NULL, NULL, NULL, NULL);
	whole = version >= 5 && rest && !in_relative(files, rest);
	/* GDB does not see that comp_dir/name is the unit's own file when comp_dir is
	 * relative (Debian's libc). */
	if (makes(path, comp_dir, name) && !(whole && comp_dir[0] != '/'))
		return strpool_add(pool, name);
	if (!rest || whole || recorded_whole(files, path, rest))
		return strpool_add(pool, path);
	return strpool_add(pool, rest);
}

const char *line_file(Dwarf_Die *cu, Dwarf_Word n, struct strpool *pool)
{
	Dwarf_Files *files;
	size_t count;
	const char *path;

	if (dwarf_getsrcfiles(cu, &files, &count) != 0 || n >= count)
		return NULL;
	path = dwarf_filesrc(files, (size_t)n, NULL, NULL);
	return path ? as_recorded(cu, files, path, pool) : NULL;
}

/* So many rows of one line are looked back over, rows of one address looked at, and
 * addresses looked back to. */
enum { RUN_MAX = 512, GROUP_MAX = 256, GROUPS_MAX = 256 };

/* ---- address to line -------------------------------------------------------------- */

struct row {
	Dwarf_Addr addr;
	int line, column;
	unsigned discriminator;
	bool statement, end;
	const char *path;
};

static bool get_row(Dwarf_Lines *lines, size_t i, struct row *r)
{
	Dwarf_Line *l = dwarf_onesrcline(lines, i);

	*r = (struct row){.line = 0};
	if (!l || dwarf_lineaddr(l, &r->addr) != 0)
		return false;
	dwarf_lineno(l, &r->line);
	dwarf_linecol(l, &r->column);
	dwarf_linediscriminator(l, &r->discriminator);
	dwarf_linebeginstatement(l, &r->statement);
	dwarf_lineendsequence(l, &r->end);
	r->path = dwarf_linesrc(l, NULL, NULL);
	return true;
}

static bool same_path(const struct row *a, const struct row *b)
{
	return a->path == b->path || (a->path && b->path && !strcmp(a->path, b->path));
}

/* Index after the last row at or before addr. */
static size_t upper(Dwarf_Lines *lines, size_t n, Dwarf_Addr addr)
{
	size_t lo = 0, hi = n;
	Dwarf_Addr at;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (dwarf_lineaddr(dwarf_onesrcline(lines, mid), &at) == 0 && at <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Is row i no statement, at an address where another file has one?  GDB ignores it. */
static bool overruled(Dwarf_Lines *lines, size_t i, const struct row *r)
{
	struct row before;

	for (; !r->statement && i > 0 && get_row(lines, i - 1, &before); i--) {
		if (before.end || before.addr != r->addr)
			break;
		if (before.statement && !same_path(&before, r))
			return true;
	}
	return false;
}

/* GDB leaves a row out that goes on with the line before it, once one of these rows had a
 * discriminator: they are parts of one statement. */
static bool left_out(Dwarf_Lines *lines, size_t i, const struct row *r)
{
	bool discriminated = r->discriminator != 0;
	struct row before;
	size_t k = i;

	for (; k > 0 && i - k < RUN_MAX && get_row(lines, k - 1, &before); k--) {
		if (before.end || before.line != r->line || !same_path(&before, r))
			break;
		discriminated |= before.discriminator != 0;
	}
	if (k == i || !discriminated)
		return false;
	while (k < i && get_row(lines, k, &before) && overruled(lines, k, &before))
		k++;
	return k < i;
}

/* GDB's choice among the rows [from, to) of one address: the last, but not one that is
 * no statement where another file has one, and of one file rather a statement. */
static bool choose(Dwarf_Lines *lines, size_t from, size_t to, struct row *best)
{
	bool have = false, statement = false;
	struct row r;

	for (size_t i = from; i < to; i++) {
		bool other;

		if (!get_row(lines, i, &r) || r.end)
			continue;
		other = have && !same_path(&r, best);
		if (r.line == 0 || (other && !r.statement && statement) || left_out(lines, i, &r))
			continue;
		statement |= r.statement;
		if (!have || other || r.statement || !best->statement)
			*best = r;
		have = true;
	}
	return have;
}

static Dwarf_Addr range_end(Dwarf_Lines *lines, size_t n, size_t i, const struct row *best)
{
	struct row r = *best;

	for (; i < n && get_row(lines, i, &r); i++)
		if (r.end || (r.line && (r.line != best->line || !same_path(&r, best))))
			break;
	return r.addr;
}

/* The row that covers addr, *after: index of the first row beyond. */
static bool find_row(Dwarf_Lines *lines, size_t n, Dwarf_Addr addr, struct row *best, size_t *after)
{
	size_t to = upper(lines, n, addr);
	struct row r;

	*after = to;
	for (int i = 0; i < GROUPS_MAX && to > 0 && get_row(lines, to - 1, &r); i++) {
		size_t from = to - 1;
		Dwarf_Addr at = r.addr;

		if (r.end)
			return false; /* between two sequences */
		while (from > 0 && to - from < GROUP_MAX && get_row(lines, from - 1, &r) &&
		       r.addr == at && !r.end)
			from--;
		if (choose(lines, from, to, best))
			return true;
		to = from; /* nothing that counts: the line before goes on */
	}
	return false;
}

static void fill(
    Dwarf_Die *cu, const struct row *r, Dwarf_Addr hi, struct strpool *pool, struct line_at *ret)
{
	Dwarf_Files *files;
	size_t n;

	*ret = (struct line_at){.line = (unsigned)r->line,
	    .column = (unsigned)(r->column > 0 ? r->column : 0),
	    .lo = r->addr,
	    .statement = r->statement,
	    .hi = hi > r->addr ? hi : r->addr + 1};
	if (r->path && dwarf_getsrcfiles(cu, &files, &n) == 0)
		ret->file = as_recorded(cu, files, r->path, pool);
}

bool line_of(Dwarf_Die *cu, Dwarf_Addr addr, struct strpool *pool, struct line_at *ret)
{
	Dwarf_Lines *lines;
	size_t n, after;
	struct row best;

	if (dwarf_getsrclines(cu, &lines, &n) != 0 || !find_row(lines, n, addr, &best, &after) ||
	    best.line < 0)
		return false;
	fill(cu, &best, range_end(lines, n, after, &best), pool, ret);
	return true;
}

/* ---- line to address --------------------------------------------------------------- */

bool line_path_named(const char *path, const char *name)
{
	size_t n = strlen(path), k = strlen(name);

	return k && k <= n && !strcmp(path + n - k, name) &&
	       (k == n || path[n - k - 1] == '/' || name[0] == '/');
}

bool line_unit_named(Dwarf_Die *cu, const char *name)
{
	const char *unit = dwarf_diename(cu);

	return unit && line_path_named(unit, name);
}

static bool has_file(Dwarf_Die *cu, const char *name)
{
	Dwarf_Files *files;
	size_t n;

	if (dwarf_getsrcfiles(cu, &files, &n) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *path = dwarf_filesrc(files, i, NULL, NULL);

		if (path && line_path_named(path, name))
			return true;
	}
	return false;
}

bool line_named(
    Dwarf_Die *cu, const char *name, unsigned line, struct strpool *pool, struct line_at *ret)
{
	Dwarf_Lines *lines;
	struct row best = {.line = INT_MAX}, r;
	size_t n, at = 0;
	bool found = false;

	if (!has_file(cu, name) || dwarf_getsrclines(cu, &lines, &n) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!get_row(lines, i, &r) || r.end || !r.statement || r.line <= 0 ||
		    (unsigned)r.line < line || r.line >= best.line || !r.addr)
			continue;
		if (!r.path || !line_path_named(r.path, name))
			continue;
		best = r;
		at = i;
		found = true;
	}
	if (found)
		fill(cu, &best, range_end(lines, n, at + 1, &best), pool, ret);
	return found;
}

static bool fits(const struct row *r, const char *name)
{
	return !r->end && r->statement && r->line > 0 && r->addr && r->path &&
	       line_path_named(r->path, name);
}

/* The smallest line >= line. */
static int first_line(Dwarf_Lines *lines, size_t n, const char *name, unsigned line)
{
	struct row r;
	int best = 0;

	for (size_t i = 0; i < n; i++)
		if (get_row(lines, i, &r) && r.line > 0 && (unsigned)r.line >= line &&
		    (!best || r.line < best) && fits(&r, name))
			best = r.line;
	return best;
}

unsigned line_each(Dwarf_Die *cu, const char *name, unsigned line, bool exact,
    void (*each)(void *arg, Dwarf_Addr addr), void *arg)
{
	Dwarf_Lines *lines;
	struct row r;
	size_t n;
	int best;

	if (!has_file(cu, name) || dwarf_getsrclines(cu, &lines, &n) != 0)
		return 0;
	best = first_line(lines, n, name, line);
	if (!best || (exact && (unsigned)best != line))
		return 0;
	for (size_t i = 0; i < n && each; i++)
		if (get_row(lines, i, &r) && r.line == best && fits(&r, name) &&
		    !left_out(lines, i, &r))
			each(arg, r.addr);
	return (unsigned)best;
}

bool line_row(Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Addr *begin, Dwarf_Addr *end)
{
	Dwarf_Lines *lines;
	struct row best, r;
	size_t n, i;

	if (dwarf_getsrclines(cu, &lines, &n) != 0 || !find_row(lines, n, addr, &best, &i))
		return false;
	for (; i < n && get_row(lines, i, &r); i++)
		if (r.end || (r.addr > best.addr && !left_out(lines, i, &r))) {
			*begin = best.addr;
			*end = r.addr;
			return true;
		}
	return false;
}

bool line_prologue_end(Dwarf_Die *cu, Dwarf_Addr lo, Dwarf_Addr hi, Dwarf_Addr *ret)
{
	Dwarf_Lines *lines;
	size_t n;

	if (dwarf_getsrclines(cu, &lines, &n) != 0)
		return false;
	for (size_t i = upper(lines, n, lo ? lo - 1 : 0); i < n; i++) {
		Dwarf_Line *l = dwarf_onesrcline(lines, i);
		bool marked = false;
		Dwarf_Addr addr;

		if (dwarf_lineaddr(l, &addr) != 0 || addr >= hi)
			return false;
		if (dwarf_lineprologueend(l, &marked) == 0 && marked) {
			*ret = addr;
			return true;
		}
	}
	return false;
}
