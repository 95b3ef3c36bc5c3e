# SPDX-License-Identifier: BSD-3-Clause
"""Seeded mistakes cost nothing: the library's objects do not know of them.

Every object of the freestanding layers, as the build has made it, is compared
byte for byte, less its debug information, with what the same command makes of
a copy of the tree in which each PPT_MUTANT(...) is 0 and format/mutant.h is
gone.  Nor does any library that is installed name a mutant.

usage: mutants_cost.py BUILD MUTANT-LIBRARY LIBRARY...
"""

import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import repo

FOLDERS = ("libpptable/format/", "libpptable/core/", "recovery/")
USE = re.compile(r"\bPPT_MUTANT\([A-Z0-9_]+\)")
INCLUDE = '#include "format/mutant.h"\n'


def copy_without(to):
    """The library's sources without mutants; how many uses there were."""
    uses = 0
    for name in repo.files(".c", ".h"):
        if not name.startswith(("libpptable/", "recovery/")):
            continue
        if pathlib.PurePath(name).stem == "mutant":
            continue
        text = (repo.ROOT / name).read_text(encoding="utf-8")
        text, count = USE.subn("0", text)
        text = text.replace(INCLUDE, "\n")  # lines keep their numbers
        if "mutant" in text.lower():
            sys.exit(f"{name}: a mutant that this check does not understand")
        uses += count
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_text(text, encoding="utf-8")
    return uses


def compile_copy(entry, tree, out):
    """Run a command of the build on the copy."""
    root = re.compile(re.escape(str(repo.ROOT)) + r"(?=/|$)")
    command = [root.sub(str(tree), word)
               for word in shlex.split(entry["command"])]
    command[command.index("-o") + 1] = str(out)
    subprocess.run(command, cwd=entry["directory"], check=True)


def dump(path):
    """All that is in an object but where it came from."""
    stripped = path.with_suffix(".stripped")
    subprocess.run(["objcopy", "--strip-debug", path, stripped], check=True)
    return stripped.read_bytes()


def difference(a, b):
    """The first lines of code that differ."""
    text = []
    for path in (a, b):
        run = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", path],
                             stdout=subprocess.PIPE, text=True, check=True)
        text.append(run.stdout.splitlines()[3:])
    for one, other in zip(*text):
        if one != other:
            return f"\n\t{one.strip()}\n\t{other.strip()}"
    return " in their data"


def compare_objects(build, tree):
    """What differs, and how many objects were compared."""
    problems, seen = [], 0
    commands = json.loads((build / "compile_commands.json").read_text())
    for entry in commands:
        source = pathlib.Path(entry["file"])
        if repo.ROOT not in source.parents:
            continue
        name = str(source.relative_to(repo.ROOT))
        words = shlex.split(entry["command"])
        if not name.startswith(FOLDERS) or "-DPPT_MUTANTS" in words:
            continue
        seen += 1
        made = tree / f"{seen}.made.o"
        copy = tree / f"{seen}.copy.o"
        made.write_bytes((pathlib.Path(entry["directory"]) /
                          words[words.index("-o") + 1]).read_bytes())
        compile_copy(entry, tree, copy)
        if dump(made) != dump(copy):
            problems.append(f"{name}: with and without mutants differ"
                            f"{difference(made, copy)}")
    return problems, seen


def names_mutants(library):
    """Whether a library has a symbol of the mechanism."""
    run = subprocess.run(["nm", library], stdout=subprocess.PIPE, text=True,
                         check=True)
    return "ppt__mutant" in run.stdout


def main(build, mutants, *libraries):
    """Compare all; exit 1 if anything differs."""
    tree = pathlib.Path(tempfile.mkdtemp())
    try:
        uses = copy_without(tree)
        problems, seen = compare_objects(pathlib.Path(build), tree)
    finally:
        shutil.rmtree(tree)
    if not uses or not seen or not names_mutants(mutants):
        sys.exit(f"{uses} mutants in {seen} objects: nothing was compared")
    problems += [f"{library}: has a symbol ppt__mutant"
                 for library in libraries if names_mutants(library)]
    repo.finish(problems, "PPT_MUTANT must be the constant 0 in a product.")


main(*sys.argv[1:])
