/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/duration.h"

/* So that no product of a number and a unit overflows 64 bits. */
enum { DIGITS_MOST = 9 };

struct unit {
	const char *name;
	uint32_t of;
};

/* units: up to one without size. */
static bool take(struct span text, const struct unit *units, uint32_t most, uint32_t *ret)
{
	struct span unit = text;
	uint64_t v = 0;

	for (; unit.n && *unit.p >= '0' && *unit.p <= '9'; unit.p++, unit.n--) {
		if (text.n - unit.n == DIGITS_MOST)
			return false;
		v = v * 10 + (uint64_t)(*unit.p - '0');
	}
	if (unit.n == text.n)
		return false;
	while (units->of && !span_eq(unit, span_str(units->name)))
		units++;
	v *= units->of;
	if (!units->of || v > most)
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool duration_ms(struct span text, uint32_t most_ms, uint32_t *ms)
{
	static const struct unit units[] = {
	    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"", 1000}, {NULL, 0}};

	return take(text, units, most_ms, ms);
}

bool duration_s(struct span text, uint32_t *s)
{
	static const struct unit units[] = {
	    {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}, {NULL, 0}};
	uint32_t v;

	if (!take(text, units, UINT32_MAX, &v) || !v)
		return false;
	*s = v;
	return true;
}
