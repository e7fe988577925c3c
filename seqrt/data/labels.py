"""Class labels written as one-hot rows: a column for each class, and a 1 in that of the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import InputError

Array = NDArray[Any]


def is_one_hot(y: Array) -> bool:
    """Return whether y (N, C) has at least two columns of 0 and 1, and a single 1 in every row."""
    if y.ndim != len("NC") or y.shape[1] < 2 or not len(y) or y.dtype.kind not in "biuf":
        return False
    return not len(_wrong_rows(y))


def of_one_hot(
    name: str, y: Array, classes: Sequence[int | str], rows: Sequence[str] = ()
) -> Array:
    """Return the label (N,) of each row of y (N, C), one column per class.

    Raises InputError (E_INPUT_LABEL) for the first row that is not one-hot. The message calls y by
    `name`, and its rows by `rows`, or else by their numbers from 0.
    """
    wrong = _wrong_rows(y)
    if y.shape[1] != len(classes) or len(wrong):
        row = int(wrong[0]) if len(wrong) else 0
        place = rows[row] if rows else f"row {row}"
        raise InputError(
            f"E_INPUT_LABEL: {name} must be one-hot, with a single 1 among the {len(classes)}"
            f" columns of each row; {place} is {y[row].tolist()!s:.60}."
        )
    labels: Array = np.array(classes)[y.argmax(axis=1)]
    return labels


def as_written(labels: Sequence[int | str], classes: Sequence[int | str]) -> Array:
    """Return labels (N,) as the `classes` are written, 1 for a class 1 of text and the reverse.

    A label that is not one of the classes stays as it is.
    """
    written = {str(label): label for label in classes}
    found = [written.get(str(label), label) for label in labels]
    mixed = len({type(label) for label in found}) > 1  # which numpy would make text
    return np.array(found, object if mixed else None)


def _wrong_rows(y: Array) -> NDArray[np.intp]:
    flags = np.asarray((y == 0) | (y == 1)).all(axis=1)
    return np.flatnonzero(~flags | (np.sum(y == 1, axis=1) != 1))
