# SPDX-License-Identifier: BSD-3-Clause
"""Campaigns of crashes: QEMU killed, and caches that lose their content.

Both have one oracle: what a program was told is durable, and therefore said on
the serial port, is found by the next boot, and the pool is whole.
"""

import concurrent.futures
import os
import random
import re

from .machine import Failed, expect

PROGRAMS = ("greeter", "twin", "trespasser")
POOL_BYTES = 8 << 20


def last(pattern, text):
    """The number at the end of the last whole line that begins so."""
    found = re.findall(rf"^{pattern} (\d+)$", text, re.MULTILINE)
    return int(found[-1]) if found else 0


def visit_of(name, text):
    part = re.search(rf"^{name}:\n((?:[^:\n]*: .*\n)*)", text, re.MULTILINE)
    return last(r"\w+: visit", part[1]) if part else 0


def said(text):
    """What a boot told to be durable."""
    return {**{name: visit_of(name, text) for name in PROGRAMS},
            "keeper": last("ack", text), "programs": "installed" in text}


def judge(before, boot, what):
    """A boot after a crash; @before is all that was told."""
    after = said(boot.text)
    expect("LOST" not in boot.text and "torn" not in boot.text
           and "not its own" not in boot.text
           and "not zero" not in boot.text, f"{what}: {boot.text}")
    expect(not (before["programs"] and after["programs"]),
           f"{what}: the programs were lost")
    for name in PROGRAMS:
        expect(after[name] == 0 or after[name] > before[name],
               f"{what}: a visit of {name} was lost")
    found = re.search(r"^keeper: found (\d+)$", boot.text, re.MULTILINE)
    expect(not found or int(found[1]) >= before["keeper"],
           f"{what}: round {before['keeper']} was told, {found} was found")


def merge(before, text):
    now = said(text)
    return {key: max(before[key], now[key]) for key in before}


# ----------------------------------------------------------------- SIGKILL --

def kill(m, rounds):
    """QEMU killed at random instants."""
    rng = random.Random(5)
    path = used(m, "pool")
    told = said("")
    replayed = 0
    for i in range(rounds):
        boot = m.boot("create rounds=1000000", path,
                      kill_after=rng.uniform(0.05, 0.6))
        judge(told, boot, f"kill {i}")
        told = merge(told, boot.text)
        replayed += ", replayed," in boot.text
    boot = m.boot("create rounds=1", path).stopped("DONE")
    judge(told, boot, "the end")
    m.check_torn(path)
    return (f"{rounds} kills, {replayed} restarts replayed, round "
            f"{told['keeper']} of the keeper was told, nothing was lost")


# -------------------------------------------------------------- lost caches --

def traced(m, words, path, out, **options):
    """A boot under cacheloss; how many fences there were, if it came to the end."""
    text = ",".join([m.built("examples/kernel/cacheloss.so"),
                     f"media={path}", f"out={out}",
                     *(f"{k}={v}" for k, v in options.items())])
    boot = m.boot(f"trace {words}", path, extra=["-plugin", text])
    found = re.search(r"cacheloss: (\d+) fences", boot.errors)
    expect(found, f"no word from cacheloss: {boot.errors}")
    return boot, int(found[1])


class Campaign:
    """One workload from one image, crashed in many ways."""

    def __init__(self, m, words, image, told, name):
        self.m = m
        self.words = words
        self.image = image
        self.told = told
        self.name = name

    def crash(self, options):
        """One crash and the boot after it."""
        key = self.name + "".join(f"-{v}" for v in options.values())
        path = self.m.copy(self.image, key)
        out = self.m.path(key + ".out")
        boot, _ = traced(self.m, self.words, path, out, **options)
        what = f"{self.name}, {options}"
        judge(self.told, boot, what)
        after = self.m.boot("create rounds=2", out)
        expect(after.stop == 1, f"{what}: {after.text}{after.errors}")
        judge(merge(self.told, boot.text), after, what)
        self.m.check_torn(out)
        os.remove(path)
        os.remove(out)

    def every_fence(self, seeds):
        path = self.m.copy(self.image, self.name)
        _, count = traced(self.m, self.words, path,
                              self.m.path(self.name + ".out"))
        crashes = [{"fence": n, "seed": seed}
                   for n in range(1, count + 1) for seed in seeds(n)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self.crash, crashes))
        return f"{self.name}: {count} fences, {len(crashes)} crashes"


def used(m, name):
    """An NVDIMM full of old content: zeros would hide what is missing."""
    path = m.path(name)
    with open(path, "wb") as file:
        file.write(random.Random(5).randbytes(POOL_BYTES))
    return path


def after_first_boot(m, words=""):
    """What a power loss after a first boot leaves, and what was told."""
    image = m.path("base.out")
    boot, _ = traced(m, f"create {words}", used(m, "base"), image)
    return image, said(boot.stopped("DONE").text)


def fences(m, long):
    """Power lost at every fence of a first boot and of a workload."""
    def seeds(n):
        return range(16) if long else (n % 3 and n,)

    first = Campaign(m, "create rounds=2", used(m, "used"),
                     said(""), "first boot")
    image, told = after_first_boot(m)
    work = Campaign(m, "rounds=8", image, told, "workload")
    return "; ".join(c.every_fence(seeds) for c in (first, work))


def function_at(m, address):
    """The function that an address of the kernel lies in."""
    name = "programs"
    for line in m.symbols("examples/kernel/kernel"):
        start, kind, symbol = line.split()
        if kind in "tT" and 1 << 47 < int(start, 16) <= address:
            name = symbol
    return name


class Omission:
    """A workload in which single flush instructions are left out."""

    def __init__(self, m, words, image, told, tries):
        name = "omitted-" + words.replace(" ", "-")
        self.campaign = Campaign(m, words, image, told, name)
        boot, self.fences = traced(m, self.campaign.words,
                                   m.copy(image, name), m.path(name + ".out"))
        # The first tells where the pool is.
        self.sites = re.findall(r"flushes at ([0-9a-f]+)", boot.errors)[1:]
        self.tries = tries

    def notice(self, site):
        """The fence at which the next boot sees that it is missing."""
        rng = random.Random(5)
        for _ in range(self.tries):
            fence = self.fences - rng.randrange(min(self.fences, 150) - 4)
            try:
                self.campaign.crash({"fence": fence, "omit": site})
            except Failed:
                return fence
        return None


def dropped_flush(m, long):
    """Any flush instruction that is left out is noticed."""
    image, told = after_first_boot(m, "rounds=20")
    # What the journal covers is missed only once the journal has moved on.
    short = Omission(m, "rounds=30", image, told, 40 if long else 12)
    wide = Omission(m, "create rounds=700", used(m, "again"), said(""), 4)
    noticed = []
    expect(not short.notice("1"), "a loss where nothing is left out")
    for site in short.sites:
        name = function_at(m, int(site, 16))
        fence = short.notice(site) or wide.notice(site)
        expect(fence, f"nobody notices that {name} ({site}) does not flush")
        noticed.append(f"{name} ({fence})")
    return f"{len(noticed)} instructions: " + ", ".join(noticed)


def scenarios(long):
    def bind(function, *args):
        def bound(m):
            return function(m, *args)
        bound.__doc__ = function.__doc__
        return bound

    return {"kill": bind(kill, 400 if long else 60),
            "fences": bind(fences, long),
            "dropped-flush": bind(dropped_flush, long)}
