"""Texts with their targets, to evaluate a model on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.data.labels import as_written, of_one_hot
from seqrt.data.table import Table
from seqrt.data.texts.ids import TextIds
from seqrt.data.windowing import Part
from seqrt.encoding.cells import is_missing
from seqrt.errors import InputError, UsageError

Array = NDArray[Any]


class LeftOut(NamedTuple):
    """How many rows are left out, because they lack a text or a target."""

    texts: int
    targets: int

    def notes(self) -> tuple[str, ...]:
        """Return the counts in words; nothing where both are 0."""
        counts = [f"{self.texts:,} without a text"] * bool(self.texts)
        counts += [f"{self.targets:,} without a target"] * bool(self.targets)
        total = self.texts + self.targets
        rows = "row is" if total == 1 else "rows are"
        return (f"{total:,} {rows} left out: {' and '.join(counts)}",) if counts else ()


def without_target(table: Table, target: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which rows lack a target; the word none is a label like any other."""
    missing = np.zeros(table.rows, np.bool_)
    for name in target:
        column = table.column(name)
        if column.kind == "text" and column.cells is not None:
            blank = (not cell.strip() for cell in column.cells)
            missing |= np.fromiter(blank, np.bool_, table.rows)
        elif column.fault is None:
            empty = np.flatnonzero(~np.isfinite(column.values)).tolist()
            missing[[row for row in empty if is_missing(column.text(row))]] = True
    return missing


def labelled_texts(
    data: TextIds, manifest: Manifest, target: tuple[str, ...] = ()
) -> tuple[Part, LeftOut]:
    """Return the texts that have targets, with them, and how many rows are left out.

    `target` names the columns of the targets, by default those of training. Raises UsageError for a
    table without them, and InputError for targets that cannot be used.
    """
    target = target or manifest.targets
    for name in target:
        data.table.column(name)
    if manifest.head == "sequence":
        return _tagged(data, target[0]), LeftOut(data.blank, 0)
    known = ~without_target(data.table, target)[data.rows]
    out = LeftOut(data.blank, int((~known).sum()))
    if not known.any():
        raise InputError(
            f"E_INPUT_EMPTY: {data.table.source} must have rows with a text in {data.column!r} and"
            f" a value in {', '.join(target)}, but none of its {data.table.rows:,} rows has both."
        )
    table = data.table.take(data.rows[known])
    if manifest.task == "regress":
        truth = table.numbers(target)
    elif len(target) > 1:
        truth = of_one_hot(", ".join(target), table.numbers(target), manifest.classes)
    else:
        truth = as_written(table.labels(target[0]), manifest.classes)
    return Part(data.x[np.flatnonzero(known)], truth), out


def _tagged(data: TextIds, target: str) -> Part:
    """Return lists of words with the label of its word for each token."""
    column = data.table.columns[target]
    if column.lists is None or data.items is None:
        raise UsageError(
            f"to judge tags, {data.column!r} and {target!r} of {data.table.source} must hold lists"
            " of words and of labels. Save them as .jsonl."
        )
    each: list[Array] = []
    for row, places in zip(data.rows.tolist(), data.items, strict=True):
        labels, words = column.lists[row], data.table.columns[data.column].lists
        count = len(words[row]) if words is not None else 0
        if len(labels) != count:
            raise InputError(
                f"E_INPUT_SHAPE: {data.table.cell_place(target, row)}: a row must have a label for"
                f" each word, but has {count} words and {len(labels)} labels."
            )
        each.append(np.asarray(labels)[places])
    return Part(data.x, each)
