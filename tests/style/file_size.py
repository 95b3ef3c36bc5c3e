# SPDX-License-Identifier: BSD-3-Clause
"""No C file is longer than 600 lines, no function longer than 70.

The research kernel is to be read in one go: less than 1,500 lines of code,
without what is blank or comment, its measurements, its programs in ring 3 and
its folders (the way in by Multiboot 1, the minimum, the plugin).

A function is what is between a "{" and a "}" that stand alone at the left
margin, which is how clang-format writes it.
"""

import re

import repo

FILE_LINES = 600
FUNCTION_LINES = 70

problems = []
for name in repo.files(".c", ".h"):
    lines = repo.read(name)
    if len(lines) > FILE_LINES:
        problems.append(f"{name}: {len(lines)} lines, over {FILE_LINES}")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            length = number - start + 1
            if length > FUNCTION_LINES:
                problems.append(f"{name}:{start}: a function of {length} "
                                f"lines, over {FUNCTION_LINES}")
            start = None

KERNEL = "examples/kernel/"
KERNEL_LINES = 1500
KERNEL_OTHERS = ("measure.c", "programs.c", "programs.h", "programs.ld")
kernel = [name for name in repo.files(".c", ".h", ".S", ".ld")
          if name.startswith(KERNEL) and "/" not in name[len(KERNEL):]
          and name[len(KERNEL):] not in KERNEL_OTHERS]
code = "\n".join(re.sub(r"/\*.*?\*/|//[^\n]*", "",
                        "\n".join(repo.read(name)), flags=re.DOTALL)
                 for name in kernel)
lines = sum(bool(line.strip()) for line in code.splitlines())
if lines >= KERNEL_LINES:
    problems.append(f"{KERNEL}: {lines} lines of code, not under "
                    f"{KERNEL_LINES}")
repo.finish(problems, "Look for the idea that is missing.")
