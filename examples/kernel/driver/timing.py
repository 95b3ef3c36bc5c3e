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


def multiboot(m, pages):
    """None by Multiboot 1, after measure."""
    boot = m.boot(f"attach pages={pages} trust={TRUST['none']}",
                  m.path(f"pool-{pages}"), extra=ICOUNT,
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


def judge(few, many, build):
    """Attach is the same for few and for many pages, and next to nothing."""
    expect(abs(many / few - 1) < 0.05,
           f"attach depends on what is mapped: {few}, {many}")
    expect(build >= TIMES_LESS * many,
           f"attach is only {build / many:.0f} times less than building")
    return f"{many} instructions ({build // many} times less)"


def scenario(m):
    """Counts of building a memory map and of attaching it."""
    rows[:] = [measure(m, pages, ICOUNT) for pages in PAGES]
    build = rows[-1]["build"]
    pvh = judge(rows[0]["attach_none"], rows[-1]["attach_none"], build)
    other = judge(multiboot(m, PAGES[0]), multiboot(m, PAGES[-1]), build)
    return (f"{PAGES[-1]} pages: built with {build}, attached with {pvh}; "
            f"by Multiboot with {other}")
