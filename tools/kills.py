"""Kill training at random moments, resume it, and compare with a run that was never stopped.

    python tools/kills.py [--kills 20] [--epochs 300] [--seed 0] [--folder FOLDER] [--options "..."]

Trains on ragged sequences with dropout, noise and a validation part, by `seqrt train` in processes
of its own. One run is never stopped. Others are killed (SIGKILL) at random moments, from their
start to their last picture, and resumed by `seqrt train --resume` until they finish. Exit code 1
unless the weights, the exported file and results.csv (except its seconds) are the same, byte for
byte.

A checkpoint is due every tenth of a second here instead of every 30 s, so that an epoch has many,
and kills happen near or during the writing of one.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CHILD = """
from seqrt.cli import main
from seqrt.training.loop.checkpoints import Checkpoints

Checkpoints.__init__.__kwdefaults__.update(every=0.1, share=1.0)
main()
"""


def main() -> None:
    """Train, kill, resume, compare; print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="number of kills in all")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0, help="seed for the moments")
    parser.add_argument("--folder", type=Path, help="folder for the runs [temporary]")
    parser.add_argument("--options", default="", help="more options for seqrt train")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)
        sys.exit(judge(given.kills, given.epochs, given.seed, given.options.split()))


def judge(kills: int, epochs: int, seed: int, options: list[str]) -> int:
    """Return 0 if every killed run ends like the one that was never stopped."""
    write_data(Path("ragged.npz"))
    command = ["train", "ragged.npz", "--cell", "gru", "--units", "24,16", "--dropout", "0.2"]
    command += ["--noise", "0.1", "--epochs", str(epochs), "--batch-size", "8", *options]
    first, last, total = uninterrupted(*command, "-o", "whole")
    print(f"never stopped: epochs from second {first:.1f} to {last:.1f}, done after {total:.1f}")
    rng = np.random.default_rng(seed)
    runs: dict[Path, list[str]] = {}
    while (killed := sum(map(len, runs.values()))) < kills:
        run, moments = Path(f"run-{len(runs)}"), []
        while killed + len(moments) < kills and not finished(run):
            # mostly while it trains, sometimes at any moment from start to last picture
            trains = rng.uniform() < 0.8
            moment = first + rng.uniform(0, last - first) / 3 if trains else rng.uniform(0, total)
            if survived(run, command, moment):
                break
            moments.append(f"{moment:.1f} s ({where(run)})")
        if not finished(run):
            survived(run, command, None)
        runs[run] = moments
    want, same = outcome(Path("whole")), 0
    for run, moments in runs.items():
        differs = [what for what, value in outcome(run).items() if value != want[what]]
        print(f"{run}: {' and '.join(differs) or 'nothing'} differs after {', '.join(moments)}")
        same += 0 if differs else len(moments)
    print(f"{same} of {killed} kills left no trace: same weights, results and exported file")
    return int(same != killed)


def uninterrupted(*words: str) -> tuple[float, float, float]:
    """Train; return the seconds until the first epoch, the last one, and the end."""
    began, first, last = time.monotonic(), 0.0, 0.0
    rows, size = Path("whole/results.csv"), 0
    process = started(*words)
    while process.poll() is None:
        if rows.exists() and rows.stat().st_size > size:
            size, last = rows.stat().st_size, time.monotonic() - began
            first = first or last
        time.sleep(0.02)
    if process.returncode or not first:
        sys.exit(f"`seqrt {' '.join(words)}` failed with exit code {process.returncode}.")
    return first, last, time.monotonic() - began


def survived(run: Path, command: list[str], moment: float | None) -> bool:
    """Start or resume the run; return whether it ends before it is killed at `moment`."""
    begun = (run / "run.toml").exists()
    if not begun and run.exists():
        shutil.rmtree(run)  # killed before it wrote run.toml
    words = ["--resume", str(run)] if begun else [*command[1:], "-o", str(run)]
    process = started("train", *words)
    try:
        if process.wait(moment) != 0:
            sys.exit(f"`seqrt train {' '.join(words)}` failed with exit code {process.returncode}.")
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return False
    return True


def started(*words: str) -> subprocess.Popen[bytes]:
    """Start `seqrt WORDS...`."""
    line = [sys.executable, "-c", CHILD, *words]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finished(run: Path) -> bool:
    """Return whether the run has recorded its result; a kill after that changes nothing."""
    record = run / "run.toml"
    return record.exists() and "[result]" in record.read_text()


def where(run: Path) -> str:
    """Describe what the kill left in the folder."""
    rows = run / "results.csv"
    epoch = len(rows.read_text().splitlines()) if rows.exists() else 0
    writing = ", a file partly written" if list(run.glob(".*.part")) else ""
    return f"epoch {epoch}{writing}" if epoch else f"before the first epoch ended{writing}"


def outcome(run: Path) -> dict[str, object]:
    """Return the bytes of the weights and the exported file, and the rows without seconds."""
    file = run.with_suffix(".onnx")
    subprocess.run(
        [sys.executable, "-m", "seqrt", "export", str(run), "-o", str(file)],
        check=True,
        capture_output=True,
    )
    with open(run / "results.csv", newline="") as table:
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(table)]
    weights = (run / "best.safetensors").read_bytes()
    return {"weights": weights, "exported file": file.read_bytes(), "results.csv": rows}


def write_data(path: Path) -> None:
    """Write 200 sequences of 5 to 40 steps, and the sums of their first feature."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 41, 200)
    x = rng.standard_normal((lengths.sum(), 3)).astype(np.float32)
    sums = np.add.reduceat(x[:, 0], lengths.cumsum() - lengths)
    np.savez(path, x=x, lengths=lengths, y=sums.astype(np.float32))


if __name__ == "__main__":
    main()
