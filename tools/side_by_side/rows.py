"""The rows of the table: the work, the contender, and the bound on the ratio."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from seqrt.bench.contenders import OnnxRuntime
from seqrt.bench.table import three_digits
from side_by_side.contenders import KeyByKey, OneByOne, Together, TorchCells, TorchLayers
from side_by_side.harness import GRU, LSTM, RNN, Harness, Seqrt
from side_by_side.workloads import Pair, ragged, small, uniform

TITLES = ("work", "against", "bound", "measured (quartiles)", "met", "seqrt", "other")


class Ratio(NamedTuple):
    """What a round yields from (seqrt, other), how it reads, and which kind of bound it has."""

    value: Callable[[float, float], float]
    text: str
    upper: bool = False


FASTER = Ratio(lambda own, other: other / own, "{} times faster")
TIME = Ratio(lambda own, other: own / other, "{} of its time", upper=True)
RATE = Ratio(lambda own, other: own / other, "{} of it")
GROWTH = Ratio(lambda own, other: own - other, "{} MB more", upper=True)

# The factor from what is measured (seconds, GFLOP/s or MB) to each unit.
UNITS = {"us": 1e6, "ms": 1e3, "GFLOP/s": 1.0, "MB": 1.0}


@dataclass(frozen=True)
class Row:
    """One row. Without a bound it is only reported; `aim` is printed beside the bound."""

    work: str
    against: str
    ratio: Ratio
    bound: float | None
    unit: str
    measure: Callable[[Harness], Iterator[Pair]]
    aim: str = ""

    def measured(self, harness: Harness) -> Measured:
        """Measure the row."""
        return Measured(self, list(self.measure(harness)))


@dataclass(frozen=True)
class Measured:
    """The measurements of a row: (seqrt, other) of every round."""

    row: Row
    pairs: list[Pair]

    @property
    def value(self) -> float:
        """The median over the rounds."""
        return statistics.median(self._values)

    @property
    def met(self) -> bool:
        """Whether the bound is met, or there is none."""
        row = self.row
        if row.bound is None:
            return True
        return self.value <= row.bound if row.ratio.upper else self.value >= row.bound

    def cells(self) -> list[str]:
        """Return the cells under TITLES."""
        row = self.row
        bound = "-"
        if row.bound is not None:
            side = "at most" if row.ratio.upper else "at least"
            bound = f"{side} {row.ratio.text.format(f'{row.bound:g}')}{row.aim}"
        low, _, high = statistics.quantiles(self._values, n=4, method="inclusive")
        median = row.ratio.text.format(f"{self.value:.2f}")
        sides = (
            statistics.median(side) * UNITS[row.unit] for side in zip(*self.pairs, strict=True)
        )
        met = "-" if row.bound is None else "yes" if self.met else "no"
        shown = [f"{three_digits(side)} {row.unit}" for side in sides]
        return [row.work, row.against, bound, f"{median} ({low:.2f} to {high:.2f})", met, *shown]

    @property
    def _values(self) -> list[float]:
        return [self.row.ratio.value(*pair) for pair in self.pairs]


MANY, BULK = (4096, 100), (1024, 100)
DEFAULT = "onnxruntime's default session"
RAGGED = "ragged, 4,096 sequences, exponential lengths of mean 100, LSTM"
STEP = "one step, LSTM, `Stream.push`"
STREAMS = "32 streams, LSTM, a step each in one push of `Model.streams()`"

ROWS = {
    "ragged-onnxruntime": Row(
        RAGGED,
        f"{DEFAULT}, unsorted batches of 64, padded",
        FASTER,
        4.5,
        "ms",
        lambda harness: harness.bulk(LSTM, MANY, ragged, OnnxRuntime),
    ),
    "ragged-torch": Row(
        RAGGED,
        "PyTorch, unsorted batches of 64, packed",
        FASTER,
        8,
        "ms",
        lambda harness: harness.bulk(LSTM, MANY, ragged, TorchCells),
    ),
    "bulk-lstm": Row(
        "1,024 x 100, LSTM",
        f"{DEFAULT}, the whole array",
        FASTER,
        1.15,
        "ms",
        lambda harness: harness.bulk(LSTM, BULK, uniform, OnnxRuntime),
    ),
    "bulk-gru": Row(
        "1,024 x 100, GRU",
        f"{DEFAULT}, the whole array",
        FASTER,
        1.8,
        "ms",
        lambda harness: harness.bulk(GRU, BULK, uniform, OnnxRuntime),
    ),
    "bulk-rnn": Row(
        "1,024 x 100, RNN",
        f"{DEFAULT}, the whole array",
        FASTER,
        1.6,
        "ms",
        lambda harness: harness.bulk(RNN, BULK, uniform, OnnxRuntime),
    ),
    "peak": Row(
        "256 x 100, LSTM 256-256-1",
        "float32 matrix product in numpy, large, all cores",
        RATE,
        0.8,
        "GFLOP/s",
        Harness.peak,
    ),
    "step-onnxruntime": Row(
        STEP,
        f"`session.run`, feeds prepared, {DEFAULT}",
        TIME,
        1.0,
        "us",
        lambda harness: harness.bursts(Seqrt, OnnxRuntime, 400),
        " (aim: 0.75)",
    ),
    "step-torch-layers": Row(
        STEP,
        "PyTorch, `nn.LSTM`, its state carried",
        FASTER,
        7,
        "us",
        lambda harness: harness.bursts(Seqrt, TorchLayers, 300),
    ),
    "step-torch-cells": Row(
        STEP,
        "PyTorch, `nn.LSTMCell` by hand",
        FASTER,
        7,
        "us",
        lambda harness: harness.bursts(Seqrt, TorchCells, 300),
    ),
    "streams": Row(
        STREAMS,
        "32 of `Model.stream()`, one by one",
        FASTER,
        6,
        "us",
        lambda harness: harness.bursts(Together, OneByOne, 160),
    ),
    "streams-keyed": Row(
        STREAMS,
        "the same streams, one key a push",
        FASTER,
        None,
        "us",
        lambda harness: harness.bursts(Together, KeyByKey, 60),
    ),
    "memory": Row(
        "memory after 20,000 steps x 16 and 10,000 varied runs, LSTM",
        "the same process before, loaded and warm",
        GROWTH,
        10,
        "MB",
        Harness.memory,
    ),
    "cold": Row(
        "import, load, predict 32 x 10 once, LSTM",
        "bare onnxruntime",
        TIME,
        1.15,
        "ms",
        lambda harness: harness.cold((32, 10)),
    ),
    "cold-bulk": Row(
        "import, load, predict 1,024 x 100 once, LSTM",
        "bare onnxruntime",
        TIME,
        1.15,
        "ms",
        lambda harness: harness.cold(BULK),
    ),
} | {
    f"predict-{batch}": Row(
        f"predict {batch:,} x 10, LSTM",
        DEFAULT,
        TIME,
        None,
        "us",
        lambda harness, batch=batch: harness.bulk(LSTM, (batch, 10), small, OnnxRuntime),
    )
    for batch in (1, 32, 1024)
}
