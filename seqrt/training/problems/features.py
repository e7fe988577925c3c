"""Which columns of a table become features, and in which form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from seqrt.contract import Input
from seqrt.contract.columns import Cycle, inputs_of
from seqrt.contract.manifest import Task
from seqrt.contract.strict_json import is_printable
from seqrt.data import Table, Timeline
from seqrt.data.understanding.accounting import ColumnUse, account
from seqrt.encoding.categories import category_of, levels_of, unknown_note
from seqrt.encoding.cells import is_missing
from seqrt.encoding.counters import counter_offset, rounding_note
from seqrt.errors import InputError, UsageError
from seqrt.training.networks.metadata import Metadata
from seqrt.training.problems.options import DataOptions

Names = tuple[str, ...]

_LONGEST_LEVEL = 200


class Features(NamedTuple):
    """The inputs that a table becomes, notes on them, and what each column is used for."""

    inputs: tuple[Input, ...]
    notes: tuple[str, ...]
    columns: tuple[ColumnUse, ...]

    @property
    def names(self) -> Names:
        """The names of the features."""
        return tuple(name for each in self.inputs for name in each.names)

    @property
    def recorded(self) -> tuple[Input, ...]:
        """The inputs as a manifest records them: none where all are plain columns of numbers."""
        plain = tuple(map(Input, self.names))
        return () if self.inputs == plain else self.inputs


def features_for(
    data: Timeline,
    task: Task,
    target: Names,
    options: DataOptions,
    horizon: int,
    earlier: Sequence[Input] = (),
) -> Features:
    """Return the features of a table; the options name them, or else they are all its numbers.

    A forecast reads its targets too. A network that is trained further has its `earlier` inputs,
    whose categories and offsets do not change with the data.

    Raises UsageError for an option that does not fit the table, and InputError (E_INPUT_RANGE) for
    numbers that float32 cannot hold.
    """
    made = _Making(data, options.categories)
    inputs = list(earlier)
    for each in inputs:
        if each.kind == "category" and not each.ahead:
            made.notes += unknown_note(each.column, data.table.column(each.column), each.levels)
    if not inputs:
        names = options.features or tuple(_usual(data, task, target))
        names = tuple(dict.fromkeys((*names, *options.categories)))
        inputs = [made.input(name, "--features") for name in names]
        inputs += made.calendar(options.calendar)
        inputs += made.future(options.future, task, target, horizon)
    if not inputs:
        raise UsageError(
            f"task {task} needs a feature besides the target, but {data.table.source} has no other"
            " column of numbers. Use --task forecast, or name --features."
        )
    _check_distinct(data.table, inputs)
    chosen = bool(options.features)
    uses = account(data.table, series=data.series, targets=target, inputs=inputs, chosen=chosen)
    return Features(tuple(inputs), tuple(made.notes), uses)


def options_of(metadata: Metadata) -> dict[str, Any]:
    """Return the options that make the features of a table, by their names in a plan."""
    if metadata.task == "generate":
        return {"features": (), "tokens": "bytes"}
    if metadata.text is not None:
        return {"features": (), "text": metadata.text.column, "tokens": metadata.text.kind}
    if metadata.window is None and metadata.horizon is None:
        # sequences, from the lists of a table if there are targets
        names = tuple(column.name for column in metadata.features)
        return {"features": names if metadata.targets else ()}
    inputs = inputs_of(metadata.inputs, [column.name for column in metadata.features])
    own = [each for each in inputs if not each.ahead]
    wide = {name: metadata.wide for name in metadata.targets if metadata.wide}
    columns: dict[str, list[str]] = {
        "features": [
            name
            for each in own
            if each.kind != "calendar"
            for name in wide.get(each.column, (each.column,))
        ],
        "categories": [each.column for each in inputs if each.kind == "category"],
        "calendar": [each.cycle for each in own if each.cycle],
        "future": [each.column for each in inputs if each.ahead],
    }
    return {name: tuple(dict.fromkeys(found)) for name, found in columns.items()}


class _Making:
    """Makes the inputs of one table, and collects notes on them."""

    def __init__(self, data: Timeline, categories: Names) -> None:
        self._data = data
        self._table = data.table
        self._categories = categories
        self._made: dict[str, Input] = {}
        self.notes: list[str] = []

    def input(self, name: str, option: str) -> Input:
        """Return the input that a column becomes at its own row; `option` names the column."""
        if name not in self._made:
            self._made[name] = self._input(name, option)
        return self._made[name]

    def _input(self, name: str, option: str) -> Input:
        column = self._table.column(name)
        if column.kind == "boolean":
            return Input(name, "boolean")
        if name in self._categories:
            return self._category(name)
        if column.kind in ("text", "time"):
            self._check_values(name, option)
        place = f"{self._table.source}, column {name!r}"
        offset = counter_offset(column, place)
        if offset:
            self.notes.append(
                f"{name}: {offset:,} is subtracted from its values, which float32 cannot hold"
            )
        else:
            self.notes += rounding_note(column, name)
        return Input(name, offset=offset)

    def _category(self, name: str) -> Input:
        column = self._table.column(name)
        if column.fault is not None and column.cells is None:
            raise self._table.refusal(name, 0)
        levels, others = levels_of(column)
        if not levels:
            raise self._table.refusal(name, 0)
        self._check_levels(name, levels)
        if others:
            self.notes.append(
                f"{name}: the {len(levels)} most frequent categories are features, and the"
                f" {others:,} others count as {name}=other"
            )
        return Input(name, "category", levels=levels)

    def _check_levels(self, name: str, levels: Names) -> None:
        """Raise InputError at the first cell that is too long, or not safe to print, for a name."""
        wrong = {text for text in levels if len(text) > _LONGEST_LEVEL or not is_printable(text)}
        if not wrong:
            return
        column = self._table.column(name)
        rows = range(self._table.rows)
        row = next(row for row in rows if category_of(column.text(row)) in wrong)
        raise InputError(
            f"E_INPUT_CELL: {self._table.cell_place(name, row)}: a category must be one line of at"
            f" most {_LONGEST_LEVEL} printable characters, got {column.text(row)!a:.60}. Correct"
            f" the cell, or take {name} out of --categories."
        )

    def _check_values(self, name: str, option: str) -> None:
        """Raise UsageError for a column of text or times that would have to be numbers."""
        column = self._table.column(name)
        texts = (column.text(row).strip() for row in range(self._table.rows))
        first = next((text for text in texts if not is_missing(text)), None)
        if first is None or column.fault is not None:
            return  # the encoder names the cell, or the fault
        if column.kind == "time":
            raise UsageError(
                f"column {name!r} of {self._table.source} holds times such as {first!r:.60}, which"
                f" are no numbers. Take it out of {option}; features of the time are named with"
                " --calendar, such as --calendar hour,weekday."
            )
        raise UsageError(
            f"column {name!r} of {self._table.source} holds text such as {first!r:.60}, which is no"
            f" number. Name it with --categories {name}, or take it out of {option}."
        )

    def calendar(self, cycles: Sequence[Cycle]) -> Iterator[Input]:
        """Yield the inputs of calendar features; raise UsageError for a table without dates."""
        times = self._data.times
        if cycles and (times is None or not times.dated):
            has = "its times are numbers" if times is not None else "it has no time column"
            raise UsageError(
                f"--calendar needs dates or times, but {self._table.source} has none: {has}. Name"
                " the time column with --time, or drop --calendar."
            )
        for cycle in dict.fromkeys(cycles):
            yield Input(self._table.time or "", "calendar", cycle=cycle)

    def future(self, names: Names, task: Task, target: Names, horizon: int) -> Iterator[Input]:
        """Yield the inputs known ahead, 1 to `horizon` rows; raise UsageError where none fit."""
        if names and task != "forecast":
            raise UsageError(f"--future applies to forecasts only, got task {task}. Drop it.")
        for name in dict.fromkeys(names):
            if name in target or name == self._table.time:
                what = "the target" if name in target else "the time"
                fix = "" if name in target else "; use --calendar for features of the time"
                raise UsageError(
                    f"--future must name columns that are known ahead, but {name!r} is {what}{fix}."
                )
            own = self.input(name, "--future")
            yield from (own.at(ahead) for ahead in range(1, horizon + 1))


def _usual(data: Timeline, task: Task, target: Names) -> Iterator[str]:
    """Yield the columns that are features by default: all numbers, of a forecast the target too."""
    for name in data.table.numeric:
        if name not in data.series and (task == "forecast" or name not in target):
            yield name


def _check_distinct(table: Table, inputs: Sequence[Input]) -> None:
    counts = Counter(name for each in inputs for name in each.names)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise UsageError(
            f"features must have different names, but two features of {table.source} would be"
            f" called {twice!r}. Rename a column, or name other --features."
        )
