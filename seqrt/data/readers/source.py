"""The file that data comes from: a regular file, or one clear refusal."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from seqrt.errors import InputError


@contextmanager
def opened(path: str | Path) -> Iterator[BufferedReader]:
    """Give the regular file at `path`, open for reading; raise InputError where there is none.

    A pipe would block and a device might never end, so neither is opened.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            kind = "a folder" if Path(path).is_dir() else "a device or a pipe"
            raise InputError(f"E_INPUT_FILE: {path} must be a file, and is {kind}.")
        with open(path, "rb") as file:
            yield file
    except FileNotFoundError:
        raise InputError(
            f"E_INPUT_FILE: {path} must be a file, and there is none. Check the name."
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise  # it is a ValueError too, and has said all
        why = getattr(error, "strerror", None) or error
        raise InputError(f"E_INPUT_FILE: {path} must be readable, and is not ({why}).") from None


def digest(path: str | Path) -> str:
    """Return the SHA-256 of the file at `path`, as hex."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
