# SPDX-License-Identifier: BSD-3-Clause
"""No file names a place that exists on one developer's machine only."""

import re

import repo

# Written so that this file does not match itself.
FOLDERS = ("work", "root", "home/[a-z]", "mnt", "workspace", "builds")
HOSTS = ("deb.debian", "pypi", "pythonhosted", "npmjs", "crates", "golang")

PATH = re.compile(r"(?<![\w.$)}\]/-])/(?:" + "|".join(FOLDERS) + r")(?=/)"
                  r"|(?<![\w-])(?:" + "|".join(HOSTS) + r")\.(?:org|com|io)\b")

problems = []
for name in repo.files():
    try:
        lines = repo.read(name)
    except UnicodeDecodeError:
        continue  # an image or a corpus file
    for number, line in enumerate(lines, 1):
        match = PATH.search(line)
        if match:
            problems.append(f"{name}:{number}: {match[0]}")
repo.finish(problems, "Name places relative to the repository, or by a "
            "variable.")
