"""One column of a table: its cells as numbers, and the text they were read from."""

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
    """The cells of one column: float64 values, NaN where a cell is not a number, and their text.

    `cells` is None for a column that was never text.
    """

    values: Numbers
    cells: Sequence[str] | None = None
    kind: str = "number"
    exact: NDArray[np.int64] | None = None

    @classmethod
    def of_text(cls, cells: Sequence[str]) -> TableColumn:
        """Parse the numbers in `cells`."""
        return cls(np.fromiter(map(parse_number, cells), np.float64, len(cells)), cells)

    @property
    def numeric(self) -> bool:
        """Whether this is a column of numbers: most of its cells that are not empty are numbers.

        A stray word in such a column is then an error at that cell, rather than a reason to drop
        the column silently.
        """
        if self.cells is None:
            return True
        numbers = int(np.isfinite(self.values).sum())
        return 2 * numbers > sum(not is_missing(cell) for cell in self.cells)

    def text(self, row: int) -> str:
        """Return the cell as written in the file; a number that was never text is formatted."""
        if self.cells is not None:
            return self.cells[row]
        value = float(self.values[row])
        return str(int(value)) if value.is_integer() else str(value)

    def labels(self) -> list[int | str]:
        """Return the cells as class labels: whole numbers if all are, their text otherwise.

        Text such as 007 does not count as a whole number: it would come back as 7.
        """
        texts = [self.text(row).strip() for row in range(len(self.values))]
        if all(_WHOLE.fullmatch(text) for text in texts):
            return [int(text) for text in texts]
        return list(texts)

    def part(self, start: int, stop: int) -> TableColumn:
        """Return the rows `start` to `stop`, as a slice."""
        return TableColumn(self.values[start:stop], self.cells and self.cells[start:stop])


def parse_number(text: str) -> float:
    """Return the finite number that `text` denotes, or NaN."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    # Python reads 1_000 as a thousand; other programs do not
    return value if math.isfinite(value) and "_" not in text else math.nan


def is_missing(text: str) -> bool:
    """Whether the text of a cell means that its value is missing."""
    return text.strip().lower() in _MISSING
