/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The programs in ring 3.  All state that they have is in persistent memory:
 * they do not start, they go on.
 */
#include "kernel.h"
#include "programs.h"

void start(uint64_t program, uint64_t rounds)
	__attribute__((section(".text.start")));

static uint64_t call(enum call number, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t answer = number;

	__asm__ volatile("int $0x20"
			 : "+a"(answer)
			 : "D"(a), "S"(b), "d"(c)
			 : "memory");
	return answer;
}

#define say(text, number)                                                      \
	call(CALL_PRINT, (uint64_t)(text), sizeof(text) - 1, number)

#define word(va) ((uint64_t *)(va)) // NOLINT(performance-no-int-to-ptr)

static void keep(uint64_t va, uint64_t value)
{
	*word(va) = value;
	persist(word(va), sizeof(value));
}

/* ------------------------------------------------------------- greeter -- */

#define VISITS USER_HEAP
#define FAR_PAGE (USER_HEAP + 100 * PPT_PAGE_BYTES)

/*
 * Counts its visits in a page of the heap, which the first write makes; and
 * writes into its data, which the first write makes its own.
 */
static void greeter(void)
{
	uint64_t visits = *word(VISITS), data = *word(USER_DATA);
	uint64_t ahead = *word(FAR_PAGE) - visits;

	if (ahead > 1)
		say("greeter: the heap was torn", ahead);
	if (data - visits > ahead)
		say("greeter: its data is not its own:", data);
	if (*word(FAR_PAGE + PPT_PAGE_BYTES)) /* read, and never written */
		say("greeter: the heap is not zero", visits);
	keep(FAR_PAGE, visits + 1);
	keep(USER_DATA, visits + 1);
	keep(VISITS, visits + 1);
	say("greeter: visit", visits + 1);
	if (call(CALL_QUERY, USER_ARCHIVE, 0, 0)) {
		say("greeter: archive", *word(USER_ARCHIVE));
		keep(USER_ARCHIVE, visits + 1);
	}
}

/* ---------------------------------------------------------- trespasser -- */

/* Each visit does another thing that it must not do. */
static void trespasser(void)
{
	const uint64_t target[] = { USER_STACK - 8, USER_CODE, KERNEL_TEXT,
				    DIRECT_MAP + 8 * PPT_SIZE_2M, 0 };
	uint64_t visit = *word(USER_HEAP);

	keep(USER_HEAP, visit + 1);
	say("trespasser: visit", visit + 1);
	keep(target[visit % 5], 1);
	say("trespasser: nobody stopped me", visit);
}

/* -------------------------------------------------------------- keeper -- */

/*
 * Changes mappings for as long as it is let, and tells what is durable.  Rounds
 * take pages in turn: map, protect, unmap; what a page is after n rounds follows
 * from n alone.  The log in the heap makes a round whole:
 *
 *   intent = n, then the round, then done = n, then "ack n" on the serial port
 */
#define LOG_DONE USER_HEAP
#define LOG_INTENT (USER_HEAP + 64)
#define WINDOW (USER_HEAP + PPT_SIZE_1G)
#define WINDOW_PAGES 24u
/* Over many tables. */
#define PAGE_VA(page) (WINDOW + (page) * (PPT_SIZE_2M - 3 * PPT_PAGE_BYTES))

static uint64_t page_of_round(uint64_t n)
{
	return (n - 1) % WINDOW_PAGES;
}

/* What CALL_QUERY says of a page after n rounds, and its stamp. */
static uint64_t expected(uint64_t page, uint64_t n, uint64_t *stamp)
{
	const uint64_t turns = (n + WINDOW_PAGES - 1 - page) / WINDOW_PAGES;
	const uint64_t first = (turns + 2) / 3 * 3; /* of the last three */

	*stamp = turns ? (first - 3) * WINDOW_PAGES + page + 1 : 0;
	return first - turns;
}

static void change(uint64_t n)
{
	uint64_t page = page_of_round(n);
	uint64_t va = PAGE_VA(page), stamp, want = expected(page, n, &stamp);

	if (want == 0)
		call(CALL_UNMAP, va, 1, 0);
	else if (want == 1)
		call(CALL_PROTECT, va, 1, 0);
	else if (call(CALL_QUERY, va, 0, 0) == 0)
		call(CALL_MAP, va, 1, 0);
	if (want == 2)
		keep(va, n);
}

/* After a crash in round n its page may be as before or as after it. */
static bool whole(uint64_t done, uint64_t intent)
{
	for (uint64_t page = 0; page < WINDOW_PAGES; page++) {
		uint64_t va = PAGE_VA(page), was, now, before, after;
		uint64_t is = call(CALL_QUERY, va, 0, 0);

		before = expected(page, done, &was);
		after = expected(page, intent, &now);
		if (is != before && is != after)
			return false;
		if (is == 0 || (before == 0 && done != intent &&
				page == page_of_round(intent)))
			continue; /* made, and not stamped yet */
		if (*word(va) != was && *word(va) != now)
			return false;
	}
	return true;
}

static void keeper(uint64_t rounds)
{
	uint64_t done = *word(LOG_DONE), intent = *word(LOG_INTENT);

	say("keeper: found", done);
	if (intent < done || intent > done + 1 || !whole(done, intent))
		say("keeper: LOST", intent);
	for (uint64_t n = done + 1; n <= done + rounds; n++) {
		keep(LOG_INTENT, n);
		change(n);
		keep(LOG_DONE, n);
		say("ack", n);
	}
}

void start(uint64_t program, uint64_t rounds)
{
	if (program == TRESPASSER)
		trespasser();
	else if (program == KEEPER)
		keeper(rounds);
	else
		greeter();
	call(CALL_EXIT, 0, 0, 0);
}
