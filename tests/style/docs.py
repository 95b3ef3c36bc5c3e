# SPDX-License-Identifier: BSD-3-Clause
"""What the documents and the headers say is there, is there.

- Every invariant that is cited in the code stands in docs/INVARIANTS.md, and
  each of those is cited somewhere in what is shipped.
- Every file, and every function or test in it, that docs/INVARIANTS.md names
  exists.
- Every public function is in a comment of a public header, and one that
  returns an error says so after "Return".
- README.md: its commands and folders exist, its example is the one that is
  compiled; the exit codes are those of the manual page.
- Every problem and every action of the headers is in its manual page, with its
  severity, message and repair, and in that order.
- Relative links lead to files.
"""

import posixpath
import re

import repo

INVARIANTS = "docs/INVARIANTS.md"
README = "README.md"
EXAMPLE = "examples/hello/hello.c"
MANUAL = "docs/man/pptctl.1"
PROBLEMS = "docs/man/pptctl-problems.7"
HEADERS = "libpptable/include/pptable/"
SHIPPED = ("libpptable/", "recovery/")

problems = []


def text(name):
    return "\n".join(repo.read(name)) + "\n"


def exists(path):
    return (repo.ROOT / path).exists()


# ------------------------------------------------------------- invariants --

CITED = re.compile(r"\[(I\d+(?:, ?I\d+)*)\]|\bOwns (I\d+(?:,? (?:and )?I\d+)*)")
ROW = re.compile(r"^\| (I\d+) \|", re.MULTILINE)
PLACE = re.compile(r"`([\w./-]+/[\w.-]+)(?::(\w+))?`")


def check_citations():
    known = set(ROW.findall(text(INVARIANTS)))
    shipped = set()
    for name in repo.files(".c", ".h", ".md"):
        if name == INVARIANTS:
            continue
        for number, line in enumerate(repo.read(name), 1):
            for match in CITED.finditer(line):
                cited = re.findall(r"I\d+", match[0])
                if name.startswith(SHIPPED):
                    shipped.update(cited)
                for one in cited:
                    if one not in known:
                        problems.append(f"{name}:{number}: {one} is not in "
                                        f"{INVARIANTS}")
    for one in sorted(known - shipped):
        problems.append(f"{INVARIANTS}: {one} is cited nowhere in the code")


def check_places():
    for number, line in enumerate(repo.read(INVARIANTS), 1):
        for path, function in PLACE.findall(line):
            where = f"{INVARIANTS}:{number}"
            if not exists(path):
                problems.append(f"{where}: {path} is not there")
            elif function and not re.search(rf"\b{function}\b", text(path)):
                problems.append(f"{where}: {path} has no {function}")


# ---------------------------------------------------------------- headers --

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
PROTOTYPE = re.compile(
    r"^([a-z][\w ]*?[ *]+)(ppt_[a-z0-9_]+)\(([^;{}]*)\);", re.MULTILINE)


def check_headers():
    names = [n for n in repo.files(".h") if n.startswith(HEADERS)]
    comments = "\n".join("\n".join(COMMENT.findall(text(n))) for n in names)
    for name in names:
        whole = text(name)
        code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), whole)
        for match in PROTOTYPE.finditer(code):
            result, function = match[1].strip(), match[2]
            # The comment right above; one may stand above several.
            above = COMMENT.findall(whole[:match.start()])
            above = above[-1] if above else ""
            number = whole[:match.start()].count("\n") + 1
            if not re.search(rf"\b{function}\b", comments):
                problems.append(f"{name}:{number}: {function} is in no "
                                "comment")
            elif result == "int" and not (
                    re.search(rf"\b{function}\b", above) and
                    ("Return:" in above or "PPT_E_" in above)):
                problems.append(f"{name}:{number}: {function} returns an "
                                "error, its comment has no \"Return:\"")


# ----------------------------------------------------------------- README --

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)")
FOLDER = re.compile(r"`([a-z][\w./-]*/)`")


