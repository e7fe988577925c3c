"""One column of a table: its cells as text or numbers, and what they can be used as."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none"})
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, eq=False)
class TableColumn:
    """The cells of one column: float64 values, NaN where there is none, and the text they are from.

    `cells` is None for a column that was never text.
    """

    values: Numbers
    cells: Sequence[str] | None = None

    @classmethod
    def of_text(cls, cells: Sequence[str]) -> TableColumn:
        """Read the numbers that stand in `cells`."""
        return cls(np.fromiter(map(parse_number, cells), np.float64, len(cells)), cells)

    @property
    def numeric(self) -> bool:
        """Whether the column is meant as numbers: most of its cells that are not empty are.

        A stray word in a column of numbers is an error at that cell, and no reason to leave the
        column out without a word.
        """
        if self.cells is None:
            return True
        numbers = int(np.isfinite(self.values).sum())
        return 2 * numbers > sum(not is_missing(cell) for cell in self.cells)

    def text(self, row: int) -> str:
        """Return the cell as it stands in the file, or as a number is written."""
        if self.cells is not None:
            return self.cells[row]
        value = float(self.values[row])
        return str(int(value)) if value.is_integer() else str(value)

    def labels(self) -> list[int | str]:
        """Return the cells as class labels: whole numbers where all are, their text otherwise.

        Text such as 007 is no whole number: as one it would not come back as it was.
        """
        texts = [self.text(row).strip() for row in range(len(self.values))]
        if all(_WHOLE.fullmatch(text) for text in texts):
            return [int(text) for text in texts]
        return list(texts)

    def part(self, start: int, stop: int) -> TableColumn:
        """Return the rows from `start` up to `stop`."""
        return TableColumn(self.values[start:stop], self.cells and self.cells[start:stop])


def parse_number(text: str) -> float:
    """Return the finite number that `text` is, or NaN."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    # Python reads 1_000 as a thousand; no other program does
    return value if math.isfinite(value) and "_" not in text else math.nan


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return text.strip().lower() in _MISSING
