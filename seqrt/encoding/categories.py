"""Categories: cells as words from a short list, and one feature per word.

Cells are compared as text without surrounding space. A number is written in the shortest way, so
that the category 3 is the same whether a file holds 3, 3.0 or the text "3"; text such as 007 is no
number and stays as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.columns import MOST_LEVELS
from seqrt.encoding.cells import is_missing
from seqrt.encoding.column import TableColumn

_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}")


def category_of(text: str) -> str:
    """Return the category that a cell with this text belongs to.

    >>> [category_of(text) for text in (" Fri ", "3.0", "2.50", "007")]
    ['Fri', '3', '2.5', '007']
    """
    text = text.strip()
    if not _DECIMAL.fullmatch(text):
        return text
    value = float(text)
    return str(int(value)) if value.is_integer() else str(value)


def levels_of(column: TableColumn) -> tuple[tuple[str, ...], int]:
    """Return the levels of a column of categories, and the number of its categories without one.

    The levels are in rising order, as numbers if all are whole numbers, else as text. Where there
    are more than 64 categories, the 64 most frequent ones are levels; of equally frequent ones,
    those that come first in order.
    """
    texts, codes = column.distinct()
    counts: Counter[str] = Counter()
    for text, count in zip(texts, np.bincount(codes, minlength=len(texts)).tolist(), strict=True):
        if not is_missing(text):
            counts[category_of(text)] += count
    ordered = _sorted(counts)
    kept = sorted(ordered, key=lambda level: -counts[level])[:MOST_LEVELS]
    return tuple(_sorted(kept)), len(ordered) - len(kept)


def category_features(column: TableColumn, levels: tuple[str, ...]) -> NDArray[np.float64]:
    """Return a feature for each level and one for any other text (T, L + 1), 0 or 1.

    All features of a cell without a value are NaN.
    """
    texts, codes = column.distinct()
    places = {level: place for place, level in enumerate(levels)}
    other = len(levels)
    rows = np.zeros((len(texts), other + 1))
    for row, text in zip(rows, texts, strict=True):
        if is_missing(text):
            row[:] = np.nan
        else:
            row[places.get(category_of(text), other)] = 1.0
    return rows[codes]


def unknown_note(name: str, column: TableColumn, levels: tuple[str, ...]) -> Iterator[str]:
    """Yield a sentence if the column has categories that are none of the levels."""
    texts, codes = column.distinct()
    known = {*levels}
    unknown = [
        place
        for place, text in enumerate(texts)
        if not is_missing(text) and category_of(text) not in known
    ]
    if unknown:
        rows = int(np.isin(codes, unknown).sum())
        hold = "1 row holds" if rows == 1 else f"{rows:,} rows hold"
        yield (
            f"{name}: {hold} a category that the model does not know, such as"
            f" {texts[unknown[0]]!r:.60}: read as {name}=other"
        )


def _sorted(levels: Iterable[str]) -> list[str]:
    levels = list(levels)
    if all(_WHOLE.fullmatch(level) for level in levels):
        return sorted(levels, key=int)
    return sorted(levels)
