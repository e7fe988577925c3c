"""Measure the memory of training and predicting on a file larger than memory, and on windows.

    python tools/large_file.py [--gigabytes 4] [--folder FOLDER]

Writes an .npz of the given size, sequences of 500 steps of 128 features with one target each, and
runs `seqrt train`, `seqrt export` and `seqrt predict` on it, each in a process of its own. Prints
the peak private memory of each (RssAnon in /proc, which the system cannot reclaim, unlike pages of
the file), and the machine's memory beside the size of the file. Then does the same for a series of
a million rows of two columns, which `seqrt train` reads in windows of 100, without folds and with
`--folds 3`. Linux only.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

STEPS, FEATURES, TOGETHER = 500, 128, 400
SMALL = ["--cell", "rnn", "--units", "4", "--epochs", "1"]


def main() -> None:
    """Print a line for each command."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--gigabytes", type=float, default=4)
    options.add_argument("--folder", help="folder with enough space for the file")
    given = options.parse_args()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        os.chdir(folder)
        write(Path("large.npz"), given.gigabytes * 1e9)
        size = Path("large.npz").stat().st_size
        print(f"file {size / 1e9:.1f} GB, memory of the machine {memory / 1e9:.1f} GB", flush=True)
        np.save("series.npy", np.random.default_rng(0).standard_normal((1_000_000, 2)))
        windows = ["--target", "x0", "--window", "100", "--batch-size", "512"]
        commands = (
            ["train", "large.npz", *SMALL, "-o", "run"],
            ["export", "run", "-o", "large.onnx"],
            ["predict", "large.npz", "-m", "large.onnx", "-o", "answers.npy"],
            ["train", "series.npy", *windows, *SMALL],
            ["train", "series.npy", "--folds", "3", *windows, *SMALL],
        )
        for command in commands:
            began = time.monotonic()
            private = private_of(command)
            seconds = time.monotonic() - began
            words = f"seqrt {' '.join(command[: 4 if '--folds' in command else 2])}"
            print(f"{words:32} {private / 1e6:4.0f} MB private, {seconds:.0f} s", flush=True)


def write(path: Path, size: float) -> None:
    """Write noise x, part by part but as np.savez would, and the mean of its last steps."""
    count = TOGETHER * max(1, round(size / (4 * TOGETHER * STEPS * FEATURES)))
    rng, y = np.random.default_rng(0), np.empty(count, np.float32)
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, STEPS, FEATURES)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        with archive.open("x.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for begin in range(0, count, TOGETHER):
                part = rng.standard_normal((TOGETHER, STEPS, FEATURES), dtype=np.float32)
                y[begin : begin + TOGETHER] = part[:, -5:, 0].mean(1)
                file.write(part.data)
        with archive.open("y.npy", "w") as file:
            np.save(file, y)


def private_of(words: list[str]) -> int:
    """Run `seqrt WORDS...`; return its peak private memory in bytes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seqrt", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    most = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        if found := re.search(r"RssAnon:\s+(\d+) kB", status):
            most = max(most, 1024 * int(found[1]))
        time.sleep(0.01)
    if process.returncode:
        reason = process.stderr.read().decode() if process.stderr else ""
        sys.exit(f"`seqrt {' '.join(words)}` failed: {reason}")
    return most


if __name__ == "__main__":
    main()
