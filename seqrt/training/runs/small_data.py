"""Defaults for few sequences to classify: noise, and segments for long ones.

tools/small_sets.py measures them against the plain recipe on two public sets of 40 and 50
sequences: the mean accuracy of three seeds is higher on both.
"""

from __future__ import annotations

from typing import Any, Final

from seqrt.training.problems.prepare import BUILT_IN
from seqrt.training.problems.problem import Problem

_FEW: Final = 500
_NOISE: Final = 0.4

# From so many steps on, a segment has so many.
_SEGMENTS: Final = ((150, 8), (100, 5))


def small_data_options(plan: Any, problem: Problem) -> dict[str, Any]:
    """Return noise and front for few sequences to classify, unless they were given."""
    count = len(problem.train) + (len(problem.validation) if problem.validation else 0)
    wanted = (
        problem.activation == "softmax"
        and problem.head == "last"
        and problem.metadata.window is None
        and count < _FEW
        and plan.method == "auto"
        and plan.start_from is None
        and plan.source not in BUILT_IN
    )
    if not wanted:
        return {}
    found: dict[str, Any] = {} if "noise" in plan.given else {"noise": _NOISE}
    longest = problem.train.x.longest
    steps = next((size for least, size in _SEGMENTS if longest >= least), None)
    if steps and not plan.bidirectional and not plan.given & {"front", "pool"}:
        found["front"] = f"segments:{steps}"
    return found
