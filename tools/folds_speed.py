"""Time committees (`--folds`) beside one of their members times the number of members.

    python tools/folds_speed.py [--cell gru] [--folds 5] [--rounds 40]

Networks with one feature, one output and random weights. A committee holds one network several
times, so that its outputs are those of that network, which is checked. A batch is a predict of 256
sequences of 50 steps, a step a push of one live sequence. As in figures.py, both files take turns
in processes of their own, and a ratio is taken within a round. Exit code 1 if the median ratio is
above 1.5, which is the bound for all of them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from figures import lift_limits
from side_by_side.contenders import Net
from side_by_side.harness import STARTS, Harness
from side_by_side.workloads import Workload, steps, uniform

BOUND = 1.5
UNITS = ((64, 32), (64,), (32,))
WORK: dict[str, tuple[tuple[int, int], Workload, str, float]] = {
    "a batch of 256 x 50": ((256, 50), uniform, "ms", 1e3),
    "a step": ((1, 1), steps, "us", 1e6),
}


def main() -> int:
    """Print a line for each network and work; return 1 if one is above the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cell", choices=["rnn", "lstm", "gru"], default="gru")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    lift_limits()
    met = True
    print("| members | work | ratio (quartiles) | committee | one member |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder), quick=args.rounds < 2 * STARTS)
        for units in UNITS:
            net = Net(args.cell, units, args.folds)
            for name, (size, workload, unit, factor) in WORK.items():
                pairs = list(harness.folds(net, size, workload, args.rounds))
                low, median, high = statistics.quantiles([a / b for a, b in pairs], n=4)
                whole, members = (
                    factor * statistics.median(each) for each in zip(*pairs, strict=True)
                )
                print(
                    f"| {args.folds} {args.cell.upper()} {'-'.join(map(str, units))} | {name}"
                    f" | {median:.2f} ({low:.2f} to {high:.2f})"
                    f" | {whole:.3g} {unit} | {members / args.folds:.3g} {unit} |",
                    flush=True,
                )
                met &= median <= BOUND
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
