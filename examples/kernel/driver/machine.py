# SPDX-License-Identifier: BSD-3-Clause
"""Boots of the kernel in QEMU, and the pools that they boot with."""

import dataclasses
import json
import os
import re
import shutil
import subprocess

QEMU = "qemu-system-x86_64"
CPU = "max,la57=off"
SECONDS = 60  # far more than any boot takes

# enum stop of kernel.h, and the library's errors as must() of pool.c tells them.
STOPS = {name: number for number, name in enumerate(
    ["", "DONE", "NO_LONG_MODE", "NO_NX", "NO_1G", "NO_LA57", "NO_NVDIMM",
     "NO_MEMORY", "BOOT_LOADER", "FORMAT", "DAMAGED", "CHECK", "STALE",
     "TRAP"])}
LIBRARY = {"NOMEM": 32, "NOSPC": 48, "MAGIC": 71, "VERSION": 72, "SIZE": 74,
           "CORRUPT": 75, "JOURNAL": 76}
STOPS |= LIBRARY
TRUST = {"touch": 0, "none": 1, "full": 2}  # enum ppt_trust


class Failed(Exception):
    """A scenario did not go as it must."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


@dataclasses.dataclass
class Nvdimm:
    """An NVDIMM: its file, and where it is put; by default by the size of
    memory."""
    path: str
    base: int | None = None

    def device(self, i):
        size = os.path.getsize(self.path)
        at = f",addr={self.base:#x}" if self.base else ""
        return ["-object", f"memory-backend-file,id=m{i},share=on,"
                f"mem-path={self.path},size={size}",
                "-device", f"nvdimm,memdev=m{i},id=nv{i},slot={i}{at}"]


@dataclasses.dataclass
class Boot:
    """What came of a boot: the serial port, and how it stopped."""
    text: str
    stop: int | None  # None: killed, or QEMU's own error
    errors: str

    def need(self, pattern):
        found = re.search(pattern, self.text, re.MULTILINE)
        expect(found, f"the serial port does not say {pattern!r} but:\n"
               f"{self.text}{self.errors}")
        return found

    def stopped(self, name):
        expect(self.stop == STOPS[name],
               f"stop {self.stop}, not {STOPS[name]} ({name}):\n"
               f"{self.text}{self.errors}")
        return self


class Machine:
    """The files of one scenario and the programs that it uses."""

    def __init__(self, build, folder):
        self.build = os.path.abspath(build)
        self.folder = folder
        self.kernel = self.built("examples/kernel/kernel")
        self.multiboot = self.built("examples/kernel/kernel_multiboot")

    def built(self, name):
        return os.path.join(self.build, name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def blank(self, name="pool", size=64 << 20):
        path = self.path(name)
        with open(path, "wb") as file:
            file.truncate(size)
        return path

    def copy(self, path, name):
        return shutil.copyfile(path, self.path(name))

    def qemu(self, words, nvdimms, memory, cpu, extra=(), kernel=None):
        # Multiboot gives the kernel this name: it must not depend on where
        # the project was built.
        kernel = os.path.relpath(kernel or self.kernel, self.build)
        if nvdimms:
            memory += ",slots=4,maxmem=64G"
        command = [QEMU, "-accel", "tcg", "-cpu", cpu, "-machine",
                   "pc,nvdimm=on", "-m", memory,
                   "-nodefaults", "-display", "none", "-serial", "stdio",
                   "-no-reboot", "-device",
                   "isa-debug-exit,iobase=0xf4,iosize=1",
                   "-kernel", kernel, "-append", words, *extra]
        for i, nvdimm in enumerate(nvdimms):
            if isinstance(nvdimm, str):
                nvdimm = Nvdimm(nvdimm)
            command += nvdimm.device(i)
        return command

    def boot(self, words, *nvdimms, memory="512M", cpu=CPU, extra=(),
             kernel=None, kill_after=None):
        command = self.qemu(words, nvdimms, memory, cpu, extra, kernel)
        process = subprocess.Popen(command, cwd=self.build,
                                   stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        with process:
            try:
                out, err = process.communicate(timeout=kill_after or SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                expect(kill_after, f"no end after {SECONDS} s:\n"
                       + out.decode(errors="replace"))
        code = process.returncode
        stop = code // 2 if code > 0 and code % 2 else None
        return Boot(out.decode(errors="replace"), stop,
                    err.decode(errors="replace"))

    def symbols(self, program, *options):
        """Lines of nm, by address."""
        run = subprocess.run(["nm", "-n", "--defined-only", *options,
                              self.built(program)], capture_output=True,
                             text=True, check=True)
        return run.stdout.splitlines()

    def ctl(self, *words, codes=(0,)):
        """pptctl, which exits with one of @codes, and what it says."""
        run = subprocess.run(
            [self.built("tools/pptctl"), *words], capture_output=True,
            env={**os.environ, "PMEM_IS_PMEM_FORCE": "1"}, timeout=60,
            check=False)
        expect(run.returncode in codes, f"pptctl {' '.join(words)}: exit "
               f"{run.returncode}: {run.stderr.decode(errors='replace')}"
               f"{run.stdout.decode(errors='replace')}")
        return json.loads(run.stdout) if run.stdout else None

    def translate(self, path, space, va):
        return self.ctl("translate", path, space, hex(va),
                        "--json")["translations"][0]

    def check(self, path):
        """The pool as the host sees it."""
        report = self.ctl("check", path, "--json")
        expect(report["verdict"] == "clean", f"pptctl check: {report}")

    def check_torn(self, path):
        """The same: but of the superblocks a power loss may have torn one."""
        report = self.ctl("check", path, "--json", codes=(0, 4))
        expect(all(p["code"] == "superblock-copy"
                   for p in report["problems"]), f"pptctl check: {report}")
