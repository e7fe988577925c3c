"""Judge forecasters with all options left to seqrt, beside naive forecasts and a ridge AR.

    python tools/forecasts.py [--data FOLDER] [--table FILE TARGET HORIZON] [--only NAME ...]
    python tools/forecasts.py [--m4 TRAIN TEST] [--ett FILE]

Each row trains on the first part of a table, exports, and back-tests the file on the rest, by the
commands of a user: seqrt train, export and evaluate. The generated series grow, shift their level,
differ in size by a factor of a million, or are mostly zero. With `--data`, a folder with
sunspots.csv, nile.csv and co2.csv is judged too; with `--table`, the last quarter of a series whose
times are in the first column; with `--m4`, the two files of M4 Hourly (Hourly-train.csv and
Hourly-test.csv). Fails if a forecaster is worse than the best naive forecast by more than a
twentieth.

With `--ett`, the hourly file of ETT (ETTh1.csv), 96 hours are forecast from 96, at each hour of the
last 4 of 20 months; the network is trained and validated on 12 and 4. The mean squared error is in
units of the standard deviation of each column in the first 12 months.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from side_by_side.command import seqrt

from seqrt import Model, load

WORST = 1.05

# The last rows of a single generated series that are judged: eight times the horizon.
HELD = 56

# The months of ETT have 30 days.
MONTH = 30 * 24
LEVELS = "80,95"


class Case(NamedTuple):
    """A table, its last time to train on, its first to judge, and the options of the training."""

    name: str
    table: Path
    last: str
    first: str
    options: tuple[str, ...]


def main() -> int:
    """Print a row for each case; return 1 if one is worse than the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--m4", type=Path, nargs=2)
    parser.add_argument("--table", nargs=3, metavar=("FILE", "TARGET", "HORIZON"))
    parser.add_argument("--ett", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    good = True
    print("| series | forecaster | best naive | ridge AR | 95 % | 80 % | MSIS | OWA | seconds |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder), given.data, given.table, given.m4):
            if not given.only or case.name in given.only:
                good &= judge(case, Path(folder))
        if given.ett is not None:
            print(ett(given.ett, Path(folder)))
    return 0 if good else 1


def cases(
    folder: Path, data: Path | None, table: Sequence[str] | None, m4: Sequence[Path] | None
) -> Iterator[Case]:
    """Yield the generated cases, and those whose data is given."""
    for name, series in generated().items():
        yield generated_case(folder, name, series, HELD if len(series) == 1 else 14)
    if data is not None:
        yield Case(
            "sunspots",
            data / "sunspots.csv",
            "1930",
            "1931",
            ("--target", "SUNACTIVITY", "--horizon", "11"),
        )
        yield Case(
            "nile", data / "nile.csv", "1940", "1941", ("--target", "volume", "--horizon", "5")
        )
        weekly = ("--target", "co2", "--horizon", "52", "--missing", "forward")
        yield Case("co2", data / "co2.csv", "19951231", "19960101", weekly)
    if table is not None:
        path, target, horizon = Path(table[0]), *table[1:]
        with path.open(newline="") as file:
            times = [row[0] for row in list(csv.reader(file))[1:]]
        edge = len(times) - len(times) // 4
        options = ("--target", target, "--horizon", horizon)
        yield Case(path.stem, path, times[edge - 1], times[edge], options)
    if m4 is not None:
        train, test = map(wide, m4)
        both = [np.concatenate(pair) for pair in zip(train, test, strict=True)]
        yield generated_case(folder, "M4 Hourly", both, 48, season=("--season", "24"))


def generated() -> dict[str, list[np.ndarray]]:
    """Return series drawn from a fixed seed."""
    rng = np.random.default_rng(0)
    week = 2 * np.pi * np.arange(400) / 7
    sizes = 10 ** rng.uniform(0, 6, 1000)
    return {
        "growing": [100 + np.arange(500) + rng.normal(0, 3, 500)],
        "level shift": [np.where(np.arange(600) < 300, 50, 200) + rng.normal(0, 1, 600)],
        "shift and week": [
            np.where(np.arange(400) < 250, 20, 60) + 5 * np.sin(week) + rng.normal(0, 1, 400)
        ],
        "1,000 of all sizes": [
            size * (1 + 0.3 * np.sin(week[:200] + phase) + 0.05 * rng.normal(size=200))
            for size, phase in zip(sizes, rng.uniform(0, 6, 1000), strict=True)
        ],
        "200 random walks": [
            size * (10 + np.cumsum(rng.normal(0, 0.1, 150))) for size in sizes[:200]
        ],
        "50 mostly zero": [
            rng.poisson(0.3, 200) * rng.integers(1, 5, 200).astype(float) for _ in range(50)
        ],
    }


def generated_case(
    folder: Path, name: str, series: Sequence[np.ndarray], held: int, season: tuple[str, ...] = ()
) -> Case:
    """Write series as a table of whole-number times, all of which end at the same time."""
    path = folder / f"{name.replace(' ', '-').replace(',', '')}.csv"
    longest = max(map(len, series))
    horizon = str(held if season else 7)
    single = len(series) == 1
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ds", "y"] if single else ["unique_id", "ds", "y"])
        for i, values in enumerate(series):
            for at, value in enumerate(values.tolist(), longest - len(values)):
                rows.writerow([at, value] if single else [f"s{i}", at, value])
    last = longest - held - 1
    options = ("--target", "y", "--horizon", horizon, *season)
    return Case(name, path, str(last), str(last + 1), options)


def wide(path: Path) -> list[np.ndarray]:
    """Read a file of M4: a series in each line, after its name."""
    with path.open(newline="") as file:
        lines = list(csv.reader(file))[1:]
    return [np.array([float(cell) for cell in line[1:] if cell]) for line in lines]


def judge(case: Case, folder: Path) -> bool:
    """Train, export and back-test; print the row and return whether the bound holds."""
    began = time.monotonic()
    run, model = folder / f"{case.table.stem}-run", folder / f"{case.table.stem}.onnx"
    span = ("--span", f":{case.last}", "--levels", LEVELS, "-o", str(run))
    seqrt("train", str(case.table), *case.options, *span)
    seconds = time.monotonic() - began
    seqrt("export", str(run), "-o", str(model))
    judged = ("-m", str(model), "--span", f"{case.first}:", "--json")
    test = json.loads(seqrt("evaluate", str(case.table), *judged))["back_test"]
    figures = {name: each["figures"] for name, each in test["forecasters"].items()}
    own, best = figures["model"], figures[test["best_naive"]]
    ridge = figures.get("ridge AR", {}).get("MASE")
    metric = test["metric"]
    levels = {level: each["figures"] for level, each in test["intervals"]["levels"].items()}
    row = [
        case.name,
        text(own[metric]),
        f"{text(best[metric])} ({test['best_naive']})",
        text(ridge),
        *(f"{100 * levels[level]['coverage']:.1f} %" for level in ("95", "80")),
        text(levels["95"].get("MSIS")),
        text(own.get("OWA")),
        f"{seconds:.0f}",
    ]
    print("| " + " | ".join(row) + " |", flush=True)
    return own[metric] <= WORST * best[metric]


def ett(path: Path, folder: Path) -> str:
    """Train on 16 months of ETT, a quarter of them to validate; return the errors on the next 4."""
    began = time.monotonic()
    with path.open(newline="") as file:
        header, *rows = list(csv.reader(file))
    values = np.array([[float(cell) for cell in row[1:]] for row in rows])
    run, model = folder / "ett-run", folder / "ett.onnx"
    first, last = 16 * MONTH, min(20 * MONTH, len(values))
    options = ("--target", ",".join(header[1:]), "--horizon", "96", "--context", "96")
    span = ("--span", f":{rows[first - 1][0]}", "--val", "0.25", "-o", str(run))
    seqrt("train", str(path), *options, *span)
    seconds = time.monotonic() - began
    seqrt("export", str(run), "-o", str(model))
    found = np.array(
        [errors_in_z(load(model), series, first, last, 96) for series in values.T]
    ).mean(axis=0)
    return f"{path.stem}: MSE {found[0]:.4f}, MAE {found[1]:.4f}, trained in {seconds:.0f} s"


def errors_in_z(
    model: Model, series: np.ndarray, first: int, last: int, horizon: int
) -> tuple[float, float]:
    """Return MSE and MAE of the forecasts of the rows from `first` to before `last`."""
    scale = series[: 12 * MONTH].std()
    y = model.predict(series[:last].astype(np.float32)[None, :, None])[0]
    origins = np.arange(first - 1, last - horizon)
    ahead = np.lib.stride_tricks.sliding_window_view(series[1:last], horizon)[origins]
    off = (y[origins] - ahead) / scale
    return float((off**2).mean()), float(np.abs(off).mean())


def text(value: float | None) -> str:
    """Return a figure with three digits, or a dash."""
    return "-" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
