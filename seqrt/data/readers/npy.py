"""One array from .npy bytes, checked before any memory is allocated for it.

The header is a Python literal that numpy evaluates. Here it is matched by patterns instead: nothing
in the file is evaluated or unpickled, and the shape must agree with the size of the file exactly.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.data.readers.source import opened
from seqrt.errors import InputError

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000
_MOST_AXES = 3
_LARGEST_EMPTY = 1 << 22
_PIECE = 1 << 20

RAGGED = (
    "Write sequences of different lengths one after the other:"
    " np.savez(path, x=np.concatenate(x), lengths=[len(item) for item in x], y=y)."
)
"""How to write the arrays of an array of objects instead."""

_PLAIN_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|[SU][1-9][0-9]{0,5})")
_HEADER_FIELDS = {
    "descr": re.compile(r"""(['"])descr\1\s*:\s*(['"])(?P<value>[^'"]*)\2"""),
    "fortran_order": re.compile(r"""(['"])fortran_order\1\s*:\s*(?P<value>True|False)"""),
    "shape": re.compile(r"""(['"])shape\1\s*:\s*\((?P<value>[0-9,\s]*)\)"""),
}


class Header(NamedTuple):
    """The dtype, memory order and shape of an array that has not been read yet."""

    dtype: np.dtype[Any]
    fortran_order: bool
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The size of the array in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def order(self) -> Literal["F", "C"]:
        """The axis that varies fastest in memory: the first (F) or the last (C)."""
        return "F" if self.fortran_order else "C"


def read_npy(path: str | Path) -> NDArray[Any]:
    """Return the array in the .npy file at `path`, in native byte order."""
    with opened(path) as file:
        return read_array(file, os.fstat(file.fileno()).st_size, str(path))


def read_array(file: IO[bytes], size: int, name: str, fix: str = RAGGED) -> NDArray[Any]:
    """Return the array in the `size` bytes of .npy in `file`; `name` is for error messages.

    `fix` is the sentence that says how to write an array of objects instead.

    Raises InputError: E_INPUT_FORMAT, E_INPUT_TRUNCATED, E_INPUT_DTYPE, E_INPUT_SHAPE.
    """
    header, _ = read_header(file, size, name, fix)
    raw = np.empty(header.size, np.uint8)
    _fill(file, raw, name)
    array: NDArray[Any] = raw.view(header.dtype)
    return clean(array.reshape(header.shape, order=header.order), name)


def read_header(file: IO[bytes], size: int, name: str, fix: str = RAGGED) -> tuple[Header, int]:
    """Return the header of the array in the `size` bytes of `file`, and the header's length.

    The rest of the file has exactly the size of the array. Raises as `read_array` does.
    """
    header, used = _header_of(file, name, fix)
    _check_size(header, size - used, name)
    return header, used


def clean(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return `array` in native byte order, with valid booleans and valid text."""
    if array.dtype.kind == "b":
        # a byte other than 0 and 1 would be neither False nor True
        return np.not_equal(array.view(np.uint8), 0)
    if array.dtype.kind == "S":
        try:
            text: NDArray[Any] = np.strings.decode(array, "utf-8")
            return text
        except UnicodeDecodeError:
            raise _refuse_format(name, "contains text that is not UTF-8") from None
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if native.dtype.kind == "U" and not _is_text(native):
        raise _refuse_format(name, "contains text that is not Unicode")
    return native


def truncated(name: str, what: str) -> InputError:
    """Return the error for a file that ends too early."""
    return InputError(f"E_INPUT_TRUNCATED: {name} must be complete, but {what}. Copy it again.")


def _header_of(file: IO[bytes], name: str, fix: str) -> tuple[Header, int]:
    """Return the header and its length in bytes."""
    start = _read_exactly(file, len(_MAGIC) + 2, name)
    version = start[len(_MAGIC)]
    if not start.startswith(_MAGIC) or version not in (1, 2, 3):
        raise _refuse_format(name, f"starts with {start!r}")
    width = 2 if version == 1 else 4
    length = int.from_bytes(_read_exactly(file, width, name), "little")
    if length > _LONGEST_HEADER:
        raise _refuse_format(name, f"has a header of {length:,} bytes")
    text = _read_exactly(file, length, name).decode("latin-1")
    return _parse_header(text, name, fix), len(start) + width + length


def _parse_header(text: str, name: str, fix: str) -> Header:
    found: dict[str, str] = {}
    rest = text.strip()
    for field, pattern in _HEADER_FIELDS.items():
        match = pattern.search(rest)
        if match is None:
            raise _refuse_records(name) if field == "descr" else _refuse_header(name, text)
        found[field] = match["value"]
        rest = rest[: match.start()] + rest[match.end() :]
    if not re.fullmatch(r"\{[\s,]*\}", rest):
        raise _refuse_header(name, text)
    if found["descr"] in ("O", "|O"):
        raise InputError(
            f"E_INPUT_DTYPE: {name} must hold plain numbers or text, got Python objects, which are"
            f" never unpickled. {fix}"
        )
    if not _PLAIN_DTYPE.fullmatch(found["descr"]):
        raise _refuse_records(name, found["descr"])
    sizes = [size.strip() for size in found["shape"].rstrip(", ").split(",")]
    if sizes == [""]:
        sizes = []  # the shape of a single number
    if not all(re.fullmatch("[0-9]{1,18}", size) for size in sizes):
        raise _refuse_header(name, text)
    shape = tuple(map(int, sizes))
    return Header(np.dtype(found["descr"]), found["fortran_order"] == "True", shape)


def _check_size(header: Header, size: int, name: str) -> None:
    if len(header.shape) > _MOST_AXES:
        raise InputError(
            f"E_INPUT_SHAPE: {name} must have at most {_MOST_AXES} axes (batch, time, features),"
            f" got shape {header.shape}."
        )
    if header.size > size:
        raise truncated(name, f"shape {header.shape} needs {header.size:,} bytes, got {size:,}")
    if header.size < size:
        raise _refuse_format(
            name, f"has {size:,} bytes of numbers where shape {header.shape} needs {header.size:,}"
        )
    # with an axis of 0, the size of the file says nothing about the other axes
    if not header.size and math.prod(max(1, n) for n in header.shape) > _LARGEST_EMPTY:
        raise _refuse_format(name, f"has shape {header.shape}")


def _is_text(array: NDArray[Any]) -> bool:
    letters = array.ravel(order="K").view(np.uint32)
    surrogates = (letters >= 0xD800) & (letters <= 0xDFFF)
    return not bool((surrogates | (letters > 0x10FFFF)).any())


def _read_exactly(file: IO[bytes], count: int, name: str) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise truncated(name, "the file ends within its header")
    return data


def _fill(file: IO[bytes], into: NDArray[np.uint8], name: str) -> None:
    """Fill `into` in pieces: reading an archive member in one go would take its size twice."""
    at = 0
    while at < len(into):
        piece = file.read(min(_PIECE, len(into) - at))
        if not piece:
            raise truncated(name, f"the file ends {len(into) - at:,} bytes early")
        into[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
        at += len(piece)


def _refuse_format(name: str, what: str) -> InputError:
    return InputError(
        f"E_INPUT_FORMAT: {name} must be an array written by np.save, but {what}."
        " Write it again with np.save."
    )


def _refuse_header(name: str, text: str) -> InputError:
    return _refuse_format(name, f"has the header {text.strip()!r:.120}")


def _refuse_records(name: str, descr: str = "") -> InputError:
    got, fix = repr(descr)[:60], "Convert it first: .astype(np.float32)."
    if not descr:
        got = "records or objects"
        fix = "Convert records first: np.lib.recfunctions.structured_to_unstructured(x)."
    return InputError(f"E_INPUT_DTYPE: {name} must hold plain numbers or text, got {got}. {fix}")
