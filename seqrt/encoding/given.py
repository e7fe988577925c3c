"""Columns that a program passes: lists, arrays, or the columns of a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.cells import FIRST_INEXACT, MISSING_STAMP, is_missing
from seqrt.encoding.column import TableColumn
from seqrt.errors import InputError

Array = NDArray[Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = 2**63


@dataclass(frozen=True, eq=False)
class GivenColumns:
    """Columns of one length; `source` names them in errors, as in "columns['day'][3]"."""

    columns: Mapping[str, TableColumn]
    rows: int
    source: str = "columns"

    def column(self, name: str) -> TableColumn:
        """Return a column; raise InputError (E_INPUT_COLUMN) for one that is not given."""
        if name in self.columns:
            return self.columns[name]
        raise InputError(
            f"E_INPUT_COLUMN: {self.source} must have {name!r}, which the model needs, got"
            f" {', '.join(map(str, self.columns))!s:.80}."
        )

    def cell_place(self, name: str, row: int) -> str:
        """Return where a cell is."""
        return f"{self.source}[{name!r}][{row}]"

    def refusal(self, name: str, row: int) -> InputError:
        """Return the error for a cell that is missing, or is not a value of its column."""
        text, place = self.columns[name].text(row), self.cell_place(name, row)
        if is_missing(text):
            return InputError(
                f"E_INPUT_MISSING: {place}: a cell must have a value, but this one is missing, and"
                " the model has no policy for missing values. Fill it, or drop the row."
            )
        return InputError(
            f"E_INPUT_CELL: {place}: a cell must hold a finite number, got {text!r:.60}."
        )


def column_of(cells: Any, place: str = "the column") -> TableColumn:
    """Return the cells of one column: numbers, booleans, text, dates or None, in any mixture.

    `cells` is a list, an array or a column of a data frame (T,), or a single cell. Raises
    InputError for more dimensions (E_INPUT_SHAPE) and for any other type (E_INPUT_DTYPE), which
    names the column by its `place`.
    """
    array = _array(place, cells)
    match array.dtype.kind:
        case "b":
            return TableColumn.of_booleans(array.astype(np.float64))
        case "f":
            return TableColumn(array.astype(np.float64))
        case "i" | "u":
            return _integers(place, array)
        case "M":
            stamps = array.astype("datetime64[us]").astype(np.int64)
            return TableColumn.of_stamps(stamps)
        case "U":
            return TableColumn.of_text(array.tolist())
        case "O":
            return _objects(place, array.tolist())
    raise _type_error(place, f"dtype {array.dtype}")


def _array(place: str, cells: Any) -> Array:
    """Return the cells as an array (T,); a list of different types is one of objects."""
    if isinstance(cells, np.ma.MaskedArray):
        cells = cells.tolist()  # None where a cell is masked
    elif not isinstance(cells, list | tuple) and np.ndim(cells) == 0:
        cells = [cells]
    if isinstance(cells, list | tuple):
        objects = np.empty(len(cells), object)
        for row, cell in enumerate(cells):
            objects[row] = cell
        array = objects
    else:
        array = np.asarray(cells)
    if array.ndim != 1:
        raise InputError(f"E_INPUT_SHAPE: {place} must have shape (time,), got {array.shape}.")
    return array


def _integers(place: str, array: Array) -> TableColumn:
    values = array.astype(np.float64)
    if not len(values) or np.abs(values).max() < FIRST_INEXACT:
        return TableColumn(values)
    if array.dtype.kind == "u" and array.max() >= _LARGEST:
        raise InputError(
            f"E_INPUT_RANGE: {place} must fit int64, got {array.max()}. Subtract an offset first."
        )
    return TableColumn(values, exact=array.astype(np.int64))


def _objects(place: str, cells: list[Any]) -> TableColumn:
    """Return a column of Python objects: all text, all dates, all booleans, or numbers."""
    cells = [None if _is_no_value(cell) else _plain(cell) for cell in cells]
    kinds = {type(cell) for cell in cells if cell is not None}
    if str in kinds and kinds <= {str, bool, int, float}:
        return TableColumn.of_text(["" if cell is None else str(cell) for cell in cells])
    if kinds == {bool}:
        values = [np.nan if cell is None else float(cell) for cell in cells]
        return TableColumn.of_booleans(np.array(values))
    if kinds == {datetime}:
        return _dates(cells)
    if kinds <= {bool, int, float}:
        return _numbers(place, cells)
    strange = next(iter(kinds - {str, bool, int, float}))
    raise _type_error(place, strange.__name__)


def _plain(cell: Any) -> Any:
    """Return a cell as an object of Python: a number, text, a boolean or a datetime."""
    if isinstance(cell, np.datetime64):
        cell = cell.astype("datetime64[us]").item()
    elif isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, datetime):
        return datetime.fromisoformat(cell.isoformat()) if type(cell) is not datetime else cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - a day on the clock
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    return str(cell) if isinstance(cell, str) else cell


def _is_no_value(cell: Any) -> bool:
    """Whether a cell is None, NaN, NaT, or the missing value of pandas."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(cell, np.datetime64 | np.timedelta64):
        return bool(np.isnat(cell))
    return isinstance(cell, float | np.floating | Decimal) and cell != cell


def _numbers(place: str, cells: Sequence[Any]) -> TableColumn:
    try:
        values = np.array([np.nan if cell is None else float(cell) for cell in cells])
    except OverflowError:
        raise InputError(f"E_INPUT_RANGE: {place} must fit float64, got a larger number.") from None
    large = [abs(cell) for cell in cells if isinstance(cell, int) and abs(cell) >= FIRST_INEXACT]
    if not large:
        return TableColumn(values)
    if max(large) >= _LARGEST or not all(isinstance(cell, int | None) for cell in cells):
        raise InputError(
            f"E_INPUT_RANGE: {place} must fit int64 or float64 without rounding, got"
            f" {max(large)}. Subtract an offset first."
        )
    return TableColumn(values, exact=np.array([cell or 0 for cell in cells], np.int64))


def _dates(cells: Sequence[datetime | None]) -> TableColumn:
    """Return datetimes as native timestamps; those without a zone are taken as UTC."""
    stamps, wall = np.full((2, len(cells)), MISSING_STAMP, np.int64)
    for row, cell in enumerate(cells):
        if cell is not None:
            shown = cell.replace(tzinfo=UTC)
            stamps[row] = _microseconds(shown if cell.tzinfo is None else cell)
            wall[row] = _microseconds(shown)
    return TableColumn.of_stamps(stamps, wall)


def _microseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _type_error(place: str, got: str) -> InputError:
    return InputError(
        f"E_INPUT_DTYPE: {place} must hold numbers, booleans, text or dates, got {got}."
    )
