"""Time how long a table of many series takes from the file to the first batch.

    python tools/many_series.py [--series 10000] [--rows 100] [--turns 5]

The table is in long format, unique_id, ds, y, one row per day. Each turn reads it, puts it in
order, splits every series, cuts the windows and takes a first batch of 32; the medians of the turns
are printed. Exit code 1 if the median is 5 s or more.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from seqrt.training import Plan
from seqrt.training.inputs.examples import examples

LIMIT, BATCH = 5.0, 32


def write_table(path: Path, series: int, rows: int) -> None:
    """Write the table: a walk for each series, on a level of its own."""
    rng = np.random.default_rng(0)
    days = (np.datetime64("2024-01-01") + np.arange(rows)).astype(str).tolist()
    with open(path, "w") as file:
        file.write("unique_id,ds,y\n")
        for number in range(series):
            values = rng.standard_normal(rows).cumsum() + 10 * number
            file.writelines(
                f"s{number:05},{day},{value:.3f}\n"
                for day, value in zip(days, values.tolist(), strict=True)
            )


def one_turn(path: Path) -> tuple[float, float, int]:
    """Return the seconds to the problem and to the first batch, and the number of windows."""
    began = time.perf_counter()
    plan = Plan(str(path), window=14)
    problem = plan.problem()
    read = time.perf_counter() - began
    net = plan.network(problem)
    (train,) = examples(net, (problem.train.x, problem.train.y, None))
    train.at(slice(BATCH))
    return read, time.perf_counter() - began, len(problem.train)


def main() -> int:
    """Print the medians; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sales.csv"
        write_table(path, options.series, options.rows)
        turns = [one_turn(path) for _ in range(options.turns)]
    read, batch = (statistics.median(turn[i] for turn in turns) for i in (0, 1))
    size = f"{options.series:,} series of {options.rows} rows"
    print(
        f"{size}: {read:.2f} s to the windows ({turns[0][2]:,}), {batch:.2f} s to the first batch"
    )
    return int(batch >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
