"""The content of one column in a few numbers: its range, its missing and its distinct values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqrt.data.understanding.accounting import KINDS, distinct_texts
from seqrt.encoding.cells import is_missing, number_text
from seqrt.encoding.column import TableColumn

_EXAMPLES = 3
_LONGEST = 24


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
            examples=tuple(text[:_LONGEST] for text in list(distinct)[:_EXAMPLES]),
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
            examples=tuple(column.text(row).strip()[:_LONGEST] for row in rows),
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
            low, high, mean = (
                number_text(float(f"{v:.6g}")) for v in (self.low, self.high, self.mean)
            )
            return f"{words} from {low} to {high}, mean {mean}{style}"
        if not self.distinct:
            return words if self.kind == "list" else f"{words}, no values"
        shown = ", ".join(self.examples)
        more = ", ..." if self.distinct > len(self.examples) else ""
        return f"{words} with {self.distinct:,} values: {shown}{more}"
