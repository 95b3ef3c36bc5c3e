# SPDX-License-Identifier: BSD-3-Clause
"""Counts of instructions for three ways to the same memory map.

QEMU's -icount makes the time stamp counter count instructions, so the figures
repeat.  From the kernel's first instruction to CR3 loaded, for attach; for
attach with trust on touch also the first touch of 1 % of the pages, which lie
together or are spread over all tables; for build the building alone.
"""

from .machine import TRUST, expect

PAGES = (1_000, 10_000, 100_000, 1_000_000)
ICOUNT = ("-icount", "shift=0,sleep=off")
POOL_BYTES = 64 << 20
TIMES_LESS = 10_000  # than building: attach, at the most pages

rows = []


def count(boot, what):
    return int(boot.need(rf"{what}.*count (\d+)$")[1])


def multiboot(m):
    """None by Multiboot 1, at the most pages, after measure."""
    boot = m.boot(f"attach pages={PAGES[-1]} trust={TRUST['none']}",
                  m.path(f"pool-{PAGES[-1]}"), extra=ICOUNT,
                  kernel=m.multiboot).stopped("DONE")
    return count(boot, "^CR3 loaded")


def measure(m, pages, extra):
    """One row: the counts at so many mapped pages."""
    path = m.blank(f"pool-{pages}", POOL_BYTES)
    m.boot(f"create pages={pages}", path).stopped("DONE")
    row = {"pages": pages}
    boot = m.boot(f"build={pages}", extra=extra).stopped("DONE")
    row["build"] = count(boot, "^stop 1: built")
    for trust, how in (("none", ""), ("touch", ""), ("touch", "spread")):
        boot = m.boot(f"attach pages={pages} trust={TRUST[trust]} {how}", path,
                      extra=extra).stopped("DONE")
        key = "_".join(filter(None, ("attach", trust, how)))
        row[key] = count(boot, "^CR3 loaded")
        if trust == "touch":
            row[key] += count(boot, "^stop 1: touched")
    return row


def scenario(m):
    """Counts of building a memory map and of attaching it."""
    rows[:] = [measure(m, pages, ICOUNT) for pages in PAGES]
    few, many = rows[0], rows[-1]
    expect(abs(many["attach_none"] / few["attach_none"] - 1) < 0.05,
           f"attach depends on what is mapped: {rows}")
    ratio = many["build"] / many["attach_none"]
    expect(ratio >= TIMES_LESS, f"attach is only {ratio:.0f} times less than "
           f"building: {rows}")
    return (f"{PAGES[-1]} pages: built with {many['build']}, attached with "
            f"{many['attach_none']} instructions, {ratio:.0f} times less")
