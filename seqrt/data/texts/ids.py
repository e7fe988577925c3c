"""The texts of a table as ids of tokens: one sequence for each text that is not blank."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.text import UNKNOWN, Text
from seqrt.data.ragged import Ragged
from seqrt.data.table import Table
from seqrt.data.texts.columns import chunk_counts, texts_of, word_lists_of
from seqrt.encoding.text.texts import Texts
from seqrt.errors import InputError
from seqrt.text.tokenizer import Tokenizer

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TextIds:
    """The texts of a `column` that are not blank, as sequences of ids: int32 (T_i, 1).

    `rows` (B,) are their rows in the table. Of lists of words, `items` has for each sequence the
    place in its list of each token (T_i,): a word of the list may be several tokens.
    """

    table: Table
    column: str
    rows: Rows
    x: Ragged
    items: Sequence[NDArray[np.int32]] | None = None

    @property
    def blank(self) -> int:
        """The number of rows without a text."""
        return self.table.rows - len(self.rows)


def read_text_ids(
    table: Table, text: Text, column: str | None = None, targets: Sequence[str] = ()
) -> TextIds:
    """Return the texts that a model reads in a table: in `column`, or in that of training.

    A table with a single column besides the `targets` may call it anything. Raises UsageError if
    there is no `column`, and InputError (E_INPUT_COLUMN) if there is not that of training.
    """
    name = column or text.column
    if column is not None:
        table.column(column)
    elif name not in table.names:
        others = [each for each in table.names if each not in targets]
        if len(others) > 1:
            raise InputError(
                f"E_INPUT_COLUMN: {table.source} must have the column {name!r}, which holds the"
                f" texts that the model reads, got {', '.join(table.names)!s:.80}. Name the column"
                " with --text."
            )
        name = others[0] if others else table.names[0]
    lists = word_lists_of(table, name)
    if lists is None:
        texts = texts_of(table, name)
        rows = np.flatnonzero(chunk_counts(texts))
        return TextIds(table, name, rows, ids_of(texts, text)[rows])
    tokenizer = Tokenizer(text)
    split = [words_with_places(each, tokenizer) for each in lists]
    x = _joined(tokenizer.encode(b" ".join(words)) for words, _ in split)
    rows = np.flatnonzero(x.lengths)
    return TextIds(table, name, rows, x[rows], [split[row][1] for row in rows.tolist()])


def ids_of(texts: Texts, text: Text) -> Ragged:
    """Return the ids of texts: int32 (T_i, 1)."""
    if text.kind == "bytes":
        return byte_ids(texts)
    tokenizer = Tokenizer(text)
    return _joined(map(tokenizer.encode, raw_texts(texts)))


def byte_ids(texts: Texts) -> Ragged:
    """Return the bytes of texts as ids: int32 (T_i, 1)."""
    values: Any = texts.data.astype(np.int32)
    values += UNKNOWN + 1
    return Ragged(values[:, None], texts.offsets[:-1], np.diff(texts.offsets))


def words_with_places(
    items: Sequence[str], tokenizer: Tokenizer
) -> tuple[list[bytes], NDArray[np.int32]]:
    """Return the words of the items of a list, and the place in the list of each word."""
    split = [tokenizer.words(item) for item in items]
    places = np.repeat(np.arange(len(split), dtype=np.int32), list(map(len, split)))
    return [word for words in split for word in words], places


def raw_texts(texts: Texts) -> Iterator[bytes]:
    """Yield texts as bytes."""
    edges = texts.offsets.tolist()
    return (texts.data[a:b].tobytes() for a, b in pairwise(edges))


def _joined(each: Iterable[NDArray[np.int64]]) -> Ragged:
    """Return ids of texts as sequences over one array."""
    values, lengths = array("i"), array("q")
    for ids in each:
        values.frombytes(ids.astype(np.int32).tobytes())
        lengths.append(len(ids))
    flat: Any = np.frombuffer(values, np.int32)[:, None]
    return Ragged.of_flat(flat, np.array(lengths, np.int64))
