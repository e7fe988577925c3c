"""Write the help of the commands into the README, where a marker asks for it.

    python tools/readme_help.py

A marker is `<!-- help: seqrt train -->`, followed by a block of text. tests/test_readme.py fails
where the README and the commands differ.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- help: seqrt ?([a-z]*) -->\n```text\n)(.*?)(```\n)", re.DOTALL)


def help_of(words: str) -> str:
    """Return what `seqrt WORDS --help` prints at 80 columns."""
    done = subprocess.run(
        [sys.executable, "-m", "seqrt", *words.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "80", "PATH": ""},
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines()) + "\n"


if __name__ == "__main__":
    text = README.read_text()
    README.write_text(BLOCK.sub(lambda m: f"{m[1]}{help_of(m[2])}{m[4]}", text))
