"""What seqrt understands of a data set before any training: what `seqrt describe` reports.

It takes the steps that training takes, so that what it says is what training will do. Where
training would stop, the description has the reason and goes on as far as it can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Input
from seqrt.data import Sequences, Table, Timeline, arrange
from seqrt.data.list_columns import holds_sequences
from seqrt.data.ordering.repeats import SeveralSeries
from seqrt.data.readers.source import Source, shown
from seqrt.data.understanding.accounting import ColumnUse, account
from seqrt.data.understanding.profile import Profile
from seqrt.errors import InputError, UsageError
from seqrt.training.problems.from_book import book_problem, check_is_text, read_book
from seqrt.training.problems.from_sequences import from_sequences
from seqrt.training.problems.from_table import TableRows, from_table
from seqrt.training.problems.options import DataOptions
from seqrt.training.problems.prepare import in_lists, in_order
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.suggestion import Suggestion, suggest
from seqrt.training.problems.text.columns import is_of_files, likely_label, with_columns
from seqrt.training.problems.text.facts import TextFacts
from seqrt.training.problems.text.from_text import from_text
from seqrt.training.problems.text.splitting import read_labelled

_NO_TIME = "none"
_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Description:
    """A data set as training would take it.

    `problem` is what training would learn with the suggested options, and `fault` the error with
    which it would stop; one of both is empty. A table has `timeline`, and a use and a profile for
    each column; other data are `sequences`. A `table` of texts has `texts` instead of a timeline,
    and so has the text of a language model.
    """

    source: Source
    suggestion: Suggestion
    problem: Problem | None = None
    fault: str = ""
    timeline: Timeline | None = None
    sequences: Sequences | None = None
    columns: tuple[ColumnUse, ...] = ()
    profiles: Mapping[str, Profile] | None = None
    table: Table | None = None
    texts: TextFacts | None = None

    @property
    def name(self) -> str:
        """The source in words."""
        return shown(self.source)


def describe(source: Source, data: Table | Sequences, options: DataOptions) -> Description:
    """Describe the content of a source; `options` are those that training would be given."""
    options.check()
    if isinstance(data, Table):
        for name in (*options.target, *options.features, *options.categories, *options.future):
            data.column(name)
    if isinstance(data, Table) and (texts := _of_texts(source, data, options)) is not None:
        return texts
    if isinstance(data, Table) and holds_sequences(data, options.features):
        profiles = {name: Profile.of(column) for name, column in data.columns.items()}
        sequences, columns = in_lists(data, options)
        found = _of_sequences(source, sequences, options)
        return replace(found, columns=columns, profiles=profiles)
    if isinstance(data, Table):
        return _of_table(source, data, options)
    options.reject_for_sequences()
    return _of_sequences(source, data, options)


def describe_book(source: Source, options: DataOptions) -> Description:
    """Describe the text that a language model would learn."""
    options.check()
    options.reject_for_books()
    try:
        data = read_book(source)
        if options.task is None:
            check_is_text(data, shown(source))
        problem = book_problem(data, shown(source), usual_val=True)
    except UsageError as error:
        return Description(source, Suggestion(options), None, str(error))
    return Description(source, Suggestion(options), problem, texts=TextFacts.of(problem))


def _of_texts(source: Source, table: Table, options: DataOptions) -> Description | None:
    """Describe a table that is read as texts; return None for another one.

    Without a target, the column that is called one, or looks like labels, is tried.
    """
    profiles = {name: Profile.of(column) for name, column in table.columns.items()}
    try:
        found, reasons = _columns_of_texts(table, options, profiles)
        if found is None:
            return None
        chosen, notes = found
        data = read_labelled(table, chosen, notes)
        problem = from_text(data, _SHARE, 0, min_count=options.min_count)
    except (InputError, UsageError) as error:
        if options.text is None:
            return None
        uses = account(table, series=(), targets=options.target, inputs=())
        return Description(
            source, Suggestion(options), None, str(error), None, None, uses, profiles, table
        )
    return Description(
        source,
        Suggestion(options if is_of_files(table) else chosen, reasons),
        problem,
        columns=data.columns,
        profiles=profiles,
        table=table,
        texts=TextFacts.of(problem, data),
    )


def _columns_of_texts(
    table: Table, options: DataOptions, profiles: Mapping[str, Profile]
) -> tuple[tuple[DataOptions, tuple[str, ...]] | None, tuple[str, ...]]:
    """Return what `with_columns` returns, and why the target is the one that it is."""
    guess = () if options.target else likely_label(table, profiles, options.text)
    try:
        found = with_columns(table, options)
    except UsageError:
        if not guess:
            raise
        found = None
    if found is not None or not guess:
        return found, ()
    reason = f"{guess[0]} is a guess at the target: name another with --target"
    return with_columns(table, replace(options, target=guess)), (reason,)


def _of_sequences(source: Source, data: Sequences, options: DataOptions) -> Description:
    if options.missing == "error" and any(np.isnan(data.x[i]).any() for i in range(len(data.x))):
        options = replace(options, missing="forward")
    try:
        missing = options.missing != "error"
        problem = from_sequences(data, options.task, _SHARE, 0, missing=missing)
    except (InputError, UsageError) as error:
        return Description(source, Suggestion(options), None, str(error), sequences=data)
    return Description(source, Suggestion(options), problem, sequences=data)


def gaps_of(data: Timeline) -> NDArray[np.int64]:
    """Return the row before each gap inside a series (G,)."""
    ends = data.runs[:-1, 1]
    return np.asarray(ends[~np.isin(ends, data.bounds)] - 1, np.int64)


def _of_table(source: Source, table: Table, options: DataOptions) -> Description:
    data, options, fault = _ordered(table, options)
    profiles = {name: Profile.of(column) for name, column in data.table.columns.items()}
    suggestion = suggest(data, options, profiles)
    chosen = suggestion.options
    problem, inputs = None, tuple(map(Input, data.table.numeric))
    if not fault:
        try:
            rows = TableRows.of(data, chosen)
            inputs = rows.features.inputs
            problem = from_table(rows, _SHARE)
        except (InputError, UsageError) as error:
            fault = str(error)
    if problem and options.window is None and _is_forecast(problem, chosen):
        suggestion = suggestion.for_forecaster()
    columns = account(
        data.table,
        series=data.series,
        targets=chosen.target,
        inputs=inputs,
        chosen=bool(chosen.features),
    )
    return Description(source, suggestion, problem, fault, data, None, columns, profiles)


def _is_forecast(problem: Problem, options: DataOptions) -> bool:
    """Return whether training would make a forecaster, as it does without a window."""
    read = {column.name for column in problem.metadata.features}
    return (
        problem.metadata.task == "forecast"
        and read.issuperset(options.target)
        and options.missing != "mean"
    )


def _ordered(table: Table, options: DataOptions) -> tuple[Timeline, DataOptions, str]:
    """Return the rows in order, the options with a series column if it needs one, and an error.

    Where the rows cannot be ordered, they are taken as they come in the file.
    """
    series, fault = options.series, ""
    try:
        return in_order(table, options), options, ""
    except SeveralSeries as error:
        if not series:
            return _ordered(table, replace(options, series=error.candidates[0]))
        fault = str(error)
    except (InputError, UsageError) as error:
        fault = str(error)
    try:
        return arrange(table, series=series, time=_NO_TIME), options, fault
    except (InputError, UsageError):
        return arrange(table, time=_NO_TIME), options, fault
