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

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
TEXT = ".txt"
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

    Predictions that `seqrt predict` wrote beside the tables (NAME.pred.csv) are not among them. A
    folder without tables has the .txt files of its `class_folders`, or else its own. Raises
    InputError (E_INPUT_FILE) for a folder with neither.
    """
    if isinstance(source, tuple):
        return tuple(path for each in source for path in files_of(each))
    path = Path(source)
    if not is_several(source):
        return (path,)
    tables = [each for each in _files_in(path, *TABLES) if not each.stem.endswith(PREDICTIONS)]
    found = tables or [text for each in class_folders(path) for text in _files_in(each, TEXT)]
    found = found or _files_in(path, TEXT)
    if not found:
        raise InputError(
            f"E_INPUT_FILE: {path} is a folder, and must hold tables ({', '.join(TABLES)}), .txt"
            " files, or a folder of .txt files for each class."
        )
    return tuple(found)


def class_folders(folder: str | Path) -> list[Path]:
    """Return the folders with .txt files in a folder, by name; hidden ones are none of them."""
    inside = sorted(each for each in Path(folder).iterdir() if not each.name.startswith("."))
    return [each for each in inside if each.is_dir() and _files_in(each, TEXT)]


def _files_in(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in suffixes)


def check_utf8(path: str | Path, content: bytes) -> None:
    """Raise InputError (E_INPUT_ENCODING) with the first line of `content` that is not UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise not_utf8(path, 1 + content.count(b"\n", 0, error.start)) from None


def not_utf8(path: str | Path, line: int) -> InputError:
    """Return the error for a line that is not UTF-8."""
    return InputError(
        f"E_INPUT_ENCODING: {path} must be UTF-8 text, but line {line} is not. Save the file as"
        " UTF-8."
    )


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
