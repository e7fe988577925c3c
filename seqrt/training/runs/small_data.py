"""Defaults for few sequences: noise, segments for long ones, and folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from seqrt.training.problems.prepare import BUILT_IN
from seqrt.training.problems.problem import Problem

_FEW: Final = 500
_FEWEST: Final = 10

# Noise for a label of a short sequence, and for all others.
_MUCH_NOISE: Final = 0.4
_NOISE: Final = 0.2
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

        fewer than 500 sequences, none of 100 steps     noise 0.4 for a label, 0.2 for a number
        the same, of 100 steps, of 150                  noise 0.2, segments of 5 steps, of 8
        10 sequences and more                           5 folds, unless that takes minutes or an
                                                        option asks for one network

    There are no segments with a bidirectional network or a pool. Chosen by cross-validation on
    training sets (tools/README.md has all figures): six public ones to classify and two drawn, 36
    to 270 sequences of 7 to 361 steps, and five of numbers. The mean log loss of seven is 0.357 in
    folds, 0.476 for one network with a fifth for validation, and 0.467 for one that learns from
    all. Noise 0.4 lowers it from 0.147 to 0.102, 0.128 to 0.109 and 0.343 to 0.230 on the three
    sets of short sequences. On the five of long ones no noise is best on all: without, with 0.2
    and with 0.4, one network has a mean accuracy of 0.798, 0.831 and 0.832, and folds of 0.867,
    0.867 and 0.851. Of numbers, folds lower the mean squared error of every set, by 2 to 31 %.
    Noise alone lowers it by 0.2, 8 and 58 % on three, and raises it on one that no network
    predicts better than the mean.

    Targets at every step keep the usual defaults: on three such sets noise changes nothing, and
    folds add 0.3, 0.7 and 7 points of accuracy for five times the work of every step. Text has
    defaults of its own, see runs.text.defaults.
    """
    if problem.metadata.text:
        return {}
    count = len(problem.train) + (len(problem.validation) if problem.validation else 0)
    windows = problem.metadata.window is not None
    if not _is_free(plan) or windows or problem.head != "last" or not count < _FEW:
        return {}
    longest = problem.train.x.longest
    steps = next((size for least, size in _SEGMENTS if longest >= least), None)
    much = problem.metadata.task == "classify" and not steps
    found: dict[str, Any] = {"noise": _MUCH_NOISE if much else _NOISE}
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
