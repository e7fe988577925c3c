"""A table from a file of JSON Lines: an object in each line, whose keys name the columns."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from seqrt.data.readers.source import not_utf8, opened
from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn
from seqrt.encoding.text.texts import Texts
from seqrt.encoding.time_column import find_time
from seqrt.errors import InputError

_BOM: Final = b"\xef\xbb\xbf"
_LONGEST_LINE = 1 << 26
_TOGETHER = 1 << 12
# Rows may lack keys, but a file in which nearly every cell is absent would take too much memory.
_EMPTY_CELLS, _MOST_ABSENT = 1 << 20, 16
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_SHAPE = "numbers, text, true, false, null, or lists of numbers or of text"


class _Number(str):
    """A number as the file writes it."""

    __slots__ = ()


def read_jsonl(path: str | Path) -> Table:
    """Return the table in the file of JSON Lines at `path`; a key that a row lacks is missing.

    Cells are read as those of a .csv file are, and lists of numbers or of texts as they are in a
    Parquet file. Raises InputError, which names the line: E_INPUT_ENCODING, E_INPUT_FORMAT, and
    E_INPUT_EMPTY for a file without rows.
    """
    rows = _Rows(path)
    for number, line in _lines(path):
        rows.add(number, _object(path, number, line))
    texts, lists = rows.columns()
    parsed = TableColumn.of_texts(texts)
    columns = {
        name: TableColumn.of_lists(lists[name], "list") if name in lists else parsed[name]
        for name in rows.names
    }
    if not columns:
        raise InputError(f"E_INPUT_EMPTY: {path} must contain rows, but is empty.")
    return Table(str(path), columns, np.array(rows.lines, np.int64), find_time(columns))


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers."""
    with opened(path) as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if number == 1:
                line = line.removeprefix(_BOM)
            if len(line) == _LONGEST_LINE:
                raise _refuse(path, number, f"a line must have under {_LONGEST_LINE:,} bytes")
            try:
                text = line.decode()
            except UnicodeDecodeError:
                raise not_utf8(path, number) from None
            if text.strip():
                yield number, text


def _object(path: str | Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line, parse_int=_Number, parse_float=_Number, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        why = "too deep" if isinstance(error, RecursionError) else error
        raise _refuse(path, number, f"a line must be a JSON object ({why})") from None
    if not isinstance(found, dict) or not found:
        got = " ".join(line.split())
        raise _refuse(path, number, f"a line must be a JSON object with keys, got {got:.60}")
    return found


def _constant(word: str) -> None:
    """Read NaN and infinities, which JSON does not have, as missing."""


class _Rows:
    """The cells of a file by key, in blocks of little memory, and the line of each row."""

    def __init__(self, path: str | Path) -> None:
        self.names: dict[str, None] = {}
        self.lines = array("q")
        self._path = path
        self._block: list[dict[str, str]] = []
        self._parts: dict[str, list[Texts]] = {}
        self._lists: dict[str, list[Any]] = {}
        self._present = 0

    def add(self, line: int, row: dict[str, Any]) -> None:
        """Take the next row."""
        cells = {}
        for name, value in row.items():
            if name not in self.names:
                self.names[name] = None
            if isinstance(value, list):
                self._add_list(line, name, value)
            else:
                cells[name] = _cell(self._path, line, name, value)
        self.lines.append(line)
        self._present += len(row)
        self._block.append(cells)
        if len(self._block) == _TOGETHER:
            self._close_block()

    def columns(self) -> tuple[dict[str, Texts], dict[str, list[Any]]]:
        """Return the columns of texts, and those of lists; raise InputError for one of both."""
        self._close_block()
        texts = {name: Texts.joined(parts) for name, parts in self._parts.items()}
        for name, held in self._lists.items():
            held += [_empty_like(held)] * (len(self.lines) - len(held))
            filled = np.flatnonzero(np.diff(texts.pop(name).offsets))
            if len(filled):
                what = f"{name!r} must hold a list in each row, or in none"
                raise _refuse(self._path, self.lines[filled[0]], what)
        return texts, self._lists

    def _add_list(self, line: int, name: str, value: list[Any]) -> None:
        held = self._lists.setdefault(name, [])
        items = _items(self._path, line, name, value)
        held += [_empty_like([items])] * (len(self.lines) - len(held))
        held.append(items)

    def _close_block(self) -> None:
        rows, before = len(self._block), len(self.lines) - len(self._block)
        absent = len(self.names) * len(self.lines) - self._present
        if absent > _EMPTY_CELLS + _MOST_ABSENT * self._present:
            raise _refuse(self._path, self.lines[-1], "rows must have about the same keys")
        for name in self.names:
            parts = self._parts.get(name)
            if parts is None:
                parts = self._parts[name] = [Texts.of_lengths(b"", np.zeros(before, np.int64))]
            if rows:
                parts.append(Texts.of([row.get(name, "") for row in self._block]))
        self._block = []


def _cell(path: str | Path, line: int, name: str, value: Any) -> str:
    """Return a value as a .csv file would have it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        got = json.dumps(value)
        raise _refuse(path, line, f"{name!r} must hold {_SHAPE}, got {got:.60}. Flatten it")
    try:
        value.encode()
    except UnicodeEncodeError:
        what = f"{name!r} must hold whole characters, got half a surrogate pair"
        raise _refuse(path, line, what, "ENCODING") from None
    return value


def _items(path: str | Path, line: int, name: str, value: list[Any]) -> Any:
    """Return a list as an array of numbers, or as a list of texts."""
    if not all(each is None or isinstance(each, (_Number, bool)) for each in value):
        return [_cell(path, line, name, each) for each in value]
    numbers = np.array([np.nan if each is None else float(each) for each in value], np.float64)
    whole = all(isinstance(each, bool) or (each and _WHOLE.fullmatch(each)) for each in value)
    return numbers.astype(np.int64) if whole else numbers


def _empty_like(held: list[Any]) -> Any:
    return [] if held and isinstance(held[0], list) else np.empty(0)


def _refuse(path: str | Path, line: int, what: str, code: str = "FORMAT") -> InputError:
    return InputError(f"E_INPUT_{code}: {path}, line {line}: {what}.")
