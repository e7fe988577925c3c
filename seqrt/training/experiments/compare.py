"""`seqrt compare`: several networks trained on one task, each with several seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from seqrt.data.readers.source import Source
from seqrt.errors import UsageError
from seqrt.metrics import measure
from seqrt.training.experiments.trial import Trial
from seqrt.training.inputs.batches import predict
from seqrt.training.kernels import TrainedCell
from seqrt.training.loop.state import Epoch
from seqrt.training.problems.baselines import baseline
from seqrt.training.problems.tasks import TASKS
from seqrt.training.runs.folder import numbered_folder, plain_name
from seqrt.training.runs.forecast_plan import over_windows
from seqrt.training.runs.plan import Plan
from seqrt.training.runs.run import Run, start

FOLDER = "compare"

# A built-in task counts as solved when two epochs in a row have solved it.
_EPOCHS_TO_CONFIRM = 2


@dataclass(frozen=True)
class Candidate:
    """One kind of network: its cell and the sizes of its layers."""

    cell: TrainedCell
    units: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name of its folders and files."""
        return "-".join(map(str, (self.cell, *self.units)))


@dataclass(frozen=True)
class Outcome:
    """What one candidate achieved with one seed.

    `value` is the `metric` of the best weights on the validation part. `curve` holds the metric
    before training and after every epoch of `steps` steps, and `baseline_value` is the metric of
    the named `baseline`. A trial that failed has no `value`; `failure` says why.
    """

    candidate: Candidate
    seed: int
    path: Path
    weights: int
    steps: int
    seconds: tuple[float, ...]
    metric: str
    curve: tuple[float, ...]
    value: float | None
    baseline: str
    baseline_value: float
    solved: bool
    failure: str | None = None


class CandidateTrial(Trial):
    """The training of one candidate with one seed: iterate to train, then `finish`.

    On a built-in task training ends as soon as two epochs in a row have solved it.
    """

    def __init__(self, candidate: Candidate, run: Run) -> None:
        """Prepare to train `run`, a network of this candidate."""
        super().__init__(run, f"{candidate.name} seed {run.plan.recipe.seed}")
        self.candidate = candidate
        self._baseline, predicted = baseline(run.problem)
        self._task = TASKS.get(str(run.plan.source))
        self._baseline_metrics = self._metrics(predicted)
        self._curve: list[dict[str, float]] = []
        self._solved_in_a_row = 0

    def __iter__(self) -> Iterator[Epoch]:
        """Train; yield after every epoch."""
        self._curve.append(self._metrics_now())
        yield from super().__iter__()

    def is_over(self, epoch: Epoch) -> bool:
        """Return whether this epoch and the one before have solved the task."""
        self._curve.append(self._metrics_now())
        solved = self._is_solved(self._curve[-1])
        self._solved_in_a_row = self._solved_in_a_row + 1 if solved else 0
        return self._solved_in_a_row == _EPOCHS_TO_CONFIRM

    def finish(self) -> Outcome:
        """Measure the best weights, and write the metrics and pictures of the run."""
        if self.failure is None and not any(epoch.best for epoch in self.run.epochs):
            self.failure = "E_DIVERGED: no epoch ended with a finite loss."
        metrics: dict[str, float] = {}
        if self.failure:
            self.run.checkpoints.remove()
        else:
            metrics = self.run.finish().figures
        metric = self._task.metric if self._task else next(iter(self._baseline_metrics))
        return Outcome(
            candidate=self.candidate,
            seed=self.run.plan.recipe.seed,
            path=self.run.path,
            weights=sum(weights.numel() for weights in self.run.net.parameters()),
            steps=math.ceil(len(self.run.problem.train) / self.run.plan.recipe.batch_size),
            seconds=tuple(epoch.seconds for epoch in self.run.epochs),
            metric=metric,
            curve=tuple(metrics[metric] for metrics in self._curve),
            value=metrics.get(metric),
            baseline=self._baseline,
            baseline_value=self._baseline_metrics[metric],
            solved=bool(metrics) and self._is_solved(metrics),
            failure=self.failure,
        )

    def _metrics_now(self) -> dict[str, float]:
        return self._metrics(predict(self.run.net, self.run.problem.judged.x))

    def _metrics(self, predicted: NDArray[Any]) -> dict[str, float]:
        metadata = self.run.problem.metadata
        return measure(metadata.task, self.run.problem.judged.truth, predicted, metadata.classes)

    def _is_solved(self, metrics: dict[str, float]) -> bool:
        return self._task is not None and self._task.is_solved(metrics)


def candidates(
    cells: Sequence[TrainedCell], units: Sequence[tuple[int, ...]]
) -> tuple[Candidate, ...]:
    """Return every cell in every size; raise UsageError if two candidates are the same."""
    every = tuple(Candidate(cell, sizes) for sizes in units for cell in cells)
    twice = [candidate.name for candidate in every if every.count(candidate) > 1]
    if twice:
        raise UsageError(f"candidates must differ, but {twice[0]} is listed twice. Drop one.")
    return every


def comparison_folder(source: Source, out: str | Path | None = None) -> Path:
    """Make the folder of a comparison: `out`, or compare/SOURCE-NUMBER."""
    return numbered_folder(FOLDER, plain_name(source), out)


def comparison_trials(
    plan: Plan, candidates: Sequence[Candidate], seeds: int, folder: Path
) -> Iterator[CandidateTrial]:
    """Yield a trial for each candidate and seed, otherwise as in `plan`; train and finish each.

    All candidates get the same data and the same split for a seed. Every run has its own folder
    inside `folder`, as if it had been trained alone. All candidates are trained with a seed before
    the next seed, so that after an interruption each has about the same number of trials.
    """
    for seed in range(seeds):
        for candidate in candidates:
            own = over_windows(plan).with_options(
                cell=candidate.cell, units=candidate.units, seed=seed
            )
            run = start(own, folder / f"{candidate.name}-seed-{seed}")
            yield CandidateTrial(candidate, run)
