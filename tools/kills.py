"""Kill a training 20 times at random moments, go on each time, and compare with one left alone.

    tools/kills.py [--kills 20] [--epochs 300] [--folder FOLDER] [--options "--tbptt 8"]

Ragged sequences with dropout, noise and a validation part, trained by `seqrt train` in processes of
their own. One run is left alone. Then run after run is killed (SIGKILL) at random moments, from its
start to its last picture, and gone on with by `seqrt train --resume` until it is done. What must be
the same, byte for byte: the weights, the exported file, and results.csv but for its seconds. Exit
code 1 where one is not.

A checkpoint is due every tenth of a second here, not every 30 s, so that there are many in an epoch
and kills fall near or into the writing of one.
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
    """Train, kill, go on, compare; print a line for each run."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--kills", type=int, default=20, help="how many in all")
    words.add_argument("--epochs", type=int, default=300)
    words.add_argument("--seed", type=int, default=0, help="of the moments")
    words.add_argument("--folder", type=Path, help="where to leave the runs [a temporary one]")
    words.add_argument("--options", default="", help="more options for seqrt train")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)
        sys.exit(judge(given.kills, given.epochs, given.seed, given.options.split()))


def judge(kills: int, epochs: int, seed: int, options: list[str]) -> int:
    """Return 0 where every killed run came out as the one left alone."""
    write_data(Path("ragged.npz"))
    command = ["train", "ragged.npz", "--cell", "gru", "--units", "24,16", "--dropout", "0.2"]
    command += ["--noise", "0.1", "--epochs", str(epochs), "--batch-size", "8", *options]
    first, last, taken = left_alone(*command, "-o", "alone")
    print(f"left alone: epochs from second {first:.1f} to {last:.1f}, done after {taken:.1f}")
    rng = np.random.default_rng(seed)
    runs: dict[Path, list[str]] = {}
    while (killed := sum(map(len, runs.values()))) < kills:
        run, moments = Path(f"run-{len(runs)}"), []
        while killed + len(moments) < kills and not finished(run):
            # mostly while it trains, and now and then from the start to the last picture
            trains = rng.uniform() < 0.8
            moment = first + rng.uniform(0, last - first) / 3 if trains else rng.uniform(0, taken)
            if survived(run, command, moment):
                break
            moments.append(f"{moment:.1f} s ({where(run)})")
        if not finished(run):
            survived(run, command, None)
        runs[run] = moments
    want, same = outcome(Path("alone")), 0
    for run, moments in runs.items():
        differs = [what for what, value in outcome(run).items() if value != want[what]]
        print(f"{run}: {' and '.join(differs) or 'nothing'} differs after {', '.join(moments)}")
        same += 0 if differs else len(moments)
    print(
        f"{same} of {killed} kills left no trace: weights, results and exported file are the same"
    )
    return int(same != killed)


def left_alone(*words: str) -> tuple[float, float, float]:
    """Train; return the seconds until the first epoch, the last one, and all is done."""
    began, first, last = time.monotonic(), 0.0, 0.0
    rows, size = Path("alone/results.csv"), 0
    process = started(*words)
    while process.poll() is None:
        if rows.exists() and rows.stat().st_size > size:
            size, last = rows.stat().st_size, time.monotonic() - began
            first = first or last
        time.sleep(0.02)
    if process.returncode or not first:
        sys.exit(f"`seqrt {' '.join(words)}` must end well, and left with {process.returncode}.")
    return first, last, time.monotonic() - began


def survived(run: Path, command: list[str], moment: float | None) -> bool:
    """Begin the run or go on with it; return whether it ends before it is killed at `moment`."""
    begun = (run / "run.toml").exists()
    if not begun and run.exists():
        shutil.rmtree(run)  # killed before it wrote what it is
    words = ["--resume", str(run)] if begun else [*command[1:], "-o", str(run)]
    process = started("train", *words)
    try:
        if process.wait(moment) != 0:
            sys.exit(
                f"`seqrt train {' '.join(words)}` must end well, and left with"
                f" {process.returncode}."
            )
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
    """Return whether the run says what it came to; a kill after that changes nothing."""
    record = run / "run.toml"
    return record.exists() and "[result]" in record.read_text()


def where(run: Path) -> str:
    """Return in words what the kill left in the folder."""
    rows = run / "results.csv"
    epoch = len(rows.read_text().splitlines()) if rows.exists() else 0
    writing = ", a file half written" if list(run.glob(".*.part")) else ""
    return f"epoch {epoch}{writing}" if epoch else f"before the first epoch was done{writing}"


def outcome(run: Path) -> dict[str, object]:
    """Return the bytes of weights and exported file, and the rows without their seconds."""
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
    """Write 200 sequences of 5 to 40 steps, and what their first feature adds up to."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 41, 200)
    x = rng.standard_normal((lengths.sum(), 3)).astype(np.float32)
    sums = np.add.reduceat(x[:, 0], lengths.cumsum() - lengths)
    np.savez(path, x=x, lengths=lengths, y=sums.astype(np.float32))


if __name__ == "__main__":
    main()
