"""The figures of the runtime, side by side: seqrt and what it is measured against, in one run.

    python tools/figures.py [--only ROW ...] [--quick] [--readme]

Networks of random weights, one feature, one output, are exported for the run. Both sides of a row
have the same weights and the same arrays, and must agree before they are timed. The rows:

ragged-*     4,096 sequences of exponential lengths of mean 100, against onnxruntime's default
             session and PyTorch's packed sequences, both in batches of 64 as they come
bulk-*       one predict of 1,024 x 100, against onnxruntime's default session on the whole array
peak         arithmetic of a large LSTM, against numpy's best product of large float32 matrices
step-*       a step of a live sequence, against session.run of the same file with its feeds
             prepared, and against PyTorch's layers and cells; each carries its state
streams*     a step each of 32 keyed streams in one push, against 32 streams pushed one by one,
             and the keyed ones a key a push
memory       what a process holds after one giant run and 10,000 varied ones, against before
cold*        import, load and predict once in a new interpreter, against bare onnxruntime
predict-*    small predicts, for reading: there the checks at the door are seen

The two sides take turns, in processes of their own that come to rest after each turn (why, and
how: side_by_side/turns.py); each round the other side begins. A round says one ratio, so a slow
minute of the machine is in both its sides; the table tells their median and quartiles, and beside
them the median of each side. Steps are timed in bursts of 200, from several pairs of processes.
PyTorch runs on the best of one thread, two and all. Only the whole table goes into the README
(--readme), between its markers. Returns 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from side_by_side.lab import Lab
from side_by_side.rows import ROWS, TITLES, Found

from seqrt.bench.report import processor
from seqrt.runtime.opening.session import allowed_cpus

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->\n)", re.DOTALL)
PACKAGES = ("seqrt", "onnxruntime", "torch", "numpy")
# What a shell says of threads and instruction sets would bind numpy and PyTorch, but not seqrt:
# OPENBLAS_CORETYPE=Haswell alone halves the product that `peak` is measured against.
NARROWS = ("ATEN_", "DNNL_", "GOMP_", "KMP_", "MKL_", "OMP_", "ONEDNN_", "OPENBLAS_", "VECLIB_")


def measured(names: Iterable[str], *, quick: bool) -> list[Found]:
    """Measure rows by their names, and say each on stderr."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), quick=quick)
        for name in names:
            found.append(ROWS[name].found(lab))
            _, _, asked, said, kept, *_ = found[-1].cells()
            print(f"{name:20}{said}; {asked}: {kept}", file=sys.stderr, flush=True)
    return found


def table(found: list[Found]) -> str:
    """Return the machine and the rows, in Markdown."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [TITLES, ("---",) * len(TITLES), *(each.cells() for each in found)]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        f"{processor()}, {allowed_cpus()} cores, {platform.system()} {platform.machine()};"
        f" Python {platform.python_version()}, {packages}; {datetime.now(UTC):%Y-%m-%d}.\n"
        f"Networks are 64-32-1 where no sizes are named.\n\n{rows}\n"
    )


def publish(text: str) -> None:
    """Write the table between the markers of the README."""
    readme, times = BLOCK.subn(lambda _: f"\n{text}\n", README.read_text(encoding="utf-8"))
    if times != 1:
        raise SystemExit(f"{README.name} must have the markers of the figures once, got {times}.")
    README.write_text(readme, encoding="utf-8")


def set_free() -> None:
    """Let every contender run as its packages come; the processes of this run inherit that."""
    for name in [name for name in os.environ if name.startswith(NARROWS)]:
        del os.environ[name]
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def main() -> int:
    """Print the table; return 1 where a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=ROWS, metavar="ROW", help=" ".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="a few rounds: a first look")
    parser.add_argument("--readme", action="store_true", help="write the table into the README")
    args = parser.parse_args()
    if args.readme and (args.only or args.quick):
        parser.error("the README takes the whole table: leave --only and --quick out")
    set_free()
    found = measured(args.only or ROWS, quick=args.quick)
    text = table(found)
    print(text, end="")
    if args.quick:
        print("\nA first look: at most 3 rounds of a kind, and 1,000 varied runs.")
    if args.readme:
        publish(text)
    return 0 if all(each.kept for each in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
