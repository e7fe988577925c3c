"""Defaults for few sequences: noise, segments for long ones, and folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from seqrt.training.problems.prepare import BUILT_IN
from seqrt.training.problems.problem import Problem

_FEW: Final = 500
_FEWEST: Final = 10
_NOISE: Final = {"classify": 0.4, "regress": 0.2}
_FOLDS: Final = 5

# From so many steps on, a segment has so many.
_SEGMENTS: Final = ((150, 8), (100, 5))

# Folds take five times as long. Above so many steps or segments in all sequences together that is
# more than two minutes.
_MOST_STEPS: Final = 100_000

# A larger file is not read twice to see whether it holds few sequences.
_MOST_BYTES: Final = 256 * 2**20

# Whoever gives one of these asks for one network, trained for as long as they say.
_ONE_NETWORK: Final = frozenset({"val", "folds", "fold", "epochs", "layer_norm"})


def small_data_options(plan: Any, problem: Problem) -> dict[str, Any]:
    """Return noise, front and folds for few sequences, unless they were given."""
    count = len(problem.train) + (len(problem.validation) if problem.validation else 0)
    if not _is_free(plan) or problem.metadata.window is not None or not count < _FEW:
        return {}
    found: dict[str, Any] = {}
    longest = problem.train.x.longest
    if problem.head == "last":
        found["noise"] = _NOISE[problem.metadata.task]
        steps = next((size for least, size in _SEGMENTS if longest >= least), None)
        if steps and not plan.bidirectional and "pool" not in plan.given:
            found["front"] = f"segments:{steps}"
    found = {name: value for name, value in found.items() if name not in plan.given}
    segment = plan.with_options(**found).architecture.segment
    quick = count * longest <= _MOST_STEPS * segment
    if quick and count >= _FEWEST and not plan.given & _ONE_NETWORK:
        found["folds"] = _FOLDS
    return found


def may_be_small(plan: Any) -> bool:
    """Return whether the data of a plan may be few sequences, without reading it."""
    sources = [plan.source] if isinstance(plan.source, str) else plan.source
    files = [Path(each) for each in sources]
    return _is_free(plan) and all(
        path.suffix.lower() in (".npz", ".parquet")
        and path.is_file()
        and path.stat().st_size <= _MOST_BYTES
        for path in files
    )


def _is_free(plan: Any) -> bool:
    """Return whether the plan leaves it to the data how a new network is trained."""
    return plan.method == "auto" and plan.start_from is None and plan.source not in BUILT_IN
