"""Predictions as a table: what each one is for, then a column per output or the label found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.ahead.layout import named_outputs
from seqrt.contract import Manifest
from seqrt.data.predicted.rows import series_rows
from seqrt.data.readers.mapped import Mapped
from seqrt.data.sequences import Sequences
from seqrt.data.timeline import Timeline

Columns = Mapping[str, NDArray[Any]]
Rows = NDArray[np.int64]

# Predictions turned into cells at a time, so that memory does not grow with a file.
_PIECE = 1 << 16


def prediction_table(
    data: Timeline | Sequences | Mapped,
    manifest: Manifest,
    shape: tuple[int, ...],
    read: Callable[[int, int], NDArray[np.float32]],
    lengths: Rows | None = None,
) -> Iterator[Columns]:
    """Yield the predictions for `data` as pieces of a table, at least one.

    `shape` is that of the predictions, (N, O) or (N, T, O), and `read(first, count)` returns some
    of them as (count, O), counted step by step and sequence by sequence. Steps after the end of a
    sequence, where the sequences have `lengths` (N,), are left out.

    The first columns say what a prediction is for. For a series they are the columns that name the
    series, and the time in the notation of the data, or `row` from 1. That is the time of the first
    step predicted for a forecast, and of the last row read for other tasks. For a batch it is
    `item`, and `step` for predictions at every step, both from 0.
    """
    steps = shape[1] if len(shape) == len("NTO") else None
    places = _places(data, manifest, steps)
    total = math.prod(shape[:-1])
    size = max(1, _PIECE // max(1, len(manifest.targets)))
    for first in range(0, max(total, 1), size):
        numbers = np.arange(first, min(first + size, total))
        y = read(first, len(numbers))
        if steps and lengths is not None:
            kept = numbers % steps < lengths[numbers // steps]
            numbers, y = numbers[kept], y[kept]
        yield beside(places(numbers), answers(manifest, y))


def answers(manifest: Manifest, y: NDArray[np.float32]) -> Columns:
    """Return predictions y (N, O) as columns: one per output, or the label and its probability.

    Of a forecast with quantiles, the point forecasts come with the ends of their intervals.
    """
    if manifest.classes and manifest.activation == "softmax":
        best = y.argmax(axis=1) if len(y) else np.zeros(0, np.int64)
        labels = manifest.classes
        whole = all(isinstance(label, int) for label in labels)
        name = manifest.targets[0] if len(manifest.targets) == 1 else "label"
        return beside(
            {name: np.array(labels, np.int64 if whole else object)[best]},
            {"probability": np.take_along_axis(y, best[:, None], 1)[:, 0]},
        )
    return {name: y[:, place] for name, place in named_outputs(manifest)}


def beside(left: Columns, right: Columns) -> Columns:
    """Return the columns of both; a name of `right` that is taken gets a number: `step_2`."""
    columns = dict(left)
    for name, cells in right.items():
        free, number = name, 1
        while free in columns:
            number += 1
            free = f"{name}_{number}"
        columns[free] = cells
    return columns


def _places(
    data: Timeline | Sequences | Mapped, manifest: Manifest, steps: int | None
) -> Callable[[Rows], Columns]:
    """Return a function from numbers of predictions to the columns that place them."""
    if isinstance(data, Timeline):
        return series_rows(data, manifest)
    if isinstance(data, Sequences) or len(data.shape) == len("NTD"):
        if steps is None:
            return lambda numbers: {"item": numbers}
        return lambda numbers: {"item": numbers // steps, "step": numbers % steps}
    ahead = manifest.task == "forecast"
    before = 0 if steps else (manifest.window or data.shape[0]) - 1
    return lambda numbers: {"row": numbers + 1 + before + ahead}
