"""Texts with a label for each word: lists of words beside lists of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.text import Text
from seqrt.data import Table
from seqrt.data.texts.columns import word_lists_of
from seqrt.data.texts.ids import words_with_places
from seqrt.errors import InputError, UsageError
from seqrt.text.interned import Interned
from seqrt.text.tokenizer import Tokenizer
from seqrt.training.problems.labels import labels_of
from seqrt.training.problems.options import DataOptions
from seqrt.training.problems.text.labelled import LabelledTexts, uses_of

Array = NDArray[Any]


def tagged_texts(table: Table, options: DataOptions, known: Text | None = None) -> LabelledTexts:
    """Read lists of words with their labels: both lists, or both texts with spaces in between.

    A word that is several tokens, such as "U.S.", gives its label to each of them. Raises
    UsageError for options and columns that do not fit, and InputError (E_INPUT_SHAPE) for a row
    with more or fewer labels than words.
    """
    name, target = options.text or "", options.target
    _check_options(table, options)
    words, labels = _split(table, name), _split(table, target[0])
    rows = [row for row in range(table.rows) if len(words[row]) or len(labels[row])]
    for row in rows:
        if len(words[row]) != len(labels[row]):
            raise InputError(
                f"E_INPUT_SHAPE: {table.cell_place(target[0], row)}: a row must have a label for"
                f" each word, but has {len(words[row])} words and {len(labels[row])} labels."
            )
    tokenizer = Tokenizer(known or Text("words", 1, lower="ascii"))
    split = [words_with_places(words[row], tokenizer) for row in rows]
    kept = [i for i, (found, _) in enumerate(split) if found]
    if not kept:
        raise InputError(
            f"E_INPUT_EMPTY: {table.source} must have rows with words in {name!r}, but has none."
        )
    each = [np.asarray(labels[rows[i]])[split[i][1]] for i in kept]
    truth, found = labels_of(f"{table.source}, {target[0]!r}", np.concatenate(each))
    lengths = np.array(list(map(len, each)))
    out = table.rows - len(kept)
    more = int(lengths.sum()) - sum(len(words[rows[i]]) for i in kept)
    notes = [f"{out:,} rows are left out, without words"] if out else []
    if more > 0:
        notes.append(f"{more:,} tokens are further parts of words, with the same labels")
    return LabelledTexts(
        task="tag",
        column=name,
        target=target,
        kind="words",
        y=np.split(truth, np.cumsum(lengths)[:-1]),
        classes=found,
        marks=np.array([hash(tuple(split[i][0])) for i in kept], np.int64),
        interned=Interned([split[i][0] for i in kept], tokenizer.text.lower),
        x=None,
        known=known,
        notes=tuple(notes),
        columns=uses_of(table, name, target),
    )


def _check_options(table: Table, options: DataOptions) -> None:
    name, target = options.text or "", options.target
    if options.task not in (None, "tag"):
        raise UsageError(
            f"lists of labels are learnt as tags, got task {options.task}. Use --task tag."
        )
    if options.tokens == "bytes":
        raise UsageError("labels of words need --tokens words, got bytes. Drop --tokens.")
    if len(target) != 1:
        raise UsageError(f"tags are in one column, got {len(target)} targets. Name one.")
    kinds = {table.column(each).kind == "list" for each in (name, target[0])}
    if len(kinds) > 1:
        raise UsageError(
            f"to tag words, {name!r} and {target[0]!r} must both hold lists, or both text with"
            f" spaces between words and between labels; one of {table.source} holds lists."
            " Split the other one in the file."
        )


def _split(table: Table, name: str) -> Sequence[Any]:
    """Return a list for each row."""
    column = table.column(name)
    if column.lists is not None:
        words = word_lists_of(table, name)
        return column.lists if words is None else words
    if column.cells is None:
        raise UsageError(
            f"column {name!r} of {table.source} must hold lists, or text with spaces in between,"
            " to tag words. Name another."
        )
    return [cell.split() for cell in column.cells]
