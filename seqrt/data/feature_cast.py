"""Features of sequences as float32, after the whole numbers that would not fit are subtracted.

In training, `offsets_for` chooses the number to subtract from each feature, by the same rule as for
the columns of a table. A model's manifest then says what to subtract from any other data.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Column, Input
from seqrt.encoding.cells import FIRST_INEXACT
from seqrt.encoding.column import TableColumn
from seqrt.encoding.counters import counter_offset
from seqrt.errors import InputError
from seqrt.numbers import checked_cast

Array = NDArray[Any]
Floats = NDArray[np.float32]
Offsets = tuple[int, ...]


class Trained(Protocol):
    """What is known of the features of a network: a manifest, or the metadata in training."""

    @property
    def features(self) -> tuple[Column, ...]:
        """Its features, with their scaling."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What its features are made of; () if they are the numbers themselves."""


# Types of which float32 holds every value.
_ALWAYS_FIT = ("b1", "i1", "u1", "i2", "u2", "f2", "f4")
# The largest rounding of a whole number, as a share of the feature's scale in training.
_SHARE = 1e-3


def numbers(name: str, x: Array) -> Array:
    """Return x as floats, or as int64 if float32 does not hold all integers of its type.

    Raises InputError for anything but numbers (E_INPUT_DTYPE), and for integers beyond int64
    (E_INPUT_RANGE).
    """
    if x.dtype.kind not in "buif" or (x.dtype.kind == "u" and (x >= 2**63).any()):
        return checked_cast(name, x, np.float32)
    return x.astype(np.int64, copy=False) if x.dtype.kind in "iu" and not _fits(x) else x


def offsets_for(values: Array, name: str) -> Offsets:
    """Return the whole number to subtract from each feature of values (N, D); () if all are 0.

    Raises InputError (E_INPUT_RANGE) for a feature that float32 cannot hold even then.
    """
    if _fits(values):
        return ()
    offsets = tuple(
        counter_offset(_column(column), f"{name}, feature {i}") for i, column in enumerate(values.T)
    )
    return offsets if any(offsets) else ()


def offsets_of(trained: Trained) -> Offsets:
    """Return what a model subtracts from each of its features; () if nothing."""
    offsets = tuple(each.offset for each in trained.inputs for _ in range(each.width))
    return offsets if any(offsets) else ()


def offset_note(offsets: Offsets) -> str:
    """Return what to say of offsets that were chosen."""
    shifted = [f"{offset:,} from x{i}" for i, offset in enumerate(offsets) if offset]
    more = f" and {len(shifted) - 4} more" if len(shifted) > 4 else ""
    return f"subtracted, because float32 rounds such numbers: {', '.join(shifted[:4])}{more}"


def shifted_cast(
    name: str, x: Array, offsets: Offsets, origin: tuple[int, ...] | None = None
) -> Floats:
    """Return x (..., D) minus `offsets` as float32, which may round.

    Raises InputError for a number too large for float32; `name` and `origin` as in `checked_cast`.
    """
    if offsets or x.dtype == np.int64:
        x = _shifted(x, offsets)
    return checked_cast(name, x, np.float32, origin)


def served_cast(
    name: str, x: Array, trained: Trained, origin: tuple[int, ...] | None = None
) -> Floats:
    """Return x (..., D) as the float32 features of a model; `name` and `origin` as above.

    Raises InputError (E_INPUT_RANGE) for a whole number that is rounded by more than a thousandth
    of the feature's scale in training.
    """
    x, offsets = numbers(name, x), offsets_of(trained)
    floats = shifted_cast(name, x, offsets, origin)
    if x.dtype == np.int64 or offsets:
        scales = np.array([abs(column.scale) for column in trained.features])
        exact = _shifted(x, offsets)
        lost = np.abs(floats.astype(np.float64) - exact) > _SHARE * scales
        places = np.argwhere(lost & (exact == np.round(exact)))
        if len(places):
            raise _rounded(name, x, places[0].tolist(), offsets, origin)
    return floats


def _fits(x: Array) -> bool:
    return x.dtype.str[1:] in _ALWAYS_FIT


def _shifted(x: Array, offsets: Offsets) -> NDArray[np.float64]:
    """Return x minus `offsets` in float64; the difference of integers is exact up to 2^53."""
    rough: NDArray[np.float64] = x.astype(np.float64)
    if not offsets:
        return rough
    rough = rough - np.array(offsets, np.float64)
    if x.dtype != np.int64:
        return rough
    return np.where(np.abs(rough) < FIRST_INEXACT, x - np.array(offsets, np.int64), rough)


def _column(values: Array) -> TableColumn:
    floats = values.astype(np.float64)
    inexact = values.dtype == np.int64 and bool((np.abs(floats) >= FIRST_INEXACT).any())
    return TableColumn(floats, exact=values if inexact else None)


def _rounded(
    name: str, x: Array, place: list[int], offsets: Offsets, origin: tuple[int, ...] | None
) -> InputError:
    where = [i + j for i, j in zip(place, origin or (0,) * x.ndim, strict=True)]
    offset = offsets[place[-1]] if offsets else 0
    after = f" after the model subtracts {offset:,}" if offset else ""
    return InputError(
        f"E_INPUT_RANGE: {name} must convert without loss; {x[tuple(place)]!s} at {where} is"
        f" rounded by float32{after}. Train on data with such values."
    )
