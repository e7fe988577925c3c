"""Writes a table as CSV: a line of names, then a line per row, with commas and in UTF-8."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from numpy.typing import NDArray

from seqrt.data.writers.digits import texts


def write_csv(file: TextIO, pieces: Iterable[Mapping[str, NDArray[Any]]]) -> None:
    """Write the pieces of a table; a cell with a comma, quote or newline is put in quotes.

    Open `file` with newline="", or every line ends twice on Windows.
    """
    writer = csv.writer(file, lineterminator="\n")
    for number, piece in enumerate(pieces):
        if not number:
            writer.writerow(piece)
        writer.writerows(zip(*map(texts, piece.values()), strict=True))
