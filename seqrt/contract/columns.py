"""How the columns of a table become the features of a network, as the manifest records it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from seqrt.contract.strict_json import manifest_error

InputKind = Literal["number", "boolean", "category", "calendar"]
Cycle = Literal["minute", "hour", "weekday", "monthday", "month", "yearday"]
Written = Literal["iso", "dmy", "mdy", "seconds", "milliseconds", "number"]

# A category that is not among the levels counts as `other`.
MOST_LEVELS: Final = 64
_FARTHEST: Final = 1_000_000


@dataclass(frozen=True)
class Column:
    """One feature or one output: its name, its unit, its scaling, and its range in training.

    The graph computes `(x - mean) / scale` for a feature and `y * scale + mean` for an output.
    """

    name: str
    unit: str = ""
    mean: float = 0.0
    scale: float = 1.0
    low: float | None = None
    high: float | None = None

    @property
    def typical_range(self) -> tuple[float, float]:
        """The range seen in training; without one, two scales on either side of the mean."""
        low = self.mean - 2 * self.scale if self.low is None else self.low
        high = self.mean + 2 * self.scale if self.high is None else self.high
        return low, high


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

    def at(self, ahead: int) -> Input:
        """Return the same use of the column, this number of rows ahead."""
        return replace(self, ahead=ahead)

    @property
    def source(self) -> str:
        """The name under which a single step gives its cell: that of the column, and `ahead`."""
        return f"{self.column}+{self.ahead}" if self.ahead else self.column

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


def inputs_of(inputs: Sequence[Input], features: Sequence[str]) -> tuple[Input, ...]:
    """Return the inputs of a manifest; without any, each feature is a column of its own name."""
    return tuple(inputs) or tuple(Input(name) for name in features)


def check_inputs(
    inputs: Sequence[Input], features: Sequence[str], horizon: int | None, time: TimeColumn | None
) -> None:
    """Raise ModelError unless `inputs`, where there are any, make the features of these names."""
    if not inputs:
        return
    for each in inputs:
        _check_input(each, horizon or 0)
        if each.kind == "calendar" and (time is None or time.name != each.column):
            raise manifest_error("needs a time column for its calendar features")
    made = [name for each in inputs for name in each.names]
    if made != list(features):
        raise manifest_error(
            f"needs inputs that make its {len(features)} features, got {len(made)}:"
            f" {', '.join(made)!s:.60}"
        )


def check_wide(m: Any) -> None:
    """Raise ModelError unless the wide columns of a manifest, if any, are series of one target."""
    if not m.wide:
        return
    if m.task != "forecast" or len(m.targets) != 1 or not m.series:
        raise manifest_error("may have wide columns only for a forecast of one target in series")
    if len(m.wide) < 2 or len({*m.wide, *m.targets}) <= len(m.wide):
        raise manifest_error(
            f"needs two or more different wide columns, and none called as the target, got"
            f" {', '.join(m.wide)!s:.60}"
        )


def _check_input(each: Input, horizon: int) -> None:
    """Raise ModelError unless the fields of an input fit its kind and its ranges."""
    fits = (
        (each.kind == "category") == bool(each.levels)
        and (each.kind == "calendar") == (each.cycle is not None)
        and (each.kind == "number" or each.offset == 0)
        and len(each.levels) == len(set(each.levels)) <= MOST_LEVELS
        and -(2**63) <= each.offset < 2**63
        and 0 <= each.ahead <= min(horizon, _FARTHEST)
    )
    if not fits:
        raise manifest_error(f"has an invalid input from column {each.column!r:.60}")
