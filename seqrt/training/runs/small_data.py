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
    """Return noise, front and folds for few sequences with one target each, unless given.

        below 500 sequences          noise 0.4 for classes, 0.2 for numbers
        from 100 steps, from 150     segments of 5 steps, of 8; not if bidirectional or pooled
        from 10 sequences            5 folds; not if that takes minutes, or with an option that asks
                                     for one network

    Chosen by cross-validation on training sets alone: seven to classify (JapaneseVowels,
    ItalyPowerDemand, BasicMotions, GunPoint, ArrowHead, PickupGestureWiimoteZ and one drawn; 36 to
    270 sequences of 7 to 361 steps, 1 to 12 features), four of numbers (two public, two drawn).
    Mean log loss of the seven, with noise and segments: one network 0.476, one trained on all data
    without validation 0.467, five folds 0.357. Noise lowers the log loss of folds from 0.147 to
    0.102 (JapaneseVowels), 0.128 to 0.109 (ItalyPowerDemand) and 0.343 to 0.230 (drawn). Of
    numbers, folds lower the mean squared error of every set, by 2 to 31 %; noise by 0 to 58 % on
    three sets, and raises it on CardanoSentiment, of which nothing is learnt. tools/README.md has
    all figures.

    Targets at every step keep the usual defaults: on three such sets noise changes nothing, and
    folds give 0.3, 0.7 and 7 points of accuracy for five times the work of every step.
    """
    count = len(problem.train) + (len(problem.validation) if problem.validation else 0)
    windows = problem.metadata.window is not None
    if not _is_free(plan) or windows or problem.head != "last" or not count < _FEW:
        return {}
    found: dict[str, Any] = {"noise": _NOISE[problem.metadata.task]}
    longest = problem.train.x.longest
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
