"""Read lines of CSV or JSON as they arrive, and write predictions in the same format.

A record ends with a newline: a last line without one may have been cut off. Only a JSON list or
object shows by itself where it ends.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

from seqrt.cli.streaming.answers import Value
from seqrt.errors import InputError

_BLOCK = 1 << 16
_LONGEST = 1 << 20
_LARGEST = 3.4028234e38  # of float32
_CELLS = (str, int, float, bool, type(None))
_BYTE_ORDER_MARK = "\ufeff"


class TextLine(NamedTuple):
    """One line of the input, its number from 1, and whether a newline ended it."""

    number: int
    content: bytes
    ended: bool


class Record(NamedTuple):
    """One step: its line, the key of its stream, its features; `named` if it was an object.

    `keys` are the cells that make the key. If the columns have to be encoded, x holds their cells
    until StepEncoder has encoded them.
    """

    line: int
    keys: tuple[str | int, ...]
    x: Any
    named: bool = False

    @property
    def key(self) -> str | int | None:
        """The key of its stream: the cell in the column of keys, or text made of several."""
        if len(self.keys) > 1:
            return json.dumps(self.keys)
        return self.keys[0] if self.keys else None


class Columns(NamedTuple):
    """The names of the columns that a model reads, of its outputs, and of the columns of keys.

    `missing` says that the model accepts missing values, which are NaN in a record. `plain` says
    that all columns are numbers which the model reads as they are.
    """

    sources: tuple[str, ...]
    outputs: tuple[str, ...]
    keys: tuple[str, ...]
    missing: bool = False
    plain: bool = True


def read_lines(file: BinaryIO) -> Iterator[list[TextLine]]:
    """Yield the lines that have arrived, at least one; raise InputError if one is too long."""
    number, rest = 0, b""
    while block := _read_block(file):
        *ended, rest = (rest + block).split(b"\n")
        if ended:
            yield [TextLine(number + i, content, True) for i, content in enumerate(ended, 1)]
            number += len(ended)
        if len(rest) > _LONGEST:
            raise _refuse(
                "FORMAT", number + 1, f"a line must be at most {_LONGEST:,} bytes, got a longer one"
            )
    if rest:
        yield [TextLine(number + 1, rest, False)]


def _read_block(file: BinaryIO) -> bytes:
    try:
        block: bytes = file.read1(_BLOCK)  # type: ignore[attr-defined]  # BinaryIO lacks read1
    except OSError as error:
        raise InputError(f"E_INPUT_FILE: cannot read stdin ({error.strerror}).") from None
    return block


def text_of(line: TextLine) -> str:
    """Return the text of a line without surrounding space; raise InputError unless it is UTF-8."""
    try:
        text = line.content.decode()
    except UnicodeDecodeError:
        raise _refuse("ENCODING", line.number, "the line must be UTF-8 text") from None
    return (
        text.removeprefix(_BYTE_ORDER_MARK).strip("\r\n ")
        if line.number == 1
        else text.strip("\r\n ")
    )


def format_of(text: str, columns: Columns) -> Json | Csv:
    """Return the format of the input, inferred from its first line that is not blank."""
    return Json(columns) if text[0] in "[{" else Csv(columns, text)


class Json:
    """On each line a list of the columns, or an object with their names and the keys.

    A missing value is null.
    """

    opening = ""
    reads_blank = False

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def read(self, line: TextLine, text: str) -> Record | None:
        """Return the record on a line; raise an InputError that names the line."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            if not line.ended:
                raise _cut_off(line.number) from None
            raise _refuse("FORMAT", line.number, f"the line must be JSON ({error})") from None
        if isinstance(value, dict):
            return self._named(line, value)
        if not isinstance(value, list):
            what = f"the line must be a JSON list or object, got {text:.60}"
            raise _refuse("FORMAT", line.number, what)
        names, keys = self._columns.sources, self._columns.keys
        if keys:
            key = f"the key {keys[0]!r}" if len(keys) == 1 else f"the keys {', '.join(keys)}"
            what = f"the line must be an object with {key}, got a list"
            raise _refuse("FORMAT", line.number, what)
        if len(value) != len(names):
            kind = "numbers" if self._columns.plain else "values"
            what = f"the list must hold {len(names)} {kind} ({', '.join(names)}), got {len(value)}"
            raise _refuse("SHAPE", line.number, what)
        return Record(line.number, (), _step(line.number, self._columns, value))

    def _named(self, line: TextLine, value: dict[str, Any]) -> Record:
        names, keys = self._columns.sources, self._columns.keys
        _check_names(line.number, self._columns, value)
        for key in keys:
            if type(value[key]) not in (str, int):
                what = f"{key} must be a string or an integer, got {value[key]!r:.60}"
                raise _refuse("FORMAT", line.number, what)
        x = _step(line.number, self._columns, [value[name] for name in names])
        return Record(line.number, tuple(value[key] for key in keys), x, named=True)

    def write(self, record: Record, y: Sequence[Value]) -> str:
        """Return the line for the prediction of a record: a list or an object, as the record.

        An end of an interval without bounds is null, and so is NaN, where a target has not begun.
        """
        values = [y_i if y_i is None or math.isfinite(y_i) else None for y_i in y]
        if not record.named:
            return json.dumps(values) + "\n"
        keys = dict(zip(self._columns.keys, record.keys, strict=True))
        return json.dumps({**keys, **dict(zip(self._columns.outputs, values, strict=True))}) + "\n"


