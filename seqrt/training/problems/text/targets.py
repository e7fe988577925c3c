"""Texts with a target for each: a label or a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Task
from seqrt.contract.text import Text, TokenKind
from seqrt.data import Table
from seqrt.data.labels import as_written, is_one_hot
from seqrt.data.texts.columns import are_sentences, chunk_counts, texts_of
from seqrt.data.texts.ids import byte_ids, raw_texts
from seqrt.data.texts.targets import LeftOut, without_target
from seqrt.encoding.column import TableColumn
from seqrt.encoding.text.texts import Texts
from seqrt.errors import InputError, UsageError
from seqrt.numbers import check_finite
from seqrt.text.interned import Interned
from seqrt.training.problems.labels import (
    OVERRIDE,
    Classes,
    are_few_whole_numbers,
    check_repeated,
    labels_of,
)
from seqrt.training.problems.options import DataOptions
from seqrt.training.problems.text.labelled import LabelledTexts, uses_of

Array = NDArray[Any]
Rows = NDArray[np.intp]


def texts_with_targets(
    table: Table,
    options: DataOptions,
    known: Text | None = None,
    classes: Classes = (),
) -> LabelledTexts:
    """Read the columns that the options name, which are complete; see `with_columns`.

    `known` and `classes` are those of an earlier network that is trained further. Rows without a
    text or a target are left out, and counted in a note. Raises UsageError for options that do not
    fit, and InputError for data that does not.
    """
    name, target = options.text or "", options.target
    texts = texts_of(table, name)
    blank, unlabelled = chunk_counts(texts) == 0, without_target(table, target)
    kept = np.flatnonzero(~(blank | unlabelled))
    notes = LeftOut(int(blank.sum()), int((unlabelled & ~blank).sum())).notes()
    if not len(kept):
        raise InputError(
            f"E_INPUT_EMPTY: {table.source} must have rows with a text in {name!r} and a value in"
            f" {', '.join(target)}, but none of its {table.rows:,} rows has both."
        )
    if len(kept) < table.rows:
        table, texts = table.take(kept), texts.take(kept)
    task, truth, found, about = _targets(table, target, options.task, classes)
    kind, why = _kind(texts, options.tokens, known)
    lower = known.lower if known else "ascii"
    return LabelledTexts(
        task=task,
        column=name,
        target=target,
        kind=kind,
        y=truth,
        classes=found,
        marks=np.fromiter(map(hash, raw_texts(texts)), np.int64, len(texts)),
        interned=Interned(raw_texts(texts), lower) if kind == "words" else None,
        x=byte_ids(texts) if kind == "bytes" else None,
        known=known,
        notes=(*notes, *why, *about),
        columns=uses_of(table, name, target),
    )


def _targets(
    table: Table, target: tuple[str, ...], task: Task | None, known: Classes
) -> tuple[Task, Array, Classes, tuple[str, ...]]:
    """Return the task, the targets of all rows, their classes, and notes."""
    columns = [table.column(name) for name in target]
    for name, column in zip(target, columns, strict=True):
        if column.fault is not None:
            raise table.refusal(name, 0)
    numbers = all(column.numeric for column in columns)
    if task == "regress" or (len(target) > 1 and not _one_hot(columns, task)):
        return "regress", _numbers(table, target), (), ()
    if len(target) > 1:
        labels, classes = labels_of(", ".join(target), table.numbers(target), target)
        return "classify", labels, classes, ()
    name, whole = target[0], columns[0].kind == "number"
    values = columns[0].values
    if task is None and whole and not are_few_whole_numbers(values[np.isfinite(values)]):
        return "regress", _numbers(table, target), (), ()
    if task is None and not numbers:
        check_repeated(table, name)
    labels = as_written(table.labels(name), known)
    truth, classes = labels_of(f"{table.source}, {name!r}", labels)
    about = f"{name} holds {len(classes)} whole numbers: taken as classes; {OVERRIDE}"
    return "classify", truth, classes, (about,) if whole and task is None else ()


def _one_hot(columns: Sequence[TableColumn], task: Task | None) -> bool:
    """Whether several targets are one-hot; raise UsageError for other ones to classify."""
    found = is_one_hot(np.stack([column.values for column in columns], axis=1))
    if task == "classify" and not found:
        raise UsageError(
            "task classify needs one target, or columns of 0 and 1 with a single 1 in every row."
            " Name one with --target, or use --task regress."
        )
    return found


def _numbers(table: Table, target: tuple[str, ...]) -> Array:
    found = table.numbers(target)
    check_finite(", ".join(target), found[None], ("row", "output"))
    return found[:, 0] if len(target) == 1 else found


def _kind(
    texts: Texts, asked: TokenKind | None, known: Text | None
) -> tuple[TokenKind, tuple[str, ...]]:
    """Return what the tokens are, and a note on the choice unless it was asked for."""
    if known is not None or asked is not None:
        return known.kind if known is not None else asked or "words", ()
    if are_sentences(texts):
        why = "read as words, since most texts have three words or more; --tokens bytes reads bytes"
        return "words", (why,)
    why = "read as bytes, since most texts have fewer than three words; --tokens words reads words"
    return "bytes", (why,)
