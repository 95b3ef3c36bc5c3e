# SPDX-License-Identifier: BSD-3-Clause
"""The scenarios that are a boot or a few; driver/crashes.py has the others.

Each is a function of a Machine whose first line says what it shows.  It
returns what it saw, in a line.
"""

import random
import struct

from .machine import STOPS, TRUST, Nvdimm, expect

SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


def leaf(m, path, space, va):
    """The entry of a page: the word that holds its frame's address, and where
    in the pool it is."""
    frame = int(m.translate(path, space, va)["pa"], 16)
    with open(path, "rb") as file:
        data = file.read()
    words = struct.iter_unpack("<Q", data)
    return next((at, word) for at, (word,) in zip(range(0, len(data), 8), words)
                if word & 0xffffffffff001 == frame | 1 and at >= 0x34000)


def visits(boot, count):
    for name in ("greeter", "twin"):
        boot.need(rf"^{name}:\n(?:.*\n)*?greeter: visit {count}$")
    expect("torn" not in boot.text and "LOST" not in boot.text
           and "not its own" not in boot.text, boot.text)


def first(m, words="", path=None, **options):
    path = path or m.blank()
    boot = m.boot(f"create check {words}", path, **options).stopped("DONE")
    boot.need(r"^created$")
    visits(boot, 1)
    m.check(path)
    return path


def again(m, count, path, words="", **options):
    boot = m.boot(f"check {words}", path, **options).stopped("DONE")
    visits(boot, count)
    return boot


# ------------------------------------------------------------------ boots --

@scenario
def first_boot(m):
    """The kernel makes the pool, its half and the programs' spaces."""
    path = first(m)
    spaces = [s["name"] for s in m.ctl("info", path, "--json")["spaces"]]
    expect(spaces == ["kernel", "greeter", "twin", "trespasser", "keeper"],
           spaces)
    return f"made {len(spaces)} spaces; check is clean"


@scenario
def second_boot(m):
    """Attach, CR3, running; what programs left is found."""
    path = first(m)
    for count in (2, 3):
        boot = again(m, count, path)
    expect("created" not in boot.text, "it was made anew")
    root = boot.need(r"^CR3 loaded ([0-9a-f]+)")[1]
    return f"third visit; CR3 = {root}"


@scenario
def multiboot(m):
    """By Multiboot 1: pool made, attached, and shared with PVH."""
    path = first(m, kernel=m.multiboot)
    for count, kernel in ((2, m.multiboot), (3, m.kernel), (4, m.multiboot)):
        again(m, count, path, kernel=kernel)
    path = first(m, path=m.blank("other"))
    again(m, 2, path, kernel=m.multiboot)
    m.check(path)
    return "four boots of a pool of its own, one of PVH's"


@scenario
def kernel_half(m):
    """The kernel half: rights and leaves as they should be."""
    path = first(m, memory="3G")
    extents = m.ctl("dump", path, "kernel", "--json")["extents"]
    rights = {int(e["va"], 16): (e["prot"], e["page_size"]) for e in extents}
    half = 0xffffffff80000000
    expect(rights[half + 0x200000][0] == "r-x-g", rights)
    expect(rights[half + 0x400000][0] == "rw--g", rights)
    expect(all(prot in ("r-x-g", "rw--g") for prot, _ in rights.values()),
           "not supervisor only, W^X and global")
    return f"{len(extents)} extents"


@scenario
def faults(m):
    """Demand-zero, copy-on-write, the guard page, forbidden accesses."""
    path = first(m)
    said = []
    for count in range(2, 6):
        said.append(again(m, count, path).need(r"^ended: (.*)$")[1])
    expect([s.rsplit(" ", 1)[0] for s in said] ==
           ["rights", "rights", "rights", "unmapped"], said)
    frames = {m.translate(path, name, 0x600000)["pa"]
              for name in ("greeter", "twin", "keeper")}
    expect(len(frames) == 3, "data is shared after writes")
    return "; ".join(said)


