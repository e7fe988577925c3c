"""Send Ctrl-C at random moments: `seqrt predict`, `export` and `train` must exit soon and clean.

    python tools/interrupts.py [--times 20] [--seed 0]

Each command runs once to its end, and is then interrupted at moments drawn over that time, from its
first line of code on. Exit code 1 unless each run exits with 130 (or with 0, if it was done by
then), without a traceback, a partial file or a temporary file, and within half a second; within a
second for train, which finishes its step and saves a checkpoint. What counts is the processor time
from the signal to the exit, because it does not depend on the load of the machine; the elapsed time
is printed beside it.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

HOUSE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HOUSE / "tests"))
from failing_disk import contents, whole  # noqa: E402 - a file of tests/

CHILD = "print('here', flush=True); from seqrt.__main__ import main; main()"
MODEL = HOUSE / "models" / "tutorial-lstm.onnx"
WIDE = ("--units", "64,32", "--window", "24", "--batch-size", "32")
COMMANDS = {
    "predict": (("predict", "x.npy", "-m", str(MODEL)), 0.5),
    "export": (("export", "trained", "-o", "model.onnx"), 0.5),
    "train": (("train", "sine-mix", *WIDE, "--epochs", "3", "-o", "run"), 1.0),
}


class Exit(NamedTuple):
    """How a command ended: its exit code, its stderr, and the seconds since the signal."""

    code: int
    err: str
    moment: float
    processor: float
    clock: float


def main() -> int:
    """Print how each command exited; return 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    sound = True
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        np.save("x.npy", rng.random((4000, 600, 1), dtype=np.float32))
        left(("train", "sine-mix", *WIDE, "--epochs", "1", "-o", "trained"), None)
        for name, (command, most) in COMMANDS.items():
            sound = judged(name, command, most, rng, given.times) and sound
    return 0 if sound else 1


def judged(
    name: str, command: tuple[str, ...], most: float, rng: np.random.Generator, times: int
) -> bool:
    """Interrupt a command `times` times and print a summary; return whether all is well."""
    before = contents()
    began = time.monotonic()
    left(command, None)
    taken = time.monotonic() - began
    tidy(before)
    exits, faults = [], []
    for moment in rng.uniform(0, taken, times):
        exit = left(command, moment)
        exits.append(exit)
        faults += [f"after {moment:.2f} s: {fault}" for fault in wrong(exit, before)]
        tidy(before)
    broken = [exit for exit in exits if exit.code == 130]
    slowest = max(broken, key=lambda exit: exit.processor, default=exits[0])
    processor = slowest.processor
    clock = max((exit.clock for exit in broken), default=0.0)
    print(
        f"{name:8} {times} interrupts within {taken:.1f} s: exit code 130 {len(broken)} times, done"
        f" before {sum(exit.code == 0 for exit in exits)}, at most {processor:.2f} s of"
        f" processor time ({clock:.2f} s by the clock), after {slowest.moment:.1f} s,"
        f" wrong: {len(faults)}",
        *faults,
        flush=True,
    )
    return not faults and bool(broken) and processor <= most


def left(command: tuple[str, ...], moment: float | None) -> Exit:
    """Run `seqrt COMMAND...`, interrupted `moment` seconds after its first line of code."""
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    line = [sys.executable, "-c", CHILD, *command]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(line, env=environment, **pipes) as child:
        assert child.stdout.readline() == "here\n"
        if moment is None:
            _, err = child.communicate()
            assert child.returncode == 0, err
            return Exit(0, err, 0.0, 0.0, 0.0)
        time.sleep(moment)
        used, began = used_by(child.pid), time.monotonic()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole_life = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    return Exit(child.returncode, err, moment, whole_life - used, time.monotonic() - began)


def used_by(process: int) -> float:
    """Return the processor time of a running process so far, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrong(exit: Exit, before: dict[str, bytes]) -> list[str]:
    """Return what is wrong after an interrupt."""
    found = []
    if exit.code not in (0, 130) or "Traceback" in exit.err:
        found.append(f"exit code {exit.code}, stderr {exit.err[-300:]!r}")
    after = contents()
    found += [f"{name} was changed" for name in before if after.get(name) != before[name]]
    new = [name for name in after.keys() - before.keys() if not name.endswith(".onnx")]
    return found + [f"{name} is not whole" for name in new if not whole(Path(name))]


def tidy(before: dict[str, bytes]) -> None:
    """Remove what a command left behind."""
    for name in contents().keys() - before.keys():
        Path(name).unlink()
    if Path("run").exists():
        Path("run").rmdir()


if __name__ == "__main__":
    sys.exit(main())
