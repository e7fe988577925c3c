"""Columns of dates in ISO 8601, all in one form and without a zone: the usual case, read fast."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.text.texts import Texts

_TEMPLATE = re.compile(r"0000-00-00(?:[ T]00:00(?::00(?:\.0{1,6})?)?)?")
_YEAR_1 = np.datetime64("0001-01-01T00:00:00", "us").astype(np.int64)


def iso_microseconds(cells: Sequence[str]) -> NDArray[np.int64] | None:
    """Return dates as microseconds since 1970; None for other text, or with a day that is none."""
    if not isinstance(cells, Texts) or not cells.one_form():
        return None
    if not _TEMPLATE.fullmatch(re.sub("[0-9]", "0", cells[0])):
        return None
    held = cells.data[cells.offsets[0] : cells.offsets[-1]]
    try:
        stamps = held.view(f"S{len(cells[0])}").astype("datetime64[us]").astype(np.int64)
    except ValueError:
        return None
    return stamps if stamps.min() >= _YEAR_1 else None