@scenario
def accessed_dirty(m):
    """The MMU's accessed and dirty bits: checksums hold, dirty is true."""
    path = first(m)
    again(m, 2, path)
    seen = [leaf(m, path, "greeter", 0x40000000 + 4096 * page)[1] >> 5 & 3
            for page in (0, 100, 101)]
    expect(seen == [3, 3, 1], f"accessed 1, dirty 2: {seen}")
    m.check(path)
    return "of 3 pages read 2 were written, and are marked dirty"


@scenario
def five_levels(m):
    """5-level paging."""
    path = first(m, cpu="max,la57=on")
    again(m, 2, path, cpu="max,la57=on")
    m.check(path)
    return "two boots with LA57"


@scenario
def four_levels_with_la57(m):
    """A pool with 4-level tables on a CPU with LA57."""
    path = first(m)
    again(m, 2, path, cpu="max,la57=on")
    return "the tables decide"


@scenario
def leaves_2m(m):
    """Leaves of 2 MiB in the heap."""
    path = first(m, "heap=2048")
    again(m, 2, path, "heap=2048")
    at = m.translate(path, "greeter", 0x40000000)
    expect(at["page_size"] == 2 << 20, at)
    m.check(path)
    return "the heap's frames are 2 MiB"


@scenario
def leaves_1g(m):
    """Leaves of 1 GiB, in the heap and in the direct map."""
    path = m.blank(size=3 << 30)
    for count in (1, 2):
        boot = m.boot("create check heap=1048576 only=1", path, memory="3G")
        boot.stopped("DONE").need(rf"^greeter: visit {count}$")
    at = m.translate(path, "greeter", 0x40000000)
    expect(at["page_size"] == 1 << 30, at)
    at = m.translate(path, "kernel", 0xffff800040000000)
    expect(at["page_size"] == 1 << 30, at)
    return "heap and direct map"


def library_bytes(m, program):
    """Code and constants of the library that a kernel has linked."""
    names = {line.split()[-1]
             for line in m.symbols("libpptable/libpptable_freestanding.a")
             if len(line.split()) == 3}
    return sum(int(words[1], 16)
               for words in map(str.split, m.symbols(program, "-S"))
               if len(words) == 4 and words[2] in "tTrR"
               and words[3] in names)


@scenario
def footprint(m):
    """What the library takes: code, stack and scratch memory."""
    boot = m.boot("create sizes", m.blank()).stopped("DONE")
    stack, scratch = boot.need(r"^sizes: stack (\d+), scratch (\d+)$").groups()
    code, least = (library_bytes(m, f"examples/kernel/{kernel}")
                   for kernel in ("kernel", "kernel_minimum"))
    return (f"code {code} bytes ({least} in the minimum), stack {stack}, "
            f"scratch {scratch}")


@scenario
def minimum(m):
    """The bare minimum of docs/EMBEDDING.md boots from the same pool."""
    path = first(m)
    kernel = m.built("examples/kernel/kernel_minimum")
    boot = m.boot("", path, kernel=kernel).stopped("DONE")
    return boot.need(r"^stop 1: (.*)$")[1]


# ------------------------------------------------------------- trust modes --

def cured(boot):
    return int(boot.need(r"^(\d+) faults cured")[1])


@scenario
def trust_modes(m):
    """Attach with none, touch and full: what is armed, and when."""
    seen = []
    path = first(m)
    for count, mode in enumerate(("none", "full", "touch", "none"), 2):
        boot = again(m, count, path, f"trust={TRUST[mode]}")
        seen.append((mode, cured(boot)))
    m.check(path)
    expect(seen[2][1] > 0, f"touch met no cold entry: {seen}")
    return ", ".join(f"{mode}: {faults} faults armed" for mode, faults in seen)


@scenario
def damaged_table(m):
    """A damaged table is met on touch: its program ends, the others run."""
    path = first(m)
    m.ctl("attach", path)  # or the journal would mend it
    at, _ = leaf(m, path, "twin", 0x40000000)
    patch(path, at + 8, b"\x55" * 8)
    boot = m.boot("rounds=1", path).stopped("DONE")
    boot.need(r"^greeter: visit 2$")
    boot.need(r"^twin:\nended: quarantined")
    boot.need(r"^ack ")
    return "twin: quarantined; greeter and keeper run"


# -------------------------------------------------------- memory has moved --

