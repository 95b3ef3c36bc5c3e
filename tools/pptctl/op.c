/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One change of a space, from a command line or from a line of a script.
 *
 * Layer: tools.
 *
 * What can be checked without the pool is checked here, before it is opened;
 * the rest (canonical addresses, regions, what is mapped) is the library's,
 * whose complaint is put into the words of the caller's arguments.
 */
#include <string.h>

#include "pptctl.h"

int ctl_op_words(enum ctl_op_kind kind)
{
	return kind == CTL_OP_MAP ? 3 : 2;
}

static const char *parse_aligned(const char *text, uint64_t *out)
{
	uint64_t value;
	const char *why = cli_parse_number(text, &value);

	if (!why && value % PPT_PAGE_BYTES)
		why = "not a multiple of 4 KiB";
	if (!why)
		*out = value;
	return why;
}

static int parse_range(const struct ctl *ctl, struct ctl_op *op)
{
	const char *why = parse_aligned(op->va_text, &op->va);

	if (why)
		return ctl_bad(ctl, "VA", op->va_text, why);
	if (op->pa_text && strcmp(op->pa_text, "alloc") == 0) {
		op->pa = PPT_PA_ALLOC;
	} else if (op->pa_text) {
		why = parse_aligned(op->pa_text, &op->pa);
		if (why)
			return ctl_bad(ctl, "PA", op->pa_text, why);
	}
	why = parse_aligned(op->len_text, &op->len);
	if (!why && op->len == 0)
		why = "0";
	if (!why && op->va + op->len - 1 < op->va)
		why = "goes beyond the last address";
	if (why)
		return ctl_bad(ctl, "LEN", op->len_text, why);
	return CTL_OK;
}

/* The leaf size that was asked for must divide all three numbers. */
static int check_page_size(const struct ctl *ctl, const struct ctl_op *op)
{
	uint64_t size;

	switch (op->flags & PPT_MAP_SIZE_MASK) {
	case PPT_MAP_2M:
		size = PPT_SIZE_2M;
		break;
	case PPT_MAP_1G:
		size = PPT_SIZE_1G;
		break;
	default:
		return CTL_OK;
	}
	if (op->va % size)
		return ctl_bad(ctl, "VA", op->va_text,
			       "not a multiple of --page-size");
	if (op->pa != PPT_PA_ALLOC && op->pa % size)
		return ctl_bad(ctl, "PA", op->pa_text,
			       "not a multiple of --page-size");
	if (op->len % size)
		return ctl_bad(ctl, "LEN", op->len_text,
			       "not a multiple of --page-size");
	return CTL_OK;
}

int ctl_op_parse(const struct ctl *ctl, enum ctl_op_kind kind, char **words,
		 const struct ctl_values *values, struct ctl_op *out)
{
	struct ctl_op op = {
		.kind = kind,
		.prot = PPT_PROT_READ | PPT_PROT_WRITE | PPT_PROT_USER,
		.flags = values->page_size,
		.va_text = words[0],
		.pa_text = kind == CTL_OP_MAP ? words[1] : NULL,
		.len_text = words[kind == CTL_OP_MAP ? 2 : 1],
		.prot_text = values->text[CTL_PROT],
		.page_size_text = values->text[CTL_PAGE_SIZE],
	};
	int ret = parse_range(ctl, &op);

	if (ret)
		return ret;
	if (values->given & CLI_BIT(CTL_PROT)) {
		op.prot = values->prot;
	} else if (kind == CTL_OP_PROTECT) {
		ctl_say(ctl, "--prot is missing");
		return CTL_USAGE;
	}
	if (values->given & CLI_BIT(CTL_REPLACE))
		op.flags |= PPT_MAP_REPLACE;
	ret = check_page_size(ctl, &op);
	if (!ret)
		*out = op;
	return ret;
}

int ctl_op_run(const struct ctl *ctl, struct ppt_space *space,
	       const struct ctl_op *op)
{
	const struct ctl_argument arguments[] = {
		{ "va", "VA", op->va_text },
		{ "pa", "PA", op->pa_text },
		{ "len", "LEN", op->len_text },
		{ "prot", "--prot", op->prot_text },
		{ "flags", "--page-size", op->page_size_text },
		{ NULL, NULL, NULL },
	};
	struct ppt_diag diag = { .err = 0 };
	int ret = PPT_E_INVAL;

	switch (op->kind) {
	case CTL_OP_MAP:
		ret = ppt_map(space, op->va, op->pa, op->len, op->prot,
			      op->flags, &diag);
		break;
	case CTL_OP_UNMAP:
		ret = ppt_unmap(space, op->va, op->len, &diag);
		break;
	case CTL_OP_PROTECT:
		ret = ppt_protect(space, op->va, op->len, op->prot, &diag);
		break;
	}
	if (!ret)
		return CTL_OK;
	if (ret == PPT_E_REGION && op->kind == CTL_OP_PROTECT) {
		/* Memory is gone: nothing is wrong with the arguments. */
		ctl_fail(ctl, ret, &diag, arguments);
		return CTL_FAILED;
	}
	return ctl_fail(ctl, ret, &diag, arguments);
}
