"""Two parts of the data, split by time or by sequence, that share no value."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import UsageError


class Fold(NamedTuple):
    """One of `of` equal parts of the data, number 1 to `of`: what is validated on."""

    number: int
    of: int

    def range(self, count: int) -> slice:
        """Return which of `count` things in a row are in this fold."""
        first, last = ((self.number - i) * count / self.of for i in (1, 0))
        return slice(round(first), round(last))


Kept = float | Fold
"""What is kept for validation: a share of the data, or one of its folds."""


def in_time(rows: int, val: Kept, least: int) -> slice:
    """Return the rows that are validated on: the last share `val` of all, or a fold in the middle.

    Each part is cut into windows by itself, so that no window reaches over. Both need `least` rows
    in a row; raise UsageError where one has fewer.
    """
    if isinstance(val, Fold):
        kept = val.range(rows)
        if kept.stop - kept.start < least or max(kept.start, rows - kept.stop) < least:
            raise UsageError(
                f"window and horizon need {least} rows in each fold, and {rows} rows in {val.of}"
                " folds are fewer. Use a shorter --window, or fewer --folds."
            )
        return kept
    check_share(val)
    count = round(val * rows)
    if val > 0 and count < least:
        count = least
    if rows < least:
        raise UsageError(
            f"window and horizon need {least} rows, and the data has {rows}. Give more rows, or a"
            " shorter --window."
        )
    if rows - count < least:
        raise UsageError(
            f"window and horizon need {least} rows in each part, and the data has {rows} rows,"
            f" {count} of them for validation. Use a shorter --window, or --val 0."
        )
    return slice(rows - count, rows)


def by_sequence(
    labels: NDArray[np.str_] | None, count: int, val: Kept, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of the sequences to train on and of those to validate on.

    Drawn from `seed`. With `labels` each class gives its share: the sequences of a class stand
    evenly spaced between 0 and 1, and those of a range are kept, by default the lowest of all.
    """
    rng = np.random.default_rng(seed)
    place = rng.permutation(count) / count
    if labels is not None:
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            place[members] = (rng.permutation(len(members)) + 0.5) / len(members)
    kept = _kept(count, val)
    order = np.argsort(place, kind="stable")
    return np.sort(np.delete(order, kept)), np.sort(order[kept])


def _kept(count: int, val: Kept) -> slice:
    if isinstance(val, Fold):
        if count < val.of:
            raise UsageError(
                f"folds need at least one sequence each, and {count} sequences are fewer than"
                f" {val.of}. Use fewer --folds, or more data."
            )
        return val.range(count)
    check_share(val)
    kept = round(val * count)
    if val > 0 and not 0 < kept < count:
        raise UsageError(
            f"validation needs at least one sequence and leaves at least one, got {count}"
            f" sequences and a share of {val:g}. Use --val 0, or more data."
        )
    return slice(kept)


def check_share(val: float) -> None:
    """Raise UsageError unless `val` is a share that leaves something to train on."""
    if not 0 <= val < 1:
        raise UsageError(f"val must be a share from 0 to below 1, got {val:g}.")