class Csv:
    """Cells separated by commas, semicolons or tabs; a first line of words names the columns.

    `opening` is the line of names above the predictions, where the input has one. A missing value
    is an empty cell, or a word such as nan, NA or null.
    """

    def __init__(self, columns: Columns, first: str) -> None:
        from seqrt.data.readers.csv_lines import delimiter_of

        self._columns = columns
        self._separator = delimiter_of(first)
        self._places: list[int] | None = None
        self._width = len(columns.sources)
        self._keys: list[int] = []
        self.opening = ""

    def read(self, line: TextLine, text: str) -> Record | None:
        """Return the record on a line, None for the names; an InputError names the line."""
        if not line.ended:
            raise _cut_off(line.number)
        try:
            row = next(csv.reader([text], delimiter=self._separator, strict=True))
            cells = [cell.strip() for cell in row] or [""]
        except csv.Error as error:
            what = f"the line must be CSV ({error})"
            raise _refuse("FORMAT", line.number, what) from None
        if self._places is None:
            named = not any(math.isfinite(_number(cell)) for cell in cells)
            self._open(line.number, cells, named=named)
            if named:
                return None
        if len(cells) != self._width:
            count = "1 cell" if self._width == 1 else f"{self._width} cells"
            what = f"the line must have {count}, got {len(cells)}"
            raise _refuse("RAGGED", line.number, what)
        assert self._places is not None
        picked = [cells[place] for place in self._places]
        x = _step(line.number, self._columns, picked)
        return Record(line.number, tuple(cells[place] for place in self._keys), x)

    @property
    def reads_blank(self) -> bool:
        """Whether a blank line is a record: a missing value in the only column."""
        return self._columns.missing and self._places is not None and self._width == 1

    def write(self, record: Record, y: Sequence[Value]) -> str:
        """Return the line for a prediction: the keys of its record, if any, and the outputs."""
        return self._line([*record.keys, *(int(v) if isinstance(v, bool) else v for v in y)])

    def _open(self, number: int, cells: list[str], *, named: bool) -> None:
        names, keys = self._columns.sources, self._columns.keys
        if not named:
            if keys:
                what = f"--key {','.join(keys)} needs column names in the first line, got"
                raise _refuse("HEADER", number, f"{what} {cells[0]!r:.60}")
            self._places = list(range(len(names)))
            return
        wanted = dict.fromkeys((*keys, *names))
        _check_names(number, self._columns, cells)
        twice = [name for name in wanted if cells.count(name) > 1]
        if twice:
            what = f"a column name must not occur twice, got {twice[0]!r} twice"
            raise _refuse("HEADER", number, what)
        self._width = len(cells)
        self._places = [cells.index(name) for name in names]
        self._keys = [cells.index(name) for name in keys]
        self.opening = self._line([*keys, *self._columns.outputs])

    def _line(self, cells: Sequence[object]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self._separator, lineterminator="\n").writerow(cells)
        return text.getvalue()


def _number(value: object) -> float:
    """Return the number in a cell or a JSON value; NaN for anything else."""
    if type(value) not in (str, int, float) or (isinstance(value, str) and "_" in value):
        return math.nan
    try:
        return float(str(value))
    except ValueError:
        return math.nan


def _step(line: int, columns: Columns, values: Sequence[object]) -> Sequence[object]:
    """Return the numbers of a step, or the cells that have yet to be encoded."""
    if not columns.plain:
        return _cells(line, columns, values)
    x = [_number(value) for value in values]
    for name, number, value in zip(columns.sources, x, values, strict=True):
        if not (abs(number) <= _LARGEST or (columns.missing and _is_missing(value))):
            what = f"{name} must be a finite float32 number, got {value!r:.60}"
            raise _refuse("NONFINITE" if type(value) is float else "NUMBER", line, what)
    return x


def _cells(line: int, columns: Columns, values: Sequence[object]) -> Sequence[object]:
    for name, value in zip(columns.sources, values, strict=True):
        if type(value) not in _CELLS:
            what = f"{name} must be a number, text, true, false or null, got {value!r:.60}"
            raise _refuse("FORMAT", line, what)
        if type(value) is int and abs(value) >> 63:
            raise _refuse("RANGE", line, f"{name} must fit int64, got {value!r:.60}")
    return values


def _is_missing(value: object) -> bool:
    """Whether a cell or a JSON value, which is not a number, marks a missing value."""
    from seqrt.encoding.cells import is_missing

    return value is None or is_missing(str(value))


def _check_names(number: int, columns: Columns, given: Any) -> None:
    missing = [name for name in (*columns.keys, *columns.sources) if name not in given]
    if missing:
        what = f"the names must include {', '.join(missing)}, got {', '.join(given)!s:.60}"
        if set(missing) <= {*columns.keys}:
            what += ". For a single stream, use --key none"
        raise _refuse("COLUMN", number, what)


def _cut_off(number: int) -> InputError:
    return _refuse(
        "TRUNCATED", number, "the last line must end with a newline; it may have been cut off"
    )


def _refuse(code: str, number: int, what: str) -> InputError:
    return InputError(f"E_INPUT_{code}: stdin, line {number}: {what}.")
