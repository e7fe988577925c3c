"""Classify the speaker of two Japanese vowels with seqrt's defaults: the UEA archive's data set.

    python tools/vowels.py FOLDER [--seeds 3] [OPTION ...]

FOLDER holds JapaneseVowels_TRAIN.ts and JapaneseVowels_TEST.ts, as the UEA archive and the wheel of
aeon (aeon/datasets/data/JapaneseVowels) have them: 270 and 370 sequences of 7 to 29 steps, 12
channels, 9 classes. For each cell and seed, trains by `seqrt train` with the OPTIONs on the first
file, exports, and evaluates the exported file on the second. Prints the accuracy and the seconds
that training and export took.

Kudo, Toyama & Shimbo 1999, doi:10.1016/S0167-8655(99)00077-X; their accuracy is 0.941.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def main() -> None:
    """Print a line for each training."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given, options = parser.parse_known_args()
    source = given.folder.resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for part in ("TRAIN", "TEST"):
            pack(source / f"JapaneseVowels_{part}.ts", Path(f"{part}.npz"))
        for cell in ("lstm", "gru"):
            for seed in range(given.seeds):
                began = time.monotonic()
                chosen = ["--cell", cell, "--seed", str(seed), *options]
                run = seqrt("train", "TRAIN.npz", "--task", "classify", *chosen).strip()
                seqrt("export", run, "-o", "vowels.onnx")
                seconds = time.monotonic() - began
                figures = json.loads(seqrt("evaluate", "TEST.npz", "-m", "vowels.onnx", "--json"))
                accuracy = figures["figures"]["accuracy"]
                print(f"{cell} seed {seed}  accuracy {accuracy:.3f}  {seconds:.0f} s", flush=True)


def pack(source: Path, path: Path) -> None:
    """Write the sequences of a .ts file, whose lines hold one channel after another, as .npz."""
    lines = source.read_text().splitlines()
    rows = [line.split(":") for line in lines if line and line[0] not in "#@"]
    x = [np.array([channel.split(",") for channel in row[:-1]], np.float32).T for row in rows]
    y = [row[-1].strip() for row in rows]
    np.savez(path, x=np.concatenate(x), y=y, lengths=[len(row) for row in x])


def seqrt(*words: str) -> str:
    """Run `seqrt WORDS...`; return its stdout."""
    line = [sys.executable, "-m", "seqrt", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"`seqrt {' '.join(words)}` failed: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
