"""Arrays of any type, checked and converted to the float32 that the kernels read correctly.

The kernels check nothing: they read big-endian numbers as garbage, ignore masks, and turn NaN into
plausible outputs. Every array that these functions return is C-contiguous and in native byte order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import InputError
from seqrt.numbers import checked_cast

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats, Lengths, Mask


# Up to this many numbers, a look at each in Python is faster than numpy's checks.
_FEW = 96
_LARGEST = float(np.finfo(np.float32).max)
_FLOAT, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def as_floats(value: Any, name: str) -> Floats:
    """Return `value` as a C-contiguous float32 array, without a copy where it already is one.

    Raises InputError for anything but an array of numbers (E_INPUT_TYPE, E_INPUT_DTYPE) and for
    numbers that float32 cannot hold (E_INPUT_RANGE). NaN and Inf pass: see `nonfinite`.
    """
    array = value if type(value) is np.ndarray else as_array(value, name)
    floats: Floats
    if array.dtype == _FLOAT and array.flags.c_contiguous and array is value:
        # a big-endian dtype is not equal to float32
        floats = array if array.flags.aligned else array.copy()
        return floats
    if array.dtype == _DOUBLE and 0 < array.size <= _FEW and array.ndim:
        for number in array.reshape(-1).tolist():
            if not -_LARGEST <= number <= _LARGEST:
                break
        else:
            floats = array.astype(_FLOAT, "C")
            return floats
    return np.ascontiguousarray(checked_cast(name, array, np.float32))


def as_array(value: Any, name: str) -> NDArray[Any]:
    """Return an array, a DLPack array such as a tensor, or nested lists as a numpy array.

    Raises InputError (E_INPUT_TYPE) for anything else, and for an array with masked values.
    """
    if type(value) is np.ndarray:
        # isinstance below imports numpy.ma, which takes longer than many a prediction
        return value
    if type(value) is list:
        return _of_lists(value, name)
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.getmaskarray(value).any():
            raise InputError(
                f"E_INPUT_TYPE: {name} must be a plain array, got a masked one with"
                f" {int(np.ma.getmaskarray(value).sum())} masked values."
                " Fill them first: x.filled(...)."
            )
        return np.asarray(value.data)
    if not (isinstance(value, list | tuple) or hasattr(value, "__dlpack__")):
        raise InputError(
            f"E_INPUT_TYPE: {name} must be an array of numbers, got {type(value).__name__}."
            " Convert a table with table.to_numpy(np.float32)."
        )
    return _of_lists(value, name)


def _of_lists(value: Any, name: str) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"E_INPUT_TYPE: {name} must be an array of numbers; numpy cannot read it: {error}"
        ) from None


def as_lengths(value: Any, batch: int, time: int) -> Lengths:
    """Return lengths as int32 (B,); raise InputError unless each is a whole number, 0 to T."""
    known = isinstance(value, list | tuple) or hasattr(value, "__dlpack__")
    lengths = as_array(value, "lengths") if known else np.asarray(value)
    if lengths.dtype.kind not in "iu":
        raise InputError(
            f"E_INPUT_LENGTHS: lengths must be whole numbers, got {lengths.dtype}."
            " Try lengths.astype(np.int32)."
        )
    check_shape("lengths", lengths, (batch,))
    wrong = np.flatnonzero((lengths < 0) | (lengths > time))
    if len(wrong):
        raise InputError(
            f"E_INPUT_LENGTHS: lengths must be from 0 to {time}, the number of steps in x;"
            f" lengths[item {wrong[0]}] is {lengths[wrong[0]]}."
        )
    return np.ascontiguousarray(lengths, np.int32)


def check_shape(name: str, array: NDArray[Any], want: tuple[str | int, ...], fix: str = "") -> None:
    """Raise InputError unless `array` has shape `want`, where a word matches any size.

    >>> check_shape("x", np.zeros((32, 10)), ("batch", "time", 1), "Try x[..., None].")
    Traceback (most recent call last):
    seqrt.errors.InputError: E_INPUT_SHAPE: x must have shape (batch, time, 1), got (32, 10). \
Try x[..., None].
    """
    sizes_fit = all(isinstance(w, str) or w == n for w, n in zip(want, array.shape, strict=False))
    if array.ndim == len(want) and sizes_fit:
        return
    wanted = ", ".join(str(size) for size in want) + ("," if len(want) == 1 else "")
    raise InputError(
        f"E_INPUT_SHAPE: {name} must have shape ({wanted}), got {array.shape}. {fix}".rstrip()
    )


def inside(lengths: Lengths, time: int) -> Mask:
    """Return a mask (B, T), true for the steps before the end of their row.

    Not by broadcasting arange(T) < lengths[:, None]: for more than 500 numbers numpy (2.4.6)
    allocates buffers after it has released the GIL, and crashes the process where there is no
    memory for them.
    """
    runs = np.empty((len(lengths), 2), np.intp)
    runs[:, 0], runs[:, 1] = lengths, time - lengths
    both = np.zeros(runs.shape, np.bool_)
    both[:, 0] = True
    return np.repeat(both.reshape(-1), runs.reshape(-1)).reshape(len(lengths), time)
