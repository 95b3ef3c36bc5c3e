# SPDX-License-Identifier: BSD-3-Clause
"""Every C file is as clang-format 14 would write it.

With --fix, makes it so.
"""

import subprocess
import sys

import repo

action = ["-i"] if "--fix" in sys.argv[1:] else ["--dry-run", "--Werror"]
command = ["clang-format-14", "--style=file", *action, *repo.files(".c", ".h")]
if subprocess.run(command, cwd=repo.ROOT, check=False).returncode:
    sys.exit("Run tests/style/clang_format.py --fix with python3.")
