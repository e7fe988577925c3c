"""Atomic writing: a file appears under its name whole or not at all.

A reader finds either the old file or the new one, complete and on the disk, and never half a file,
whatever fails in between.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from seqrt.errors import OutputError

# Temporary files older than this were left by a killed process.
_STALE_SECONDS = 3600.0
# In characters. At four bytes each, with the dots and the random part, a temporary name fits into
# the 255 bytes that file systems allow.
_LONGEST_STEM = 59
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a binary file that appears under `path` once it is complete and on the disk.

    It is written beside `path` as `.NAME.<random>.part`, and renamed when the block ends without an
    exception. On any exception the part is removed, and an older file under `path` is unchanged. A
    part that a killed process left is removed when the same path is written an hour later or more.

    Raises OutputError: E_OUTPUT_PATH, E_OUTPUT_FOLDER, E_OUTPUT_DENIED, E_OUTPUT_DISK_FULL,
    E_OUTPUT_FAILED.
    """
    target = _target(path)
    part = target.with_name(f".{_stem(target)}.{secrets.token_hex(4)}.part")
    try:
        _sweep(target)
        with _removed_on_failure(part), open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            _keep_permissions(target, part)
            os.replace(part, target)
    except OSError as error:
        if _is_ours(error, part):
            raise _explain(target, error) from None
        raise
    _sync_folder(target.parent)


def check_writable(path: str | Path) -> None:
    """Raise OutputError if `path` cannot be written; call it before the work on its content."""
    _target(path)


def check_not_input(out: str | Path, *inputs: str | Path | int) -> None:
    """Raise OutputError if `out` is the same file as one of the `inputs` that it is made from.

    An input is a path or the file descriptor of an open file.
    """
    for path in inputs:
        if _is_same(out, path):
            name = "" if isinstance(path, int) else f" {path}"
            raise OutputError(
                f"E_OUTPUT_INPUT: cannot write {out}: it is the same file as the input{name}."
                " Choose another name."
            )


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with writing(path) as file:
        file.write(data)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def make_folder(path: str | Path) -> None:
    """Create the folder `path` and its parents unless they exist; raise OutputError on failure."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"E_OUTPUT_FOLDER: cannot create the folder {path} ({error.strerror})."
            " Change the permissions, or write elsewhere."
        ) from None


def _is_same(out: str | Path, path: str | Path | int) -> bool:
    try:
        return os.path.samefile(out, path)
    except (OSError, ValueError):
        return False  # one of them does not exist


def _target(path: str | Path) -> Path:
    """Return the file at `path` with links resolved; raise OutputError if it cannot be written.

    Only regular files are replaced, because renaming over a device or a pipe would destroy it.
    """
    try:
        target = Path(os.path.realpath(path))
        free = target.is_file() or not os.path.lexists(target)
    except (OSError, ValueError) as error:
        raise OutputError(
            f"E_OUTPUT_PATH: {path} is not a valid file name ({error}). Choose another name."
        ) from None
    if not free:
        raise OutputError(
            f"E_OUTPUT_PATH: {path} must be a file, not {_kind(target)}. Choose another name."
        )
    _check_access(target)
    return target


def _kind(target: Path) -> str:
    if target.is_dir():
        return "a folder"
    return "a circular link" if target.is_symlink() else "a device or a pipe"


def _check_access(target: Path) -> None:
    folder = target.parent
    if not folder.is_dir():
        why = f"the folder {folder} does not exist. Create it first"
        if os.path.lexists(folder):
            why = f"{folder} is not a folder. Move it away"
        raise OutputError(f"E_OUTPUT_FOLDER: cannot write {target}: {why}, or write elsewhere.")
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError(
            f"E_OUTPUT_DENIED: cannot write {target}: it is read-only."
            " Change its permissions, or write elsewhere."
        )


def _stem(target: Path) -> str:
    return target.name[:_LONGEST_STEM]


def _sweep(target: Path) -> None:
    """Remove parts of this file that killed processes left an hour ago or earlier."""
    part_of_target = re.compile(rf"\.{re.escape(_stem(target))}\.[0-9a-f]{{8}}\.part")
    with os.scandir(target.parent) as entries:
        for entry in entries:
            if part_of_target.fullmatch(entry.name):
                # Another process may remove it, or finish it, at the same time.
                with suppress(OSError):
                    if time.time() - entry.stat().st_mtime > _STALE_SECONDS:
                        os.unlink(entry.path)


@contextmanager
def _removed_on_failure(part: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _keep_permissions(target: Path, part: Path) -> None:
    with suppress(FileNotFoundError):
        part.chmod(target.stat().st_mode & 0o777)


def _sync_folder(folder: Path) -> None:
    """Force the rename to the disk, on systems that can do that for a folder."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    # The file is complete under its name by now, so a failure here is not an error of writing.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_ours(error: OSError, part: Path) -> bool:
    """Whether `error` came from writing the part, and not from the caller's own work.

    An error of opening a file names the file. An error of writing to an open file has an errno, or
    comes from numpy.
    """
    if error.filename is not None:
        return str(error.filename) in (str(part), str(part.parent))
    return error.errno is not None or _is_short_write(error)


def _is_short_write(error: OSError) -> bool:
    """Whether numpy could write only part of an array, which it reports without an errno."""
    return error.errno is None and "requested and" in str(error)


def _explain(target: Path, error: OSError) -> OutputError:
    why = error.strerror or str(error)
    if error.errno in _FULL or _is_short_write(error):
        return OutputError(
            f"E_OUTPUT_DISK_FULL: {target} does not fit on the disk ({why}). Nothing was changed."
            " Free some space, or write elsewhere."
        )
    if error.errno in _DENIED:
        return OutputError(
            f"E_OUTPUT_DENIED: cannot write {target}: its folder is not writable ({why})."
            " Change the permissions of the folder, or write elsewhere."
        )
    return OutputError(
        f"E_OUTPUT_FAILED: cannot write {target} ({why}). Nothing was changed."
        " Check the disk, or write elsewhere."
    )
