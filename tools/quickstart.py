# SPDX-License-Identifier: BSD-3-Clause
"""What tools/quickstart cannot say in shell; needs only the standard library.

usage: quickstart.py COMMAND ARGUMENT...   (see tools/quickstart)
"""

import bisect
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import time

PAGE = 4096
MIB = 1 << 20


def fail(text):
    sys.exit(f"quickstart: {text}")


def say(text):
    print(f"   {text}", flush=True)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def size_text(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.4g} {unit}"
        count /= 1024
    return ""


def time_text(nanoseconds):
    for unit, scale in (("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)):
        if nanoseconds < 1000 * scale or unit == "s":
            return f"{nanoseconds / scale:.3g} {unit}"
    return ""


def pages_of(dump):
    """{page of VA: (page of PA, rights)} of what pptctl dump printed."""
    pages = {}
    for extent in dump["extents"]:
        va = int(extent["va"], 16) // PAGE
        pa = int(extent["pa"], 16) // PAGE
        for i in range(extent["len"] // PAGE):
            pages[va + i] = (pa + i, extent["prot"])
    return pages


def bases_of(memory_map):
    """[(uuid, kind, first page, end page)] of what memory-map printed."""
    regions = []
    for region in memory_map["regions"]:
        base = int(region["base"], 16) // PAGE
        regions.append((region["uuid"], region["kind"], base,
                        base + region["len"] // PAGE))
    return regions


# ---------------------------------------------------------------- 1 a pool --

def pool(info_path):
    info = load(info_path)
    total = sum(info["pages"].values())
    ring = info["journal_bytes"] // PAGE
    meta = info["pages"]["fixed"] + info["pages"]["meta"] - ring
    say(f"{size_text(info['size'])} in {info['pool']}")
    say(f"journal {size_text(info['journal_bytes'])}; metadata beside it "
        f"{100 * meta / total:.2f} % of the pool")
    if info["durability"] != "power-fail":
        say("an ordinary file: survives the death of processes; surviving "
            "power loss takes a DAX file")


# -------------------------------------------------------- 2 a live process --

def victim(mebibytes, ready_path):
    """Has memory, and ends when its standard input does."""
    memory = bytearray(int(mebibytes) * MIB)
    for at in range(0, len(memory), PAGE):
        memory[at] = 1
    with open(ready_path, "w", encoding="utf-8") as file:
        file.write("ready\n")
    sys.stdin.read()


def frame_in_kernel(pagemap, page):
    """Frame number of a page that is present, 0 if it is not told."""
    word, = struct.unpack("<Q", os.pread(pagemap, 8, page * 8))
    return word & ((1 << 55) - 1) if word >> 63 else 0


def imported(import_path, dump_path, attach_path, pid):
    done = load(import_path)
    pages = pages_of(load(dump_path))
    attach = load(attach_path)
    say(f"process {pid}: {done['mappings']} mappings, {done['pages']} pages "
        f"({size_text(done['pages'] * PAGE)}) in {done['extents']} extents")
    say(f"stored in {done['tables']} tables; read in "
        f"{time_text(done['read_ns'])}, stored in {time_text(done['map_ns'])} "
        f"({done['map_ns'] / max(done['pages'], 1):.0f} ns a page)")
    if len(pages) != done["pages"]:
        fail(f"imported {done['pages']} pages, the pool holds {len(pages)}")
    if len(pages) < 1000:
        fail("a process of some tens of MiB has more pages than that")
    if done["frames"] == "real":
        pagemap = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY)
        same = sum(frame_in_kernel(pagemap, va) == pa
                   for va, (pa, _) in pages.items())
        say(f"{same} of {len(pages)} translations lead to the frame that "
            "the kernel names now")
        # The kernel may have migrated a page or two since.
        if same < 0.99 * len(pages):
            fail("the frames in the pool are not those of the process")
    else:
        say("frames: the pool's own (the real numbers are for root)")
    for space in attach["spaces"]:
        if space["name"] == "process":
            say(f"to run on it: load CR3 with {space['root_register']}")


# -------------------------------------------------------------- 3 SIGKILLs --

WINDOW_VA = 0x40000000
WINDOW = 4096
RAM = 32 << 40
RAM_PAGES = (1 << 30) // PAGE
SCRIPT = 20000
RIGHTS = ("r----", "rw---", "r-x--", "rw-u-", "r-xu-", "rwxu-")
POOL_FRAME = -1


class Script:
    """Operations, and what the space holds after each.

    A state is {page: (frame, rights)}; changes are kept as lists of (page,
    value), so that any state can be made again from the first one.
    """

    def __init__(self, state, rng):
        self.first = dict(state)
        self.lines = []
        self.changes = []   # of operation k + 1
        self.ends = []      # operations done at the end of each transaction
        self.state = dict(state)
        self.rng = rng
        while len(self.changes) < SCRIPT:
            self.transaction()

    def transaction(self):
        count = self.rng.choice((1, 1, 1, 1, 2, 5))
        if count > 1:
            self.lines.append("begin")
        for _ in range(count):
            self.operation()
        if count > 1:
            self.lines.append("commit")
        self.ends.append(len(self.changes))

    def operation(self):
        rng = self.rng
        page = rng.randrange(WINDOW)
        count = min(rng.choice((1, 1, 1, 2, 16, 600)), WINDOW - page)
        what = rng.random()
        if what < 0.3:
            self.emit("unmap", page, count, [None] * count, "")
        elif what < 0.5 and page in self.state:
            count = next((i for i in range(count)
                          if page + i not in self.state), count)
            prot = rng.choice(RIGHTS)
            self.emit("protect", page, count,
                      [(self.state[page + i][0], prot) for i in range(count)],
                      f" --prot {prot}")
        else:
            self.map(page, count)

    def map(self, page, count):
        prot = self.rng.choice(RIGHTS)
        options = f" --prot {prot} --page-size 4k --replace"
        if self.rng.random() < 0.1:
            self.emit("map", page, count, [(POOL_FRAME, prot)] * count,
                      options, " alloc")
            return
        frame = self.rng.randrange(RAM_PAGES - count)
        self.emit("map", page, count,
                  [(RAM // PAGE + frame + i, prot) for i in range(count)],
                  options, f" {RAM + frame * PAGE:#x}")

    def emit(self, verb, page, count, values, options, frames=""):
        self.lines.append(f"{verb} {WINDOW_VA + page * PAGE:#x}{frames} "
                          f"{count * PAGE}{options}")
        change = list(zip(range(page, page + count), values))
        self.changes.append(change)
        apply(self.state, change)

    def state_after(self, count):
        state = dict(self.first)
        for change in self.changes[:count]:
            apply(state, change)
        return state


def apply(state, change):
    for page, value in change:
        if value is None:
            state.pop(page, None)
        else:
            state[page] = value


def found_state(dump, pool_pages):
    """The space as dumped, in the script's terms; frames shared by none."""
    state = {}
    seen = set()
    for va, (pa, prot) in pages_of(dump).items():
        if pa in pool_pages:
            if pa in seen:
                fail(f"frame {pa * PAGE:#x} of the pool is mapped twice")
            seen.add(pa)
            pa = POOL_FRAME
        state[va - WINDOW_VA // PAGE] = (pa, prot)
    return state


class Kills:
    def __init__(self, pptctl, pool_path, space, folder):
        self.pptctl = pptctl
        self.pool = pool_path
        self.space = space
        self.script_path = os.path.join(folder, "script")
        self.rng = random.Random(20)
        self.state = {}
        self.acknowledged = 0
        self.in_flight = 0
        self.records = []
        self.attach_ns = []
        regions = bases_of(self.ctl("memory-map", self.pool, "--json"))
        base, end = next(r[2:] for r in regions if r[1] == "pool")
        self.pool_pages = range(base, end)

    def ctl(self, *words):
        run = subprocess.run([self.pptctl, *words], capture_output=True,
                             timeout=60, check=False)
        if run.returncode:
            fail(f"pptctl {' '.join(words)}: "
                 f"{run.stderr.decode(errors='replace').strip()}")
        return json.loads(run.stdout)

    def write(self, after):
        """Run the script and kill it; the last number acknowledged."""
        with open(self.script_path, encoding="ascii") as script:
            writer = subprocess.Popen(
                [self.pptctl, "apply", self.pool, self.space, "-", "--ack"],
                stdin=script, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        killed = False
        with writer:
            if after is not None:
                reader = os.dup(writer.stdout.fileno())
                output = read_until(reader, time.monotonic() + after)
                os.close(reader)
                killed = writer.poll() is None
                writer.kill()
                output += writer.stdout.read()
            else:
                output = writer.stdout.read()
            error = writer.stderr.read()
        if writer.returncode not in (0, -9):
            fail(f"the writer failed: {error.decode(errors='replace')}")
        numbers = output.decode("ascii").split("\n")[:-1]
        return int(numbers[-1]) if numbers else 0, killed

    def compare(self, script, acked):
        """What was acknowledged is there, and at most one commit more."""
        dump = self.ctl("dump", self.pool, self.space, "--json")
        found = found_state(dump, self.pool_pages)
        at = bisect.bisect_left(script.ends, acked) if acked else -1
        for extra in (0, 1):
            i = at + extra
            if i >= len(script.ends):
                break
            done = script.ends[i] if i >= 0 else 0
            if found == script.state_after(done):
                self.state = found
                self.in_flight += extra
                return
        fail(f"after a SIGKILL the space is neither what operation {acked} "
             "(the last acknowledged) left nor what the next commit would "
             "have left")

    def round(self, limit):
        script = Script(self.state, self.rng)
        with open(self.script_path, "w", encoding="ascii") as file:
            file.write("\n".join(script.lines) + "\n")
        start = time.monotonic()
        after = None if limit is None else self.rng.uniform(0.001, limit)
        acked, killed = self.write(after)
        took = time.monotonic() - start
        attach = self.ctl("attach", self.pool, "--json")
        if attach["verdict"] not in ("clean", "replayed"):
            fail(f"after a SIGKILL the verdict is {attach['verdict']}")
        self.compare(script, acked)
        if killed:
            self.acknowledged += acked
            self.records.append(attach["records_replayed"])
            self.attach_ns.append(attach["attach_ns"])
        return took, killed


def read_until(fd, deadline):
    """What comes until a moment, or until the end."""
    os.set_blocking(fd, False)
    output = b""
    while time.monotonic() < deadline:
        try:
            part = os.read(fd, 1 << 16)
        except BlockingIOError:
            time.sleep(0.0002)
            continue
        if not part:
            break
        output += part
    os.set_blocking(fd, True)
    return output


def kills(pptctl, pool_path, space, rounds, folder):
    rounds = int(rounds)
    story = Kills(pptctl, pool_path, space, folder)
    took, _ = story.round(None)
    say(f"undisturbed, {SCRIPT} operations take {time_text(took * 1e9)}")
    done = tries = 0
    while done < rounds:
        _, killed = story.round(0.9 * took)
        done += killed
        tries += 1
        if tries > 20 + 5 * rounds:
            fail("the writer is done before it can be killed")
    say(f"{done} SIGKILLs at random instants: {story.acknowledged} "
        "operations acknowledged, 0 lost")
    say(f"{story.in_flight} times the commit in flight was durable, though "
        "not yet acknowledged; never a part of one")
    say(f"restarts replayed {min(story.records)} to {max(story.records)} "
        f"records, took {time_text(statistics.median(story.attach_ns))} "
        f"(median) to {time_text(max(story.attach_ns))}")


# -------------------------------------------------------------- 4 restarts --

def times(path):
    results = {r["name"]: r for r in load(path)["results"]}

    def median(name):
        result = results.get(name)
        if not result or result["median"] is None:
            return None
        return result["median"]

    say("mapped pages    memory      after a clean stop    after a crash")
    for size in ("1e5", "1e6", "1e7", "1e8"):
        clean = median(f"attach_clean_{size}")
        dirty = median(f"attach_dirty_{size}")
        if clean is None or dirty is None:
            say(f"{int(float(size)):>12,}    no room in /dev/shm")
            continue
        records = results[f"attach_dirty_{size}"]["records_replayed"]
        say(f"{int(float(size)):>12,} {size_text(float(size) * PAGE):>10} "
            f"{time_text(clean):>18}   {time_text(dirty):>10}"
            f" ({records} records)")
    say("(from opening the file to the first translation)")
    one, bare = median("map_seq_1"), median("bare_store")
    say(f"a durable map of one page: {time_text(one)}, "
        f"{results['map_seq_1']['ratio']:.2f} times a bare 8-byte store with "
        f"flush and fence ({time_text(bare)})")


# ---------------------------------------------------------- 5 memory moved --

# To where there is nothing; keeps the alignment of the largest leaves.
SHIFT = 64 << 40


def move(map_path, *dump_paths):
    """Print the memory map with the pool and the busiest DRAM elsewhere."""
    memory_map = load(map_path)
    regions = bases_of(memory_map)
    use = {uuid: 0 for uuid, *_ in regions}
    for path in dump_paths:
        for pa, _ in pages_of(load(path)).values():
            use[region_of(regions, pa)[0]] += 1
    ram = max((r for r in regions if r[1] == "dram"),
              key=lambda r: use[r[0]])[0]
    for region in memory_map["regions"]:
        if region["kind"] == "pool" or region["uuid"] == ram:
            region["base"] = hex(int(region["base"], 16) + SHIFT)
    json.dump(memory_map, sys.stdout, indent=2)


def region_of(regions, pa):
    for region in regions:
        if region[2] <= pa < region[3]:
            return region
    fail(f"PA {pa * PAGE:#x} lies in no region")
    return None


def moved(folder, *spaces):
    def of(name):
        return load(os.path.join(folder, name))

    before = bases_of(of("map.before"))
    now = {r[0]: r[2] for r in bases_of(of("map.after"))}
    for uuid, kind, base, end in before:
        if now[uuid] != base:
            say(f"{kind} of {size_text((end - base) * PAGE)}: "
                f"{base * PAGE:#x} -> {now[uuid] * PAGE:#x}")
    same = moves = 0
    for space in spaces:
        old = pages_of(of(f"before.{space}"))
        new = pages_of(of(f"after.{space}"))
        if old.keys() != new.keys():
            fail(f"space {space}: other pages are mapped than before")
        for va, (pa, prot) in old.items():
            region = region_of(before, pa)
            want = pa - region[2] + now[region[0]]
            if new[va] != (want, prot):
                fail(f"space {space}: {va * PAGE:#x} does not lead where "
                     "its memory went")
            moves += want != pa
            same += want == pa
    was, attach = of("attach.before"), of("attach.after")
    say(f"{attach['verdict']}: {attach['tables_rebased']} tables rebased in "
        f"{time_text(attach['attach_ns'])}; every one of {moves} translations "
        f"moved with its memory, {same} had not to")
    for old, new in zip(was["spaces"], attach["spaces"]):
        say(f"CR3 of {new['name']}: {old['root_register']} -> "
            f"{new['root_register']}")
    if not moves or not attach["tables_rebased"]:
        fail("nothing was rebased")


COMMANDS = {f.__name__: f for f in (pool, victim, imported, kills, times,
                                    move, moved)}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except KeyboardInterrupt:
        sys.exit(130)
