"""Forecast many keyed live series one step each, on one thread; time statsforecast beside it.

    python tools/forecast_speed.py [--series NUMBER] [--rounds NUMBER]

The forecaster reads 168 hourly values, has 64 units and forecasts 24 steps with three quantiles.
Its weights are random, which does not change the time. Every series gets one value a round, so a
round is a forecast of each. Where statsforecast is installed (pip install 'seqrt[baselines]'), the
time that AutoETS takes for one series of 336 values is measured too.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from statistics import median

import numpy as np
import torch

import seqrt
from seqrt.export import export
from seqrt.training.networks.forecasting.forecaster import Forecaster

SEASON, SEASONS, HORIZON = 24, 7, 24
QUANTILES = (0.1, 0.5, 0.9)


def main() -> int:
    """Print the median time of a round, forecasts per second, and the peak of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.manual_seed(0)
    net = Forecaster(
        horizon=HORIZON,
        season=SEASON,
        seasons=SEASONS,
        level_window=SEASON * SEASONS,
        units=64,
        quantiles=QUANTILES,
        answers=QUANTILES,
    )
    with tempfile.TemporaryDirectory() as folder:
        model = seqrt.load(export(net.eval(), f"{folder}/hourly.onnx").path, threads=1)
    seconds = median(rounds(model, given.series, given.rounds))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{given.series:,} series, one step each: {seconds:.2f} s, {peak:.1f} GB at most")
    print(f"{given.series / seconds:,.0f} forecasts of {HORIZON} steps a second")
    ets()
    return 0


def rounds(model: seqrt.Model, series: int, count: int) -> list[float]:
    """Return the seconds that each round takes, after a first one that makes the streams."""
    streams, rng, found = model.streams(), np.random.default_rng(0), []
    keys = [f"s{i}" for i in range(series)]
    for _ in range(count + 1):
        values = rng.normal(100, 10, (series, 1)).astype(np.float32)
        began = time.perf_counter()
        streams.push(dict(zip(keys, values, strict=True)))
        found.append(time.perf_counter() - began)
    return found[1:]


def ets() -> None:
    """Print the time of AutoETS for a series, if statsforecast is installed."""
    try:
        from statsforecast.models import AutoETS
    except ImportError:
        print("statsforecast is not installed", file=sys.stderr)
        return
    rng = np.random.default_rng(0)
    values = 100 + 10 * np.sin(np.arange(336) * 2 * np.pi / SEASON) + rng.normal(size=336)
    found = []
    for _ in range(3):
        began = time.perf_counter()
        AutoETS(season_length=SEASON).forecast(values, h=HORIZON)
        found.append(time.perf_counter() - began)
    print(f"AutoETS of statsforecast: {median(found):.3f} s a series")


if __name__ == "__main__":
    sys.exit(main())
