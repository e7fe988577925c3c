"""The metrics of a model of text, beside those of baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seqrt.cli.run_record import metrics_record
from seqrt.cli.run_report import number

Metrics = Mapping[str, float]

_NAME, _NUMBER = 13, 11


@dataclass(frozen=True)
class MeasuredText:
    """The metrics of a model on `count` texts, tokens or bytes, and those of baselines by name."""

    count: int
    unit: str
    metrics: Metrics
    baselines: Mapping[str, Metrics]
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the metrics for JSON."""
        beside = {name: metrics_record(each) for name, each in self.baselines.items()}
        figures = {"answers": self.count, "figures": metrics_record(self.metrics)}
        return figures | {"baselines": beside, "notes": list(self.notes)}

    def lines(self) -> Iterator[str]:
        """Yield the table of metrics."""
        columns = {"model": self.metrics, **self.baselines}
        width = max(_NUMBER, *map(len, columns))
        yield "  ".join([" " * _NAME, *(f"{name:>{width}}" for name in columns)])
        for name in self.metrics:
            values = (number(each[name], 4) for each in columns.values())
            yield "  ".join([f"{name:{_NAME}}", *(f"{text:>{width}}" for text in values)])
