/* SPDX-License-Identifier: BSD-2-Clause */
#include "err.h"

#include <stddef.h>

static const struct {
	int code;
	const char *name;
	const char *text;
} errors[] = {
#define ERR(number, name, text) {number, #name, text},
#include "err.def"
};

const char *err_text(int code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code)
			return errors[i].text;
	return "unknown error";
}

const char *err_name(int code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code)
			return errors[i].name;
	return "?";
}
