"""Benchmark the runtime side by side with what people use instead of it, in one run.

    python tools/figures.py [--only ROW ...] [--quick] [--readme]

Networks with random weights, one feature and one output are exported for the run. Both sides of a
row have the same weights and the same arrays, and must agree before they are timed. The rows:

ragged-*     4,096 sequences of exponential lengths of mean 100, against onnxruntime's default
             session and PyTorch's packed sequences, both in unsorted batches of 64
bulk-*       one predict of 1,024 x 100, against onnxruntime's default session on the whole array
peak         FLOP/s of a large LSTM, against numpy's best product of large float32 matrices
step-*       a step of a live sequence, against session.run of the same file with its feeds
             prepared, and against PyTorch's layers and cells; each carries its state
streams*     a step each of 32 keyed streams in one push, against 32 streams pushed one by one,
             and against the keyed streams pushed one key at a time
memory       resident memory after one giant run and 10,000 varied ones, against before
cold*        import, load and predict once in a new interpreter, against bare onnxruntime
predict-*    small predicts, reported without a bound: they show what the input checks cost

The two sides take turns in processes of their own, which come to rest after each turn (see
side_by_side/race.py). A ratio is taken within a round, so that a slow minute of the machine affects
both sides; the table gives the median and quartiles of the ratios, and the median of each side.
Steps are timed in bursts of 200, from several pairs of processes. PyTorch runs on one thread, two
or all, whichever is fastest. --readme writes the whole table between the markers of
tools/README.md. Exit code 1 if a bound is missed.
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

from side_by_side.harness import Harness
from side_by_side.rows import ROWS, TITLES, Measured

from seqrt.bench.report import processor
from seqrt.runtime.opening.session import allowed_cpus

README = Path(__file__).parent / "README.md"
BLOCK = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->\n)", re.DOTALL)
PACKAGES = ("seqrt", "onnxruntime", "torch", "numpy")
# Variables that limit threads or instruction sets would slow numpy and PyTorch, but not seqrt:
# OPENBLAS_CORETYPE=Haswell alone halves the product that `peak` is compared with.
LIMITING = ("ATEN_", "DNNL_", "GOMP_", "KMP_", "MKL_", "OMP_", "ONEDNN_", "OPENBLAS_", "VECLIB_")


def measure(names: Iterable[str], *, quick: bool) -> list[Measured]:
    """Measure rows by their names; print each on stderr as it is done."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder), quick=quick)
        for name in names:
            rows.append(ROWS[name].measured(harness))
            _, _, bound, median, met, *_ = rows[-1].cells()
            print(f"{name:20}{median}; {bound}: {met}", file=sys.stderr, flush=True)
    return rows


def table(measured: list[Measured]) -> str:
    """Return the machine and the rows, in Markdown."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [TITLES, ("---",) * len(TITLES), *(each.cells() for each in measured)]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        f"{processor()}, {allowed_cpus()} cores, {platform.system()} {platform.machine()};"
        f" Python {platform.python_version()}, {packages}; {datetime.now(UTC):%Y-%m-%d}.\n"
        f"Networks are 64-32-1 unless a row says otherwise.\n\n{rows}\n"
    )


def publish(text: str) -> None:
    """Write the table between the markers of tools/README.md."""
    readme, times = BLOCK.subn(lambda _: f"\n{text}\n", README.read_text(encoding="utf-8"))
    if times != 1:
        markers = "<!-- figures --> and <!-- /figures -->"
        raise SystemExit(f"{README} must contain {markers} once, got {times}.")
    README.write_text(readme, encoding="utf-8")


def lift_limits() -> None:
    """Let every contender run with the defaults of its packages; child processes inherit that."""
    for name in [name for name in os.environ if name.startswith(LIMITING)]:
        del os.environ[name]
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def main() -> int:
    """Print the table; return 1 if a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=ROWS, metavar="ROW", help=" ".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="only a few rounds")
    parser.add_argument("--readme", action="store_true", help="write tools/README.md")
    args = parser.parse_args()
    if args.readme and (args.only or args.quick):
        parser.error("tools/README.md takes the whole table: drop --only and --quick")
    lift_limits()
    rows = measure(args.only or ROWS, quick=args.quick)
    text = table(rows)
    print(text, end="")
    if args.quick:
        print("\nA quick run: at most 3 rounds of each row, and 1,000 varied runs.")
    if args.readme:
        publish(text)
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
