"""The columns of a table, as a program holds them, encoded as a model reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.ahead.wide import are_wide, of_target
from seqrt.contract.columns import Input, inputs_of
from seqrt.encoding.clock import wall_times
from seqrt.encoding.encoder import encode
from seqrt.encoding.given import GivenColumns, column_of
from seqrt.errors import InputError
from seqrt.numbers import checked_cast

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.runtime.types import Floats


def encode_table(manifest: Manifest, columns: Mapping[str, Any]) -> Floats:
    """Return the features (T, D) of `columns`, or (K, T, D) of K wide ones; see Model.encode."""
    if not are_wide(manifest, columns):
        return encode_columns(manifest, columns)
    return np.stack([encode_columns(of_target(manifest, name), columns) for name in manifest.wide])


def encode_columns(manifest: Manifest, columns: Mapping[str, Any], first: int = 0) -> Floats:
    """Return the features (T, D) that a model reads for the rows of `columns` from `first` on."""
    inputs = inputs_given(manifest, columns)
    cells = cells_of(inputs, columns)
    farthest = max(each.ahead for each in inputs)
    steps = cells.rows - farthest
    if farthest and steps < 1:
        known = next(each.column for each in inputs if each.ahead == farthest)
        raise InputError(
            f"E_INPUT_FUTURE: columns must go on for {farthest} row{'s' * (farthest > 1)} after the"
            f" last step, because {known} is known ahead, got {cells.rows} rows. Append rows with"
            f" {known}."
        )
    wall = None
    if any(each.kind == "calendar" for each in inputs):
        assert manifest.time is not None
        wall = wall_times(cells, manifest.time)
    runs, ends = np.array([[first, steps]]), np.array([cells.rows])
    x = encode(inputs, cells, wall, runs, ends, missing=manifest.takes_missing)
    return checked_cast("columns", x[first:steps], np.float32)


def inputs_given(manifest: Manifest, columns: Mapping[str, Any]) -> tuple[Input, ...]:
    """Return the inputs of a model, as `columns` give them."""
    return tuple(
        _as_given(each, columns)
        for each in inputs_of(manifest.inputs, [column.name for column in manifest.features])
    )


def _as_given(each: Input, columns: Mapping[str, Any]) -> Input:
    """Return an input; a value known ahead may be given in a column of its own, at its own row."""
    if each.ahead and each.source in columns:
        return replace(each, column=each.source, ahead=0)
    return each


def cells_of(inputs: tuple[Input, ...], columns: Mapping[str, Any]) -> GivenColumns:
    """Return the columns that the inputs need; InputError unless all have one length."""
    names = dict.fromkeys(each.column for each in inputs)
    given = {
        name: column_of(columns[name], f"columns[{name!r}]") for name in names if name in columns
    }
    rows = [len(column.values) for column in given.values()]
    if len(set(rows)) > 1:
        other = next(i for i, count in enumerate(rows) if count != rows[0])
        first, second = (list(given)[i] for i in (0, other))
        raise InputError(
            f"E_INPUT_SHAPE: columns must have the same number of rows, got {rows[0]} in"
            f" {first!r} and {rows[other]} in {second!r}."
        )
    cells = GivenColumns(given, rows[0] if rows else 0)
    for name in names:
        cells.column(name)
    return cells