def moves(m, path, places):
    for count, options in enumerate(places, 2):
        boot = again(m, count, **{"path": path, **options})
        boot.need(r"^CR3 loaded [0-9a-f]+, replayed")
        m.check(path)


@scenario
def moved_by_memory_size(m):
    """The NVDIMM at another base, since there is more memory."""
    path = first(m)
    moves(m, path, [{"memory": "4G"}, {"memory": "6G"}])
    return "4 GiB, 5 GiB, 7 GiB"


@scenario
def moved_by_address(m):
    """The NVDIMM at another base by addr=, there and back."""
    path = m.blank()
    first(m, path=path)
    for count, base in enumerate((0x180000000, 0x110000000, 0x100000000), 2):
        boot = m.boot("check", Nvdimm(path, base)).stopped("DONE")
        visits(boot, count)
        boot.need(rf"^CR3 loaded {base >> 28:x}")
    return "0x180000000, 0x110000000 and back"


@scenario
def stale_root(m):
    """A naive load of a root whose base has moved faults."""
    path = first(m)
    copy = m.copy(path, "copy")
    boot = m.boot("stale", copy).stopped("DONE")
    boot.need("the root is not stale")
    boot = m.boot("stale", copy, memory="4G").stopped("STALE")
    where = boot.need(r"^stop 12: (.*)")[1]
    again(m, 2, path, memory="4G")
    return f"{where}; with recovery it runs"


@scenario
def second_nvdimm_gone(m):
    """A second NVDIMM is there, gone, and there again."""
    path, other = m.blank(), m.blank("other", 32 << 20)
    said = []
    for count, nvdimms in enumerate(((path, other), (path, other), (path,),
                                     (path, other)), 1):
        boot = m.boot("create check", *nvdimms).stopped("DONE")
        visits(boot, count)
        said.append(boot.need(rf"^greeter: visit {count}\n(.*)$")[1])
    expect(said == ["greeter: archive 0", "greeter: archive 1",
                    "ended: lost 20000000", "greeter: archive 2"], said)
    boot = m.boot("lost=2", path).stopped("DONE")
    boot.need("^greeter: archive 0$")
    return "; ".join(said) + "; replaced on request"


