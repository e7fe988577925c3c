"""One turn of one contender in a fresh process: all its measurements, as JSON on stdout.

The top imports only modules that Python has loaded anyway, because the imports of a contender are
part of its cold start.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqrt.bench.contenders import Contender
    from seqrt.bench.work import Work

_FEWEST = 30
_SIDE = 2048
_MB = 1e6


def serve(job: dict[str, Any]) -> None:
    """Do one turn and write its measurements to stdout."""
    measured = product(job) if job["contender"] == "numpy" else measure_contender(job)

    import json

    json.dump(measured, sys.stdout)


def measure_contender(job: dict[str, Any]) -> dict[str, Any]:
    """Return the measurements of one contender: cold start, memory, and each kind of work."""
    from seqrt.bench.contenders import CONTENDERS

    began = perf_counter()
    contender = CONTENDERS[job["contender"]](job)
    import numpy as np

    x = np.full((1, job["small"], len(job["middle"])), job["middle"], np.float32)
    y = contender.predict(x)
    figures = {"cold_ms": 1e3 * (perf_counter() - began)}
    loaded = resident()

    from seqrt.bench.work import Work

    work = Work.from_job(job)
    before, after = _measure(contender, work, figures)
    if loaded and before and after:
        figures |= {"loaded_mb": loaded / _MB, "gained_mb": (after - before) / _MB}
    predictions = np.ravel(y).tolist() if job["contender"] != "torch" else []
    return {"version": contender.version, "figures": figures, "predictions": predictions}


def _measure(
    contender: Contender, work: Work, figures: dict[str, float]
) -> tuple[int | None, int | None]:
    """Fill in `figures`; return the resident memory before the work, inputs drawn, and after."""
    uniform, ragged = work.draw(work.sequences, work.steps), work.ragged()
    small, live = work.draw(1, work.small), work.live()
    before = resident()
    if work.state:
        figures |= _percentiles("step", _steps(contender, contender.inputs(live), work.seconds))
    seconds = _repeat(contender, lambda: contender.predict(small), work.seconds, _FEWEST)
    figures |= _percentiles("small", seconds)
    for name, call, steps in (
        ("uniform", lambda: contender.predict(uniform), uniform.shape[0] * uniform.shape[1]),
        ("ragged", lambda: contender.ragged(ragged), sum(map(len, ragged))),
    ):
        figures |= _rates(name, _repeat(contender, call, work.seconds, 1), steps, work)
    return before, resident()


def _steps(contender: Contender, inputs: list[Any], seconds: float) -> list[float]:
    """Return the seconds of each step of live sequences, each as long as `inputs`."""

    def sequence() -> Iterator[float]:
        contender.reset()
        for x in inputs:
            began = perf_counter()
            contender.step(x)
            yield perf_counter() - began

    contender.warm(lambda: sum(sequence()))
    times: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end or not times:
        times += sequence()
    return times


def _repeat(
    contender: Contender, call: Callable[[], Any], seconds: float, fewest: int
) -> list[float]:
    """Return the seconds of each of at least `fewest` calls."""
    contender.warm(lambda: [call() for _ in range(fewest)])
    times: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end or len(times) < fewest:
        began = perf_counter()
        call()
        times.append(perf_counter() - began)
    return times


def _percentiles(name: str, times: list[float]) -> dict[str, float]:
    import numpy as np

    values = 1e6 * np.percentile(times, (50, 90, 99))
    return {f"{name}_p{p}_us": float(v) for p, v in zip((50, 90, 99), values, strict=True)}


def _rates(name: str, times: list[float], steps: int, work: Work) -> dict[str, float]:
    import statistics

    seconds = statistics.median(times)
    return {
        f"{name}_sequences_per_s": work.sequences / seconds,
        f"{name}_steps_per_s": steps / seconds,
        f"{name}_gflops": 1e-9 * work.operations * steps / seconds,
    }


def product(job: dict[str, Any]) -> dict[str, Any]:
    """Return the best rate of numpy's product of two large float32 matrices, in GFLOP/s."""
    import numpy as np

    side, best, end = _SIDE, 0.0, 0.0
    a = np.random.default_rng(0).random((side, side), np.float32)
    _ = a @ a
    while not best or perf_counter() < end:
        began = perf_counter()
        end = end or began + job["seconds"]
        _ = a @ a
        best = max(best, 2e-9 * side**3 / (perf_counter() - began))
    return {"version": np.__version__, "figures": {"product_gflops": best}, "predictions": []}


def resident() -> int | None:
    """Return the resident memory of this process in bytes, or None if the system does not say."""
    import os
    import subprocess

    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        pass
    try:
        command = ["ps", "-o", "rss=", "-p", str(os.getpid())]
        return 1024 * int(subprocess.run(command, capture_output=True, check=True).stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
