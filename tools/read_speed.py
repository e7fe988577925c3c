"""Measure time and memory of reading a large .csv file to arrays, beside pandas.

    python tools/read_speed.py [--rows 1000000] [--turns 7] [--without-pyarrow]

Writes two files of five columns: a date-time, three floats and an integer; and five columns of
numbers. seqrt and pandas (its default engine, with the dates parsed) take turns, each time in a
process of its own that has read a small file before. A figure is the median over the turns: the
time from the file to an array of float32 features, and the highest memory in between, less that
before; the ratio of the times is that within a turn. Exit code 1 if seqrt takes more than twice
pandas' time, or five times the memory of an array of float64. With `--without-pyarrow`, seqrt
reads as where pyarrow is not installed; there is no bound then. Linux only.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COLUMNS = 5
MOST_TIME, MOST_MEMORY = 2.0, 5.0
READERS = ("seqrt", "seqrt without pyarrow", "pandas")


def main() -> int:
    """Print a line for each file; return 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--without-pyarrow", action="store_true")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(*measured(*given.child))
        return 0
    ours = READERS[1 if given.without_pyarrow else 0]
    array = given.rows * COLUMNS * 8 / 1e6
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder, "small.csv")
        for kind in ("times and numbers", "numbers"):
            path = Path(folder, f"{kind.split()[0]}.csv")
            write(path, given.rows, kind)
            write(small, 40_000, kind)
            found = race((ours, "pandas"), path, small, given.turns)
            (seconds, megabytes), (other, other_megabytes) = map(medians, found.values())
            pairs = zip(*found.values(), strict=True)
            ratio = statistics.median(one[0] / another[0] for one, another in pairs)
            share = megabytes / array
            print(
                f"{kind}, {path.stat().st_size / 1e6:.0f} MB: {ours} {seconds:.2f} s,"
                f" {megabytes:.0f} MB; pandas {other:.2f} s, {other_megabytes:.0f} MB;"
                f" {ratio:.2f} times the time, {share:.1f} times the array",
                flush=True,
            )
            missed |= ours == "seqrt" and (ratio > MOST_TIME or share > MOST_MEMORY)
    return int(missed)


def race(
    readers: tuple[str, ...], path: Path, small: Path, turns: int
) -> dict[str, list[tuple[float, float]]]:
    """Return the seconds and megabytes of each reader in each turn."""
    found: dict[str, list[tuple[float, float]]] = {reader: [] for reader in readers}
    for _ in range(turns):
        for reader in readers:
            command = [sys.executable, __file__, "--child", reader, str(path), str(small)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, megabytes = map(float, done.stdout.split())
            found[reader].append((seconds, megabytes))
    return found


def medians(turns: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the median seconds and the median megabytes."""
    return statistics.median(t[0] for t in turns), statistics.median(t[1] for t in turns)


def measured(reader: str, path: str, small: str) -> tuple[float, float]:
    """Read a small file and then a large one; return the seconds and megabytes of the latter."""
    if reader == "seqrt without pyarrow":
        sys.modules["pyarrow"] = None  # type: ignore[assignment]  # makes its import fail
    read = read_with_pandas if reader == "pandas" else read_with_seqrt
    read(small)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is measured from here on
    before = status("VmRSS")
    began = time.perf_counter()
    array = read(path)
    seconds = time.perf_counter() - began
    assert array.dtype == np.float32
    return seconds, (status("VmHWM") - before) / 1e3


def read_with_seqrt(path: str) -> np.ndarray:
    """Return the columns of numbers of a file."""
    from seqrt.data import Table, read

    table = read(path)
    assert isinstance(table, Table)
    return table.numbers(table.numeric).astype(np.float32)


def read_with_pandas(path: str) -> np.ndarray:
    """Return the columns of numbers of a file, as `read_with_seqrt` does."""
    import pandas

    with open(path) as file:
        dates = ["time"] if file.read(4) == "time" else []
    frame = pandas.read_csv(path, parse_dates=dates)
    return frame.select_dtypes("number").to_numpy(np.float32)


def status(name: str) -> int:
    """Return a value of this process from /proc in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def write(path: Path, rows: int, kind: str) -> None:
    """Write a file of five columns."""
    rng = np.random.default_rng(0)
    minutes = np.datetime64("2020-01-01T00:00:00") + np.arange(rows) * np.timedelta64(1, "m")
    a, b, c, first = rng.normal(0, 1, (4, rows)).tolist()
    counts = rng.integers(0, 10**6, rows).tolist()
    times = [text.replace("T", " ") for text in np.datetime_as_string(minutes).tolist()]
    named = times if kind.startswith("times") else [f"{value:.3f}" for value in first]
    with path.open("w") as file:
        file.write(f"{'time' if named is times else 'first'},a,b,c,d\n")
        file.writelines(
            f"{named[i]},{a[i]:.6f},{b[i]:.4f},{c[i]},{counts[i]}\n" for i in range(rows)
        )


if __name__ == "__main__":
    sys.exit(main())
