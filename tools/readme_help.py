"""Fill the generated blocks of the pages: the help of commands, and files shown whole.

    python tools/readme_help.py

A marker is `<!-- help: seqrt train -->` or `<!-- file: tests/recipes/spark.py -->`, followed by a
fenced block. tests/test_readme.py fails if a block differs from the command or the file.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    *(p for part in ("seqrt", "tests") for p in ROOT.glob(f"{part}/**/*.md")),
]
HELP = re.compile(r"(<!-- help: seqrt ?([a-z]*) -->\n```text\n)(.*?)(```\n)", re.DOTALL)
FILE = re.compile(r"(<!-- file: (\S+) -->\n```python\n)(.*?)(```\n)", re.DOTALL)


def help_of(command: str) -> str:
    """Return what `seqrt COMMAND --help` prints at 80 columns."""
    done = subprocess.run(
        [sys.executable, "-m", "seqrt", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "80", "PATH": ""},
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines()) + "\n"


def filled(page: str) -> str:
    """Return a page with its blocks as the commands and files are now."""
    page = HELP.sub(lambda m: m[1] + help_of(m[2]) + m[4], page)
    return FILE.sub(lambda m: m[1] + (ROOT / m[2]).read_text(encoding="utf-8") + m[4], page)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
