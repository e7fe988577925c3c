"""Opens data files: regular files only, with one clear error otherwise."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from seqrt.errors import InputError

Source = str | Path | tuple[str, ...]
"""A file, a folder of tables, or several of them."""

TABLES = (".csv", ".parquet")
ARRAYS = (".npy", ".npz")
# What `seqrt predict` appends to the name of a file for that of its predictions.
PREDICTIONS = ".pred"


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


def files_of(source: Source) -> tuple[Path, ...]:
    """Return the files of a source: of a folder its tables, in the order of their names.

    Predictions that `seqrt predict` wrote beside the tables (NAME.pred.csv) are not among them.
    Raises InputError (E_INPUT_FILE) for a folder without any.
    """
    if isinstance(source, tuple):
        return tuple(path for each in source for path in files_of(each))
    path = Path(source)
    if not is_several(source):
        return (path,)
    tables = (each for each in path.iterdir() if each.suffix.lower() in TABLES)
    found = tuple(sorted(each for each in tables if not each.stem.endswith(PREDICTIONS)))
    if not found:
        raise InputError(
            f"E_INPUT_FILE: {path} is a folder, and must hold tables: {' or '.join(TABLES)} files."
        )
    return found


def is_several(source: Source) -> bool:
    """Whether a source is a folder or a list of files, whose tables are joined."""
    if isinstance(source, tuple):
        return True
    return os.path.isdir(source) and Path(source).suffix.lower() not in (*TABLES, *ARRAYS)


def name_of(source: Source) -> str:
    """Return a name for a source: that of its file, or of the folder of its files."""
    if not isinstance(source, tuple):
        return Path(source).resolve().name if is_several(source) else Path(source).stem
    folders = {Path(each).resolve().parent for each in source}
    return folders.pop().name if len(folders) == 1 else Path(source[0]).stem


def shown(source: Source) -> str:
    """Return a source as text: the path, or the number of files with the first and the last."""
    if not isinstance(source, tuple):
        return str(source)
    return source[0] if len(source) == 1 else f"{len(source)} files, {source[0]} to {source[-1]}"


def digest(source: Source) -> str:
    """Return the SHA-256 of a file, or of those of several files after each other, as hex."""
    if not is_several(source):
        return _digest(files_of(source)[0])
    every = "".join(_digest(path) for path in files_of(source))
    return hashlib.sha256(every.encode()).hexdigest()


def _digest(path: Path) -> str:
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
