"""Opens data files: regular files only, with one clear error otherwise."""

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
    """Open the regular file at `path` for reading; raise InputError where that is not possible.

    A pipe would block and a device might never end, so neither is opened.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            kind = "a folder" if Path(path).is_dir() else "a device or a pipe"
            raise InputError(f"E_INPUT_FILE: {path} must be a file, not {kind}.")
        with open(path, "rb") as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"E_INPUT_FILE: {path} does not exist. Check the name.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise  # InputError is a ValueError, and names the cause already
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"E_INPUT_FILE: {path} cannot be read ({why}). Check its name and permissions."
        ) from None


def digest(path: str | Path) -> str:
    """Return the SHA-256 of the file at `path`, as hex."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
