# SPDX-License-Identifier: BSD-3-Clause
"""No C file is longer than 600 lines, no function longer than 70.

A function is what is between a "{" and a "}" that stand alone at the left
margin, which is how clang-format writes it.
"""

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
repo.finish(problems, "Look for the idea that is missing.")
