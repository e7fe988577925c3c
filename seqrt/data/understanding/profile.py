"""The content of one column in a few numbers: its range, its missing and its distinct values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqrt.data.understanding.accounting import KINDS, distinct_texts
from seqrt.encoding.cells import is_missing, number_text
from seqrt.encoding.column import TableColumn
from seqrt.wording import counted, on_one_line

_EXAMPLES = 3
_SIX_DIGITS, _LONGEST_WHOLE = 1e6, 1e18


@dataclass(frozen=True)
class Profile:
    """What a column holds.

    `low`, `high` and `mean` are of numbers; None for other kinds, and where there are none.
    `missing` counts the cells without a value and `unreadable` those of a column of numbers that
    are none. `examples` are the first distinct cells as written.
    """

    kind: str
    missing: int
    unreadable: int
    distinct: int
    examples: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    style: str = ""

    @classmethod
    def of(cls, column: TableColumn) -> Profile:
        """Count and measure the cells of `column`."""
        if column.numeric:
            return cls._of_numbers(column)
        texts = column.texts() if column.fault is None or column.cells else []
        distinct = distinct_texts(texts)
        return cls(
            kind=column.kind,
            missing=sum(text not in distinct for text in texts),
            unreadable=0,
            distinct=len(distinct),
            examples=tuple(map(on_one_line, list(distinct)[:_EXAMPLES])),
        )

    @classmethod
    def _of_numbers(cls, column: TableColumn) -> Profile:
        known = np.isfinite(column.values)
        values, empty = column.values[known], np.flatnonzero(~known).tolist()
        missing = sum(is_missing(column.text(row)) for row in empty)
        distinct, first = np.unique(column.values[known], return_index=True)
        rows = np.flatnonzero(known)[np.sort(first)[:_EXAMPLES]].tolist()
        moments: dict[str, Any] = {}
        if len(values):
            moments = {"low": float(distinct[0]), "high": float(distinct[-1])}
            moments["mean"] = float(values.mean())
        return cls(
            kind=column.kind,
            missing=missing,
            unreadable=len(empty) - missing,
            distinct=len(distinct),
            examples=tuple(on_one_line(column.text(row)) for row in rows),
            style=column.style,
            **moments,
        )

    def text(self) -> str:
        """Return the kind and the range or the examples, in words."""
        words = KINDS.get(self.kind, self.kind)
        if self.low is not None and self.high is not None and self.mean is not None:
            if self.kind == "boolean":
                return f"{words}, {self.mean:.0%} true"
            style = f" ({self.style})" if self.style else ""
            low, high, mean = map(_rounded, (self.low, self.high, self.mean))
            return f"{words} from {low} to {high}, mean {mean}{style}"
        if not self.distinct:
            return words if self.kind == "list" else f"{words}, no values"
        shown = ", ".join(self.examples)
        more = ", ..." if self.distinct > len(self.examples) else ""
        return f"{words} with {counted(self.distinct, 'value')}: {shown}{more}"


def _rounded(value: float) -> str:
    """Return a number with six digits, or as a whole number where those are more."""
    large = _SIX_DIGITS <= abs(value) < _LONGEST_WHOLE
    return f"{value:.0f}" if large else number_text(float(f"{value:.6g}"))
