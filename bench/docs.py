"""Dead links and stale paths in the documentation: `python -m bench.docs`.

A relative link must lead to a file of the repository (and to a heading, with `#`); a path or
module in backticks that begins with a folder of ours must exist.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = "citypatrol|ingest|detectors|rules|tickets|sinks|edge|app|grafana|bench|docs|tests"
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*)`")
MODULE = re.compile(rf"python -m ((?:{FOLDERS})(?:\.\w+)+)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)


def problems(page: Path) -> Iterator[str]:
    """What is wrong in one Markdown page, as `path:line: message`."""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        for message in _line_problems(page, line):
            yield f"{page.relative_to(ROOT)}:{number}: {message}"


def _line_problems(page: Path, line: str) -> Iterator[str]:
    for target in LINK.findall(line):
        name, _, anchor = target.partition("#")
        if ":" in name:
            continue
        file = (page.parent / name).resolve() if name else page
        if not file.exists():
            yield f"dead link {target}"
        elif anchor and anchor not in _anchors(file):
            yield f"no heading for #{anchor} in {file.relative_to(ROOT)}"
    for path in PATH.findall(line):
        if not (ROOT / path).exists():
            yield f"stale path {path}"
    for module in MODULE.findall(line):
        path = ROOT / module.replace(".", "/")
        if not path.with_suffix(".py").exists() and not (path / "__main__.py").exists():
            yield f"stale module {module}"


def _anchors(page: Path) -> set[str]:
    """GitHub's anchors: lower case, blanks to hyphens, other signs away."""
    titles = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def main() -> int:
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    found = [problem for name in names for problem in problems(ROOT / name)]
    print(*found, sep="\n" if found else "")
    print(f"{len(names)} pages, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
