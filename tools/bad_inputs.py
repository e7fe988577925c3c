"""Give every known bad input to RNN, LSTM and GRU models, in Python and on the command line.

    python tools/bad_inputs.py [--alone]

The cases are tests/bad_arrays.py and tests/bad_files.py. Each cell has one process for its Python
cases and one for its commands; with --alone every command runs in a process of its own, as from a
shell, which takes minutes. Exit code 1 if any process dies, shows a traceback, raises an exception
that is not seqrt's, reports a wrong code, or leaves a file.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import bad_arrays
import bad_files

HOUSE = Path(__file__).resolve().parent.parent
CELLS = ("rnn", "lstm", "gru")
WAYS = ("python", "command", "alone")


def model_of(cell: str) -> Path:
    """Return the file of a small model."""
    return HOUSE / "tests" / "runtime" / "nets" / f"{cell}-last.onnx"


def python_cases(cell: str) -> None:
    """Run all Python cases in this process; print a line for each."""
    import seqrt

    model = seqrt.load(model_of(cell))
    for case in bad_arrays.cases():
        print(f"case {case.name!r}", flush=True)
        try:
            case.call(model)
        except case.error as error:
            if not str(error).startswith(case.head):
                print(f"fault {str(error)!r:.200}", flush=True)
        except BaseException as error:  # noqa: BLE001 - anything else is a fault
            print(f"fault {type(error).__name__}: {str(error)!r:.200}", flush=True)
        else:
            print("fault no error", flush=True)


def command_cases(cell: str, run: bad_files.Run) -> None:
    """Run all commands; print a line for each."""
    stdout = sys.stdout
    for case in bad_files.cases():
        print(f"case {case.name!r}", file=stdout, flush=True)
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            for fault in bad_files.faults(case, Path(folder), model_of(cell), run):
                print(f"fault {fault!r:.300}", file=stdout, flush=True)


def alone(words: list[str], stdin: bytes | None) -> tuple[int, str, str]:
    """Run a command in a process of its own, or here if no shell could pass such an argument."""
    if any("\0" in word for word in words):
        return bad_files.called(words, stdin)
    command = [sys.executable, "-m", "seqrt", *words]
    done = subprocess.run(command, input=stdin or b"", capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace")


def count(way: str, cell: str) -> tuple[int, list[str]]:
    """Run all cases of one way and cell in a child; return their number and all faults."""
    command = [sys.executable, __file__, "--child", way, cell]
    paths = os.pathsep.join([str(HOUSE), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    lines = done.stdout.splitlines()
    faults, case, cases = [], "start", 0
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "case":
            case, cases = rest, cases + 1
        else:
            faults.append(f"{way}, {cell}, {case}: {line}")
    if done.returncode:
        faults.append(f"{way}, {cell}: the process died at {case}: {done.stderr[-400:]}")
    return cases, faults


def main() -> int:
    """Print the number of cases and every fault; return 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", action="store_true", help="a process for each command")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        way, cell = args.child
        if way == "python":
            python_cases(cell)
        else:
            command_cases(cell, alone if way == "alone" else bad_files.called)
        return 0
    faults: list[str] = []
    for way in ("python", "alone" if args.alone else "command"):
        counts = []
        for cell in CELLS:
            cases, found = count(way, cell)
            counts.append(cases)
            faults += found
        print(f"{way}: {' + '.join(map(str, counts))} cases of {', '.join(CELLS)}")
    print("\n".join(faults) or "every case got the right error; no process died, no file was left")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
