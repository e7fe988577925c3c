"""Why a network cannot become a file, and where in the user's own code that is decided."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path
from typing import Any

import torch

_TORCH = str(Path(torch.__file__).parent)
_OWN = str(Path(__file__).parent)


class Refused(Exception):
    """The network cannot become a file: why, where, and what to write instead."""

    def __init__(self, why: str, instead: str = "", where: str = "") -> None:
        """Keep the reason; a caller may add `where`, the user's line, and `module`, the layer."""
        super().__init__(why)
        self.why, self.instead, self.where = why, instead, where
        self.module = ""

    def sentence(self) -> str:
        """Return one line: where, why, and what to write instead."""
        where = f"{self.where}: " if self.where else ""
        instead = f" {self.instead}" if self.instead else ""
        return f"net cannot be exported: {where}{self.why}.{instead}"


class RunsOverBatch(Refused):
    """A recurrent layer reads the batch as its time: perhaps x must be time-major."""


class NotStreamable(Exception):
    """The network can become a file, but one without a state."""


def is_users(filename: str) -> bool:
    """Return whether a frame of this file is neither torch's nor this package's."""
    return not filename.startswith((_TORCH, _OWN, "<"))


def line_of_node(node: Any) -> str:
    """Return the user's own line that a node of a traced graph comes from, or nothing."""
    found = ""
    for line in (node.stack_trace or "").splitlines():
        if line.lstrip().startswith('File "'):
            filename, number = line.strip()[6:].split('", line ')
            if is_users(filename):
                found = place(filename, int(number.split(",")[0]))
    return found


def line_of_error(error: BaseException) -> str:
    """Return the user's own line in a forward that an error was raised from, or nothing."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if is_users(f.filename)]
    inside = [f for f in frames if f.name == "forward"]
    if not inside:
        return ""
    last = frames[-1]
    return place(last.filename, last.lineno or 0)


def place(filename: str, number: int) -> str:
    """Return file, line number and text of a line of code."""
    text = linecache.getline(filename, number).strip()
    return f"{filename}:{number}" + (f" ({text:.100})" if text else "")
