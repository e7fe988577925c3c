"""A wide table melted: each of several target columns becomes a series, below one another.

    date        north  south  holiday        date        variable  value  holiday
    2024-03-01  10     200    0              2024-03-01  north     10     0
    2024-03-02  11     210    1      to      2024-03-02  north     11     1
                                             2024-03-01  south     200    0
                                             2024-03-02  south     210    1

All other columns are repeated. Rows before the first value of a target are in no run, nor are those
after its last one, unless values may be missing or the rows are a plan.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.contract.columns import inputs_of
from seqrt.data.runs import as_runs, intersection
from seqrt.data.table import Table
from seqrt.data.timeline import Timeline
from seqrt.encoding.column import Numbers, TableColumn
from seqrt.errors import InputError, UsageError
from seqrt.wording import numbers_first

Rows = NDArray[np.int64]

# The names that data frames use; another one is taken where a column has it already.
_SERIES, _VALUE = "variable", "value"

_NAMED = 5


@dataclass(frozen=True, eq=False)
class MeltedTable(Table):
    """A table of melted columns: a cell of `value` is in the column that its series names."""

    value: str = ""

    def cell_place(self, name: str, row: int) -> str:
        """Return where a cell is in the wide table."""
        own = self.columns[self.series[-1]].text(row) if name == self.value else name
        return super().cell_place(own, row)


@dataclass(frozen=True, eq=False)
class Melted(Timeline):
    """The timeline of a melted table: K series for each series of the `wide` one.

    `targets` are the columns that were melted, in the order in which they were named.
    """

    wide: Timeline | None = None
    targets: tuple[str, ...] = ()

    @property
    def before(self) -> Timeline:
        """The timeline of the wide table."""
        assert self.wide is not None
        return self.wide

    def rows_of(self, rows: Rows) -> Rows:
        """Return the melted rows (n, K) of some rows (n,) of the wide table, by target."""
        bounds = self.before.bounds
        place = np.searchsorted(bounds, rows, "right") - 1
        first, count = bounds[place], np.diff(bounds)[place]
        order = np.array([_in_order(self.targets).index(name) for name in self.targets])
        inside = (len(order) - 1) * first + rows
        found: Rows = inside[:, None] + order * count[:, None]
        return found


def new_names(table: Table) -> tuple[str, str]:
    """Return the names of the columns that melting adds: for the names and for the values."""
    return _free(_SERIES, table.names), _free(_VALUE, table.names)


def melted(
    data: Timeline,
    targets: Sequence[str],
    added: tuple[str, str],
    kept: Collection[str],
    *,
    missing: bool,
    planned: bool,
) -> Melted:
    """Return a timeline with the columns `targets` melted to the two `added`, see `new_names`.

    Of the other columns, those `kept` are repeated. `missing` says that values may be missing, and
    `planned` that rows without a target, after its last one, are a plan.

    Raises InputError at a cell of a target that is no number, and unless `missing`, at one without
    a value between others.
    """
    values = data.table.numbers(targets, missing=True)
    order = _in_order(targets)
    columns = [list(targets).index(name) for name in order]
    values = values[:, columns]
    bounds, count = data.bounds, len(order)
    series = [(i, j) for i in range(len(bounds) - 1) for j in range(count)]
    rows = np.concatenate([np.arange(bounds[i], bounds[i + 1]) for i, _ in series])
    owner = np.concatenate([np.full(bounds[i + 1] - bounds[i], j) for i, j in series])
    runs, notes = _runs(data, order, values, missing=missing, planned=planned)
    table = _table(data.table, order, added, kept, rows, owner, values[rows, owner])
    shared = {each.name: getattr(data, each.name) for each in fields(Timeline)}
    lengths = np.repeat(np.diff(bounds), count)
    shared |= {
        "table": table,
        "series": table.series,
        "keys": tuple((*data.keys[i], order[j]) for i, j in series),
        "bounds": np.concatenate([[0], lengths.cumsum()]),
        "runs": runs,
        "planned": runs,  # rows outside of them need no target
        "notes": (*data.notes, *notes),
        "times": None if data.times is None else data.times.take(rows),
    }
    return Melted(**shared, wide=data, targets=tuple(targets))


def melted_as_trained(data: Timeline, manifest: Manifest) -> Melted:
    """Return the timeline of a wide table, melted as the training data of a model was.

    Raises InputError (E_INPUT_COLUMN) for a table without a column that the model reads.
    """
    names = [column.name for column in manifest.features]
    inputs = inputs_of(manifest.inputs, names)
    kept = {each.column for each in inputs if each.kind != "calendar"} - {*manifest.targets}
    try:
        for name in sorted(kept):
            data.table.column(name)
    except UsageError as error:
        raise InputError(f"E_INPUT_COLUMN: {error} The model needs this column.") from None
    return melted(
        data,
        manifest.wide,
        (manifest.series[-1], manifest.targets[0]),
        kept,
        missing=manifest.takes_missing,
        planned=any(each.ahead for each in inputs),
    )


def is_wide(table: Table, manifest: Manifest) -> bool:
    """Return whether a table has the wide columns of a model, and is to be melted.

    Raises InputError (E_INPUT_COLUMN) for a table that has neither all of them nor their values in
    one column.
    """
    lacking = [name for name in manifest.wide if name not in table.names]
    if not manifest.wide or not lacking:
        return bool(manifest.wide)
    value, series = manifest.targets[0], manifest.series[-1]
    if value in table.names or (not table.named and len(table.names) == len(manifest.features)):
        return False
    raise InputError(
        f"E_INPUT_COLUMN: {table.source} must have the columns that the model forecasts,"
        f" {_listed(manifest.wide)}, but lacks {_listed(lacking)}. Add"
        f" {'it' if len(lacking) == 1 else 'them'}, or give a long table with their names in a"
        f" column {series!r} and their values in {value!r}."
    )


def check_filled(table: Table, targets: Sequence[str]) -> None:
    """Raise UsageError for a target without any value, from which nothing can be learnt."""
    values = table.numbers(targets, missing=True)
    empty = [name for name, each in zip(targets, values.T, strict=True) if np.isnan(each).all()]
    if empty:
        raise UsageError(
            f"the target {empty[0]!r} of {table.source} has no values. Leave it out of --target."
        )


def _table(
    table: Table,
    order: Sequence[str],
    added: tuple[str, str],
    kept: Collection[str],
    rows: Rows,
    owner: Rows,
    values: Numbers,
) -> MeltedTable:
    """Return the melted table: `rows` of the wide one, with the name and the value of each."""
    name, value = added
    needed = {*kept, *table.series, *table.clocks, table.time}
    columns = {each: table.columns[each] for each in table.names if each in needed}
    taken = replace(table, columns=columns).take(rows)
    where = next(i for i, each in enumerate(table.names) if each in order)
    before = [each for each in table.names[:where] if each in columns]
    melted = {
        **{each: taken.columns[each] for each in before},
        name: TableColumn.of_text(np.array(order, object)[owner].tolist()),
        value: TableColumn(values),
    }
    held = {each.name: getattr(taken, each.name) for each in fields(Table)}
    held |= {"columns": {**melted, **taken.columns}, "series": (*table.series, name)}
    return MeltedTable(**held, value=value)


def _runs(
    data: Timeline, order: Sequence[str], values: Numbers, *, missing: bool, planned: bool
) -> tuple[Rows, list[str]]:
    """Return the runs of the melted rows, and notes if cells at the ends of targets are empty."""
    bounds, count, known = data.bounds, len(order), ~np.isnan(values)
    found, later, earlier = [], dict[str, None](), dict[str, None]()
    for first, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        for j, name in enumerate(order):
            rows = first + np.flatnonzero(known[first:end, j])
            if not len(rows):
                continue
            begin, stop = int(rows[0]), int(rows[-1]) + 1
            inside = np.flatnonzero(~known[begin:stop, j])
            if len(inside) and not missing:
                raise data.table.refusal(name, begin + int(inside[0]))
            stop = end if missing or planned else stop
            if begin > first:
                later[name] = None
            if stop < end:
                earlier[name] = None
            own = intersection(data.runs, as_runs((begin, stop)))
            found.append(own + (count - 1) * first + j * (end - first))
    runs = np.concatenate(found) if found else np.zeros((0, 2), np.int64)
    return runs, _notes_on_ends(list(later), list(earlier), len(order))


def _notes_on_ends(later: Sequence[str], earlier: Sequence[str], count: int) -> list[str]:
    """Say which targets have empty cells at their ends."""
    notes = []
    if later:
        verb = "begins" if len(later) == 1 else "begin"
        notes.append(
            f"{len(later):,} of {count:,} targets {verb} after the first row: {_listed(later)}"
        )
    if earlier:
        verb = "ends" if len(earlier) == 1 else "end"
        notes.append(
            f"{len(earlier):,} of {count:,} targets {verb} before the last row, where its forecast"
            f" begins: {_listed(earlier)}"
        )
    return notes


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _free(name: str, taken: Collection[str]) -> str:
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _in_order(names: Sequence[str]) -> list[str]:
    """Return names in the order of the series of a long table, see ordering.cells."""
    return sorted(names, key=numbers_first)
