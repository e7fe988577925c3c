"""Check that processes using the runtime exit cleanly: no output, no file, no thread, no hang.

    python tools/children.py [--times 20]

Each process imports, loads, predicts, forks, and predicts in the forked child. Each has a fresh
home folder, and neither CI nor ORT_DISABLE_TELEMETRY is set. Exit code 1 unless every one ends with
0 within 20 s, prints nothing, and leaves no file in its home and no extra thread.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
CHILD = f"""
import os, sys, numpy
before = len(os.listdir("/proc/self/task"))
import seqrt
model = seqrt.load({str(HOUSE / "models" / "tutorial-lstm.onnx")!r})
x = numpy.ones((2, 3, 1))
want = model.predict(x)
assert len(os.listdir("/proc/self/task")) == before, "a thread"
open_files = [os.path.realpath("/proc/self/fd/" + name) for name in os.listdir("/proc/self/fd")]
assert not [name for name in open_files if "socket" in name], "a socket"
child = os.fork()
if child == 0:
    sys.exit(0 if (model.predict(x) == want).all() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def main() -> int:
    """Print the number of clean exits; return 1 if one was not clean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    times = parser.parse_args().times
    faults = [fault for fault in (fault_of_one() for _ in range(times)) if fault]
    print(f"{times - len(faults)} of {times} processes exited cleanly", *faults)
    return 1 if faults else 0


def fault_of_one() -> str:
    """Run a process; return what was wrong, if anything."""
    hiding = ("CI", "ORT_DISABLE_TELEMETRY")
    plain = {name: value for name, value in os.environ.items() if name not in hiding}
    with tempfile.TemporaryDirectory() as home:
        homes = {"HOME": home, "XDG_CACHE_HOME": f"{home}/.cache", "PYTHONPATH": str(HOUSE)}
        try:
            done = subprocess.run(
                [sys.executable, "-c", CHILD],
                capture_output=True,
                env=plain | homes,
                timeout=20,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "a process hangs"
        left = [str(path) for path in Path(home).rglob("*")]
    if done.returncode or done.stdout or done.stderr or left:
        return f"exit code {done.returncode}, {done.stdout!r} {done.stderr[-300:]!r} {left}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
