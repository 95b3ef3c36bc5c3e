# SPDX-License-Identifier: BSD-3-Clause
"""The project's files, for the checks in this folder."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def files(*suffixes):
    """Paths below ROOT that belong to the project, relative to it.

    New files that are not committed yet belong to it, ignored ones do not.
    Outside a git checkout it is everything but build directories.
    """
    # safe.directory: the checkout may belong to another user (containers).
    git = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "-C", ROOT, "ls-files", "-z",
         "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if git.returncode == 0:
        names = [os.fsdecode(n) for n in git.stdout.split(b"\0") if n]
    else:
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")
                 if not p.relative_to(ROOT).parts[0].startswith("build")]
    names = sorted({n for n in names if (ROOT / n).is_file()})
    if suffixes:
        names = [n for n in names if n.endswith(suffixes)]
    if not names:
        sys.exit(f"no files {suffixes} below {ROOT}: nothing was checked")
    return names


def read(name):
    """Lines of a text file, without their ends."""
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def finish(problems, advice):
    """Print what is wrong and exit accordingly."""
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(f"{len(problems)} found. {advice}")
