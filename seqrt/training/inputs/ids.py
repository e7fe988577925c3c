"""Checks of ids of tokens: whole numbers from 0 to below the number of tokens, as int32."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.data.limits import DEFAULT_LIMITS
from seqrt.data.ragged import Ragged
from seqrt.errors import InputError

Array = NDArray[Any]


def id_rows(rows: list[Array], tokens: int) -> list[Array]:
    """Return sequences (T_i, 1) as int32; those that are already are not copied.

    Raises InputError for anything but whole numbers (E_INPUT_DTYPE), and for the first id outside
    0 to `tokens` - 1 (E_INPUT_RANGE).
    """
    for i, row in enumerate(rows):
        _check_ids(i, row, tokens)
    return [row.astype(np.int32, copy=False) for row in rows]


def checked_ids(rows: Ragged, tokens: int) -> Ragged:
    """Return the same sequences as int32, checked as `id_rows` checks them.

    Rows of `values` between the sequences, such as padding, may contain anything.
    """
    kind = rows.values.dtype.kind
    if kind not in "iu" or any(_outside(piece, tokens).any() for piece in _pieces(rows.values)):
        for i, row in enumerate(rows):
            _check_ids(i, row, tokens)
    return replace(rows, values=rows.values.astype(np.int32, copy=False), nan=False)


def _check_ids(i: int, row: Array, tokens: int) -> None:
    if row.dtype.kind not in "iu":
        raise InputError(
            f"E_INPUT_DTYPE: x[{i}] must hold ids of tokens, whole numbers, got dtype {row.dtype}."
        )
    wrong = np.flatnonzero(_outside(row, tokens))
    if len(wrong):
        raise InputError(
            f"E_INPUT_RANGE: ids must be from 0 to {tokens - 1}, the {tokens:,} tokens of the"
            f" network, but x[item {i}, step {wrong[0]}] is {row[wrong[0], 0]}"
            f" ({len(wrong):,} such in this item). Give unknown tokens the id 0."
        )


def _outside(ids: Array, tokens: int) -> NDArray[np.bool_]:
    outside: NDArray[np.bool_] = (ids < 0) | (ids >= tokens)
    return outside


def _pieces(values: Array) -> Iterator[Array]:
    size = DEFAULT_LIMITS.numbers
    return (values[at : at + size] for at in range(0, len(values), size))
