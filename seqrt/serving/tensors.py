"""Tensors of the protocol as numpy arrays: from and to JSON, and raw little-endian bytes."""

from __future__ import annotations

from itertools import chain
from math import isfinite, prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seqrt.serving.described import TEXT
from seqrt.serving.refused import malformed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats

DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
}
_MOST_AXES = 8
# Before each item of a tensor of BYTES is the number of its bytes, in so many.
_PREFIX: Final = 4


def check_tensor(name: str, shape: Any, datatype: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and dtype of an input; raise RefusedRequest where they are neither."""
    known = {"BYTES": np.dtype(object)} if name == TEXT else DTYPES
    if type(datatype) is not str or datatype not in known:
        raise malformed(
            f"the datatype of {name} must be one of {', '.join(known)}, got {datatype!r:.60}."
        )
    sizes = isinstance(shape, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in shape)
    if not sizes or len(shape) > _MOST_AXES:
        raise malformed(
            f"the shape of {name} must be a list of at most {_MOST_AXES} whole numbers from 0, got"
            f" {shape!r:.60}."
        )
    if 0 in shape:
        raise malformed(
            f"{name} must have at least one row and one step, got shape {shape}. Leave out rows"
            " without steps."
        )
    return tuple(shape), known[datatype]


def from_binary(
    name: str, shape: tuple[int, ...], dtype: np.dtype[Any], data: memoryview
) -> NDArray[Any]:
    """Return the tensor whose bytes are `data`, as a view; a tensor of BYTES has items of bytes."""
    if dtype.hasobject:
        return _as_objects(_items(name, prod(shape), data), shape)
    wanted = prod(shape) * dtype.itemsize
    if len(data) != wanted:
        raise malformed(
            f"{name} of shape {list(shape)} and {dtype.itemsize} bytes a number must have"
            f" {wanted:,} bytes, got a binary_data_size of {len(data):,}."
        )
    return np.frombuffer(data, dtype).reshape(shape)


def _items(name: str, count: int, data: memoryview) -> list[bytes]:
    """Return the items of a tensor of BYTES: each has its length before it, as a uint32."""
    items: list[bytes] = []
    at = 0
    while at < len(data) and len(items) < count:
        end = at + _PREFIX + int.from_bytes(data[at : at + _PREFIX], "little")
        items.append(bytes(data[at + _PREFIX : end]))
        at = end
    if len(items) != count or at != len(data):
        raise malformed(
            f"{name} must have {count:,} items, each after the number of its bytes as a uint32, and"
            " end with the last."
        )
    return items


def _as_objects(items: list[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    array = np.empty(len(items), object)
    array[:] = items
    return array.reshape(shape)


def from_json(name: str, shape: tuple[int, ...], dtype: np.dtype[Any], data: Any) -> NDArray[Any]:
    """Return the tensor whose numbers are `data`, row by row: a flat list, or nested as its shape.

    null is NaN in a tensor of floats, because JSON has no other word for it. The items of a tensor
    of BYTES are texts.
    """
    flat = _flat(name, shape, data)
    kinds = {type(number) for number in flat}
    if dtype.hasobject:
        if not kinds <= {str}:
            raise malformed(f"the data of {name} must be texts for its datatype.")
        return _as_objects(flat, shape)
    if dtype.kind in "iu":
        if not kinds <= {int}:
            raise malformed(f"the data of {name} must be whole numbers for its datatype.")
    elif not kinds <= {int, float, type(None)}:
        raise malformed(f"the data of {name} must be numbers, or null for a missing value.")
    try:
        if dtype.kind in "iu":
            return np.array(flat, dtype).reshape(shape)
        return np.array(flat, np.float64).reshape(shape)
    except OverflowError:
        raise malformed(f"the data of {name} has a number too large for its datatype.") from None


def _flat(name: str, shape: tuple[int, ...], data: Any) -> list[Any]:
    """Return the numbers of a flat list, or of lists nested as `shape`, in one list."""
    nested = isinstance(data, list) and bool(data) and isinstance(data[0], list)
    parts = [data]
    for size in shape if nested else (prod(shape),):
        if not all(isinstance(part, list) and len(part) == size for part in parts):
            raise malformed(
                f"the data of {name} must be {prod(shape):,} numbers for its shape {list(shape)},"
                " in one list or nested as the shape says."
            )
        parts = list(chain.from_iterable(parts))
    return parts


def to_json(array: Floats) -> list[float | None]:
    """Return the numbers row by row; NaN and Inf become null."""
    numbers = array.reshape(-1).tolist()
    return [number if isfinite(number) else None for number in numbers]