def check_command(line):
    """What is wrong with one line of a shell example, or None."""
    words = line.split("#")[0].split()
    if not words:
        return None
    program = words[0]
    if program == "pptctl":
        command = " ".join(re.findall(r"^[a-z-]+$", words[1], re.MULTILINE))
        if not re.search(rf"^\.(?:It )?Cm {command}\b", text(MANUAL),
                         re.MULTILINE):
            return f"pptctl has no command {command}"
        return None
    # A program that is built stands in the folder of its sources.
    source = re.sub(r"^build/(.*?)/?(pptbench)?$", r"\1", program)
    return None if exists(source) else f"{program} is not there"


def check_readme():
    readme = text(README)
    blocks = BLOCK.findall(readme)
    for language, body in blocks:
        if language != "sh":
            continue
        for line in body.splitlines():
            problem = check_command(line)
            if problem:
                problems.append(f"{README}: {problem}")
    for program in re.findall(r"`((?:build|tools|tests)/[\w/]+)`", readme):
        problem = check_command(program)
        if problem:
            problems.append(f"{README}: {problem}")
    for folder in FOLDER.findall(readme):
        if not exists(folder):
            problems.append(f"{README}: {folder} is not there")
    excerpt = re.search(r"/\* README begin \*/\n(.*?)\t/\* README end \*/",
                        text(EXAMPLE), re.DOTALL)
    if not excerpt or excerpt[1] not in [body for _, body in blocks]:
        problems.append(f"{README}: its example is not that of {EXAMPLE}")
    for mark in ("figures:begin", "figures:end"):
        if readme.count(f"<!-- {mark} -->") != 1:
            problems.append(f"{README}: not one line <!-- {mark} -->")
    manual = re.search(r"^\.Sh EXIT STATUS$(.*?)^\.Sh", text(MANUAL),
                       re.DOTALL | re.MULTILINE)
    codes = set(re.findall(r"^\.It (\d+)$", manual[1], re.MULTILINE))
    told = set(re.findall(r"^\| (\d+) \|", readme, re.MULTILINE))
    if codes != told:
        problems.append(f"{README}: exit codes {sorted(told, key=int)}, in "
                        f"{MANUAL} {sorted(codes, key=int)}")


# --------------------------------------------------------------- problems --

WORDS = r'((?:"[^"]*"\s*)+)'
PROBLEM = re.compile(r'\bX\(\w+,\s*"([a-z-]+)",\s*([A-Z]+),\s*' + WORDS +
                     r",\s*" + WORDS + r"\)")
ACTION = re.compile(r'\bX\(\w+,\s*"([a-z-]+)",\s*(true|false),\s*' + WORDS +
                    r"\)")


def words(literals):
    return "".join(re.findall(r'"([^"]*)"', literals))


def check_problems():
    check = text(HEADERS + "check.h").replace("\\\n", "")
    repair = text(HEADERS + "repair.h").replace("\\\n", "")
    page = text(PROBLEMS)
    told = "".join(
        f".It Sy {code} Pq {severity.lower()}\n{words(message)}\n"
        f".br\nRepair: {words(what)}\n"
        for code, severity, message, what in PROBLEM.findall(check))
    if not told or f"\n.Bl -tag -width Ds\n{told}.El\n" not in page:
        problems.append(f"{PROBLEMS}: its problems are not those of check.h:\n"
                        f"{told}")
    told = "".join(
        f".It Sy {code}{' Pq lossy' if lossy == 'true' else ''}\n"
        f"{words(message)}\n"
        for code, lossy, message in ACTION.findall(repair))
    if not told or f"\n.Bl -tag -width Ds\n{told}.El\n" not in page:
        problems.append(f"{PROBLEMS}: its actions are not those of repair.h:\n"
                        f"{told}")


def check_links():
    for name in repo.files(".md"):
        for number, line in enumerate(repo.read(name), 1):
            for target in LINK.findall(line):
                path = posixpath.normpath(
                    posixpath.join(posixpath.dirname(name), target))
                if not exists(path):
                    problems.append(f"{name}:{number}: {target} is not there")


check_citations()
check_places()
check_headers()
check_readme()
check_problems()
check_links()
repo.finish(problems, "Correct the document, or the code.")
