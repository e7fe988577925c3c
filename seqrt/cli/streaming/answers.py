"""What a stream writes for each step: its outputs by name, and its p-value and alarm if asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqrt.contract import Manifest

Value = float | bool | None


class Answers:
    """The columns of the predictions of a model; with `alarms` they end with p and alarm."""

    def __init__(self, manifest: Manifest, *, alarms: bool = False) -> None:
        """Find the columns of the model."""
        from seqrt.ahead.layout import named_outputs

        self.alarms = alarms
        self._columns = named_outputs(manifest)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        names = tuple(name for name, _ in self._columns)
        return (*names, "p", "alarm") if self.alarms else names

    def values(self, found: Any) -> list[Value]:
        """Return what one step gave, in the fewest digits that identify it in float32.

        A row that is not judged has no p.
        """
        y = found.y if self.alarms else found
        values: list[Value] = [float(str(y[place])) for _, place in self._columns]
        if self.alarms:
            values += [None if math.isnan(found.p) else float(f"{found.p:.6g}"), found.alarm]
        return values
