"""Files that are written whole or not at all.

What a reader finds under a final name is either the old file or the new one, complete and on the
disk: never half of one, whatever fails in between.
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

_STALE_SECONDS = 3600.0
# With its dots, its random part and four bytes a letter, a temporary name stays within 255 bytes.
_LONGEST_STEM = 59
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """Give a binary file that appears under `path` once it is whole and on the disk.

    It is written beside `path` as `.NAME.<random>.part` and renamed when the block ends without an
    exception. On any exception the part goes and an older file under `path` stays as it was. What a
    killed process left is swept up when the same path is written an hour later.

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
    """Raise OutputError where no file can appear under `path`, before there is one to write."""
    _target(path)


def check_not_input(out: str | Path, *inputs: str | Path | int) -> None:
    """Raise OutputError where `out` is one of the files that it is made from.

    An input is a path or the number of an open file.
    """
    for path in inputs:
        if _is_same(out, path):
            name = "its input" if isinstance(path, int) else path
            raise OutputError(
                f"E_OUTPUT_INPUT: a result must not be written over {name}, which it is made from."
                f" Name another file than {out}."
            )


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` under `path`, whole or not at all."""
    with writing(path) as file:
        file.write(data)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` under `path` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def make_folder(path: str | Path) -> None:
    """Make the folder `path`, with those above it, unless it is there; raise OutputError."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"E_OUTPUT_FOLDER: {path} must be a folder, and could not be made ({error.strerror})."
            " Change its permissions, or write elsewhere."
        ) from None


def _is_same(out: str | Path, path: str | Path | int) -> bool:
    try:
        return os.path.samefile(out, path)
    except (OSError, ValueError):
        return False  # one of them is not there


def _target(path: str | Path) -> Path:
    """Return the real file that `path` names, through links; raise OutputError where none can be.

    Renaming over a device or a pipe would destroy it, so only regular files are replaced.
    """
    try:
        target = Path(os.path.realpath(path))
        free = target.is_file() or not os.path.lexists(target)
    except (OSError, ValueError) as error:
        raise OutputError(
            f"E_OUTPUT_PATH: {path} must be the name of a file, and is none ({error})."
        ) from None
    if not free:
        raise OutputError(
            f"E_OUTPUT_PATH: {path} must be a file, and is {_kind(target)}. Name a file to write."
        )
    _check_access(target)
    return target


def _kind(target: Path) -> str:
    if target.is_dir():
        return "a folder"
    return "a link in a circle" if target.is_symlink() else "a device or a pipe"


def _check_access(target: Path) -> None:
    if not target.parent.is_dir():
        raise OutputError(
            f"E_OUTPUT_FOLDER: the folder of {target} must exist, and {target.parent} is none."
            " Make it first, or write elsewhere."
        )
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError(
            f"E_OUTPUT_DENIED: {target} must be writable, and is read-only."
            " Change its permissions, or write elsewhere."
        )


def _stem(target: Path) -> str:
    return target.name[:_LONGEST_STEM]


def _sweep(target: Path) -> None:
    """Remove the parts that killed processes left of this file an hour ago or earlier."""
    part_of_target = re.compile(rf"\.{re.escape(_stem(target))}\.[0-9a-f]{{8}}\.part")
    with os.scandir(target.parent) as entries:
        for entry in entries:
            if part_of_target.fullmatch(entry.name):
                # Another process may sweep, or finish, at the same time.
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
    """Have the rename on the disk too, where the system can do that for a folder."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    # The file is whole under its name by now: a refusal here is no reason to say otherwise.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_ours(error: OSError, part: Path) -> bool:
    """Whether `error` came of writing the part, not of what the caller did meanwhile.

    Errors of opening a file name it; those of writing to an open one have a number, or are numpy's.
    """
    if error.filename is not None:
        return str(error.filename) in (str(part), str(part.parent))
    return error.errno is not None or _is_short_write(error)


def _is_short_write(error: OSError) -> bool:
    """Whether numpy wrote a part of an array; it gives no number for that."""
    return error.errno is None and "requested and" in str(error)


def _explain(target: Path, error: OSError) -> OutputError:
    why = error.strerror or str(error)
    if error.errno in _FULL or _is_short_write(error):
        return OutputError(
            f"E_OUTPUT_DISK_FULL: {target} must fit on the disk, and could not be written whole"
            f" ({why}). Nothing was changed. Free some space, or write elsewhere."
        )
    if error.errno in _DENIED:
        return OutputError(
            f"E_OUTPUT_DENIED: {target.parent} must be a folder to write in, and refused ({why})."
            " Change its permissions, or write elsewhere."
        )
    return OutputError(
        f"E_OUTPUT_FAILED: {target} could not be written ({why}). Nothing was changed."
        " Write elsewhere, or look at the disk."
    )
