"""Which network to ship: the candidates of a comparison, ranked over all their seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from seqrt.metrics import LOWER_IS_BETTER
from seqrt.training.experiments.compare import Candidate, Outcome


@dataclass(frozen=True)
class Summary:
    """The outcomes of one candidate over its seeds: at least one."""

    candidate: Candidate
    outcomes: tuple[Outcome, ...]

    @property
    def metric(self) -> str:
        """The name of the metric that decides."""
        return self.outcomes[0].metric

    @property
    def finished(self) -> tuple[Outcome, ...]:
        """The outcomes that did not fail, the best first."""
        finite = [outcome for outcome in self.outcomes if math.isfinite(_cost(outcome))]
        return tuple(sorted(finite, key=_cost))

    @property
    def median(self) -> float | None:
        """The median over the seeds, failed ones counted as worst; None if it is a failed one."""
        middle = median(map(_cost, self.outcomes))
        return _sign(self.metric) * middle if math.isfinite(middle) else None

    @property
    def extremes(self) -> tuple[float, float] | None:
        """The best and the worst value of the seeds that did not fail; None if all failed."""
        values = [outcome.value for outcome in self.finished if outcome.value is not None]
        return (values[0], values[-1]) if values else None

    @property
    def baseline_value(self) -> float:
        """The metric of the baseline, as the median over the seeds."""
        return median(outcome.baseline_value for outcome in self.outcomes)

    @property
    def solved(self) -> int:
        """The number of seeds that solved the task."""
        return sum(outcome.solved for outcome in self.outcomes)

    @property
    def steps(self) -> float:
        """The number of training steps, as the median over the seeds."""
        return median(len(outcome.seconds) * outcome.steps for outcome in self.outcomes)

    @property
    def weights(self) -> int:
        """The number of trainable weights."""
        return self.outcomes[0].weights

    @property
    def seconds(self) -> float | None:
        """The median seconds of an epoch; None if there was no epoch."""
        every = [seconds for outcome in self.outcomes for seconds in outcome.seconds]
        return median(every) if every else None


@dataclass(frozen=True)
class Choice:
    """The candidate to ship, and why; `summary` is None if no candidate is worth shipping."""

    summary: Summary | None
    why: str


def summaries(outcomes: Iterable[Outcome]) -> tuple[Summary, ...]:
    """Group the outcomes by candidate, in the order in which the candidates first appear."""
    groups: dict[Candidate, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.candidate, []).append(outcome)
    return tuple(Summary(candidate, tuple(group)) for candidate, group in groups.items())


def choice(table: Sequence[Summary]) -> Choice:
    """Return the smallest candidate that solves the task with every seed.

    If there is none, return the smallest that is as good as the best: whose median is worse by no
    more than the spread between the seeds of the best.
    """
    best = min(table, key=_median_cost)
    name = best.candidate.name
    if not _median_cost(best) < _sign(best.metric) * best.baseline_value:
        return Choice(None, "no candidate is better than the baseline")
    good = [summary for summary in table if summary.solved == len(summary.outcomes)]
    what = "solve the task with every seed"
    if not good:
        worst_cost = _median_cost(best) + _spread(best)
        good = [summary for summary in table if _median_cost(summary) <= worst_cost]
        what = f"are as good as {name}, within the spread of its seeds"
    smallest = min(good, key=lambda summary: (summary.weights, summary.seconds or math.inf))
    if len(good) > 1:
        return Choice(smallest, f"the smallest of the {len(good)} that {what}")
    if smallest.solved:
        return Choice(smallest, "the only one that solves the task with every seed")
    return Choice(smallest, f"the best {smallest.metric}, by more than the spread of its seeds")


def _cost(outcome: Outcome) -> float:
    """Return the metric, its sign changed if higher is better; infinite for a failed trial."""
    if outcome.value is None or not math.isfinite(outcome.value):
        return math.inf
    return _sign(outcome.metric) * outcome.value


def _median_cost(summary: Summary) -> float:
    return math.inf if summary.median is None else _sign(summary.metric) * summary.median


def _spread(summary: Summary) -> float:
    best, worst = summary.extremes or (0.0, 0.0)
    return abs(worst - best)


def _sign(metric: str) -> int:
    return 1 if metric in LOWER_IS_BETTER else -1
