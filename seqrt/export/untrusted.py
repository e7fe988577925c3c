"""Reads a file that another program saved, which may be anything, and shows its names safely."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqrt.errors import InputError

LARGEST_FILE = 1 << 30


def as_ascii(value: Any) -> str:
    """Return a value from the file as short printable ASCII, safe to show on a terminal."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def bytes_of(
    path: str | os.PathLike[str], bad_file: Callable[[str, str], InputError], kind: str
) -> bytes:
    """Return the bytes of a regular file of limited size; raise InputError for any other.

    `bad_file` makes that error of what is wrong and what to do; `kind` is "a .keras or .h5 file".
    """
    path = Path(path)
    name = as_ascii(str(path))
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise bad_file(
                    f"{name} must be a regular file, not a folder, pipe or device", f"Name {kind}."
                )
            if found.st_size > LARGEST_FILE:
                raise bad_file(
                    f"{name} has {found.st_size:,} bytes, more than the {LARGEST_FILE:,} that can"
                    " be imported",
                    "Save a smaller network, without its optimizer.",
                )
            return file.read(found.st_size)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(f"E_INPUT_FILE: cannot read {name}: {why}.") from None
