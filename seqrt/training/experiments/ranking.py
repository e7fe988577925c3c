"""Which network to ship: contenders side by side, over all their seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from seqrt.training.experiments.compare import Contender, Trial

SMALL_IS_GOOD = ("mse",)


@dataclass(frozen=True)
class Row:
    """All trials of one contender: at least one."""

    contender: Contender
    trials: tuple[Trial, ...]

    @property
    def figure(self) -> str:
        """The name of the figure to look at."""
        return self.trials[0].figure

    @property
    def done(self) -> tuple[Trial, ...]:
        """The trials that did not fail, the best first."""
        came = [trial for trial in self.trials if math.isfinite(_cost(trial))]
        return tuple(sorted(came, key=_cost))

    @property
    def middle(self) -> float | None:
        """The median over the seeds, those that failed as the worst; None where that is one."""
        middle = median(map(_cost, self.trials))
        return _sign(self.figure) * middle if math.isfinite(middle) else None

    @property
    def ends(self) -> tuple[float, float] | None:
        """The best and the worst of those that did not fail; None where all did."""
        values = [trial.value for trial in self.done if trial.value is not None]
        return (values[0], values[-1]) if values else None

    @property
    def plain(self) -> float:
        """The baseline, its median over the seeds."""
        return median(trial.plain for trial in self.trials)

    @property
    def solved(self) -> int:
        """How many seeds solved the task."""
        return sum(trial.solved for trial in self.trials)

    @property
    def steps(self) -> float:
        """After how many steps a trial ended, the median over the seeds."""
        return median(len(trial.seconds) * trial.steps for trial in self.trials)

    @property
    def weights(self) -> int:
        """How many numbers it learns."""
        return self.trials[0].weights

    @property
    def seconds(self) -> float | None:
        """The seconds of a pass, their median; None where there was none."""
        every = [seconds for trial in self.trials for seconds in trial.seconds]
        return median(every) if every else None


@dataclass(frozen=True)
class Choice:
    """Which contender to ship, and why; `row` is None where none is worth it."""

    row: Row | None
    why: str


def rows(trials: Iterable[Trial]) -> tuple[Row, ...]:
    """Put the trials of each contender together, in the order of their first."""
    of: dict[Contender, list[Trial]] = {}
    for trial in trials:
        of.setdefault(trial.contender, []).append(trial)
    return tuple(Row(contender, tuple(its)) for contender, its in of.items())


def choice(table: Sequence[Row]) -> Choice:
    """Return the smallest of those that solve the task with every seed, or are as good as the best.

    As good is whose median is not worse than that of the best by more than the seeds of the best
    are apart.
    """
    best = min(table, key=_cost_of)
    name = best.contender.name
    if not _cost_of(best) < _sign(best.figure) * best.plain:
        return Choice(None, "no contender is better than the baseline")
    good = [row for row in table if row.solved == len(row.trials)]
    what = "solve the task with every seed"
    if not good:
        good = [row for row in table if _cost_of(row) <= _cost_of(best) + _spread(best)]
        what = f"are as good as {name}, within the spread of its seeds"
    row = min(good, key=lambda row: (row.weights, row.seconds or math.inf))
    if len(good) > 1:
        return Choice(row, f"the smallest of the {len(good)} that {what}")
    if row.solved:
        return Choice(row, "the only one that solves the task with every seed")
    return Choice(row, f"the best {row.figure}, by more than its seeds are apart")


def _cost(trial: Trial) -> float:
    """Return the figure as something that is better when it is smaller; infinite after failure."""
    if trial.value is None or not math.isfinite(trial.value):
        return math.inf
    return _sign(trial.figure) * trial.value


def _cost_of(row: Row) -> float:
    return math.inf if row.middle is None else _sign(row.figure) * row.middle


def _spread(row: Row) -> float:
    best, worst = row.ends or (0.0, 0.0)
    return abs(worst - best)


def _sign(figure: str) -> int:
    return 1 if figure in SMALL_IS_GOOD else -1
