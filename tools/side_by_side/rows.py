"""The rows of the table: which work, against what, and how much better it has to be."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from seqrt.bench.contenders import OnnxRuntime
from seqrt.bench.table import number
from side_by_side.contenders import KeyByKey, OneByOne, Together, TorchCells, TorchLayers
from side_by_side.lab import GRU, LSTM, RNN, Lab, Seqrt
from side_by_side.turns import Pair, ragged, small, uniform

TITLES = ("work", "against", "asked", "measured (quartiles)", "kept", "seqrt", "other")


class Sense(NamedTuple):
    """What a round says, made of (seqrt, other); how it reads; whether its bound is the most."""

    value: Callable[[float, float], float]
    text: str
    most: bool = False


FASTER = Sense(lambda own, other: other / own, "{} times faster")
TIME = Sense(lambda own, other: own / other, "{} of its time", most=True)
RATE = Sense(lambda own, other: own / other, "{} of it")
GROWTH = Sense(lambda own, other: own - other, "{} MB more", most=True)

# How many of a unit are one of what is measured: seconds, GFLOP/s or MB.
UNITS = {"us": 1e6, "ms": 1e3, "GFLOP/s": 1.0, "MB": 1.0}


@dataclass(frozen=True)
class Row:
    """One row. Without a bound it is for reading; `aim` is said beside the bound."""

    work: str
    against: str
    sense: Sense
    bound: float | None
    unit: str
    measure: Callable[[Lab], Iterator[Pair]]
    aim: str = ""

    def found(self, lab: Lab) -> Found:
        """Measure the row."""
        return Found(self, list(self.measure(lab)))


@dataclass(frozen=True)
class Found:
    """What was measured for a row, (seqrt, other) of every round."""

    row: Row
    pairs: list[Pair]

    @property
    def value(self) -> float:
        """The median of what the rounds say."""
        return statistics.median(self._values)

    @property
    def kept(self) -> bool:
        """Whether the bound is kept, or there is none."""
        row = self.row
        if row.bound is None:
            return True
        return self.value <= row.bound if row.sense.most else self.value >= row.bound

    def cells(self) -> list[str]:
        """Return what stands under TITLES."""
        row = self.row
        asked = "-"
        if row.bound is not None:
            least = "at most" if row.sense.most else "at least"
            asked = f"{least} {row.sense.text.format(f'{row.bound:g}')}{row.aim}"
        low, _, high = statistics.quantiles(self._values, n=4, method="inclusive")
        said = row.sense.text.format(f"{self.value:.2f}")
        sides = (
            statistics.median(side) * UNITS[row.unit] for side in zip(*self.pairs, strict=True)
        )
        kept = "-" if row.bound is None else "yes" if self.kept else "no"
        shown = [f"{number(side)} {row.unit}" for side in sides]
        return [row.work, row.against, asked, f"{said} ({low:.2f} to {high:.2f})", kept, *shown]

    @property
    def _values(self) -> list[float]:
        return [self.row.sense.value(*pair) for pair in self.pairs]


MANY, BULK = (4096, 100), (1024, 100)
DEFAULT = "onnxruntime's default session"
RAGGED = "ragged, 4,096 sequences, exponential lengths of mean 100, LSTM"
STEP = "one step, LSTM, `Stream.push`"
STREAMS = "32 streams, LSTM, a step each in one push of `Model.streams()`"

ROWS = {
    "ragged-onnxruntime": Row(
        RAGGED,
        f"{DEFAULT}, batches of 64 as they come, padded",
        FASTER,
        4.5,
        "ms",
        lambda lab: lab.bulk(LSTM, MANY, ragged, OnnxRuntime),
    ),
    "ragged-torch": Row(
        RAGGED,
        "PyTorch, batches of 64 as they come, packed",
        FASTER,
        8,
        "ms",
        lambda lab: lab.bulk(LSTM, MANY, ragged, TorchCells),
    ),
    "bulk-lstm": Row(
        "1,024 x 100, LSTM",
        f"{DEFAULT}, the whole array",
        FASTER,
        1.15,
        "ms",
        lambda lab: lab.bulk(LSTM, BULK, uniform, OnnxRuntime),
    ),
    "bulk-gru": Row(
        "1,024 x 100, GRU",
        f"{DEFAULT}, the whole array",
        FASTER,
        1.8,
        "ms",
        lambda lab: lab.bulk(GRU, BULK, uniform, OnnxRuntime),
    ),
    "bulk-rnn": Row(
        "1,024 x 100, RNN",
        f"{DEFAULT}, the whole array",
        FASTER,
        1.6,
        "ms",
        lambda lab: lab.bulk(RNN, BULK, uniform, OnnxRuntime),
    ),
    "peak": Row(
        "256 x 100, LSTM 256-256-1",
        "float32 matrix product in numpy, large, all cores",
        RATE,
        0.8,
        "GFLOP/s",
        Lab.peak,
    ),
    "step-onnxruntime": Row(
        STEP,
        f"`session.run`, feeds prepared, {DEFAULT}",
        TIME,
        1.0,
        "us",
        lambda lab: lab.bursts(Seqrt, OnnxRuntime, 400),
        " (aim: 0.75)",
    ),
    "step-torch-layers": Row(
        STEP,
        "PyTorch, `nn.LSTM`, its state carried",
        FASTER,
        7,
        "us",
        lambda lab: lab.bursts(Seqrt, TorchLayers, 300),
    ),
    "step-torch-cells": Row(
        STEP,
        "PyTorch, `nn.LSTMCell` by hand",
        FASTER,
        7,
        "us",
        lambda lab: lab.bursts(Seqrt, TorchCells, 300),
    ),
    "streams": Row(
        STREAMS,
        "32 of `Model.stream()`, one by one",
        FASTER,
        6,
        "us",
        lambda lab: lab.bursts(Together, OneByOne, 160),
    ),
    "streams-keyed": Row(
        STREAMS,
        "the same, a key a push",
        FASTER,
        None,
        "us",
        lambda lab: lab.bursts(Together, KeyByKey, 60),
    ),
    "memory": Row(
        "memory after 20,000 steps x 16 and 10,000 varied runs, LSTM",
        "before, loaded and warm",
        GROWTH,
        10,
        "MB",
        Lab.memory,
    ),
    "cold": Row(
        "import, load, predict 32 x 10 once, LSTM",
        "bare onnxruntime",
        TIME,
        1.15,
        "ms",
        lambda lab: lab.cold((32, 10)),
    ),
    "cold-bulk": Row(
        "import, load, predict 1,024 x 100 once, LSTM",
        "bare onnxruntime",
        TIME,
        1.15,
        "ms",
        lambda lab: lab.cold(BULK),
    ),
} | {
    f"predict-{batch}": Row(
        f"predict {batch:,} x 10, LSTM",
        DEFAULT,
        TIME,
        None,
        "us",
        lambda lab, batch=batch: lab.bulk(LSTM, (batch, 10), small, OnnxRuntime),
    )
    for batch in (1, 32, 1024)
}
