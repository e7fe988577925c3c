"""Whether a table is read as texts, and the columns that hold the texts and the target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from seqrt.data import Table
from seqrt.data.ordering.clock import is_numbering
from seqrt.data.readers.text_files import LABEL, TEXT
from seqrt.data.texts.columns import are_sentences, likely_texts, texts_of, word_lists_of
from seqrt.data.understanding.profile import Profile
from seqrt.errors import UsageError
from seqrt.training.problems.labels import FEW, are_few_whole_numbers
from seqrt.training.problems.options import DataOptions

# Columns that are called so are the target, if no other is named.
TARGETS: Final = ("y", "target", "label", "class")
_TASKS: Final = (None, "classify", "regress", "tag")
# Whoever gives one of these means windows of rows.
_OF_ROWS: Final = ("features", "categories", "calendar", "future", "window", "horizon", "series")
_OF_TIME: Final = ("span", "time", "dates")
_ROW_NAME: Final = re.compile(r"(?i:id|index|unnamed: 0|.*_id)|.*[a-z]Id")


def with_columns(table: Table, options: DataOptions) -> tuple[DataOptions, tuple[str, ...]] | None:
    """Return the options with the columns of text and target, and notes; None for other tables.

    Without --text, a table is read as texts if one column holds them, and nothing else could be a
    feature. A target of numbers has to be few whole ones without dates, and the texts to be
    sentences: otherwise the rows may be a series, whose numbers are forecast. Raises UsageError if
    a column is missing or uncertain.
    """
    unlabelled = table.names == (TEXT,) and table.columns[TEXT].kind == "text"
    if unlabelled and (options.target or options.task in _TASKS[1:]):
        raise UsageError(
            f"{table.source} holds texts without labels. Put the files into a folder for each"
            " class, or the texts into a table with a column of labels."
        )
    if options.text is not None:
        table.column(options.text)
        return _with_target(table, options, options.text), ()
    if is_of_files(table):
        options = replace(options, text=TEXT, target=options.target or (LABEL,))
        return options, ()
    of_rows = any(getattr(options, name) for name in (*_OF_ROWS, *_OF_TIME))
    if options.task not in _TASKS or of_rows or options.missing != "error":
        return None
    if options.target and table.column(options.target[0]).kind == "list":
        return _of_lists(table, options)
    return _found(table, options)


def _found(table: Table, options: DataOptions) -> tuple[DataOptions, tuple[str, ...]] | None:
    """Find the columns of text and target as `with_columns` does; what is quick comes first."""
    free = [name for name in table.names if name != table.time]
    if not options.target and len(free) != len(("text", "target")):
        return None
    target = options.target or tuple(name for name in free if table.columns[name].numeric)
    features = [name for name in table.numeric if name not in target]
    if not all(_numbers_rows(table, name) for name in features) or not _are_labels(table, target):
        return None
    found = likely_texts(table, target)
    target = target or tuple(name for name in free if name not in found)
    if not found or not target:
        return None
    numbers = any(table.columns[name].kind == "number" for name in target)
    dated = table.time is not None and not _numbers_rows(table, table.time)
    if numbers and (dated or not are_sentences(texts_of(table, found[0]))):
        return None
    if len(found) > 1:
        raise UsageError(
            f"{table.source} has several columns of text: {', '.join(found[:5])}. Name the one to"
            f" read with --text, such as --text {found[0]}."
        )
    note = f"{found[0]} holds texts, which are read token by token"
    note += "" if options.target else f"; {target[0]} is the target"
    return replace(options, text=found[0], target=target), (note,)


def likely_label(
    table: Table, profiles: Mapping[str, Profile], text: str | None = None
) -> tuple[str, ...]:
    """Return the column that is called a label, or the last one with few different values."""
    few = [
        name
        for name, profile in profiles.items()
        if name not in (table.time, text)
        and 1 < profile.distinct <= min(FEW, table.rows // 2)
        and _are_labels(table, (name,))
    ]
    called = [name for name in few if name.lower() in TARGETS]
    return tuple((called or few)[-1:])


def _of_lists(table: Table, options: DataOptions) -> tuple[DataOptions, tuple[str, ...]] | None:
    """Return the options for lists of words beside lists of labels, and notes."""
    others = [name for name in table.names if name not in options.target]
    found = [name for name in others if word_lists_of(table, name) is not None]
    if len(found) != 1:
        return None
    return replace(options, text=found[0]), (f"{found[0]} holds lists of words, to be tagged",)


def is_of_files(table: Table) -> bool:
    """Return whether each row of a table is a file in the folder of its class."""
    return table.names == (TEXT, LABEL) and table.file_of is not None and not table.series


def _with_target(table: Table, options: DataOptions, text: str) -> DataOptions:
    """Return the options with a target; raise UsageError if it is uncertain."""
    if text in options.target:
        raise UsageError(f"--text and --target must be different columns, got {text!r} for both.")
    if options.target:
        for name in options.target:
            table.column(name)
        return options
    others = [name for name in table.names if name != text]
    called = [name for name in others if name.lower() in TARGETS]
    likely = called if len(others) > 1 else others
    if len(likely) == 1:
        return replace(options, target=(likely[0],))
    if not others:
        raise UsageError(
            f"{table.source} has no column besides {text!r}, so there is nothing to learn from its"
            " texts. Add a column with a label for each row."
        )
    raise UsageError(
        f"{table.source} has several columns that could be the target: {', '.join(others[:5])}."
        f" Name it with --target, such as --target {others[-1]}."
    )


def _are_labels(table: Table, target: tuple[str, ...]) -> bool:
    """Whether all targets are text, booleans, or few whole numbers."""
    for name in target:
        column = table.column(name)
        known = column.values[np.isfinite(column.values)]
        if column.kind == "number" and not are_few_whole_numbers(known):
            return False
    return True


def _numbers_rows(table: Table, name: str) -> bool:
    """Whether a column of numbers merely tells the rows apart, by its name or its values."""
    return bool(_ROW_NAME.fullmatch(name)) or is_numbering(table.columns[name].values)
