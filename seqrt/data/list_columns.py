"""A table with a sequence in each row, in columns of lists, as parquet files hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.data.feature_cast import Trained
from seqrt.data.sequences import Sequences
from seqrt.data.table import Table
from seqrt.errors import InputError, UsageError

Array = NDArray[Any]


def holds_sequences(table: Table, names: Sequence[str]) -> bool:
    """Whether any of these columns holds lists."""
    return any(name in table.names and _is_list(table, name) for name in names)


def sequences_of(
    table: Table,
    features: Sequence[str],
    target: Sequence[str],
    trained: Trained | None = None,
) -> Sequences:
    """Return the rows of a table as sequences: one feature for each column of lists `features`.

    A target is a number, a text or a boolean for each row, or a list with a number for each step.
    Raises UsageError unless all `features` are columns of lists, and InputError for a row whose
    lists are empty (E_INPUT_LENGTH) or of different lengths (E_INPUT_SHAPE).
    """
    plain = [name for name in features if not _is_list(table, name)]
    if plain:
        raise UsageError(
            f"column {plain[0]!r} of {table.source} has one value in each row, and cannot be a"
            " feature beside columns of lists, which have one for each step. Drop it from"
            " --features."
        )
    held = [_numbers(table, name) for name in features]
    lengths = np.array([len(cell) for cell in held[0]], np.int64)
    _check_lengths(table, features, held, lengths)
    arrays = {"x": np.stack([_flat(cells) for cells in held], axis=1), "lengths": lengths}
    if target:
        arrays["y"] = _targets(table, target, lengths)
    found = Sequences.of_arrays(arrays, table.source, trained=trained)
    return replace(found, names=tuple(features), targets=tuple(target))


def _is_list(table: Table, name: str) -> bool:
    return table.column(name).kind == "list"


def _flat(cells: list[Array]) -> Array:
    return np.concatenate(cells) if cells else np.empty(0)


def _numbers(table: Table, name: str) -> list[Array]:
    """Return the lists of a column as arrays of numbers (T_i,)."""
    cells = []
    for row, cell in enumerate(table.column(name).lists or ()):
        found = np.asarray(cell if len(cell) else np.empty(0))
        if found.ndim != 1 or found.dtype.kind not in "buif":
            raise InputError(
                f"E_INPUT_DTYPE: {table.cell_place(name, row)}: a list must hold numbers, got"
                f" {cell!r:.60}. Leave the column out of --features."
            )
        cells.append(found)
    return cells


def _check_lengths(
    table: Table, features: Sequence[str], held: list[list[Array]], lengths: NDArray[np.int64]
) -> None:
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        raise InputError(
            f"E_INPUT_LENGTH: {table.cell_place(features[0], int(empty[0]))}: a list must have at"
            " least one value, but this one is empty. Leave the row out."
        )
    for name, cells in zip(features, held, strict=True):
        other = np.flatnonzero([len(cell) for cell in cells] != lengths)
        if len(other):
            row = int(other[0])
            raise InputError(
                f"E_INPUT_SHAPE: {table.cell_place(name, row)}: the lists of a row must have one"
                f" length, but this one has {len(cells[row])} values and that of {features[0]!r}"
                f" {lengths[row]}."
            )


def _targets(table: Table, target: Sequence[str], lengths: NDArray[np.int64]) -> Array:
    """Return the targets: a row for each sequence, or for each step if they are lists."""
    if holds_sequences(table, target):
        held = [_numbers(table, name) for name in target]
        for name, cells in zip(target, held, strict=True):
            _check_lengths(table, (name,), [cells], lengths)
        return np.stack([_flat(cells) for cells in held], axis=1)
    if len(target) == 1 and table.column(target[0]).kind in ("text", "boolean"):
        return np.array(table.labels(target[0]))
    return table.numbers(target)
