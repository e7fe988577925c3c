"""The arrays of an .npz archive: `x`, and optionally `y` and `lengths`.

The directory of the archive gives the unpacked size of each member, which is checked before any
member is read. Each member's CRC is verified.

A large x that is stored uncompressed as float32, as np.savez does, is mapped from the file instead
of read, so it may be larger than memory.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from seqrt.data.limits import DEFAULT_LIMITS, ReadLimits
from seqrt.data.readers.npy import RAGGED, read_array, read_header
from seqrt.data.readers.source import opened
from seqrt.errors import InputError

MEMBERS = ("x", "y", "lengths")

# Names under which other programs store the same, in lower case.
_OTHER_NAMES = {
    "x": {
        *("x", "x_train", "xtrain", "train_x", "train_data", "data", "features", "inputs", "input"),
        *("samples", "sequences", "signals", "series"),
    },
    "y": {
        *("y", "y_train", "ytrain", "train_y", "train_labels", "labels", "label", "targets"),
        *("target", "outputs", "output", "classes"),
    },
    "lengths": {"lengths", "length", "lens", "len", "seq_lens", "seq_lengths", "seq_len"},
}

# What to write instead of an array of objects.
_INSTEAD = {
    "y": (
        "Write labels as text, y=y.astype(str), or as numbers, y=y.astype(float); a label for every"
        " step as y=np.concatenate(y), with the lengths of the sequences."
    ),
    "lengths": "Write lengths as numbers, lengths=lengths.astype(np.int64).",
}

# Deflate reaches 1000:1 on zeros, which real data may contain; only a large archive can do harm.
_HIGHEST_RATIO = 200
_HARMLESS = 64 << 20
_ENCRYPTED = 0x1

_PIECE = 1 << 20

# In a member's header: the offset of the lengths of its name and extra field, and the length of the
# header without those two.
_LENGTHS_AT, _HEADER = 26, 30

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    LookupError,
)


def read_npz(path: str | Path, limits: ReadLimits = DEFAULT_LIMITS) -> dict[str, NDArray[Any]]:
    """Return the arrays of the archive at `path`: x, and y and lengths where present.

    A single array is x, whatever its name, and X and Y are x and y. Raises InputError if the
    archive is damaged, would unpack to more than `limits.unpacked` bytes, or contains anything
    else; MemoryError if x is to be mapped but cannot be. A file whose x is mapped must not change
    while x is in use.
    """
    with opened(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                infos = _check_directory(archive.infolist(), path, limits)
                return {
                    key: _read_member(archive, info, path, limits) for key, info in infos.items()
                }
        except InputError:
            raise
        except _DAMAGE as error:
            raise InputError(
                f"E_INPUT_DAMAGED: {path} must be an archive written by np.savez, but cannot be"
                f" read ({error}). Copy it again."
            ) from None


def _check_directory(
    infos: list[zipfile.ZipInfo], path: str | Path, limits: ReadLimits
) -> dict[str, zipfile.ZipInfo]:
    """Check the directory, before any member is read; return the members by key."""
    keys = [info.filename.removesuffix(".npy") for info in infos]
    if len(keys) == 1 and keys[0] not in MEMBERS:
        keys = ["x"]
    if len({key.lower() for key in keys}) == len(keys):
        keys = [key.lower() if key.lower() in MEMBERS else key for key in keys]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(
            f"E_INPUT_MEMBERS: {path} must contain {twice!r:.60} only once, got it twice."
            " Write it again with np.savez."
        )
    if "x" not in keys or not set(keys) <= set(MEMBERS):
        found = ", ".join(f"{key!r:.60}" for key in keys[:8]) or "nothing"
        raise InputError(
            f"E_INPUT_MEMBERS: {path} must contain x, and may contain y and lengths, but"
            f" nothing else; got {found}. {_rewriting(path, keys)}"
        )
    _check_bomb(infos, path, limits)
    return dict(zip(keys, infos, strict=True))


def _rewriting(path: str | Path, keys: list[str]) -> str:
    """Return how to write the archive again, with the members that are probably meant."""
    found = {
        member: next((key for key in keys if key.lower() in names), None)
        for member, names in _OTHER_NAMES.items()
    }
    if found["x"] is None:
        return "Write it again: np.savez(path, x=..., y=..., lengths=...)."
    arrays = ", ".join(f"{member}=old[{key!r:.60}]" for member, key in found.items() if key)
    name = Path(path).name
    return f"If these are meant, write it again: old = np.load({name!r}); np.savez(path, {arrays})."


def _check_bomb(infos: list[zipfile.ZipInfo], path: str | Path, limits: ReadLimits) -> None:
    infos = [info for info in infos if not _may_be_mapped(info, limits)]
    unpacked = sum(info.file_size for info in infos)
    packed = max(1, sum(info.compress_size for info in infos))
    if unpacked > limits.unpacked:
        raise _too_large(path, limits, unpacked)
    if unpacked > _HARMLESS and unpacked > _HIGHEST_RATIO * packed:
        raise InputError(
            f"E_INPUT_BOMB: {path} must unpack to at most {_HIGHEST_RATIO} times its size, but"
            f" declares {unpacked:,} bytes in {packed:,}. Write it again with np.savez."
        )


def _may_be_mapped(info: zipfile.ZipInfo, limits: ReadLimits) -> bool:
    stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
    large = info.file_size >= limits.mapped
    return stored and large and info.filename not in ("y.npy", "lengths.npy")


def _read_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str | Path, limits: ReadLimits
) -> NDArray[Any]:
    name = f"{path}, {info.filename.removesuffix('.npy')}"
    plain = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if not plain or info.flag_bits & _ENCRYPTED:
        raise InputError(
            f"E_INPUT_FORMAT: {name} must be stored or deflated, without a password."
            " Write it again with np.savez."
        )
    if _may_be_mapped(info, limits):
        array = _mapped(archive, info, name)
        if array is not None:
            return array
        if info.file_size > limits.unpacked:
            raise _too_large(path, limits, info.file_size)
    with archive.open(info) as member:
        fix = _INSTEAD.get(info.filename.removesuffix(".npy").lower(), RAGGED)
        array = read_array(member, info.file_size, name, fix)
        # the CRC is compared at the end of the member, which takes one read past its last byte
        member.read(1)
        return array


def _mapped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> NDArray[Any] | None:
    """Return a stored member of float32 mapped from the file; None for other types."""
    with archive.open(info) as member:
        header, used = read_header(member, info.file_size, name)
        if header.dtype != np.float32 or header.fortran_order:
            return None
        while member.read(_PIECE):  # to the end, where the CRC is compared
            pass
    file = archive.fp
    assert file is not None
    try:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise MemoryError from error
    return np.ndarray(header.shape, header.dtype, whole, _data_offset(file, info) + used)


def _data_offset(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Return the offset in the archive at which the bytes of a member begin."""
    file.seek(info.header_offset + _LENGTHS_AT)
    name, other = struct.unpack("<HH", file.read(4))
    return info.header_offset + _HEADER + int(name) + int(other)


def _too_large(path: str | Path, limits: ReadLimits, size: int) -> InputError:
    return InputError(
        f"E_INPUT_SIZE: {path} must unpack to at most {limits.unpacked:,} bytes, but declares"
        f" {size:,}. Split it, or write x as float32 with np.savez: such an x may be of any size."
    )
