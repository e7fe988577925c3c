"""From a table of texts to its problem for any split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from seqrt.data import Table
from seqrt.data.texts.columns import word_lists_of
from seqrt.training.networks.metadata import Metadata
from seqrt.training.problems.options import DataOptions
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.text.columns import with_columns
from seqrt.training.problems.text.from_text import from_text
from seqrt.training.problems.text.labelled import LabelledTexts
from seqrt.training.problems.text.tagged import tagged_texts
from seqrt.training.problems.text.targets import texts_with_targets


def text_split(
    table: Table, options: DataOptions, seed: int, earlier: Metadata | None = None
) -> Callable[..., Problem] | None:
    """Read a table of texts; return the function that makes its problem for a split `val`.

    Returns None for a table that is not read as texts, see `with_columns`. A network that is
    trained further reads text as the `earlier` one did.
    """
    if earlier is not None and earlier.text is not None:
        options = replace(options, text=earlier.text.column, target=earlier.targets)
    found = with_columns(table, options)
    if found is None:
        return None
    texts = read_labelled(table, *found, earlier)
    return partial(from_text, texts, seed=seed, min_count=options.min_count)


def read_labelled(
    table: Table, options: DataOptions, notes: tuple[str, ...], earlier: Metadata | None = None
) -> LabelledTexts:
    """Read the texts and targets in the columns of `with_columns`, whose `notes` come first."""
    texts = _read(table, options, earlier)
    return replace(texts, notes=(*notes, *texts.notes))


def _read(table: Table, options: DataOptions, earlier: Metadata | None) -> LabelledTexts:
    options.reject_for_texts()
    known, classes = (earlier.text, earlier.classes) if earlier else (None, ())
    lists = word_lists_of(table, options.text or "") is not None
    if lists or options.task == "tag" or table.column(options.target[0]).kind == "list":
        return tagged_texts(table, options, known)
    return texts_with_targets(table, options, known, classes)
