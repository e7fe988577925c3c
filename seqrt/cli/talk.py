"""Messages to the user go to stderr; stdout carries results only."""

from __future__ import annotations

import sys


def say(line: str = "") -> None:
    """Write a line to stderr, at once."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def say_labelled(label: str, text: object) -> None:
    """Write a label and a text, aligned with the other labelled lines."""
    # a column may have a name of several lines
    say(f"{label:12}{' '.join(str(text).splitlines())}")
