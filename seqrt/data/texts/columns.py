"""The texts in a column of a table, and which columns hold texts and not categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.columns import MOST_LEVELS
from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn
from seqrt.encoding.text.texts import Texts
from seqrt.errors import UsageError

Counts = NDArray[np.int64]

# So many words make a sentence.
_SENTENCE = 3
_NOT_SPACE = np.array([chr(byte) not in " \t\n\r\f\v" for byte in range(256)])


def texts_of(table: Table, name: str) -> Texts:
    """Return the texts of a column as written; raise UsageError for one that was never text."""
    column = table.column(name)
    if column.cells is None:
        holds = {"list": "lists", "time": "times"}.get(column.kind, "numbers")
        raise UsageError(
            f"column {name!r} of {table.source} holds {holds}, not texts. Name another --text."
        )
    return column.cells if isinstance(column.cells, Texts) else Texts.of(column.cells)


def word_lists_of(table: Table, name: str) -> Sequence[Any] | None:
    """Return the lists of words of a column; None if it holds anything else."""
    lists = table.column(name).lists
    if lists is None:
        return None
    first = next((each for each in lists if len(each)), None)
    return lists if first is not None and isinstance(first[0], str) else None


def chunk_counts(texts: Texts) -> Counts:
    """Return how many runs of characters without white space each text has (N,).

    >>> chunk_counts(Texts.of(["two words", " ", "", "one"]))
    array([2, 0, 0, 1])
    """
    lengths = np.diff(texts.offsets)
    first = int(texts.offsets[0])
    held = _NOT_SPACE[texts.data[first : int(texts.offsets[-1])]]
    starts = texts.offsets[:-1][lengths > 0] - first
    begins = held.copy()
    begins[1:] &= ~held[:-1]
    begins[starts] = held[starts]
    places = np.flatnonzero(begins)
    counts: Counts = np.diff(np.searchsorted(places, texts.offsets - first))
    return counts


def are_sentences(texts: Texts) -> bool:
    """Return whether most texts that are not blank have three words or more."""
    counts = chunk_counts(texts)
    counts = counts[counts > 0]
    return bool(len(counts)) and float(np.median(counts)) >= _SENTENCE


def likely_texts(table: Table, known: Sequence[str]) -> list[str]:
    """Return the columns that hold texts, besides some `known` ones.

    A column holds texts if these are sentences, or if most of them occur once.
    """
    others = {table.time, *known}
    return [
        name
        for name, column in table.columns.items()
        if name not in others and _holds_texts(column, table.rows)
    ]


def _holds_texts(column: TableColumn, rows: int) -> bool:
    if column.kind != "text" or column.fault is not None or column.cells is None:
        return False
    cells = column.cells if isinstance(column.cells, Texts) else Texts.of(column.cells)
    distinct = len(set(cells))
    return distinct > rows / 2 or (distinct > MOST_LEVELS and are_sentences(cells))
