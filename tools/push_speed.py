"""Time `Stream.push` of a step in each form, and of chunks, beside bare onnxruntime.

    python tools/push_speed.py [--rounds 80]

The network is 64-32-1 with random weights. The other side is `session.run` of the same file in a
default session, with feeds prepared for chunks of the same length. As in figures.py, both sides
take turns in processes of their own, and a ratio is taken within a round. Exit code 1 if the median
ratio of a form is above its bound.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from figures import lift_limits
from side_by_side.harness import Harness

from seqrt.bench.contenders import OnnxRuntime, Seqrt


class Chunks(Seqrt):
    """Chunks of `length` float32 steps (t, D)."""

    length = 1

    def inputs(self, x: Any) -> list[Any]:
        return list(x.reshape(-1, self.length, x.shape[1]))


class Tens(Chunks):
    """Chunks of 10 steps."""

    length = 10


class Mixed(Chunks):
    """Chunks of 9, 10 and 11 steps, none as long as the one before it."""

    def inputs(self, x: Any) -> list[Any]:
        sizes = [9, 10, 11, 10] * (len(x) // 40)
        return np.split(x, np.cumsum(sizes)[:-1])


class Lists(Seqrt):
    """A step as a list of floats."""

    def inputs(self, x: Any) -> list[Any]:
        return x.tolist()


class Doubles(Seqrt):
    """A step as float64."""

    def inputs(self, x: Any) -> list[Any]:
        return list(x.astype(np.float64))


class BareTens(OnnxRuntime):
    """Chunks of 10 steps in bare onnxruntime."""

    def inputs(self, x: Any) -> list[Any]:
        return list(x.reshape(-1, 1, 10, x.shape[1]))

    def reset(self) -> None:
        super().reset()
        self._feeds["lengths"] = np.array([10], np.int32)


# Each form with the other side, the pushes of a burst of 200 steps, and the bound on the ratio.
FORMS: dict[str, tuple[Any, Any, int, float | None]] = {
    "a step (D,), float32": (Seqrt, OnnxRuntime, 200, 1.0),
    "a chunk of a step (1, D), float32": (Chunks, OnnxRuntime, 200, 1.0),
    "a step, float64": (Doubles, OnnxRuntime, 200, 1.0),
    "a step, a list": (Lists, OnnxRuntime, 200, 1.0),
    "chunks of 10 steps": (Tens, BareTens, 20, 1.1),
    "chunks of 9, 10 and 11 steps in turn": (Mixed, BareTens, 20, None),
}


def main() -> int:
    """Print a line for each form; return 1 if one misses its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=80)
    args = parser.parse_args()
    lift_limits()
    met = True
    print("| push | bound | ratio (quartiles) | seqrt | bare |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder), quick=False)
        for form, (own, other, pushes, bound) in FORMS.items():
            pairs = list(harness.bursts(own, other, args.rounds))
            ratios = [ours / theirs for ours, theirs in pairs]
            low, median, high = statistics.quantiles(ratios, n=4)
            ours, theirs = (
                1e6 * 200 / pushes * statistics.median(side) for side in zip(*pairs, strict=True)
            )
            print(
                f"| {form} | {bound or '-'} | {median:.2f} ({low:.2f} to {high:.2f})"
                f" | {ours:.1f} us | {theirs:.1f} us |",
                flush=True,
            )
            met &= bound is None or median <= bound
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
