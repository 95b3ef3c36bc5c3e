# SPDX-License-Identifier: BSD-3-Clause
"""No C file is longer than 600 lines, no function longer than 70.

The research kernel is to be read in one go: less than 1,500 lines of code, all
that is linked into it, without what is blank or comment.  (In its folder there
are besides: the minimum, another kernel, and the plugin, a part of QEMU.)

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
NOT_KERNEL = (KERNEL + "minimum/", KERNEL + "plugin/")
kernel = [name for name in repo.files(".c", ".h", ".S", ".ld")
          if name.startswith(KERNEL) and not name.startswith(NOT_KERNEL)]
code = "\n".join(re.sub(r"/\*.*?\*/|//[^\n]*", "",
                        "\n".join(repo.read(name)), flags=re.DOTALL)
                 for name in kernel)
lines = sum(bool(line.strip()) for line in code.splitlines())
if lines >= KERNEL_LINES:
    problems.append(f"{KERNEL}: {lines} lines of code, not under "
                    f"{KERNEL_LINES}")
repo.finish(problems, "Look for the idea that is missing.")
