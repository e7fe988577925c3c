"""Lines of numbers as they arrive, CSV or JSON, and answers of the same form.

A record ends with its newline: what has none at the end of the input may be cut off. Only a JSON
list or object says by itself where it ends.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

from seqrt.errors import InputError

_PIECE = 1 << 16
_LONGEST = 1 << 20
_LARGEST = 3.4028234e38  # of float32
_MARK = "\ufeff"
_QUOTED = re.compile(r'"[^"]*"')


class Line(NamedTuple):
    """One line of the input, its number from 1, and whether a newline ended it."""

    number: int
    content: bytes
    ended: bool


class Record(NamedTuple):
    """One step: its line, the key of its stream, if any, its features; `named` in an object."""

    line: int
    key: str | int | None
    x: list[float]
    named: bool = False


class Columns(NamedTuple):
    """The names of what a model reads and answers, and of the key, if there is one.

    `missing` says that it reads values that are missing, and they are NaN in a record.
    """

    features: tuple[str, ...]
    outputs: tuple[str, ...]
    key: str | None
    missing: bool = False


def arriving(file: BinaryIO) -> Iterator[list[Line]]:
    """Yield the lines that are there, as soon as one is; raise InputError for an endless one."""
    number, rest = 0, b""
    while piece := _piece(file):
        *ended, rest = (rest + piece).split(b"\n")
        if ended:
            yield [Line(number + i, content, True) for i, content in enumerate(ended, 1)]
            number += len(ended)
        if len(rest) > _LONGEST:
            raise _refuse(
                "FORMAT", number + 1, f"a line must be at most {_LONGEST:,} bytes, this is longer"
            )
    if rest:
        yield [Line(number + 1, rest, False)]


def _piece(file: BinaryIO) -> bytes:
    try:
        # stdin's buffer has read1, which typing.BinaryIO does not know
        piece: bytes = file.read1(_PIECE)  # type: ignore[attr-defined]
    except OSError as error:
        raise InputError(
            f"E_INPUT_FILE: stdin must be readable, and is not ({error.strerror})."
        ) from None
    return piece


def text_of(line: Line) -> str:
    """Return the text of a line, without space around it; raise InputError unless it is UTF-8."""
    try:
        text = line.content.decode()
    except UnicodeDecodeError:
        raise _refuse("ENCODING", line.number, "it must be UTF-8 text, and is not") from None
    return text.removeprefix(_MARK).strip("\r\n ") if line.number == 1 else text.strip("\r\n ")


def form_of(text: str, columns: Columns) -> Json | Csv:
    """Return the form that a first line, not a blank one, shows."""
    return Json(columns) if text[0] in "[{" else Csv(columns, text)


class Json:
    """A list of the features, or an object with their names and the key, on each line.

    A value that is missing is null.
    """

    opening = ""
    reads_blank = False

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def read(self, line: Line, text: str) -> Record | None:
        """Return the record on a line; raise InputError that names the line."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            if not line.ended:
                raise _cut_off(line.number) from None
            raise _refuse(
                "FORMAT", line.number, f"it must be JSON, got an error: {error}"
            ) from None
        if isinstance(value, dict):
            return self._named(line, value)
        if not isinstance(value, list):
            raise _refuse("FORMAT", line.number, f"it must be a list or an object, got {text:.60}")
        names = self._columns.features
        if self._columns.key is not None:
            what = f"it must be an object with the key {self._columns.key!r}, got a list"
            raise _refuse("FORMAT", line.number, what)
        if len(value) != len(names):
            what = f"it must hold {len(names)} numbers, {', '.join(names)}, got {len(value)}"
            raise _refuse("SHAPE", line.number, what)
        return Record(line.number, None, _numbers(line.number, self._columns, value))

    def _named(self, line: Line, value: dict[str, Any]) -> Record:
        names, key = self._columns.features, self._columns.key
        _check_names(line.number, names if key is None else (key, *names), value)
        if key is not None and type(value[key]) not in (str, int):
            what = f"{key} must be text or a whole number, got {value[key]!r:.60}"
            raise _refuse("FORMAT", line.number, what)
        x = _numbers(line.number, self._columns, [value[name] for name in names])
        return Record(line.number, None if key is None else value[key], x, named=True)

    def answer(self, record: Record, y: Sequence[float]) -> str:
        """Return the line that answers a record: a list to a list, an object to an object."""
        if not record.named:
            return json.dumps(list(y)) + "\n"
        key = {} if self._columns.key is None else {self._columns.key: record.key}
        return json.dumps({**key, **dict(zip(self._columns.outputs, y, strict=True))}) + "\n"


