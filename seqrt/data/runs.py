"""Runs of rows: disjoint ranges in rising order, as an array (R, 2) of first rows and ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Runs = NDArray[np.int64]
Rows = NDArray[np.int64]


def as_runs(*ranges: tuple[int, int] | Rows) -> Runs:
    """Return ranges (first row, row after the last), without the empty ones."""
    runs = np.array(ranges, np.int64).reshape(-1, 2)
    return runs[runs[:, 0] < runs[:, 1]]


def of_least(runs: Runs, rows: int) -> Runs:
    """Return the runs of at least so many rows."""
    return runs[runs[:, 1] - runs[:, 0] >= rows]


def intersection(runs: Runs, others: Runs) -> Runs:
    """Return the ranges of rows that lie in a run of both.

    >>> intersection(as_runs((0, 5), (5, 9)), as_runs((3, 7))).tolist()
    [[3, 5], [5, 7]]
    """
    edges = np.unique(np.concatenate([runs.ravel(), others.ravel()]))
    pieces = np.stack([edges[:-1], edges[1:]], axis=1)
    return pieces[_are_in(runs, pieces[:, 0]) & _are_in(others, pieces[:, 0])]


def starts_of(runs: Runs, rows: int) -> Rows:
    """Return the first row of every stretch of so many rows inside a run, in rising order."""
    counts = np.maximum(runs[:, 1] - runs[:, 0] - rows + 1, 0)
    before = counts.cumsum() - counts
    return np.repeat(runs[:, 0] - before, counts) + np.arange(counts.sum())


def pieces_of(runs: Runs, rows: int) -> Runs:
    """Cut runs into pieces of so many rows; the last piece of a run may be shorter."""
    counts = -(-(runs[:, 1] - runs[:, 0]) // rows)
    before = counts.cumsum() - counts
    number = np.arange(counts.sum()) - np.repeat(before, counts)
    first = np.repeat(runs[:, 0], counts) + rows * number
    return np.stack([first, np.minimum(first + rows, np.repeat(runs[:, 1], counts))], axis=1)


def _are_in(runs: Runs, rows: Rows) -> NDArray[np.bool_]:
    place = np.searchsorted(runs[:, 0], rows, side="right") - 1
    return (place >= 0) & (rows < runs[:, 1].take(place, mode="clip")) if len(runs) else rows < 0
