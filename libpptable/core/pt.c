/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/pt.h"

static const struct ppt__pt_ops *const formats[] = {
	&ppt__pt_x86_64_4,
	&ppt__pt_x86_64_5,
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

const struct ppt__pt_ops *ppt__pt_ops(enum ppt_format format)
{
	for (unsigned int i = 0; i < FORMATS; i++)
		if (formats[i]->format == format)
			return formats[i];
	return NULL;
}

const struct ppt__pt_ops *ppt__pt_ops_of_family(uint32_t family)
{
	const struct ppt__pt_ops *most = NULL;

	for (unsigned int i = 0; i < FORMATS; i++)
		if (formats[i]->family == family &&
		    (!most || formats[i]->levels > most->levels))
			most = formats[i];
	return most;
}

const char *ppt_format_name(enum ppt_format format)
{
	const struct ppt__pt_ops *ops = ppt__pt_ops(format);

	return ops ? ops->name : NULL;
}

int ppt_format_parse(const char *name, enum ppt_format *out)
{
	for (unsigned int i = 0; i < FORMATS; i++) {
		const char *a = formats[i]->name, *b = name;

		while (*a && *a == *b) {
			a++;
			b++;
		}
		if (*a == *b) {
			*out = formats[i]->format;
			return 0;
		}
	}
	return PPT_E_INVAL;
}