class Csv:
    """Cells between commas, semicolons or tabs; the first line names them unless it has a number.

    `opening` is what stands above the answers: names, where the input has them. A value that is
    missing is an empty cell, or says so: nan, NA, null.
    """

    def __init__(self, columns: Columns, first: str) -> None:
        self._columns = columns
        bare = _QUOTED.sub("", first)
        self._mark = next((mark for mark in "\t;" if mark in bare), ",")
        self._places: list[int] | None = None
        self._width = len(columns.features)
        self._key: int | None = None
        self.opening = ""

    def read(self, line: Line, text: str) -> Record | None:
        """Return the record on a line, None for the names; raise InputError that names the line."""
        if not line.ended:
            raise _cut_off(line.number)
        try:
            row = next(csv.reader([text], delimiter=self._mark, strict=True))
            cells = [cell.strip() for cell in row] or [""]
        except csv.Error as error:
            what = f"cells must be separated and quoted as in CSV, got an error: {error}"
            raise _refuse("FORMAT", line.number, what) from None
        if self._places is None:
            named = not any(math.isfinite(_number(cell)) for cell in cells)
            self._open(line.number, cells, named=named)
            if named:
                return None
        if len(cells) != self._width:
            what = f"it must have {self._width} cells, got {len(cells)}"
            raise _refuse("RAGGED", line.number, what)
        assert self._places is not None
        picked = [cells[place] for place in self._places]
        x = _numbers(line.number, self._columns, picked)
        return Record(line.number, None if self._key is None else cells[self._key], x)

    @property
    def reads_blank(self) -> bool:
        """Whether a line without anything on it is a record: a gap in the one column there is."""
        return self._columns.missing and self._places is not None and self._width == 1

    def answer(self, record: Record, y: Sequence[float]) -> str:
        """Return the line that answers a record: the outputs, after the key if there is one."""
        return self._line([*([] if record.key is None else [record.key]), *y])

    def _open(self, number: int, cells: list[str], *, named: bool) -> None:
        names, key = self._columns.features, self._columns.key
        if not named:
            if key is not None:
                what = f"with --key {key}, names must stand in the first line, got {cells[0]!r:.60}"
                raise _refuse("HEADER", number, what)
            self._places = list(range(len(names)))
            return
        asked = names if key is None else (key, *names)
        _check_names(number, asked, cells)
        twice = [name for name in asked if cells.count(name) > 1]
        if twice:
            raise _refuse("HEADER", number, f"each name must stand once, {twice[0]!r} stands twice")
        self._width = len(cells)
        self._places = [cells.index(name) for name in names]
        self._key = None if key is None else cells.index(key)
        self.opening = self._line([*([] if key is None else [key]), *self._columns.outputs])

    def _line(self, cells: Sequence[object]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self._mark, lineterminator="\n").writerow(cells)
        return text.getvalue()


def _number(value: object) -> float:
    """Return the number that a cell or a JSON value is, or NaN."""
    if type(value) not in (str, int, float) or (isinstance(value, str) and "_" in value):
        return math.nan
    try:
        return float(str(value))
    except ValueError:
        return math.nan


def _numbers(line: int, columns: Columns, values: Sequence[object]) -> list[float]:
    x = [_number(value) for value in values]
    for name, number, value in zip(columns.features, x, values, strict=True):
        if not (abs(number) <= _LARGEST or (columns.missing and _is_gap(value))):
            what = f"{name} must be a finite number of float32, got {value!r:.60}"
            raise _refuse("NONFINITE" if type(value) is float else "NUMBER", line, what)
    return x


def _is_gap(value: object) -> bool:
    """Whether a cell or a JSON value, which is no number, says that there is none."""
    from seqrt.data.column import is_missing

    return value is None or is_missing(str(value))


def _check_names(number: int, asked: Sequence[str], there: Any) -> None:
    missing = [name for name in asked if name not in there]
    if missing:
        what = f"{', '.join(missing)} must be among its names, got {', '.join(there)!s:.60}"
        raise _refuse("COLUMN", number, what)


def _cut_off(number: int) -> InputError:
    return _refuse("TRUNCATED", number, "the last line must end with a newline; it may be cut off")


def _refuse(code: str, number: int, what: str) -> InputError:
    return InputError(f"E_INPUT_{code}: stdin, line {number}: {what}.")
