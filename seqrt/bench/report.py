"""The report of a race: medians over the rounds, and how many times better seqrt is."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from seqrt.bench.work import Work
    from seqrt.contract import Manifest
    from seqrt.runtime import Model

_PERCENTILES = ("p50_us", "p90_us", "p99_us")
_RATES = ("sequences_per_s", "steps_per_s", "gflops", "of_product")
FIGURES = (
    *(f"{work}_{unit}" for work in ("step", "small") for unit in _PERCENTILES),
    *(f"{work}_{unit}" for work in ("uniform", "ragged") for unit in _RATES),
    "cold_ms",
    "loaded_mb",
    "gained_mb",
)
_LESS_IS_BETTER = ("_us", "_ms", "loaded_mb")
OWN = "seqrt"
_STEADY = ("_p50_us", "_gflops")
_MODEL_NAME = "model name"


@dataclass(frozen=True)
class BenchResult:
    """The results of one contender: its version, its medians, and the figures of each round."""

    version: str
    figures: Mapping[str, float]
    rounds: Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class BenchReport:
    """The results of a race.

    `product` is the machine's own rate of float32 matrix products in GFLOP/s, the best of the
    rounds; `difference` is the largest difference between the first predictions of seqrt and
    onnxruntime, in units of each output's scale.
    """

    path: str
    digest: str
    manifest: Manifest
    work: Work
    processor: str
    product: float
    difference: float
    results: Mapping[str, BenchResult]

    @classmethod
    def of(
        cls, model: Model, path: str, work: Work, found: Mapping[str, Sequence[dict[str, Any]]]
    ) -> BenchReport:
        """Return the report of the turns in `found`, by contender."""
        *_, products = (turns for name, turns in found.items() if name == "numpy")
        product = max(turn["figures"]["product_gflops"] for turn in products)
        names = [name for name in (OWN, "onnxruntime", "torch") if name in found]
        return cls(
            path=path,
            digest=model.digest,
            manifest=model.manifest,
            work=work,
            processor=processor(),
            product=product,
            difference=_difference(model.manifest, found),
            results={name: _result(found[name], product) for name in names},
        )

    @property
    def rivals(self) -> list[str]:
        """The contenders that seqrt is compared with."""
        return [name for name in self.results if name != OWN]

    def times(self, rival: str, figure: str) -> float | None:
        """Return how many times better seqrt's figure is than a rival's, None if one is missing.

        Gained memory has no ratio, because it may be zero.
        """
        own = self.results[OWN].figures.get(figure)
        other = self.results[rival].figures.get(figure)
        if not own or not other or figure == "gained_mb":
            return None
        return other / own if figure.endswith(_LESS_IS_BETTER) else own / other

    @property
    def spread(self) -> float:
        """The largest ratio of a figure's highest to its lowest value over the rounds.

        Taken over medians and rates; on a steady machine it stays near 1.
        """
        spreads = [1.0]
        for result in self.results.values():
            for key in filter(lambda key: key.endswith(_STEADY), result.figures):
                values = [each[key] for each in result.rounds]
                spreads.append(max(values) / min(values))
        return max(spreads)

    def record(self) -> dict[str, Any]:
        """Return the report as plain values, for programs; None for a figure not measured."""
        m, work = self.manifest, self.work
        return {
            "path": self.path,
            "sha256": self.digest,
            "name": m.name,
            "layers": [{"cell": layer.cell, "units": layer.units} for layer in m.layers],
            "operations": m.operations,
            "machine": {
                "processor": self.processor,
                "system": f"{platform.system()} {platform.machine()}",
                "python": platform.python_version(),
                "numpy": np.__version__,
                "product_gflops": self.product,
            },
            "threads": work.threads,
            "work": {
                "small": [1, work.small],
                "uniform": [work.sequences, work.steps],
                "ragged": {
                    "sequences": work.sequences,
                    "steps": int(work.lengths().sum()),
                    "longest": int(work.lengths().max()),
                },
            },
            "difference": self.difference,
            "spread": self.spread,
            "contenders": {
                name: {
                    "version": result.version,
                    "figures": {key: result.figures.get(key) for key in FIGURES},
                    "rounds": list(result.rounds),
                }
                for name, result in self.results.items()
            },
            "times_better": {
                rival: {key: self.times(rival, key) for key in FIGURES} for rival in self.rivals
            },
        }


def _result(turns: Sequence[dict[str, Any]], product: float) -> BenchResult:
    rounds = [_with_share(turn["figures"], product) for turn in turns]
    medians = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
    return BenchResult(turns[0]["version"], medians, rounds)


def _with_share(figures: dict[str, float], product: float) -> dict[str, float]:
    shares = {f"{name}_of_product": figures[f"{name}_gflops"] for name in ("uniform", "ragged")}
    return figures | {key: gflops / product for key, gflops in shares.items()}


def _difference(m: Manifest, found: Mapping[str, Sequence[dict[str, Any]]]) -> float:
    own, bare = (np.array(found[name][0]["predictions"]) for name in (OWN, "onnxruntime"))
    scale = np.array([column.scale for column in m.outputs])
    return float(np.abs((own - bare).reshape(-1, len(scale)) / scale).max())


def processor() -> str:
    """Return the name of the processor, or the architecture if the system gives no name."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(_MODEL_NAME):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
