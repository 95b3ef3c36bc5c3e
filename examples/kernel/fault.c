/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the library is asked while programs run: page faults, system calls.
 */
#include "kernel.h"
#include "programs.h"

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

static uint64_t round_down(uint64_t address, uint64_t size)
{
	return address & ~(size - 1);
}

/*
 * The copy is whole on the media before the transaction that maps it commits;
 * until then its frame is a free page.
 */
static void copy_on_write(ppt_va_t va, ppt_pa_t from)
{
	must("copy on write", ppt_begin(pool));
	map(&current, va, PPT_PA_ALLOC, PPT_PAGE_BYTES, RW | USER,
	    PPT_MAP_REPLACE | PPT_MAP_UNZEROED);
	page_fill(&current, va, phys(round_down(from, PPT_PAGE_BYTES)));
	must("copy on write", ppt_commit(pool));
}

/* What the library cannot cure is our part, or an error of the program's. */
void page_fault(struct trap *t, ppt_va_t va)
{
	const ppt_va_t page = round_down(va, PPT_PAGE_BYTES);
	const uint64_t leaf = options.heap << 10;
	const uint32_t access =
		(t->error & ERROR_WRITE ? PPT_ACCESS_WRITE : 0u) |
		(t->error & ERROR_USER ? PPT_ACCESS_USER : 0u) |
		(t->error & ERROR_FETCH ? PPT_ACCESS_EXEC : 0u);
	struct ppt_fault f;

	if (options.stale)
		stop(STOP_STALE, "page fault at %lx, error %lx", va, t->error);
	if (ppt_fault(&current, va, access, &f, &diag))
		program_fails("no address", va);
	if (f.kind <= PPT_FAULT_REPLACED)
		faults_cured++;
	else if (!(t->error & ERROR_USER))
		stop(f.kind == PPT_FAULT_QUARANTINED ? STOP_DAMAGED : STOP_TRAP,
		     "page fault in the kernel: %s at %lx, rip %lx",
		     ppt_fault_name(f.kind), va, t->rip);
	else if (f.kind == PPT_FAULT_UNMAPPED &&
		 va - USER_HEAP < USER_HEAP_BYTES) /* zeros on demand */
		map(&current, round_down(va, leaf), PPT_PA_ALLOC, leaf,
		    RW | USER, 0);
	else if (f.kind == PPT_FAULT_RIGHTS && t->error & ERROR_WRITE &&
		 page == USER_DATA)
		copy_on_write(page, f.pa);
	else
		program_fails(page == USER_GUARD ? "guard page" :
						   ppt_fault_name(f.kind),
			      va);
}

/* --------------------------------------------------------- system calls -- */

/* A program's text, byte by byte as the tables say, and a number. */
static uint64_t print_text(ppt_va_t va, uint64_t bytes, uint64_t number)
{
	struct ppt_extent at;

	for (ppt_va_t end = va + bytes % PPT_PAGE_BYTES; va < end; va++) {
		if (ppt_translate(&current, va, &at, NULL) ||
		    !(at.prot & PPT_PROT_USER))
			program_fails("text at", va);
		print_char(*(const char *)phys(at.pa));
	}
	print(" %lu\n", number);
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

	if (t->rax == CALL_EXIT)
		user_leave(t->rdi);
	if (t->rax == CALL_QUERY)
		return query(t->rdi);
	if (t->rax == CALL_PRINT)
		return print_text(t->rdi, t->rsi, t->rdx);
	if (t->rdi - USER_HEAP >= USER_HEAP_BYTES || t->rsi > PPT_PAGE_WORDS)
		program_fails("not the heap", t->rdi);
	if (t->rax == CALL_MAP)
		map(&current, t->rdi, PPT_PA_ALLOC, bytes, RW | USER, 0);
	else if (t->rax == CALL_UNMAP)
		must("unmap", ppt_unmap(&current, t->rdi, bytes, &diag));
	else if (t->rax == CALL_PROTECT)
		must("protect",
		     ppt_protect(&current, t->rdi, bytes, R | USER, &diag));
	else
		program_fails("no such call", t->rax);
	return 0;
}
