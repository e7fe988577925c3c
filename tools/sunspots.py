"""Forecast the yearly sunspots one step ahead; fail if a linear model does as well.

    python tools/sunspots.py sunspots.csv

Trains on 1700-1920 only, validation included, and evaluates once, on 1921-1955. Errors are relative
to the variance of 1700-1979. Beside the network: AR(12), fitted by least squares to the same years,
and persistence.

The learning rate, the noise and the five folds were chosen on parts of the years up to 1920 and on
other series. The evaluated years had been looked at before: with the defaults alone (0.138), and
with one network of the same recipe (0.124).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from seqrt.data import Table, read, windows
from seqrt.training import Plan, load_run, predict, train

WORST = 0.115
SEEDS = (0, 1, 2)
PLAN = {
    "target": ("SUNACTIVITY",),
    "task": "forecast",
    "window": 24,
    "horizon": 1,
    "cell": "gru",
    "span": ("1700", "1920"),
    "noise": 0.2,
    "folds": 5,
}


def main() -> int:
    """Print a line per seed and the mean; return 1 if the mean is above the bound."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    table = read(sys.argv[1])
    assert isinstance(table, Table)
    known = table.span("1700", "1920").numbers(["SUNACTIVITY"])[:, 0]
    judged = table.span("1921", "1955").numbers(["SUNACTIVITY"])[:, 0]
    variance = table.span("1700", "1979").numbers(["SUNACTIVITY"]).var()
    series = np.concatenate([known, judged])

    def relative(predicted: np.ndarray) -> float:
        return float(np.mean((predicted - judged) ** 2) / variance)

    print("error / variance, one year ahead, 1921-1955")
    print(f"  persistence  {relative(series[len(known) - 1 : -1]):.4f}")
    print(f"  AR(12)       {relative(autoregression(known, series, 12)):.4f}")
    errors = []
    for seed in SEEDS:
        errors.append(relative(network(seed, series, len(judged))))
        print(f"  GRU, seed {seed}  {errors[-1]:.4f}", flush=True)
    mean = float(np.mean(errors))
    print(f"  GRU, mean    {mean:.4f}   at most {WORST}")
    return int(mean > WORST)


def network(seed: int, series: np.ndarray, ahead: int) -> np.ndarray:
    """Train one network and return its predictions of the last `ahead` values."""
    with tempfile.TemporaryDirectory() as folder:
        result = train(Plan(sys.argv[1], **PLAN, seed=seed), Path(folder) / "run")
        net = load_run(result.path)
    x = windows(series[:-1, None], PLAN["window"])[-ahead:]
    return predict(net, x)[:, 0]


def autoregression(known: np.ndarray, series: np.ndarray, order: int) -> np.ndarray:
    """Fit x_t = a_0 + a_1 x_{t-1} + ... by least squares; return its predictions after `known`."""

    def past(values: np.ndarray) -> np.ndarray:
        rows = windows(values[:-1, None], order)[:, :, 0]
        return np.column_stack([np.ones(len(rows)), rows])

    a, *_ = np.linalg.lstsq(past(known), known[order:], rcond=None)
    return past(series)[len(known) - order :] @ a


if __name__ == "__main__":
    sys.exit(main())
