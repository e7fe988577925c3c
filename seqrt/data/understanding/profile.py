"""The content of one column in a few numbers: its range, its missing and its distinct values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqrt.data.understanding.accounting import KINDS, distinct_texts
from seqrt.encoding.cells import number_text
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
        texts = column.texts() if column.fault is None or column.cells else []
        distinct = distinct_texts(texts)
        missing, values = _missing(column, texts, distinct), column.values
        finite = values[np.isfinite(values)] if column.numeric else values[:0]
        moments: dict[str, Any] = {}
        if len(finite):
            moments = {"low": float(finite.min()), "high": float(finite.max())}
            moments["mean"] = float(finite.mean())
        return cls(
            kind=column.kind,
            missing=missing,
            unreadable=len(values) - missing - len(finite) if column.numeric else 0,
            distinct=len(distinct),
            examples=tuple(text[:_LONGEST] for text in list(distinct)[:_EXAMPLES]),
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


def _missing(column: TableColumn, texts: Sequence[str], distinct: dict[str, None]) -> int:
    """Return the number of cells without a value."""
    if column.fault is not None and not texts:
        return 0
    return sum(text not in distinct for text in texts)
