# SPDX-License-Identifier: BSD-3-Clause
"""The include law: includes go one way.

format <- core <- recovery <- host <- tools.  sim sees the public headers,
core/pm.h and the list of mutants only; nothing that is shipped includes sim,
tests or fuzz.
"""

import posixpath
import re

import repo

# Folder -> layer; the first that fits counts.
FOLDERS = [
    ("libpptable/include/pptable/", "public"),
    ("libpptable/format/", "format"),
    ("libpptable/core/", "core"),
    ("libpptable/host/", "host"),
    ("libpptable/export.h", "export"),
    ("recovery/", "recovery"),
    ("sim/", "sim"),
    ("tools/pptsim/", "pptsim"),
    ("tools/", "tools"),
    ("tests/", "tests"),
    ("fuzz/", "fuzz"),
    ("bench/", "bench"),
    ("examples/", "examples"),
]

SHIPPED = ["public", "format", "core", "recovery", "host", "tools"]

# Layer -> the layers, or single headers, that it may include.
MAY = {layer: set(SHIPPED[:i + 1]) for i, layer in enumerate(SHIPPED)}
MAY["export"] = {"public"}
MAY["sim"] = {"public", "sim", "libpptable/core/pm.h",
              "libpptable/format/mutant.h"}
MAY["pptsim"] = MAY["tools"] | {"sim", "pptsim"}
MAY["bench"] = set(SHIPPED) - {"tools"} | {"bench"}
MAY["examples"] = {"public", "examples"}
MAY["tests"] = MAY["fuzz"] = {layer for _, layer in FOLDERS}

HOST_HEADER = "libpptable/include/pptable/host.h"
FREESTANDING = {"format", "core", "recovery"}

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(name):
    return next((layer for folder, layer in FOLDERS
                 if name.startswith(folder)), None)


def resolve(includer, target):
    """The project's file that an include names, or None."""
    here = posixpath.dirname(includer)
    for base in (here, "libpptable/include", "libpptable", "."):
        path = posixpath.normpath(posixpath.join(base, target))
        if (repo.ROOT / path).is_file():
            return path
    return None


def check(name, line):
    """What is wrong with one line of a file, or None."""
    include = INCLUDE.match(line)
    if not include:
        return None
    target = include[2]
    found = resolve(name, target)
    if found is None:
        if include[1] == '"' or target.startswith("pptable/"):
            return f"{target} is not there"
        return None  # the system's
    layer = layer_of(name)
    if layer is None:
        return "its folder has no layer in tests/style/layering.py"
    if layer == "public" and (
            include[1] != "<" or not target.startswith("pptable/")):
        return f"a public header includes {target}, not <pptable/...>"
    if found == HOST_HEADER and layer in FREESTANDING:
        return f"{layer} is freestanding and includes {target}"
    if layer_of(found) in MAY[layer] or found in MAY[layer]:
        return None
    return f"{layer} includes {layer_of(found)}: {target}"


problems = []
for name in repo.files(".c", ".h"):
    for number, line in enumerate(repo.read(name), 1):
        problem = check(name, line)
        if problem:
            problems.append(f"{name}:{number}: {problem}")
repo.finish(problems, "The law is in docs/DESIGN.md, section on layers.")
