"""The race: contenders take turns for several rounds, each turn in a fresh process.

A process per turn, because the threads of onnxruntime's default session keep spinning after a call
and slow down whatever runs next, and because a process starts cold only once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seqrt.bench.report import BenchReport
from seqrt.bench.work import Work
from seqrt.errors import DeviceError, ResourceError, UsageError

if TYPE_CHECKING:
    from seqrt.runtime import Model

ROUNDS = 5
_PRODUCT = "numpy"
_BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_DROPPED = ("PYTHONDONTWRITEBYTECODE", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_CODE = "import sys; sys.path[:] = {path!r}; from seqrt.bench.worker import serve; serve({job!r})"
_KILLED = -9


class Turn(NamedTuple):
    """The turn of one contender: its round of `rounds`, and its number among all `turns`."""

    contender: str
    round: int
    rounds: int
    number: int
    turns: int


def bench(
    model: Model,
    path: str | Path,
    *,
    rounds: int | None = None,
    quick: bool = False,
    threads: int | None = None,
    on_turn: Callable[[Turn], object] = lambda turn: None,
) -> BenchReport:
    """Measure `model`, opened from `path`, on this machine, beside bare onnxruntime and PyTorch.

    There are 5 rounds, or with `quick` one round with less work. `on_turn` is called before each
    turn. PyTorch is left out if it is not installed.

    Raises UsageError for rounds below 1, and DeviceError (E_BENCH) or ResourceError (E_MEMORY) if
    a turn fails.
    """
    rounds = (1 if quick else ROUNDS) if rounds is None else rounds
    if type(rounds) is not int or rounds < 1:
        raise UsageError(f"rounds must be a whole number from 1, got {rounds!r}.")
    work = Work.of(model, os.path.abspath(path), quick=quick, threads=threads)
    found: dict[str, list[dict[str, Any]]] = {}
    for turn in schedule(rounds):
        on_turn(turn)
        found.setdefault(turn.contender, []).append(run_turn(turn.contender, work))
    return BenchReport.of(model, str(path), work, found)


def schedule(rounds: int) -> Iterator[Turn]:
    """Yield the turns of all rounds; in each round a different contender goes first."""
    names = ["seqrt", "onnxruntime", *(["torch"] if find_spec("torch") else []), _PRODUCT]
    for i in range(rounds):
        first = i % len(names)
        for j, name in enumerate(names[first:] + names[:first]):
            yield Turn(name, i + 1, rounds, i * len(names) + j + 1, rounds * len(names))


def run_turn(contender: str, work: Work) -> dict[str, Any]:
    """Run one turn in a fresh process with the same `sys.path` as this one."""
    code = _CODE.format(path=sys.path, job=work.job(contender))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        env=_environment(contender, work.threads),
    )
    if done.returncode:
        raise _explain(contender, done)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _environment(contender: str, threads: int) -> dict[str, str]:
    """Return the environment of a turn: compiled modules cached, no telemetry, numpy on all cores.

    OpenBLAS settings are dropped: one that names an older processor halves the rate of numpy's
    products, which all rates are compared with.
    """
    inherited = {k: v for k, v in os.environ.items() if k not in _DROPPED}
    blas = dict.fromkeys(_BLAS, str(threads)) if contender == _PRODUCT else {}
    return {**inherited, "ORT_DISABLE_TELEMETRY": "1", "PYTHONIOENCODING": "utf-8", **blas}


def _explain(contender: str, done: subprocess.CompletedProcess[str]) -> Exception:
    reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if done.returncode == _KILLED or reason.startswith(("MemoryError", "numpy._core")):
        return ResourceError(
            f"E_MEMORY: the turn of {contender} did not fit into memory."
            " Try --quick, or close other programs."
        )
    return DeviceError(
        f"E_BENCH: the turn of {contender} failed: {reason}. See `seqrt doctor` for what is"
        " installed."
    )
