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
from seqrt.training.problems.from_sequences import from_sequences
from seqrt.training.problems.from_table import TableRows, from_table
from seqrt.training.problems.options import DataOptions
from seqrt.training.problems.prepare import in_lists, in_order
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.suggestion import Suggestion, suggest

_NO_TIME = "none"
_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Description:
    """A data set as training would take it.

    `problem` is what training would learn with the suggested options, and `fault` the error with
    which it would stop; one of both is empty. A table has `timeline`, and a use and a profile for
    each column; other data are `sequences`.
    """

    source: Source
    suggestion: Suggestion
    problem: Problem | None = None
    fault: str = ""
    timeline: Timeline | None = None
    sequences: Sequences | None = None
    columns: tuple[ColumnUse, ...] = ()
    profiles: Mapping[str, Profile] | None = None

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
    if isinstance(data, Table) and holds_sequences(data, options.features):
        profiles = {name: Profile.of(column) for name, column in data.columns.items()}
        sequences, columns = in_lists(data, options)
        found = _of_sequences(source, sequences, options)
        return replace(found, columns=columns, profiles=profiles)
    if isinstance(data, Table):
        return _of_table(source, data, options)
    options.reject_for_sequences()
    return _of_sequences(source, data, options)


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
