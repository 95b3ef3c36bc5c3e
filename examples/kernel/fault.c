/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the library is asked while programs run: page faults, system calls.
 */
#include "kernel.h"
#include "programs.h"

#define RW_USER ((uint32_t)PPT_PROT_READ | PPT_PROT_WRITE | PPT_PROT_USER)
#define ERROR_WRITE 2
#define ERROR_USER 4

_Noreturn void program_fails(const char *what, uint64_t at)
{
	print("ended: %s %lx\n", what, at);
	user_leave(1);
}

/* ----------------------------------------------------------- page fault -- */

static uint64_t round_down(ppt_va_t va, uint64_t size)
{
	return va & ~(size - 1);
}

/* The heap is made as it is touched, by leaves of one size. */
static int demand_zero(ppt_va_t va, struct ppt_diag *diag)
{
	const uint64_t kind = machine_number("heap", 4);
	uint64_t size = PPT_SIZE_4K;
	uint32_t flags = PPT_MAP_4K;

	if (kind == 2) {
		size = PPT_SIZE_2M;
		flags = PPT_MAP_2M;
	} else if (kind == 1) {
		size = PPT_SIZE_1G;
		flags = PPT_MAP_1G;
	}
	return ppt_map(&current, round_down(va, size), PPT_PA_ALLOC, size,
		       RW_USER, flags, diag);
}

/*
 * The copy is whole on the media before the transaction that maps it commits;
 * until then its frame is a free page.
 */
static int copy_on_write(const struct ppt_extent *old, struct ppt_diag *diag)
{
	const ppt_va_t va = round_down(old->va, PPT_PAGE_BYTES);
	const ppt_pa_t from = round_down(old->pa, PPT_PAGE_BYTES);
	struct ppt_extent copy;
	int err = ppt_begin(pool);

	if (!err)
		err = ppt_map(&current, va, PPT_PA_ALLOC, PPT_PAGE_BYTES,
			      RW_USER, PPT_MAP_REPLACE | PPT_MAP_UNZEROED,
			      diag);
	if (!err)
		err = ppt_translate(&current, va, &copy, diag);
	if (!err) {
		__builtin_memcpy(phys(copy.pa), phys(from), PPT_PAGE_BYTES);
		persist(phys(copy.pa), PPT_PAGE_BYTES);
		err = ppt_commit(pool);
	}
	return err;
}

void page_fault(struct trap *t, ppt_va_t va)
{
	struct ppt_extent at;
	struct ppt_diag diag;
	int err;

	if (machine_word("stale"))
		stop(STOP_STALE, "page fault at %lx, error %lx", va, t->error);
	err = ppt_translate(&current, va, &at, &diag);
	if (!(t->error & ERROR_USER))
		stop(STOP_TRAP, "page fault in the kernel at %lx, rip %lx", va,
		     t->rip);
	if (err == PPT_E_NOENT && va - USER_HEAP < USER_HEAP_BYTES)
		err = demand_zero(va, &diag);
	else if (!err && t->error & ERROR_WRITE &&
		 round_down(va, PPT_PAGE_BYTES) == USER_DATA)
		err = copy_on_write(&at, &diag);
	else if (va - USER_GUARD < PPT_PAGE_BYTES)
		program_fails("guard page", va);
	else if (err == PPT_E_NOENT)
		program_fails("nothing mapped at", va);
	else if (!err)
		program_fails("no right to", va);
	if (err)
		library_fails("page fault", err, &diag);
}

/* --------------------------------------------------------- system calls -- */

/* A program's text, page by page as the tables say. */
static uint64_t print_text(ppt_va_t va, uint64_t bytes)
{
	struct ppt_extent at;

	for (uint64_t i = 0; i < bytes && i < PPT_PAGE_BYTES; i++) {
		if (ppt_translate(&current, va + i, &at, NULL) ||
		    !(at.prot & PPT_PROT_USER))
			program_fails("text at", va + i);
		print_char(*(const char *)phys(at.pa));
	}
	return 0;
}

static uint64_t query(ppt_va_t va)
{
	struct ppt_extent at;

	if (ppt_translate(&current, va, &at, NULL))
		return 0;
	return at.prot & PPT_PROT_WRITE ? 2 : 1;
}

/* Programs change their heap and nothing else. */
uint64_t system_call(struct trap *t)
{
	const uint64_t bytes = t->rsi * PPT_PAGE_BYTES;
	struct ppt_diag diag;
	int err;

	switch (t->rax) {
	case CALL_PRINT:
		return print_text(t->rdi, t->rsi);
	case CALL_EXIT:
		user_leave(t->rdi);
	case CALL_QUERY:
		return query(t->rdi);
	case CALL_ROUNDS:
		return machine_number("rounds", 8);
	default:
		break;
	}
	if (t->rdi - USER_HEAP >= USER_HEAP_BYTES || t->rsi > PPT_PAGE_WORDS)
		program_fails("not the heap", t->rdi);
	if (t->rax == CALL_MAP)
		err = ppt_map(&current, t->rdi, PPT_PA_ALLOC, bytes, RW_USER, 0,
			      &diag);
	else if (t->rax == CALL_UNMAP)
		err = ppt_unmap(&current, t->rdi, bytes, &diag);
	else if (t->rax == CALL_PROTECT)
		err = ppt_protect(&current, t->rdi, bytes,
				  t->rdx ? RW_USER : RW_USER & ~2u, &diag);
	else
		program_fails("no such call", t->rax);
	if (err)
		library_fails("system call", err, &diag);
	return 0;
}
