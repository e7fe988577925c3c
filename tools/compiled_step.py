"""Measure what a compiled step would bring to `Stream.push`, and whether any output would change.

    python tools/compiled_step.py [--cell lstm] [--rounds 80] [--steps 10000]

The network is 64-32-1 with random weights. Its step is compiled in two ways, as plain C with the
weights as constants and as one generic step with the weights as data, each for any x86-64 processor
(-O3) and for this one. It is called by ctypes with prepared pointers, once below all the checks of
`Stream.push` and once without any. The other side is `session.run` of the same file in a default
session of onnxruntime. As in figures.py, both sides take turns in processes of their own, and a
ratio is taken within a round. Then --steps steps of a sequence go through `Stream.push` and through
C, the first of them through `Model.predict` too, and the outputs are compared bit for bit. Needs a
C compiler as `cc`. Exit code 1 if one kind of C has other bits than another.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from figures import lift_limits
from side_by_side.compiled import (
    CELLS,
    NATIVE,
    PLAIN,
    BareC,
    ExportedStep,
    GenericStep,
    PushOverC,
)
from side_by_side.contenders import Net
from side_by_side.harness import STARTS, Harness

from seqrt.bench.contenders import Contender, OnnxRuntime, Seqrt
from seqrt.runtime import load

PREFIXES = 200

KINDS = {"exported C": ExportedStep, "generic C": GenericStep}
FLAGS = {"": PLAIN, ", this processor": NATIVE}
STEPS: dict[str, Any] = {"`Stream.push`": Seqrt} | {
    f"{name}, {kind}{where}": partial(side, kind=step, flags=flags)
    for name, side in (("`Stream.push`", PushOverC), ("no checks", BareC))
    for kind, step in KINDS.items()
    for where, flags in FLAGS.items()
}


def outputs(contender: Contender, x: Any) -> Any:
    """Return y (T, O) of a live sequence."""
    contender.reset()
    return np.stack([np.ravel(contender.step(row)) for row in contender.inputs(x)])


def report_times(harness: Harness, net: Net, rounds: int) -> None:
    """Print a line for each way to make a step."""
    print("| step | of bare onnxruntime's time (quartiles) | us | bare |\n|---|---|---|---|")
    for name, own in STEPS.items():
        pairs = list(harness.bursts(own, OnnxRuntime, rounds, net))
        low, median, high = statistics.quantiles([own / bare for own, bare in pairs], n=4)
        own_us, bare_us = (1e6 * statistics.median(side) for side in zip(*pairs, strict=True))
        print(
            f"| {name} | {median:.2f} ({low:.2f} to {high:.2f}) | {own_us:.1f} | {bare_us:.1f} |",
            flush=True,
        )


def report_bits(job: dict[str, Any], x: Any) -> bool:
    """Print how many outputs differ from those of `Stream.push`; return whether all C agrees."""
    pushed, model = outputs(Seqrt(job), x), load(job["path"])
    prefixes = model.predict([x[: end + 1] for end in range(min(len(x), PREFIXES))])
    compiled = {
        f"{kind}{where}": outputs(BareC(job, step, flags), x)
        for kind, step in KINDS.items()
        for where, flags in FLAGS.items()
    }
    whole = {f"`Model.predict`, the first {len(prefixes)} steps": np.asarray(prefixes)}
    print("\n| outputs of | other bits than `Stream.push` | largest difference |\n|---|---|---|")
    for name, y in (whole | compiled).items():
        expected = pushed[: len(y)]
        different, largest = 100 * np.mean(y != expected), np.abs(y - expected).max()
        print(f"| {name} | {different:.3g} % | {largest:.1e} |")
    first, *others = compiled.values()
    same = all(np.array_equal(first, other) for other in others)
    print(f"\nThe outputs of all C have {'the same' if same else 'different'} bits.")
    return same


def main() -> int:
    """Print both tables; return 1 if the ways to compile the step do not give the same bits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    parser.add_argument("--rounds", type=int, default=80)
    parser.add_argument("--steps", type=int, default=10_000)
    args = parser.parse_args()
    lift_limits()
    net = Net(args.cell, (64, 32))
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder), quick=args.rounds < STARTS)
        report_times(harness, net, args.rounds)
        work, _ = harness.work(net)
        same = report_bits(work.job("") | {"net": net}, work.draw(args.steps))
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
