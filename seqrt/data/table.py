"""A table: named columns of one length, and the line of the file that each row comes from."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.cells import is_missing
from seqrt.encoding.column import TableColumn
from seqrt.encoding.dates import between
from seqrt.encoding.text.contents import Fault, Numbers, rounding
from seqrt.encoding.text.number_style import has_sign, is_accounting, is_number, sign_fix
from seqrt.encoding.time_column import read_column
from seqrt.encoding.times import Times, read_numbers
from seqrt.errors import InputError, UsageError

_DIGITS = re.compile(r"[^,' \xa0]*")


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of named cells, read from `source`.

    `lines` holds the line or row number of each row in the source, from 1; `place` says which of
    the two. `time` is the name of the time column, if there is one: it orders the rows, and is a
    feature only on request. `named` is false if the source has no column names; the columns are
    then called x0, x1, ... in order. `series` names the columns that tell several series apart.
    `numbering` is a column that merely counts the rows, and no feature unless it is asked for.
    `clocks` are other columns that are part of the time: a clock time, or a month and a day.
    In a table from several files, `file_of` (T,) is the place of each row's file in `files`.
    """

    source: str
    columns: Mapping[str, TableColumn]
    lines: Sequence[int] | NDArray[np.int64]
    time: str | None = None
    named: bool = True
    place: Literal["line", "row"] = "line"
    series: tuple[str, ...] = ()
    numbering: str | None = None
    clocks: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    file_of: NDArray[np.int64] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the file."""
        return tuple(self.columns)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.lines)

    @property
    def numeric(self) -> tuple[str, ...]:
        """The names of the columns of numbers and booleans that may be features or targets.

        The time, the columns of the series and the one that numbers the rows are none of them.
        """
        others = {self.time, self.numbering, *self.series}
        kept = (name for name in self.columns if name not in others)
        return tuple(name for name in kept if self.columns[name].numeric)

    def numbers(self, names: Sequence[str], *, missing: bool = False) -> Numbers:
        """Return the columns `names` as float64 (T, D).

        Raises InputError at the first cell that is not a finite number: E_INPUT_MISSING if it is
        empty or a word for that (nan, NA, null), unless `missing` allows it as NaN; E_INPUT_CELL
        for anything else.
        """
        columns = [self.column(name) for name in names]
        for name, column in zip(names, columns, strict=True):
            self._check(name, column)
            bad = np.flatnonzero(~np.isfinite(column.values)).tolist()
            if missing:
                bad = column.filled(bad)
            if bad:
                raise self.refusal(name, bad[0])
        if not columns:
            return np.empty((self.rows, 0))
        return np.stack([column.values for column in columns], axis=1)

    def labels(self, name: str) -> list[int | str]:
        """Return the column `name` as class labels: whole numbers if all are, text otherwise.

        Raises InputError (E_INPUT_MISSING) at the first empty cell.
        """
        column = self.column(name)
        if column.fault is not None and column.fault.code != "E_INPUT_RANGE":
            raise self._faulty(name, column, column.fault)
        labels = column.labels()
        if "" in labels:
            raise self._missing(name, column, labels.index(""))
        return labels

    def times(self) -> NDArray[Any]:
        """Return the time of each row as a date or number; without a time column, row numbers."""
        if self.time is None:
            return np.array(self.lines if self.place == "row" else range(1, self.rows + 1))
        return self.known_times().values()

    def known_times(self) -> Times:
        """Return the cells of the time column as times."""
        assert self.time is not None
        column = self.columns[self.time]
        reading = read_column(column)
        return reading.times if reading is not None else read_numbers(column.values)

    def span(self, first: str | None, last: str | None) -> Table:
        """Return the rows whose time is from `first` to `last`, both included; None is no bound.

        The bounds are numbers or dates, like the times; a year, a month or a day means all of it.
        Without a time column they are row numbers from 1.
        """
        return self.take(np.flatnonzero(self.rows_between(first, last)))

    def rows_between(self, first: str | None, last: str | None) -> NDArray[np.bool_]:
        """Return which rows `span` selects, (T,)."""
        numbers = read_numbers(np.arange(1.0, self.rows + 1), epochs=False)
        inside = between(numbers if self.time is None else self.known_times(), first, last)
        if not inside.any():
            raise UsageError(self.nothing_between(first, last))
        return inside

    def take(self, rows: NDArray[np.int64]) -> Table:
        """Return some rows in the order of their numbers `rows`; consecutive ones are a slice."""
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
            return self.cut(int(rows[0]), int(rows[-1]) + 1)
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        files = None if self.file_of is None else self.file_of[rows]
        lines = np.asarray(self.lines)[rows].tolist()
        return replace(self, columns=columns, lines=lines, file_of=files)

    def cut(self, start: int, stop: int) -> Table:
        """Return the rows `start` to `stop`, as a slice."""
        columns = {name: column.part(start, stop) for name, column in self.columns.items()}
        files = None if self.file_of is None else self.file_of[start:stop]
        return replace(self, columns=columns, lines=self.lines[start:stop], file_of=files)

    def column(self, name: str) -> TableColumn:
        """Return a column; raise UsageError for one that does not exist, with the nearest name."""
        if name in self.columns:
            return self.columns[name]
        lower = {known.lower(): known for known in self.names}
        near = difflib.get_close_matches(name.lower(), lower, n=1)
        hint = f" Did you mean {lower[near[0]]!r}?" if near else ""
        raise UsageError(
            f"{self.source} has no column {name!r}; it has {_listed(self.names)}.{hint}"
        )

    def refusal(self, name: str, row: int) -> InputError:
        """Return the error for a cell that is missing, is not a number, or has a faulty column."""
        column = self.columns[name]
        if column.fault is not None:
            return self._faulty(name, column, column.fault)
        text = column.text(row).strip()
        if is_missing(text):
            return self._missing(name, column, row)
        fix = "Correct the cell, leave it empty if it has no value, or leave the column out."
        if column.style:
            fix = f"Write it like the other cells of the column: {column.style}."
        elif has_sign(text) or is_accounting(text):
            fix = sign_fix(text)
        elif math.isinf(_float(text)) and text[-1].isdigit():
            fix = "The number is too large."
        elif column.kind == "boolean":
            fix = "Write True or False like the other cells of the column, or leave it out."
        elif is_number(text) and not _DIGITS.fullmatch(text):
            fix = "Write numbers with a decimal point and without marks between thousands."
        elif self.place == "line" and self.lines[row] == 1:
            fix = "Line 1 was read as data, since it contains a number: name the columns in words."
        elif column.kind == "number" and math.isnan(_float(text)):
            fix = (
                "Correct the cell, leave it empty if it has no value, or, for a column of codes,"
                f" train with --categories {name}."
            )
        return InputError(
            f"E_INPUT_CELL: {self.cell_place(name, row)}: a cell must hold"
            f" {'True or False' if column.kind == 'boolean' else 'a finite number'},"
            f" got {text!r:.60}. {fix}"
        )

    def _missing(self, name: str, column: TableColumn, row: int) -> InputError:
        empty = self.rows - len(column.filled(range(self.rows)))
        fix = "Fill the gaps, drop the rows, or train with a policy such as --missing forward."
        if empty == self.rows:
            fix = "Name another column, or leave this one out."
        return InputError(
            f"E_INPUT_MISSING: {self.cell_place(name, row)}: a cell must have a value, but this"
            f" one {_as_written(column, row)} ({empty:,} of {self.rows:,} rows have no value)."
            f" {fix}"
        )

    def _check(self, name: str, column: TableColumn) -> None:
        """Raise InputError if the column has a fault, or numbers that float64 would round."""
        if column.fault is not None:
            raise self._faulty(name, column, column.fault)
        row = column.first_rounded()
        if row is not None:
            fault = rounding(column.text(row).strip())
            raise InputError(f"{fault.code}: {self.cell_place(name, row)}: {fault.sentence}")

    def _faulty(self, name: str, column: TableColumn, fault: Fault) -> InputError:
        """Return the error for a column, with the place of the cell that is at fault."""
        cells = column.cells or ()
        row = next((i for i, cell in enumerate(cells) if cell.strip() == fault.cell), None)
        place = f"{self.source}, column {name!r}" if row is None else self.cell_place(name, row)
        return InputError(f"{fault.code}: {place}: {fault.sentence}")

    def cell_place(self, name: str, row: int) -> str:
        """Return where a cell is: file, line or row, column."""
        return f"{self.row_place(row)}, column {name!r}"

    def row_place(self, row: int) -> str:
        """Return where a row is: file, and line or row."""
        return f"{self.file_name(row)}, {self.place} {self.lines[row]}"

    def rows_place(self, first: int, second: int) -> str:
        """Return where two rows are: file and lines, or both files."""
        if self.file_name(first) != self.file_name(second):
            return f"{self.row_place(first)} and {self.row_place(second)}"
        lines = sorted((self.lines[first], self.lines[second]))
        return f"{self.file_name(first)}, {self.place}s {lines[0]} and {lines[1]}"

    def file_name(self, row: int) -> str:
        """Return the file that a row comes from."""
        return self.source if self.file_of is None else self.files[int(self.file_of[row])]

    def nothing_between(self, first: str | None, last: str | None) -> str:
        """Return the sentence that says that no row is from `first` to `last`."""
        wanted = f"{self.source} has no rows from {first or 'its start'} to {last or 'its end'}"
        if self.time is None or not self.rows:
            return f"{wanted}; it has rows 1 to {self.rows}."
        column, instants = self.columns[self.time], self.known_times().instant
        ends = column.text(int(instants.argmin())), column.text(int(instants.argmax()))
        return f"{wanted}; {self.time!r} runs from {ends[0]} to {ends[1]}."


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _as_written(column: TableColumn, row: int) -> str:
    """Say how a cell without a value is written."""
    if column.cells is None:
        return "is NaN"
    text = column.text(row).strip()
    return f"contains {text!r}" if text else "is empty"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown
