/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the library is asked while programs run: page faults, system calls.
 */
#include "kernel.h"
#include "programs.h"

#define RW_USER ((uint32_t)PPT_PROT_READ | PPT_PROT_WRITE | PPT_PROT_USER)
#define ERROR_WRITE 2
#define ERROR_USER 4
#define ERROR_FETCH 16

uint64_t faults_cured;

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
static int copy_on_write(ppt_va_t va, ppt_pa_t from, struct ppt_diag *diag)
{
	struct ppt_extent copy;
	int err = ppt_begin(pool);

	va = round_down(va, PPT_PAGE_BYTES);
	if (!err)
		err = ppt_map(&current, va, PPT_PA_ALLOC, PPT_PAGE_BYTES,
			      RW_USER, PPT_MAP_REPLACE | PPT_MAP_UNZEROED,
			      diag);
	if (!err)
		err = ppt_translate(&current, va, &copy, diag);
	if (!err) {
		__builtin_memcpy(phys(copy.pa),
				 phys(round_down(from, PPT_PAGE_BYTES)),
				 PPT_PAGE_BYTES);
		persist(phys(copy.pa), PPT_PAGE_BYTES);
		err = ppt_commit(pool);
	}
	return err;
}

static uint32_t access_of(uint64_t error)
{
	return (error & ERROR_WRITE ? PPT_ACCESS_WRITE : 0u) |
	       (error & ERROR_USER ? PPT_ACCESS_USER : 0u) |
	       (error & ERROR_FETCH ? PPT_ACCESS_EXEC : 0u);
}

/* What the library leaves to us.  True if it is cured. */
static bool cure(const struct ppt_fault *f, ppt_va_t va, uint64_t error,
		 struct ppt_diag *diag)
{
	int err;

	if (f->kind == PPT_FAULT_UNMAPPED && va - USER_HEAP < USER_HEAP_BYTES)
		err = demand_zero(va, diag);
	else if (f->kind == PPT_FAULT_RIGHTS && error & ERROR_WRITE &&
		 round_down(va, PPT_PAGE_BYTES) == USER_DATA)
		err = copy_on_write(va, f->pa, diag);
	else
		return false;
	if (err)
		library_fails("page fault", err, diag);
	return true;
}

void page_fault(struct trap *t, ppt_va_t va)
{
	struct ppt_fault f;
	struct ppt_diag diag;
	int err;

	if (machine_word("stale"))
		stop(STOP_STALE, "page fault at %lx, error %lx", va, t->error);
	err = ppt_fault(&current, va, access_of(t->error), &f, &diag);
	if (err)
		program_fails("no address", va);
	if (f.kind <= PPT_FAULT_REPLACED) {
		faults_cured++;
		return;
	}
	if (!(t->error & ERROR_USER))
		stop(f.kind == PPT_FAULT_QUARANTINED ? STOP_DAMAGED : STOP_TRAP,
		     "page fault in the kernel: %s at %lx, rip %lx",
		     ppt_fault_name(f.kind), va, t->rip);
	if (cure(&f, va, t->error, &diag))
		return;
	if (va - USER_GUARD < PPT_PAGE_BYTES)
		program_fails("guard page", va);
	program_fails(ppt_fault_name(f.kind), va);
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
	int err = ppt_translate(&current, va, &at, NULL);

	if (err)
		return err == PPT_E_NOENT ? 0 : 3;
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
