#!/usr/bin/env python3
"""Checks the text of every file in the repository: links in Markdown lead somewhere, and nothing names a path of
somebody's machine, a package registry's address, or a secret. Prints file:line and the reason; exits 1 if anything is wrong.
"""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent

# Written so that this file does not find itself.
FORBIDDEN = [
    (r"(?<![\w.~}>-])/(?:home/(?!nonroot)[a-z]|root/|Users/[A-Z]|work/|farm/)|/tmp/bash_[j]obs|[A-Z]:\\\\Users", "a path of one machine"),
    (r"registry\.[n]pmjs|registry\.[y]arnpkg|[p]ypi\.org|[p]ythonhosted|(?:index|static)\.[c]rates\.io|deb\.[d]ebian\.org", "the address of a package registry; the client's own setting names it"),
    (r"-----BEGIN [A-Z ]*PRIVATE [K]EY-----|\b(?:AKIA|ghp_|github_pat_)[A-Za-z0-9_]{16,}", "a secret"),
    (r"^(?:<{7}|>{7}) ", "a left-over of a merge"),
]
FORBIDDEN = [(re.compile(pattern), reason) for pattern, reason in FORBIDDEN]

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"`[^`]*`")


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown file's headings get."""
    headings = re.findall(r"^#+ +(.+?) *#*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def link_faults(file: Path, line: str) -> list[str]:
    faults = []
    for target in LINK.findall(CODE.sub("", line)):
        if re.match(r"[a-z]+:", target):
            continue  # another site: not ours to check, and there may be no network
        path, _, anchor = unquote(target).partition("#")
        goal = (file.parent / path).resolve() if path else file
        if not goal.exists():
            faults.append(f"the link leads nowhere: {target}")
        elif anchor and goal.suffix == ".md" and anchor not in anchors(goal.read_text()):
            faults.append(f"no such heading: {target}")
    return faults


def faults(file: Path):
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return  # a picture or the like
    in_code = False
    for number, line in enumerate(lines, 1):
        for pattern, reason in FORBIDDEN:
            if found := pattern.search(line):
                yield number, f"{reason}: {found.group().strip()}"
        if file.suffix == ".md":
            in_code ^= line.lstrip().startswith("```")
            if not in_code:
                for fault in link_faults(file, line):
                    yield number, fault


def main() -> None:
    found = [f"{file.relative_to(ROOT)}:{number}: {fault}" for file in tracked_files() for number, fault in faults(file)]
    print("\n".join(found) or "Links and words are fine.")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
