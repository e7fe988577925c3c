"""Splits of the data into training and validation, by time or by sequence, sharing no value."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.data.runs import Runs, as_runs, of_least
from seqrt.errors import UsageError

Indices = NDArray[np.intp]


class Fold(NamedTuple):
    """One of `of` equal parts of the data, number 1 to `of`, that is used for validation."""

    number: int
    of: int

    def range(self, count: int) -> slice:
        """Return which of `count` consecutive items are in this fold."""
        first, last = ((self.number - i) * count / self.of for i in (1, 0))
        return slice(round(first), round(last))


Rows = NDArray[np.int64]
Validation = float | Fold
"""What is used for validation: a share of the data, or one of its folds."""


def in_time(rows: int, val: Validation, least: int) -> slice:
    """Return the rows for validation: the last share `val` of all rows, or a fold.

    Each part is cut into windows by itself, so that no window overlaps both. Each needs `least`
    consecutive rows; raise UsageError if it has fewer.
    """
    if isinstance(val, Fold):
        fold = val.range(rows)
        if fold.stop - fold.start < least or max(fold.start, rows - fold.stop) < least:
            raise UsageError(
                f"window and horizon need {least} rows in each fold, but {val.of} folds of {rows}"
                " rows have fewer. Use a shorter --window or fewer --folds."
            )
        return fold
    check_share(val)
    count = round(val * rows)
    if val > 0 and count < least:
        count = least
    if rows < least:
        raise UsageError(
            f"window and horizon need {least} rows, but the data has {rows}. Use a shorter"
            " --window, or more data."
        )
    if rows - count < least:
        raise UsageError(
            f"window and horizon need {least} rows in each part, but the data has {rows} rows,"
            f" {count} of them for validation. Use a shorter --window, or --val 0."
        )
    return slice(rows - count, rows)


def in_each_series(series: Runs, val: Validation, least: int) -> tuple[Runs, Runs]:
    """Return the rows to train on, and those to validate on: the last share of each series.

    `series` (S, 2) has the first row of each and the row after its last. A series that is too short
    for both parts is used for training alone, and in folds is a whole part of one of them. Raise
    UsageError if no series is long enough for both.
    """
    first, end = series.T
    if len(series) == 1:
        kept = in_time(int(end[0] - first[0]), val, least)
        start, stop = first + kept.start, first + kept.stop
        return as_runs((first[0], start[0]), (stop[0], end[0])), as_runs((start[0], stop[0]))
    rows = end - first
    start, stop = first + _kept_rows(rows, val, least)
    edges = np.stack([first, start, stop, end], axis=1)
    train, validation = as_runs(*edges.reshape(-1, 2)), as_runs(*edges[:, 1:3])
    if not len(of_least(train, least)) or (val and not len(of_least(validation, least))):
        enough = rows.max() >= least and not isinstance(val, Fold)
        raise UsageError(
            f"window and horizon need {least} rows in each part of a series, but the longest of"
            f" {len(rows):,} series has {rows.max()} rows. Use a shorter --window"
            f"{', or --val 0' if enough else ''}."
        )
    return train, validation


def _kept_rows(rows: Rows, val: Validation, least: int) -> Rows:
    """Return the rows (2, S) of each series, from its first, at which validation starts and ends.

    In a series without validation both are its end.
    """
    if isinstance(val, Fold):
        first, last = (np.rint((val.number - i) * rows / val.of).astype(np.int64) for i in (1, 0))
        short = rows // val.of < least
        ours = np.arange(len(rows)) % val.of == val.number - 1
        return np.where(short, np.where(ours, [0 * rows, rows], rows), [first, last])
    check_share(val)
    count = np.rint(val * rows).astype(np.int64)
    if val > 0:
        count = np.maximum(count, least)
    return np.stack([np.where(rows - count < least, rows, rows - count), rows])


def by_sequence(
    labels: NDArray[np.str_] | None, count: int, val: Validation, seed: int
) -> tuple[Indices, Indices]:
    """Return the indices of the sequences to train on, and of those to validate on.

    They are drawn from `seed`. With `labels` the split is stratified: the sequences of each class
    are spread evenly over the order from which the validation part is cut. For a share of the data,
    every class is then in the training part, unless there are more classes than room in it.
    """
    rng = np.random.default_rng(seed)
    position = rng.permutation(count) / count
    if labels is not None:
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            position[members] = (rng.permutation(len(members)) + 0.5) / len(members)
    cut = _validation_slice(count, val)
    order = np.argsort(position, kind="stable")
    train, validation = np.delete(order, cut), order[cut]
    if labels is not None and not isinstance(val, Fold):
        train, validation = _with_every_class(labels, train, validation)
    return np.sort(train), np.sort(validation)


def _with_every_class(
    labels: NDArray[np.str_], train: Indices, validation: Indices
) -> tuple[Indices, Indices]:
    """Exchange sequences so that the training part has every class, if it is large enough."""
    trained, judged = train.tolist(), validation.tolist()
    counts = Counter(labels[trained].tolist())
    for label in np.unique(labels).tolist():
        if counts[label]:
            continue
        most, spare = counts.most_common(1)[0]
        if spare < 2:
            break
        given = next(i for i in trained if labels[i] == most)
        taken = next(i for i in reversed(judged) if labels[i] == label)
        trained[trained.index(given)], judged[judged.index(taken)] = taken, given
        counts.update({label: 1, most: -1})
    return np.array(trained, np.intp), np.array(judged, np.intp)


def _validation_slice(count: int, val: Validation) -> slice:
    if isinstance(val, Fold):
        if count < val.of:
            raise UsageError(
                f"folds need at least one sequence each, but {val.of} folds are more than the"
                f" {count} sequences. Use fewer --folds, or more data."
            )
        return val.range(count)
    check_share(val)
    validation = round(val * count)
    if val > 0 and not 0 < validation < count:
        raise UsageError(
            f"validation must get at least one sequence and leave at least one, got {count}"
            f" sequences and a share of {val:g}. Use --val 0, or more data."
        )
    return slice(validation)


def check_share(val: float) -> None:
    """Raise UsageError unless `val` is a share that leaves data to train on."""
    if not 0 <= val < 1:
        raise UsageError(f"val must be a share from 0 to below 1, got {val:g}.")
