"""Measure files with small weights beside the float32 file: bytes, time to load, push, memory.

    python tools/small_weights.py [MODEL ...] [--rounds 40]

Each model is written again with fp16 and int8 weights. The three files take turns: to load, and in
bursts of 200 pushed steps. A ratio is taken within a round; the table has the median of the ratios.
The memory is what a new process has more after it opened the file and pushed a step. Exit code 1 if
the median push of a small file takes over 1.05 times that of the float32 file.
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

import seqrt
from seqrt.export import shrink

MODELS = Path(__file__).parent.parent / "models"
FORMS = ("fp16", "int8")
BURST, MOST = 200, 1.05
# Prints the bytes that a process has more after it opened a file, in a new process.
MEMORY = """
import sys
import numpy as np
import seqrt
from pathlib import Path

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS"))

seqrt.load(sys.argv[1]).stream().push(np.zeros(int(sys.argv[3]), np.float32))
before = resident()
opened = seqrt.load(sys.argv[2])
opened.stream().push(np.zeros(int(sys.argv[3]), np.float32))
print(resident() - before)
"""


def seconds_of_load(path: Path) -> float:
    """Return the time that it takes to open a file."""
    began = time.perf_counter()
    seqrt.load(path)
    return time.perf_counter() - began


def seconds_of_push(stream: seqrt.Stream, steps: list[np.ndarray]) -> float:
    """Return the time of a pushed step."""
    began = time.perf_counter()
    for step in steps:
        stream.push(step)
    return (time.perf_counter() - began) / len(steps)


def memory_of(first: Path, path: Path, features: int) -> int:
    """Return the bytes that a process has more once it has opened `path`, after another file."""
    words = [sys.executable, "-c", MEMORY, str(first), str(path), str(features)]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def measure(path: Path, folder: Path, rounds: int) -> bool:
    """Print a line for each of the three files; return whether the small ones push fast."""
    files = {"float32": path}
    for form in FORMS:
        files[form] = shrink(path, folder / f"{path.stem}-{form}.onnx", weights=form).path
    features = len(seqrt.load(path).manifest.features)
    rng = np.random.default_rng(0)
    steps = [rng.normal(size=features).astype(np.float32) for _ in range(BURST)]
    streams = {form: seqrt.load(file).stream() for form, file in files.items()}
    loads: dict[str, list[float]] = {form: [] for form in files}
    pushes: dict[str, list[float]] = {form: [] for form in files}
    for number in range(rounds):
        for form in sorted(files, reverse=bool(number % 2)):
            loads[form].append(seconds_of_load(files[form]))
            pushes[form].append(seconds_of_push(streams[form], steps))
    fast = True
    for form, file in files.items():
        load, push = (
            statistics.median(a / b for a, b in zip(times[form], times["float32"], strict=True))
            for times in (loads, pushes)
        )
        rounding = seqrt.load(file).manifest.rounding
        moved = f"{rounding.largest:.1e}" if rounding else "0"
        print(
            f"| {path.stem} | {form} | {file.stat().st_size:,} | {moved}"
            f" | {1e3 * statistics.median(loads[form]):.1f} ms, {load:.2f}"
            f" | {1e6 * statistics.median(pushes[form]):.1f} us, {push:.2f}"
            f" | {memory_of(MODELS / 'tutorial-rnn.onnx', file, features) / 1e6:.1f} MB |"
        )
        fast &= push <= MOST
    return fast


def main() -> int:
    """Print the table; return 1 if a small file pushes more slowly than the float32 file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    print(
        "| model | weights | bytes | moved | load | push | memory |\n|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = args.models or sorted(MODELS.glob("*.onnx"))
        fast = [measure(path, Path(folder), args.rounds) for path in paths]
    return 0 if all(fast) else 1


if __name__ == "__main__":
    raise SystemExit(main())
