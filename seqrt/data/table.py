"""A table: named columns of one length, and the way back to the line where a cell stands."""

from __future__ import annotations

import difflib
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqrt.data.column import Numbers, TableColumn, is_missing, parse_number
from seqrt.data.dates import parse_dates, parse_period
from seqrt.errors import InputError, UsageError


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of named cells, read from `source`.

    `lines` says where each row stands there, counted from 1, and `place` is the word for it.
    `time` names the column that tells when each row was, if there is one: it orders the rows, and
    is no feature unless asked for. `named` is false where the source names no columns, and they are
    called x0, x1, ... in their order.
    """

    source: str
    columns: Mapping[str, TableColumn]
    lines: Sequence[int]
    time: str | None = None
    named: bool = True
    place: Literal["line", "row"] = "line"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the file."""
        return tuple(self.columns)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.lines)

    @property
    def numeric(self) -> tuple[str, ...]:
        """The columns that are meant as numbers, without the time column."""
        return tuple(
            name for name, cells in self.columns.items() if name != self.time and cells.numeric
        )

    def numbers(self, names: Sequence[str], *, missing: bool = False) -> Numbers:
        """Return the columns `names` as float64 (T, D).

        Raises InputError at the first cell that holds no finite number: E_INPUT_MISSING where it is
        empty or says so (nan, NA, null), which with `missing` is NaN and no error, E_INPUT_CELL
        where it holds something else.
        """
        columns = [self._column(name) for name in names]
        for name, column in zip(names, columns, strict=True):
            bad = np.flatnonzero(~np.isfinite(column.values)).tolist()
            if missing:
                bad = [row for row in bad if not is_missing(column.text(row))]
            if bad:
                raise self._refuse(name, column, bad[0])
        if not columns:
            return np.empty((self.rows, 0))
        return np.stack([column.values for column in columns], axis=1)

    def labels(self, name: str) -> list[int | str]:
        """Return the column `name` as class labels: whole numbers where all are, text otherwise.

        Raises InputError (E_INPUT_MISSING) at the first empty cell.
        """
        column = self._column(name)
        labels = column.labels()
        empty = "" if column.cells is not None else "nan"
        if empty in labels:
            raise self._missing(name, column, labels.index(empty))
        return labels

    def times(self) -> NDArray[Any]:
        """Return the time of every row, as dates or numbers, or its number from 1."""
        if self.time is None:
            return np.array(self.lines if self.place == "row" else range(1, self.rows + 1))
        column = self.columns[self.time]
        dates = parse_dates(column.cells) if column.cells else None
        if dates:
            return np.array([date.replace(tzinfo=None) for date in dates], "datetime64[s]")
        return column.values

    def span(self, first: str | None, last: str | None) -> Table:
        """Return the rows whose time lies from `first` to `last`, both included; None leaves open.

        The two are what the time column holds, numbers or dates; for dates a year, a month or a day
        stands for all of it. Without a time column they are row numbers from 1.
        """
        keys = self._keys()
        dates = bool(keys) and isinstance(keys[0], datetime)
        start = 0 if first is None else bisect_left(keys, _edges(first, dates)[0])
        stop = self.rows if last is None else bisect_right(keys, _edges(last, dates)[1])
        if start >= stop:
            raise UsageError(self._nothing_between(first, last))
        return self.cut(start, stop)

    def cut(self, start: int, stop: int) -> Table:
        """Return the rows from number `start` up to `stop`, counted from 0 as slices are."""
        columns = {name: column.part(start, stop) for name, column in self.columns.items()}
        return replace(self, columns=columns, lines=self.lines[start:stop])

    def _keys(self) -> Sequence[Any]:
        """Return what each row is found by: its time, or its number from 1."""
        rising = _rising(self.columns[self.time]) if self.time is not None else None
        return range(1, self.rows + 1) if rising is None else rising

    def _column(self, name: str) -> TableColumn:
        if name in self.columns:
            return self.columns[name]
        lower = {known.lower(): known for known in self.names}
        near = difflib.get_close_matches(name.lower(), lower, n=1)
        hint = f" Did you mean {lower[near[0]]!r}?" if near else ""
        raise UsageError(
            f"{self.source} must have a column {name!r}, and has {_listed(self.names)}.{hint}"
        )

    def _refuse(self, name: str, column: TableColumn, row: int) -> InputError:
        text = column.text(row).strip()
        if is_missing(text):
            return self._missing(name, column, row)
        fix = " Correct the cell, or leave the column out."
        if text.count(",") == 1 and not np.isnan(parse_number(text.replace(",", "."))):
            fix = " Write numbers with a decimal point."
        elif self.place == "line" and self.lines[row] == 1:
            fix = " Line 1 was read as data, since it holds a number: name each column in words."
        return InputError(
            f"E_INPUT_CELL: {self._place(name, row)}: a cell must hold a finite number,"
            f" got {text!r:.60}.{fix}"
        )

    def _missing(self, name: str, column: TableColumn, row: int) -> InputError:
        empty = sum(is_missing(column.text(row)) for row in range(self.rows))
        return InputError(
            f"E_INPUT_MISSING: {self._place(name, row)}: a cell must hold a value, and"
            f" {_nothing(column, row)}"
            f" ({empty:,} of {self.rows:,} rows hold none). Fill the gaps first, drop the rows, or"
            " train with a policy such as --missing forward."
        )

    def _place(self, name: str, row: int) -> str:
        return f"{self.source}, {self.place} {self.lines[row]}, column {name!r}"

    def _nothing_between(self, first: str | None, last: str | None) -> str:
        wanted = f"no row of {self.source} lies from {first or 'its start'} to {last or 'its end'}"
        if self.time is None or not self.rows:
            return f"{wanted}; it has rows 1 to {self.rows}."
        times = self.columns[self.time]
        return f"{wanted}; {self.time!r} runs from {times.text(0)} to {times.text(self.rows - 1)}."


def find_time(columns: Mapping[str, TableColumn]) -> str | None:
    """Return the name of the first column where it tells the time: it rises at every row.

    One column alone is a series, and one row rises by accident: neither has a time.
    """
    if len(columns) < 2:
        return None
    name, column = next(iter(columns.items()))
    return name if len(column.values) > 1 and _rising(column) is not None else None


def _rising(column: TableColumn) -> Sequence[Any] | None:
    """Return the column as dates or numbers if they rise at every row, else None."""
    keys: Sequence[Any] | None = parse_dates(column.cells) if column.cells else None
    if keys is None:
        if not np.isfinite(column.values).all():
            return None
        keys = column.values.tolist()
    return keys if all(before < after for before, after in itertools.pairwise(keys)) else None


def _nothing(column: TableColumn, row: int) -> str:
    """Return how a cell without a value says so."""
    if column.cells is None:
        return "is NaN"
    text = column.text(row).strip()
    return f"says {text!r}" if text else "is empty"


def _edges(text: str, dates: bool) -> tuple[Any, Any]:
    """Return the first and last key that `text` stands for."""
    edges = parse_period(text) if dates else (parse_number(text), parse_number(text))
    if edges is None or edges[0] != edges[0]:
        kind = "a date such as 1990, 1990-06 or 1990-06-30" if dates else "a number"
        raise UsageError(f"the first and last row of a part must be {kind} here, got {text!r:.60}.")
    return edges


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown
