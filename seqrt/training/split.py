"""Two parts of the data, split by time or by sequence, that share no value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import UsageError


def in_time(rows: int, val: float, least: int) -> int:
    """Return the row at which validation begins: the last share `val` of the rows.

    Each part is cut into windows by itself, so that no window reaches over. Both need `least` rows;
    raise UsageError where one has fewer.
    """
    check_share(val)
    kept = round(val * rows)
    if val > 0 and kept < least:
        kept = least
    if rows - kept < least:
        raise UsageError(
            f"window and horizon need {least} rows in each part, and the data has {rows} rows,"
            f" {kept} of them for validation. Use a shorter --window, or --val 0."
        )
    return rows - kept


def by_sequence(
    labels: NDArray[np.str_] | None, count: int, val: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of the sequences to train on and of those to validate on.

    Drawn from `seed`. With `labels` each class gives its share: the sequences of a class stand
    evenly spaced between 0 and 1, and the lowest of all are kept.
    """
    check_share(val)
    rng = np.random.default_rng(seed)
    place = rng.permutation(count) / count
    if labels is not None:
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            place[members] = (rng.permutation(len(members)) + 0.5) / len(members)
    kept = round(val * count)
    if val > 0 and not 0 < kept < count:
        raise UsageError(
            f"validation needs at least one sequence and leaves at least one, got {count}"
            f" sequences and a share of {val:g}. Use --val 0, or more data."
        )
    order = np.argsort(place, kind="stable")
    return np.sort(order[kept:]), np.sort(order[:kept])


def check_share(val: float) -> None:
    """Raise UsageError unless `val` is a share that leaves something to train on."""
    if not 0 <= val < 1:
        raise UsageError(f"val must be a share from 0 to below 1, got {val:g}.")
