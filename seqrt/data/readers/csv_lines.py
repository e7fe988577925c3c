"""The lines of a .csv file in blocks, where they are plain, and its first row.

A file is plain if any parser reads it alike: UTF-8, one row per line, no empty line, quotes only
around whole cells. Everything else, and every error, is left to the careful reader.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import BufferedReader
from typing import NamedTuple

from seqrt.encoding.dates import is_date
from seqrt.encoding.text.number_style import is_number

SEPARATOR_LINE = re.compile("sep=([,;\t])", re.IGNORECASE)
BOM = b"\xef\xbb\xbf"
BLOCK = 1 << 20
_LINE_END = b"\r\n"
_LONGEST_LINE = 1 << 16  # half of what csv allows for a cell
_QUOTED = re.compile(r'"[^"]*"')


class FirstRow(NamedTuple):
    """The names of the columns, whether the file has them, and what separates its cells."""

    names: list[str]
    named: bool
    delimiter: str


class NotPlain(Exception):
    """The file may be read differently by different parsers."""


def first_row(line: str, delimiter: str | None = None) -> FirstRow:
    """Read the first line of a file, whose cells a `delimiter` separates if it is known.

    Raises csv.Error, and NotPlain if the line names the separator.
    """
    if SEPARATOR_LINE.fullmatch(line):
        raise NotPlain
    delimiter = delimiter or delimiter_of(line)
    return names_in(next(csv.reader([line], delimiter=delimiter, strict=True)), delimiter)


def names_in(cells: list[str], delimiter: str) -> FirstRow:
    """Return the names in the first row; they are x0, x1, ... if a cell is a number or a date."""
    named = not any(_is_value(cell) for cell in cells)
    names = [cell.strip() if named else "" for cell in cells]
    return FirstRow([name or f"x{i}" for i, name in enumerate(names)], named, delimiter)


def delimiter_of(line: str) -> str:
    """Return the separator of the cells in a line: a tab, a semicolon or a comma.

    In a line with a semicolon or a tab, a comma may be a decimal comma.
    """
    bare = _QUOTED.sub("", line)
    return next((mark for mark in "\t;" if mark in bare), ",")


def plain_blocks(file: BufferedReader) -> Iterator[bytes]:
    """Yield the file in blocks of whole lines that end with a line feed.

    Empty lines at the end are left out. Raises NotPlain at the first block that is not plain, apart
    from its quotes.
    """
    buffer = bytearray(BLOCK + _LONGEST_LINE)
    view = memoryview(buffer)
    held = file.readinto(view[: len(BOM)])
    if buffer.startswith(BOM):
        held = 0
    while read := file.readinto(view[held : held + BLOCK]):
        held += read
        full = buffer.rfind(b"\n", 0, held)
        while full > 0 and buffer[full - 1] in _LINE_END:  # empty lines may be the last ones
            full -= 1
        if full > 0:
            end = buffer.index(b"\n", full) + 1
            yield _checked(bytes(view[:end]))
            held -= end
            buffer[:held] = buffer[end : end + held]
        elif held > _LONGEST_LINE:
            raise NotPlain
    if last := bytes(view[:held]).rstrip(_LINE_END):
        yield _checked(last + b"\n")


def _checked(block: bytes) -> bytes:
    if b"\0" in block:
        raise NotPlain
    if b"\r" in block:
        if block.count(b"\r") != block.count(b"\r\n"):
            raise NotPlain
        block = block.replace(b"\r\n", b"\n")
    for start in range(0, len(block), _LONGEST_LINE):
        if block.find(b"\n", start, start + _LONGEST_LINE) < 0:
            raise NotPlain
    try:
        if not block.isascii():
            block.decode()
    except UnicodeDecodeError:
        raise NotPlain from None
    return block


def _is_value(cell: str) -> bool:
    return is_number(cell) or is_date(cell)
