"""Predictions for texts as a table: the columns of the data, and the label or numbers beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.data.predicted.rows import cells_at
from seqrt.data.predicted.table import answers, beside
from seqrt.data.texts.columns import texts_of
from seqrt.data.texts.ids import TextIds
from seqrt.text.tokenizer import Tokenizer

Columns = Mapping[str, NDArray[Any]]
Read = Callable[[int, int], NDArray[np.float32]]

# Rows that become cells at a time, so that memory does not grow with a file.
_PIECE = 1 << 12
FILE, ROW, WORD = "file", "row", "word"


def predicted_texts(data: TextIds, manifest: Manifest, steps: int, read: Read) -> Iterator[Columns]:
    """Yield the predictions for texts as pieces of a table, at least one.

    There is a row for each row of the data: its columns, save the targets, then the predictions,
    which are empty for a row without a text. Texts from files of their own are named by their
    `file`. For predictions at every token, there is a row for each word: the number of the `row`
    of the data, from 1, and the `word`. `read(first, count)` returns predictions (count, O) of all
    texts, each `steps` long if there is one at every token.
    """
    if manifest.head == "sequence":
        yield from _of_words(data, manifest, steps, read)
        return
    for first in range(0, max(1, data.table.rows), _PIECE):
        rows = np.arange(first, min(first + _PIECE, data.table.rows))
        known = np.isin(rows, data.rows)
        y = read(int(np.searchsorted(data.rows, first)), int(known.sum()))
        found = {name: _spread(cells, known) for name, cells in answers(manifest, y).items()}
        yield beside(_places(data, manifest, rows), found)


def _places(data: TextIds, manifest: Manifest, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return the columns of some rows, or the files that they are."""
    table = data.table
    if table.file_of is not None and len(table.files) == table.rows:
        return {FILE: np.array([table.file_name(row) for row in rows.tolist()], object)}
    return {
        name: cells_at(column, rows)
        for name, column in table.columns.items()
        if name not in manifest.targets and (column.fault is None or name == data.column)
    }


def _spread(cells: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the cells at the `known` rows, and nothing at the others."""
    if known.all():
        return cells
    spread = np.full(len(known), None, object)
    if cells.dtype.kind == "f":  # in the fewest digits that identify each
        spread[known] = [float(str(cell)) for cell in cells]
    else:
        spread[known] = cells.astype(object)
    return spread


def _of_words(data: TextIds, manifest: Manifest, steps: int, read: Read) -> Iterator[Columns]:
    """Yield the words of each text with their predictions, those after their last token."""
    assert manifest.text is not None
    tokenizer = Tokenizer(manifest.text)
    for i, row in enumerate(data.rows.tolist()):
        y = read(i * steps, int(data.x.lengths[i]))
        if data.items is not None:
            lists = data.table.columns[data.column].lists
            assert lists is not None
            places = data.items[i]
            ends = np.flatnonzero(np.append(np.diff(places), 1))
            words, y = [lists[row][place] for place in places[ends]], y[ends]
        else:
            text = texts_of(data.table, data.column)[row]
            words = [word.decode(errors="replace") for word in tokenizer.words(text)]
        numbers = np.full(len(words), row + 1)
        yield beside({ROW: numbers, WORD: np.array(words, object)}, answers(manifest, y))
    if not len(data.rows):
        empty = read(0, 0)
        nothing = {ROW: np.empty(0, np.int64), WORD: np.empty(0, object)}
        yield beside(nothing, answers(manifest, empty))
