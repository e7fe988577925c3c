"""Making a problem from labelled texts: a split, a vocabulary from what is trained on, and ids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Column
from seqrt.contract.text import UNKNOWN, Text
from seqrt.data.ragged import Ragged
from seqrt.errors import InputError
from seqrt.text.vocabulary import chosen_words
from seqrt.training.inputs.scaling import id_column, measured_columns, probability_columns
from seqrt.training.networks.metadata import Metadata
from seqrt.training.problems.from_sequences import activation_of, part_of
from seqrt.training.problems.labels import class_notes, single_notes
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.split import Fold, Validation, by_sequence
from seqrt.training.problems.text.labelled import LabelledTexts

Rows = NDArray[np.intp]

# The width of the table is chosen with the network.
_OPEN_WIDTH = 1


def from_text(data: LabelledTexts, val: Validation, seed: int, *, min_count: int = 2) -> Problem:
    """Make the problem of labelled texts; a share `val` of them, or a fold, is for validation.

    The words that occur at least `min_count` times in the training part are the vocabulary, and
    all others are unknown. The networks of all folds are averaged into one file, which has one
    vocabulary: that of all the texts.
    """
    labels = data.truth if data.task == "classify" else None
    train, validation = by_sequence(labels, len(data), val, seed)
    seen = np.arange(len(data)) if isinstance(val, Fold) else train
    text = _text(data, seen, min_count)
    x = _ids(data, text)
    part = part_of(x, data.y, train)
    judged = part_of(x, data.y, validation) if len(validation) else None
    outputs = _outputs(data, part.truth)
    notes = (*data.notes, *_vocabulary_notes(data, text, x, train, validation, min_count))
    if data.classes:
        unit = "word" if data.task == "tag" else "text"
        notes += class_notes(data.classes, part.truth, judged.truth if judged else None, unit)
        if data.task == "classify" and judged and not isinstance(val, Fold):
            notes += single_notes(data.classes, data.truth)
    return Problem(
        metadata=Metadata(
            task=data.task,
            features=(id_column(text.size),),
            outputs=outputs,
            classes=data.classes,
            targets=data.target,
            text=text,
        ),
        head="sequence" if data.task == "tag" else "last",
        activation=activation_of(data.task, data.classes),
        train=part,
        validation=judged,
        notes=(*notes, *_repeated(data, train, validation)),
        columns=data.columns,
    )


def _text(data: LabelledTexts, seen: Rows, min_count: int) -> Text:
    """Return how texts become ids, with the vocabulary of those that are `seen`."""
    if data.known is not None:
        return data.known
    if data.interned is None:
        return Text("bytes", _OPEN_WIDTH, data.column)
    lower = data.interned.lower
    words = chosen_words(data.interned.counts(seen), min_count=min_count, lower=lower)
    if not words:
        raise InputError(
            f"E_INPUT_EMPTY: column {data.column!r} must have words that occur at least"
            f" {min_count} times in the {len(seen):,} texts to train on, but has none. Use"
            " --min-count 1, --tokens bytes, or more data."
        )
    return Text("words", _OPEN_WIDTH, data.column, lower, words)


def _ids(data: LabelledTexts, text: Text) -> Ragged:
    if data.interned is None:
        assert data.x is not None
        return data.x
    ids: Any = data.interned.ids(text.vocabulary)[:, None]
    return Ragged.of_flat(ids, data.interned.lengths)


def _outputs(data: LabelledTexts, truth: NDArray[Any]) -> tuple[Column, ...]:
    if data.classes:
        return probability_columns(data.classes)
    return measured_columns(data.target, truth.reshape(len(truth), -1))


def _vocabulary_notes(
    data: LabelledTexts, text: Text, x: Ragged, train: Rows, validation: Rows, min_count: int
) -> tuple[str, ...]:
    """Return the size of the vocabulary, and the shares of words that are unknown."""
    if data.interned is None:
        return ()
    shares = [f"{_unknown(x, train):.1%} of the words in training"]
    if len(validation):
        shares.append(f"{_unknown(x, validation):.1%} in validation")
    size = len(text.vocabulary)
    if data.known is not None:
        return (f"the vocabulary is that of the earlier run; unknown are {' and '.join(shares)}",)
    often = "" if min_count == 1 else f" that occur {min_count} times or more"
    return (f"vocabulary: {size:,} words{often}; unknown are {' and '.join(shares)}",)


def _unknown(x: Ragged, rows: Rows) -> float:
    unknown = np.concatenate([[0], np.cumsum(x.values[:, 0] == UNKNOWN)])
    starts, lengths = x.starts[rows], x.lengths[rows]
    return float((unknown[starts + lengths] - unknown[starts]).sum() / max(1, lengths.sum()))


def _repeated(data: LabelledTexts, train: Rows, validation: Rows) -> tuple[str, ...]:
    """Warn of texts that are in both parts."""
    count = int(np.isin(data.marks[validation], data.marks[train]).sum())
    if not count:
        return ()
    verb = "is" if count == 1 else "are"
    return (
        f"warning: {count:,} of the {len(validation):,} texts for validation {verb} also among"
        " those trained on, so the metrics may flatter the network; leave repeated texts out",
    )
