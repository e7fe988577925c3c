"""How the columns of a table become the features of a network, as the manifest records it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seqrt.contract.strict_json import manifest_error

InputKind = Literal["number", "boolean", "category", "calendar"]
Cycle = Literal["minute", "hour", "weekday", "monthday", "month", "yearday"]
Written = Literal["iso", "dmy", "mdy", "seconds", "milliseconds", "number"]


@dataclass(frozen=True)
class Input:
    """One use of a column: the features it becomes, in the order of `Manifest.features`.

    number      x = value - offset, computed before the cast to float32
    boolean     x = 1 for true, 0 for false
    category    one feature per level, 1 where the cell is that text, then one for any other text
    calendar    sine and cosine of the position in `cycle`, from the time column

    `ahead` is the number of rows ahead of its own from which a row takes the value; only values
    that are known in advance have one.
    """

    column: str
    kind: InputKind = "number"
    offset: int = 0
    levels: tuple[str, ...] = ()
    cycle: Cycle | None = None
    ahead: int = 0

    @property
    def width(self) -> int:
        """The number of features that it becomes."""
        return {"category": len(self.levels) + 1, "calendar": 2}.get(self.kind, 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its features."""
        after = f"+{self.ahead}" if self.ahead else ""
        if self.kind == "category":
            return tuple(f"{self.column}={level}{after}" for level in (*self.levels, "other"))
        if self.kind == "calendar":
            return f"{self.cycle} sin{after}", f"{self.cycle} cos{after}"
        return (f"{self.column}{after}",)


@dataclass(frozen=True)
class TimeColumn:
    """The time column of the training data: how its cells are written, and the step between rows.

    `step` is a text such as "15 minutes", "1 business day" or "1 month", and empty if the rows have
    no regular step.
    """

    name: str
    written: Written = "iso"
    step: str = ""


def check_inputs(inputs: Sequence[Input], features: int) -> None:
    """Raise ModelError unless `inputs`, where there are any, make this number of features."""
    made = sum(each.width for each in inputs)
    if inputs and made != features:
        raise manifest_error(f"needs inputs that make its {features} features, got {made}")
    for each in inputs:
        if each.ahead < 0 or (each.kind == "calendar") != (each.cycle is not None):
            raise manifest_error(f"has an invalid input from column {each.column!r:.60}")