@scenario
def prepared_on_the_host(m):
    """A pool that pptctl made and no kernel has seen."""
    path = m.path("pool")
    m.ctl("create", path, "--size", "64M", "--journal", "64K")
    with open(m.built("examples/kernel/programs.bin"), "rb") as file:
        code = file.read()
    pages = -(-len(code) // 4096) * 4096
    m.ctl("space", "create", path, "guest")
    for va, size, prot in ((0x400000, pages, "rxu"), (0x600000, 4096, "ru"),
                           (0xa00000, 16384, "rwu")):
        m.ctl("map", path, "guest", hex(va), "alloc", str(size), "--prot",
              prot)
    base = next(int(r["base"], 16)
                for r in m.ctl("memory-map", path, "--json")["regions"]
                if r["kind"] == "pool")
    with open(path, "r+b") as file:
        for at in range(0, len(code), 4096):
            pa = m.translate(path, "guest", 0x400000 + at)["pa"]
            file.seek(int(pa, 16) - base)
            file.write(code[at:at + 4096])
    for count in (1, 2):
        boot = m.boot("check", path).stopped("DONE")
        boot.need(rf"^greeter: visit {count}$")
    m.check(path)
    return "adopted, rebased, run twice"


# --------------------------------------------------------------- bad input --

def patch(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def refuses(m, stop, *nvdimms, words="", **options):
    boot = m.boot(words, *nvdimms, **options).stopped(stop)
    return boot.need(r"^stop \d+: (.*)$")[1]


@scenario
def bad_no_nvdimm(m):
    """No NVDIMM."""
    return refuses(m, "NO_NVDIMM", words="create")


@scenario
def bad_blank(m):
    """A blank NVDIMM is not formatted unasked."""
    return refuses(m, "MAGIC", m.blank())


@scenario
def bad_foreign(m):
    """An NVDIMM with something else on it."""
    path = m.blank()
    for at in range(0, 1 << 20, 4096):
        patch(path, at, struct.pack("<I", 0xef53 + at) * 1024)
    return refuses(m, "MAGIC", path)


@scenario
def bad_version(m):
    """A pool of another version."""
    path = first(m)
    for page in (0, 4096):
        patch(path, page + 8, struct.pack("<I", 99 << 16))
    return refuses(m, "VERSION", path)


@scenario
def bad_superblocks(m):
    """Both superblocks damaged; with one the other will do."""
    path = first(m)
    patch(path, 300, b"\xff" * 8)
    visits(m.boot("", path).stopped("DONE"), 2)
    for page in (0, 4096):
        patch(path, page + 300, b"\x55" * 8)
    return refuses(m, "CORRUPT", path)


@scenario
def bad_journal(m):
    """Both tails of the journal damaged."""
    path = first(m)
    for page in (0, 4096):
        patch(path, page + 4032, b"\xff" * 8)
    return refuses(m, "JOURNAL", path)


@scenario
def bad_truncated(m):
    """An NVDIMM that is shorter than its pool."""
    path = first(m)
    with open(path, "r+b") as file:
        file.truncate(32 << 20)
    return refuses(m, "SIZE", path)


@scenario
def bad_random(m):
    """Random words of tables and metadata: never a triple fault."""
    rng = random.Random(5)
    path = first(m)
    m.ctl("attach", path)
    stops = set()
    for i in range(24):
        copy = m.copy(path, "copy")
        for _ in range(2 * (i + 1)):
            page = rng.randrange(18, 160)
            patch(copy, page * 4096 + 8 * rng.randrange(512),
                  rng.randbytes(rng.choice((1, 8))))
        boot = m.boot("rounds=4", copy)
        # A triple fault is the end of QEMU, with no stop.
        expect(boot.stop in STOPS.values() and boot.stop != STOPS["TRAP"],
               f"round {i}: stop {boot.stop}:\n{boot.text}{boot.errors}")
        stops.add(boot.stop)
    names = sorted(name for name, stop in STOPS.items() if stop in stops)
    return "24 pools: " + ", ".join(names)


@scenario
def bad_kernel_half(m):
    """A space whose kernel half is none of this kernel's."""
    path = first(m)
    m.ctl("unmap", path, "greeter", "0xffffffff80200000", "2M")
    m.ctl("map", path, "greeter", "0xffffffff80200000", "alloc", "4K",
          "--prot", "rw")
    return refuses(m, "FORMAT", path)


@scenario
def bad_little_memory(m):
    """Too little memory for the library's scratch."""
    path = first(m)
    return refuses(m, "NOMEM", path, memory="7M")


@scenario
def bad_full(m):
    """A pool that is too small for the programs."""
    return refuses(m, "NOSPC", m.blank(size=2 << 20), words="create heap=2048")


@scenario
def bad_boot_loader(m):
    """PVH where Multiboot should enter; words without end."""
    said = refuses(m, "BOOT_LOADER", kernel=m.multiboot, words="create " * 200)
    path = m.copy(m.multiboot, "kernel")
    with open(path, "rb") as file:
        data = file.read()
    patch(path, data.index(struct.pack("<I", 0x1badb002)), bytes(4))
    entry = struct.unpack_from("<I", data, 24)[0]
    patch(path, data.index(b"Xen\0") + 4, struct.pack("<Q", entry))
    return said + "; " + refuses(m, "BOOT_LOADER", kernel=path)


@scenario
def bad_cpu_no_long_mode(m):
    """A CPU without 64-bit mode."""
    return refuses(m, "NO_LONG_MODE", cpu="max,-lm")


@scenario
def bad_cpu_no_nx(m):
    """A CPU without NX."""
    return refuses(m, "NO_NX", cpu="max,-nx")


@scenario
def bad_cpu_no_1g(m):
    """A CPU without 1 GiB pages, and a pool that has some."""
    path = first(m, memory="3G")
    said = refuses(m, "NO_1G", path, memory="3G", cpu="max,la57=off,-pdpe1gb")
    first(m, path=m.blank("other"), memory="3G", cpu="max,la57=off,-pdpe1gb")
    return said


@scenario
def bad_cpu_no_la57(m):
    """A CPU without LA57, and a pool with 5-level tables."""
    path = first(m, cpu="max,la57=on")
    return refuses(m, "NO_LA57", path)
